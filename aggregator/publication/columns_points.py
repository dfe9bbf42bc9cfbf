"""Columns of what lies in a zone: groups of hexagons, and points of interest."""

from aggregator.publication.columns_places import NOTICE
from aggregator.publication.columns_zones import (
    DEPARTEMENT,
    LATITUDE,
    LONGITUDE,
    NEAREST_PLANNED_M,
    NEAREST_SITE_M,
    ZONE_ID,
)
from aggregator.publication.described import PLMN_PREFIX, Column, Table, count, number, text

ASKED = Column(
    name=PLMN_PREFIX,
    kind="integer",
    en="1 where this operator lacks in the zone and is asked to cover the point; 0 where nothing is reported in the "
    "zone, where service was found in the point's hexagon, or where a decided point of the scheme nearby obliges it; "
    "operator",
    fr="1 si cet opérateur manque dans la zone et que le point lui est demandé ; 0 si rien n’est signalé dans la zone, "
    "si le service est constaté dans l’hexagone du point, ou si un point déjà décidé du dispositif l’y oblige à "
    "proximité ; opérateur",
    required=True,
    least=0,
    most=1,
)

COMPONENTS = Table(
    name="components",
    en="one row per zone and group of adjoining hexagons contradicted or to be checked for some operator",
    fr="une ligne par zone et groupe d’hexagones voisins contredits ou à vérifier pour un opérateur",
    key=("zone_id", "component"),
    geometry="Polygon",
    epsg=2154,
    files=("zones.gpkg",),
    columns=(
        ZONE_ID,
        count("component", "number of the group in its zone", "numéro du groupe dans sa zone", required=True),
        count("hexagons", "hexagons of the group", "hexagones du groupe", required=True),
        count(
            "contradicted",
            "of these, contradicted for some operator",
            "dont contredits pour un opérateur",
            required=True,
            short="contradict",
        ),
        count(
            "suspected",
            "of these, to be checked for some operator and contradicted for none",
            "dont à vérifier pour un opérateur et contredits pour aucun",
            required=True,
        ),
        text("operators", "PLMNs concerned, apart by a space", "PLMN concernés, séparés par une espace"),
        NOTICE,
    ),
)

POINTS = Table(
    name="points",
    en="one row per point of interest of a candidate zone",
    fr="une ligne par point d’intérêt d’une zone candidate",
    key=("point_id",),
    geometry="Point",
    epsg=2154,
    files=("zones.gpkg",),
    columns=(
        ZONE_ID,
        Column(
            name="point_id",
            kind="string",
            en="id of the point",
            fr="identifiant du point",
            required=True,
            short="point_id",
        ),
        text("name", "name of the place", "nom du lieu"),
        text(
            "kind",
            "commune: centre of a commune; reported: contradicted or to be checked; demand: inhabited place to measure",
            "commune : centre d’une commune ; reported : contredit ou à vérifier ; demand : lieu habité à mesurer",
            *("commune", "reported", "demand"),
        ),
        text(
            "placed_on",
            "what the point stands on: commune centre or outline, people, road, or hexagon centre (to be made precise)",
            "ce sur quoi il est placé : centre ou contour de commune, habitants, route, ou centre d’hexagone (à "
            "préciser)",
            *("commune centre", "commune outline", "people", "road", "hexagon centre"),
        ),
        text("insee_com", "INSEE code of the commune", "code INSEE de la commune"),
        text("commune_name", "name of that commune", "nom de cette commune", short="commune"),
        DEPARTEMENT,
        LATITUDE,
        LONGITUDE,
        number("x_lambert_93", "easting, EPSG:2154", "abscisse, EPSG:2154", unit="m", required=True, short="x_l93"),
        number("y_lambert_93", "northing, EPSG:2154", "ordonnée, EPSG:2154", unit="m", required=True, short="y_l93"),
        NEAREST_SITE_M,
        NEAREST_PLANNED_M,
        ASKED,
        NOTICE,
    ),
)

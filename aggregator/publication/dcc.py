"""Points of interest as the files of the dispositif de couverture ciblée have them, plus the evidence.

Columns, their order and the dialect (``;``, quoted, ``NA`` without quotes) are those of Arcep's
``<quarter>_dcc_Metropole_POI.csv``. What only an arrêté can say (its number, its sites, its links) is ``NA``. The
values of ``origine_zone`` and ``origine_coordonnees`` are ours: no public list of them was found. An operator's column
is 1 where it lacks in the zone and the point is still to be asked of it (``proposals.points``). How the platform
France Mobile imports points is not public: this file is in Arcep's layout alone.
"""

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from aggregator.publication.departements import DEPARTEMENTS
from aggregator.publication.described import flagged

DCC_COLUMNS = [
    *("id_point", "num_arrete", "date_publication_arrete", "id_dossier", "nom_dossier", "nb_sites_dossier"),
    *("code_insee", "nom_commune", "departement", "insee_dep", "region", "x_lambert_93", "y_lambert_93"),
    *("20801", "20810", "20815", "20820", "origine_zone", "origine_coordonnees", "num_zone_arrete"),
    *("nom_point_arrete", "identifiant_site", "lien_arrete"),
]
EVIDENCE_COLUMNS = [
    *("type_point", "rang_zone", "technologie", "seuil", "operateurs_concernes", "habitants_zone"),
    *(
        "demande_estimee_ponderee",
        "hexagones_contredits_ou_a_confirmer",
        "hexagones_a_verifier",
        "origine_preuve",
        "classe_preuve",
    ),
    *(
        "telephones",
        "journees_telephone",
        "premier_mois",
        "dernier_mois",
        "latitude",
        "longitude",
        "site_le_plus_proche_m",
        "site_annonce_le_plus_proche_m",
        "site_le_plus_proche_zone_m",
        "site_annonce_le_plus_proche_zone_m",
        "dcc_a_proximite",
        "dossier_pdf",
        "modele_demande",
        "publication",
        "avertissement",
    ),
]
ORIGIN_OF_ZONE = "Maille"
ORIGIN_OF_COORDINATES = {
    "commune centre": "Maille centre de commune",
    "commune outline": "Maille point dans la commune, à préciser",
    "people": "Maille lieu le plus peuplé",
    "road": "Maille route la plus proche",
    "hexagon centre": "Maille centre d'hexagone, à préciser",
}
KIND_IN_FRENCH = {
    "commune": "commune",
    "reported": "couverture contredite ou à vérifier",
    "demand": "lieu habité à mesurer",
}
EVIDENCE_IN_FRENCH = {"crowd": "volontaires", "survey": "équipe de terrain", "none": "aucune mesure"}


def dossier_path(zone_id: str) -> str:
    """Where a zone's dossier is in the release; a team may have named a zone in ways that no file can be."""
    return f"dossiers/{re.sub(r'[^A-Za-z0-9.-]', '_', zone_id)}.pdf"


def write_dcc(
    zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame, file: Path, *, technology: str, threshold: str, release: str
) -> None:
    """Write one row per point, zones by rank.

    Args:
        zones: published zones (``release.published_zones``).
        points: their points, as ``propose_zones`` gives them.
        file: where to.
        technology: of the zones.
        threshold: of the zones.
        release: id of the release.
    """
    by_id = zones.set_index("zone_id").to_dict("index")
    rows = [
        _row(point, by_id[point["zone_id"]]) | {"technologie": technology, "seuil": threshold, "publication": release}
        for point in points.to_dict("records")
    ]
    header = [*DCC_COLUMNS, *EVIDENCE_COLUMNS]
    lines = [[f'"{name}"' for name in header], *([_quoted(row.get(name)) for name in header] for row in rows)]
    file.write_text("".join(";".join(line) + "\n" for line in lines), encoding="utf-8")


def _row(point: dict[str, Any], zone: dict[str, Any]) -> dict[str, Any]:
    departement, region = DEPARTEMENTS.get(point["insee_dep"], (None, None))
    operators = flagged(point)
    return {
        "id_point": point["point_id"],
        "id_dossier": point["zone_id"],
        "nom_dossier": zone["name"],
        "code_insee": point["insee_com"],
        "nom_commune": point["commune_name"].upper(),
        "departement": departement,
        "insee_dep": point["insee_dep"],
        "region": region,
        "x_lambert_93": f"{point['x_lambert_93']:.1f}",
        "y_lambert_93": f"{point['y_lambert_93']:.1f}",
        **{operator: int(operator in operators) for operator in DCC_COLUMNS[13:17]},
        "origine_zone": ORIGIN_OF_ZONE,
        "origine_coordonnees": ORIGIN_OF_COORDINATES[point["placed_on"]],
        "nom_point_arrete": point["name"],
        "type_point": KIND_IN_FRENCH[point["kind"]],
        "rang_zone": zone["rank"],
        "operateurs_concernes": " ".join(operators),
        "habitants_zone": f"{zone['people']:.0f}",
        "demande_estimee_ponderee": f"{zone['evidenced_people']:.0f}",
        "hexagones_contredits_ou_a_confirmer": zone["contradicted"],
        "hexagones_a_verifier": zone["suspected"],
        "origine_preuve": EVIDENCE_IN_FRENCH[zone["evidence"]],
        "classe_preuve": zone["evidence_class"],
        "telephones": zone["devices"],
        "journees_telephone": zone["device_days"],
        "premier_mois": zone["first_month"],
        "dernier_mois": zone["last_month"],
        "latitude": f"{point['latitude']:.6f}",
        "longitude": f"{point['longitude']:.6f}",
        "site_le_plus_proche_m": _metres(point["nearest_site_m"]),
        "site_annonce_le_plus_proche_m": _metres(point["nearest_planned_m"]),
        "site_le_plus_proche_zone_m": _metres(zone["nearest_site_m"]),
        "site_annonce_le_plus_proche_zone_m": _metres(zone["nearest_planned_m"]),
        "dcc_a_proximite": zone["dcc_near"],
        "dossier_pdf": dossier_path(str(point["zone_id"])),
        "modele_demande": zone["demand_model"],
        "avertissement": zone["notice"],
    }


def _metres(distance: float) -> str | None:
    return None if pd.isna(distance) else f"{distance:.0f}"


def _quoted(value: object) -> str:
    if value is None or value == "":
        return "NA"
    return '"' + str(value).replace('"', '""') + '"'

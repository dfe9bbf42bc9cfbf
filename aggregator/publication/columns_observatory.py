"""Columns of the observatory's tables, and of the hexagons' communes."""

from aggregator.publication.columns_places import NOTICE, OPERATOR_NAME, PLACE, QUARTER
from aggregator.publication.described import Column, Table, number, text

PLACES = Table(
    name="places",
    en="one row per hexagon of the release: its centre, and the commune around it",
    fr="une ligne par hexagone de la publication : son centre, et la commune où il se trouve",
    key=("h3",),
    files=("places.parquet",),
    columns=(
        PLACE,
        number("latitude", "of the centre, WGS 84", "du centre, WGS 84", unit="deg", least=-90, most=90, required=True),
        number(
            "longitude", "of the centre, WGS 84", "du centre, WGS 84", unit="deg", least=-180, most=180, required=True
        ),
        text(
            "insee_com",
            "INSEE code of the commune around the centre; empty outside all communes",
            "code INSEE de la commune autour du centre ; vide hors de toute commune",
        ),
        text("commune", "its name", "son nom"),
        text("insee_dep", "INSEE code of its département", "code INSEE de son département"),
        NOTICE,
    ),
)

OBSERVATORY = Table(
    name="observatory",
    en="one row per territory, operator, technology, measure and indicator; communes are in a file for each "
    "département, where a row that would say 0 is left out",
    fr="une ligne par territoire, opérateur, technologie, mesure et indicateur ; les communes sont dans un fichier par "
    "département, sans les lignes qui diraient 0",
    key=("release", "kind", "code", "operator", "technology", "measure", "indicator"),
    files=("observatory.csv", "observatory-communes-*.csv"),
    columns=(
        text("release", "release that the row is of", "publication dont vient la ligne"),
        text("date", "last day of its data", "dernier jour de ses données", pattern=r"\d{4}-\d{2}-\d{2}"),
        text("quarter", "that the figure is of", "trimestre du chiffre", pattern=QUARTER),
        text(
            "claims_quarter",
            "quarter of the operators' declaration; empty where unknown or not concerned",
            "trimestre de la déclaration des opérateurs ; vide si inconnu ou sans objet",
            pattern=QUARTER,
        ),
        text("kind", "kind of territory", "sorte de territoire", "territory", "departement", "epci", "commune"),
        Column(
            name="code",
            kind="string",
            en="INSEE or SIREN code of the territory; all for the whole",
            fr="code INSEE ou SIREN du territoire ; all pour l’ensemble",
        ),
        text("name", "of the territory", "nom du territoire"),
        text(
            "operator",
            "PLMN code (MCC and MNC); empty for totals of the territory",
            "code PLMN (MCC et MNC) ; vide pour les totaux du territoire",
        ),
        OPERATOR_NAME,
        text("technology", "2G to 5G; empty where not concerned", "2G à 5G ; vide si sans objet"),
        text("usage", "of the declaration: data, or empty", "de la déclaration : data, ou vide"),
        text("threshold", "of the verdicts: service, or empty", "des verdicts : service, ou vide"),
        text(
            "measure",
            "what is counted: surface, people, roads, railways, measurements, sites",
            "ce qui est compté : surface, habitants, routes, voies ferrées, mesures, sites",
        ),
        text(
            "indicator",
            "declared = confirmed + contradicted + to be confirmed + to be checked + unknown; or what is counted",
            "declared = confirmé + contredit + à confirmer + à vérifier + inconnu ; ou ce qui est compté",
        ),
        text("unit", "of the value", "unité de la valeur"),
        number("value", "the figure", "le chiffre"),
        number(
            "percent",
            "of the territory's total; missing where there is none",
            "du total du territoire ; absent s’il n’y en a pas",
            unit="%",
        ),
        NOTICE,
    ),
)

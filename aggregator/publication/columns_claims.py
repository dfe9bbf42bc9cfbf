"""Columns of what operators declare."""

from aggregator.publication.columns_places import NOTICE, OPERATOR_NAME, PLACE, PLMN, QUARTER
from aggregator.publication.described import Table, flag, share, text

CLAIMS = Table(
    name="claims",
    en="one row per hexagon, operator, technology, usage and level of what operators declare to Arcep, measured "
    "or not; a "
    "hexagon without a row is not declared covered where the source is not bounded, and unknown where it is",
    fr="une ligne par hexagone, opérateur, technologie, usage et niveau de ce que les opérateurs déclarent à "
    "l’Arcep, mesuré "
    "ou non ; un hexagone sans ligne n’est pas déclaré couvert si la source n’est pas bornée, et inconnu si elle l’est",
    key=("h3", "operator", "technology", "usage", "level"),
    geometry="Polygon",
    epsg=4326,
    files=("claims.parquet",),
    columns=(
        PLACE,
        PLMN,
        OPERATOR_NAME,
        text(
            "technology",
            "technology declared; 2G3G where the file joins both",
            "technologie déclarée ; 2G3G si le fichier joint les deux",
            required=True,
        ),
        text(
            "usage",
            "data or voice, as Arcep's files say",
            "data (données) ou voice (voix), selon les fichiers de l’Arcep",
            required=True,
        ),
        text(
            "level",
            "level of Arcep's file: CL limited, BC good, TBC very good; empty without levels",
            "niveau du fichier de l’Arcep : CL limitée, BC bonne, TBC très bonne ; vide sans niveaux",
        ),
        share(
            "declared_share",
            "share of the hexagon's area declared covered, 4 decimals",
            "part de la surface déclarée couverte, 4 décimales",
            required=True,
            short="decl_share",
        ),
        share(
            "accessible_share",
            "share of its accessible part (where roads pass or people live) declared covered; missing where none "
            "is known",
            "part de sa partie accessible (routes, habitants) déclarée couverte ; absente si on n’en connaît pas",
            short="acc_share",
        ),
        flag(
            "bounded",
            "the source speaks about hexagons that have a row alone",
            "la source ne parle que des hexagones qui ont une ligne",
            required=True,
        ),
        text(
            "claims_quarter",
            "quarter of Arcep's data; empty where unknown",
            "trimestre des données de l’Arcep ; vide si inconnu",
            short="quarter",
            pattern=QUARTER,
        ),
        NOTICE,
    ),
)

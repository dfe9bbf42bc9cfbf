"""Columns of the observatory's tables, and of the hexagons' communes."""

from aggregator.evidence.dcc import STAGES
from aggregator.publication.columns_places import NOTICE, OPERATOR_NAME, PLACE, QUARTER
from aggregator.publication.described import Table, number, text
from aggregator.publication.observatory.counts import COUNTED, SITES
from aggregator.publication.observatory.places import KINDS, UNITS
from aggregator.publication.observatory.table import INDICATORS, MEASURES

_MEASURED = tuple(f"{name}_{evidence}" for name in COUNTED for evidence in ("crowd", "survey"))
_SITES = tuple(dict.fromkeys(("in_service", "planned", *STAGES.values())))

PLACES = Table(
    name="places",
    en="one row per hexagon of the release: its centre, and the commune around it",
    fr="une ligne par hexagone de la publication : son centre, et la commune où il se trouve",
    key=("h3",),
    files=("places.parquet",),
    columns=(
        PLACE,
        number(
            "latitude",
            "latitude of the centre, WGS 84",
            "latitude du centre, WGS 84",
            unit="deg",
            least=-90,
            most=90,
            required=True,
        ),
        number(
            "longitude",
            "longitude of the centre, WGS 84",
            "longitude du centre, WGS 84",
            unit="deg",
            least=-180,
            most=180,
            required=True,
        ),
        text(
            "insee_com",
            "INSEE code of the commune around the centre; empty outside all communes",
            "code INSEE de la commune autour du centre ; vide hors de toute commune",
        ),
        text("commune", "name of that commune", "nom de cette commune"),
        text("insee_dep", "INSEE code of the commune's département", "code INSEE du département de la commune"),
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
        text("release", "release that the row is of", "publication dont vient la ligne", required=True),
        text("date", "last day of its data", "dernier jour de ses données", pattern=r"\d{4}-\d{2}-\d{2}"),
        text("quarter", "quarter that the figure is of", "trimestre du chiffre", pattern=QUARTER),
        text(
            "claims_quarter",
            "quarter of the operators' declaration; empty where unknown or not concerned",
            "trimestre de la déclaration des opérateurs ; vide si inconnu ou sans objet",
            pattern=QUARTER,
        ),
        text(
            "kind",
            "kind of territory; territory is the whole",
            "sorte de territoire ; territory est l’ensemble",
            *KINDS,
            required=True,
        ),
        text(
            "code",
            "INSEE or SIREN code of the territory; territory for the whole",
            "code INSEE ou SIREN du territoire ; territory pour l’ensemble",
            required=True,
        ),
        text("name", "name of the territory", "nom du territoire"),
        text(
            "operator",
            "PLMN code (MCC and MNC); empty for totals of the territory",
            "code PLMN (MCC et MNC) ; vide pour les totaux du territoire",
        ),
        OPERATOR_NAME,
        text("technology", "2G to 5G; empty where not concerned", "2G à 5G ; vide si sans objet"),
        text(
            "usage", "usage declared: data, or empty where not concerned", "usage déclaré : data, ou vide si sans objet"
        ),
        text(
            "threshold",
            "threshold of the verdicts and tests: service, or empty where not concerned",
            "seuil des verdicts et des tests : service, ou vide si sans objet",
        ),
        text(
            "measure",
            "what is counted: surface; population, the inhabitants; roads, of which main_roads; railways; measurement, "
            "what was measured; sites, antenna sites in Arcep's files; scheme_sites, those of the targeted-coverage "
            "scheme",
            "ce qui est compté : surface ; population, les habitants ; roads, les routes, dont main_roads, les "
            "principales ; railways, les voies ferrées ; measurement, ce qui a été mesuré ; sites, sites d’antennes "
            "des fichiers de l’Arcep ; scheme_sites, ceux du dispositif de couverture ciblée",
            *MEASURES,
            required=True,
        ),
        text(
            "indicator",
            "total: all there is; declared = confirmed + contradicted_strong + contradicted_moderate + suspected + "
            "unknown (declared, nothing concluded); undeclared_service: not declared, service shown all the same; "
            "undeclared: not declared; unspoken: no source speaks about it; measured: in hexagons with a published "
            "figure. Of measurement, by volunteers (_crowd) or field teams (_survey): tests and device_days, sums of "
            "the published counts; devices_at_least, the largest count of one row; cells, hexagons. Of sites: "
            "in_service, planned. Of scheme_sites: in_service, within_6_months, within_24_months, waiting, unknown",
            "total : tout ce qu’il y a ; declared = confirmed + contradicted_strong + contradicted_moderate + "
            "suspected + unknown (déclaré, sans conclusion) ; undeclared_service : non déclaré, service constaté "
            "pourtant ; undeclared : non déclaré ; unspoken : aucune source n’en parle ; measured : dans des hexagones "
            "qui ont un chiffre publié. De measurement, par des volontaires (_crowd) ou des équipes de terrain "
            "(_survey) : tests et device_days (couples d’un appareil et d’un jour), sommes des effectifs publiés ; "
            "devices_at_least, le plus grand effectif d’une ligne ; cells, les hexagones. De sites : in_service (en "
            "service), planned (prévus). De scheme_sites : in_service, within_6_months (sous 6 mois), within_24_months "
            "(sous 24 mois), waiting (en attente), unknown (non dit)",
            *dict.fromkeys(("total", *INDICATORS, *_MEASURED, *_SITES)),
            required=True,
        ),
        text(
            "unit",
            "unit of the value; a device in three hexagons on one day makes three device-days",
            "unité de la valeur ; un appareil dans trois hexagones le même jour fait trois device-days",
            *dict.fromkeys((*UNITS.values(), *COUNTED.values(), SITES)),
        ),
        number("value", "the figure", "le chiffre"),
        number(
            "percent",
            "value as a share of the territory's total; missing where there is none",
            "valeur en part du total du territoire ; absent s’il n’y en a pas",
            unit="%",
        ),
        NOTICE,
    ),
)

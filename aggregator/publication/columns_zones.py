"""Columns of candidate zones, of the groups of hexagons that draw them, and of their points of interest."""

from aggregator.publication.columns_places import H3_INDEX, MONTH, NOTICE, ROUNDED_EN, ROUNDED_FR
from aggregator.publication.described import PLMN_PREFIX, Column, Table, count, number, share, text

ZONE_ID = Column(
    name="zone_id",
    kind="string",
    en="id of the zone, kept from one release to the next",
    fr="identifiant de la zone, gardé d’une publication à l’autre",
    required=True,
    short="zone_id",
)
LATITUDE = number("latitude", "latitude, WGS 84", "latitude, WGS 84", unit="deg", least=-90, most=90, required=True)
LONGITUDE = number(
    "longitude", "longitude, WGS 84", "longitude, WGS 84", unit="deg", least=-180, most=180, required=True
)
NEAREST_SITE_M = number(
    "nearest_site_m",
    "distance to the nearest site in service",
    "distance du site en service le plus proche",
    unit="m",
    least=0,
    short="site_m",
)
NEAREST_PLANNED_M = number(
    "nearest_planned_m",
    "distance to the nearest planned site",
    "distance du site prévu le plus proche",
    unit="m",
    least=0,
    short="planned_m",
)
DEPARTEMENT = text("insee_dep", "INSEE code of the département", "code INSEE du département")
LACKING = Column(
    name=PLMN_PREFIX,
    kind="integer",
    en="1 where this operator lacks: claim contradicted or to be checked, or nothing declared; 0 where nothing is "
    "reported, which includes never measured; operator",
    fr="1 si cet opérateur y manque : couverture contredite ou à vérifier, ou non déclarée ; 0 si rien n’est "
    "signalé, ce "
    "qui comprend jamais mesuré ; opérateur",
    required=True,
    least=0,
    most=1,
)

ZONES = Table(
    name="zones",
    en="one row per candidate zone: a place to look at, not a finding; a disc of 4 km radius unless stated, or the "
    "discs of zones merged into one, which may lie apart",
    fr="une ligne par zone candidate : un lieu à examiner, pas un constat ; un disque de 4 km de rayon sauf mention, "
    "ou les disques de zones fusionnées, qui peuvent être séparés",
    key=("zone_id",),
    geometry="MultiPolygon",
    epsg=2154,
    files=("zones.gpkg", "zones.geojson"),
    columns=(
        ZONE_ID,
        count("rank", "rank: classes A and B first, then C", "rang : classes A et B d’abord, puis C", required=True),
        text("name", "commune of the zone's centre of demand", "commune où se concentre la demande de la zone"),
        text("h3_centre", "hexagon at its centre (H3)", "hexagone central (H3)", short="h3_centre", pattern=H3_INDEX),
        LATITUDE,
        LONGITUDE,
        DEPARTEMENT,
        text("communes", "communes that it touches", "communes touchées"),
        number("people", "inhabitants", "habitants", unit="people", least=0, required=True),
        number("main_road_km", "main roads inside", "routes principales", unit="km", least=0, short="main_km"),
        number("other_road_km", "other roads inside", "autres routes", unit="km", least=0, short="other_km"),
        number(
            "demand",
            "weighted demand D: people and roads; not a number of people",
            "demande pondérée D : habitants et routes ; pas un nombre d’habitants",
            least=0,
        ),
        number(
            "unmet_people",
            "weighted unmet demand W: D times the probability of failure; not a number of people",
            "demande non satisfaite pondérée W : D fois la probabilité d’échec ; pas un nombre d’habitants",
            least=0,
            short="unmet",
        ),
        number(
            "evidenced_people",
            "part of W that rests on evidence rather than on prior probability alone",
            "part de W qui repose sur des indices et non sur la seule probabilité a priori",
            least=0,
            short="evidenced",
        ),
        text(
            "undeclared",
            "share of D where each operator declares nothing and nobody found that it serves, as JSON; from a quarter "
            "on, it lacks there",
            "part de D où chaque opérateur ne déclare rien sans que personne y ait trouvé de service, en JSON ; dès un "
            "quart, il y manque",
            short="",
        ),
        count(
            "hexagons",
            "hexagons of the zone that were measured",
            "hexagones mesurés de la zone",
            required=True,
        ),
        count(
            "contradicted",
            "of these, contradicted for some operator; hexagons that were judged together count once",
            "dont contredits pour un opérateur ; des hexagones jugés ensemble comptent une fois",
            short="contradict",
        ),
        count(
            "suspected",
            "of these, to be checked for some operator and contradicted for none; hexagons that were judged together "
            "count once",
            "dont à vérifier pour un opérateur et contredits pour aucun ; des hexagones jugés ensemble comptent une "
            "fois",
        ),
        text(
            "verdicts", "count of verdicts by operator, as JSON", "nombre de verdicts par opérateur, en JSON", short=""
        ),
        count("operators_missing", "operators that lack there", "opérateurs qui y manquent", short="op_missing"),
        count(
            "devices",
            f"devices behind its verdicts; {ROUNDED_EN}",
            f"appareils de ses verdicts ; {ROUNDED_FR}",
        ),
        count(
            "device_days",
            f"their pairs of a device and a day; {ROUNDED_EN}",
            f"leurs couples d’un appareil et d’un jour ; {ROUNDED_FR}",
            short="dev_days",
        ),
        text("first_month", "month of the first test", "mois du premier test", short="month_1st", pattern=MONTH),
        text("last_month", "month of the last test", "mois du dernier test", short="month_last", pattern=MONTH),
        number(
            "e_value",
            "mean evidence against the claims tested in the zone, to 1; since zones are chosen on it, it proves "
            "nothing",
            "moyenne des indices contre les déclarations testées, à 1 ; la zone étant choisie dessus, elle ne "
            "prouve rien",
            least=0,
        ),
        text(
            "evidence",
            "who measured: crowd (volunteers), survey (a field team alone), none",
            "qui a mesuré : crowd (volontaires), survey (équipe de terrain seule), none (personne)",
            *("crowd", "survey", "none"),
        ),
        text(
            "evidence_class",
            "A: mostly strong verdicts, surveys or the operators' own maps; B: with what is reported; C: to be "
            "measured first",
            "A : surtout verdicts forts, équipes de terrain ou cartes des opérateurs ; B : avec le signalé ; C : "
            "à mesurer d’abord",
            *("A", "B", "C"),
            short="class",
        ),
        share(
            "share_strong",
            "share of W on strong contradictions and surveys",
            "part de W sur contradictions fortes et équipes de terrain",
            short="sh_strong",
        ),
        share(
            "share_unclaimed",
            "share of W that the operator's own map leaves open",
            "part de W que la carte de l’opérateur laisse ouverte",
            short="sh_unclaim",
        ),
        share(
            "share_reported",
            "share of W on moderate contradictions and suspicions",
            "part de W sur contradictions à confirmer et lieux à vérifier",
            short="sh_report",
        ),
        share(
            "share_measured",
            "share of W on votes without a finding",
            "part de W sur des mesures sans conclusion",
            short="sh_measure",
        ),
        share("share_prior", "share of W that nobody measured", "part de W que personne n’a mesurée", short="sh_prior"),
        NEAREST_SITE_M,
        text("nearest_site_operators", "operators of that site", "opérateurs de ce site", short="site_ops"),
        NEAREST_PLANNED_M,
        count(
            "dcc_near",
            "points and sites of the targeted-coverage scheme nearby",
            "points et sites du dispositif de couverture ciblée à proximité",
        ),
        text(
            "dcc_dossiers",
            "dossiers of these points and sites",
            "dossiers de ces points et sites",
            short="dcc_doss",
        ),
        number(
            "dcc_subtracted",
            "weighted demand taken as met because the scheme decided on it",
            "demande pondérée tenue pour satisfaite, le dispositif en ayant décidé",
            least=0,
            short="dcc_sub",
        ),
        text("people_source", "where the people come from", "source des habitants", short="people_src"),
        text(
            "decision",
            "what the project team decided: kept, merged, or nothing",
            "ce que l’équipe-projet a décidé : kept (gardée), merged (fusionnée), ou rien",
        ),
        text("merged", "ids of the zones merged into it", "identifiants des zones fusionnées avec elle"),
        text(
            "demand_model",
            "id of the estimate of demand; see manifest.json",
            "modèle de demande ; voir manifest.json",
            short="model",
        ),
        LACKING,
        NOTICE,
    ),
)

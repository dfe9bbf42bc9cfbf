"""Columns of the hexagons that were measured, some of which other tables have too."""

from aggregator.publication.columns_rsrp import LEVELS
from aggregator.publication.described import Column, Table, count, flag, number, share, text

QUARTER = r"^(\d{4}_T[1-4])?$"
MONTH = r"^(\d{4}-(0[1-9]|1[0-2]))?$"
H3_INDEX = r"^8[5-8][0-9a-f]{13}$"
ROUNDED_EN = "above 20 rounded to 5, so that 20 stands for 20 to 22"
ROUNDED_FR = "au-dessus de 20, arrondi à 5 : 20 vaut pour 20 à 22"

PLACE = Column(
    name="h3",
    kind="string",
    en="index of the hexagon in H3 (lower-case hexadecimal)",
    fr="indice H3 de l’hexagone (hexadécimal, minuscules)",
    required=True,
    pattern=H3_INDEX,
    short="h3",
)
PLMN = Column(
    name="operator",
    kind="string",
    en="operator, by its main PLMN as text: 20801 Orange, 20810 SFR, 20815 Free Mobile, 20820 Bouygues Telecom",
    fr="opérateur, par son PLMN principal, en texte : 20801 Orange, 20810 SFR, 20815 Free Mobile, 20820 Bouygues "
    "Telecom",
    required=True,
    pattern=r"^\d{5,6}$",
    short="operator",
)
OPERATOR_NAME = text("operator_name", "what people call the operator", "nom usuel de l’opérateur", short="op_name")
NOTICE = text(
    "notice",
    "what has to be known of the whole release: that its data are synthetic, or for whom it is; mostly empty",
    "ce qu’il faut savoir de toute la publication : données synthétiques, ou à qui elle est destinée ; le plus souvent "
    "vide",
)

HEXAGONS = Table(
    name="hexagons",
    en="one row per hexagon, operator, technology, threshold and kind of evidence that was measured enough to be shown",
    fr="une ligne par hexagone, opérateur, technologie, seuil et sorte de mesure, là où assez a été mesuré pour "
    "le montrer",
    key=("h3", "operator", "technology", "threshold", "evidence"),
    geometry="Polygon",
    epsg=4326,
    files=("hexagons.parquet", "hexagons.gpkg", "hexagons.geojson"),
    columns=(
        PLACE,
        Column(
            name="resolution",
            kind="integer",
            en="resolution in H3: 8 for a hexagon of 0.7 km²; 7, 6 or 5 for the remainder of a parent",
            fr="résolution H3 : 8 pour un hexagone de 0,7 km² ; 7, 6 ou 5 pour le reste d’un parent",
            required=True,
            least=5,
            most=8,
            short="resolution",
        ),
        flag(
            "remainder",
            "the row counts what is left of a parent once hexagons shown by themselves are taken out; it has no "
            "verdict",
            "la ligne compte ce qui reste d’un parent, hexagones montrés à part ôtés ; elle n’a pas de verdict",
            required=True,
        ),
        PLMN,
        OPERATOR_NAME,
        text(
            "technology",
            "technology tested, or a better one",
            "technologie testée, ou meilleure",
            "2G",
            "3G",
            "4G",
            "5G",
            required=True,
            short="technology",
        ),
        text(
            "threshold",
            "what a test had to reach: service (data get through), or 3, 8, 30 Mbit/s of download",
            "ce qu’un test devait atteindre : service (des données passent), ou 3, 8, 30 Mbit/s en réception",
            *("service", "3", "8", "30"),
            required=True,
        ),
        text(
            "evidence",
            "crowd: volunteers' devices; survey: a field team's, shown from one device on",
            "crowd : téléphones de volontaires ; survey : équipe de terrain, montrée dès un appareil",
            *("crowd", "survey"),
            required=True,
        ),
        text(
            "quarter",
            "quarter of the volunteers' counts, as Arcep writes it; empty for surveys and without counts",
            "trimestre des effectifs de volontaires, à la manière de l’Arcep ; vide pour une équipe de terrain "
            "et sans effectif",
            pattern=QUARTER,
        ),
        count(
            "devices",
            f"distinct devices in the quarter (surveys: in the window); {ROUNDED_EN}",
            f"appareils distincts au trimestre (équipe de terrain : sur la période) ; {ROUNDED_FR}",
        ),
        count(
            "failing",
            "of these, devices more than half of whose days there fail; a day fails if at least half of its tests do; "
            f"{ROUNDED_EN}",
            "parmi eux, appareils dont plus de la moitié des jours sur place échouent ; un jour échoue si au moins la "
            f"moitié de ses tests échouent ; {ROUNDED_FR}",
        ),
        count("tests", f"tests of these devices; {ROUNDED_EN}", f"tests de ces appareils ; {ROUNDED_FR}"),
        count(
            "device_days",
            f"pairs of a device and a day; {ROUNDED_EN}",
            f"couples d’un appareil et d’un jour ; {ROUNDED_FR}",
            short="dev_days",
        ),
        *LEVELS,
        text(
            "first_month",
            "month of the first test counted",
            "mois du premier test compté",
            short="month_1st",
            pattern=MONTH,
        ),
        text(
            "last_month",
            "month of the last test counted",
            "mois du dernier test compté",
            short="month_last",
            pattern=MONTH,
        ),
        flag(
            "claimed",
            "the operator declares at least half of the hexagon (of its accessible part where one is known); missing "
            "without a verdict (rule empty) and where no source speaks: claims.parquet has what is declared",
            "l’opérateur déclare au moins la moitié de l’hexagone (de sa partie accessible quand on la connaît) ; "
            "absent sans verdict (rule vide) et si aucune source n’en parle : claims.parquet dit ce qui est déclaré",
        ),
        share(
            "declared_share",
            "declared share behind the verdict, 3 decimals: of the accessible part where one is known, else of "
            "the area; missing where claimed is",
            "part déclarée qui fonde le verdict, 3 décimales : de la partie accessible si on la connaît, sinon "
            "de la surface ; absente si claimed l’est",
            short="decl_share",
        ),
        text(
            "verdict",
            "what the tests say of the claim; insufficient is neither confirmed nor contradicted: nothing was "
            "concluded, or, where rule is empty, no verdict may be published here; empty for a remainder",
            "ce que les tests disent de la déclaration ; insufficient n’est ni confirmée ni contredite : rien n’a été "
            "conclu ou, si rule est vide, aucun verdict n’est publiable ici ; vide pour un reste",
            *("contradicted", "suspected", "confirmed", "unclaimed_service", "insufficient", ""),
        ),
        text("verdict_fr", "the verdict in words, in French", "le verdict en toutes lettres", short="verdict_fr"),
        text(
            "strength",
            "strength of a contradiction: only strong may be called contradicted without a check on the ground",
            "force d’une contradiction : seule strong peut être dite contredite sans vérification sur place",
            *("strong", "moderate", ""),
        ),
        text(
            "rule",
            "id of the rule that gave the verdict, see manifest.json; empty where no verdict may be published: it "
            "is withheld, or rests on the votes of several hexagons together; claimed, the judged_ columns, issued, p "
            "and the sentences are then missing too",
            "règle qui a rendu le verdict, voir manifest.json ; vide si aucun verdict n’est publiable : il est retenu, "
            "ou repose sur les voix de plusieurs hexagones ensemble ; claimed, les colonnes judged_, issued, p et les "
            "phrases manquent alors aussi",
        ),
        count(
            "judged_devices",
            "devices (votes) that the verdict rests on, over its four quarters; for surveys, points (outdoor tests); "
            f"{ROUNDED_EN}",
            "appareils (voix) sur lesquels le verdict repose, sur ses quatre trimestres ; pour une équipe de terrain, "
            f"les points (tests dehors) ; {ROUNDED_FR}",
            short="j_devices",
        ),
        count(
            "judged_failing",
            f"of these devices, or points, those that fail; {ROUNDED_EN}",
            f"parmi ces appareils, ou ces points, ceux en échec ; {ROUNDED_FR}",
            short="j_failing",
        ),
        count(
            "judged_device_days",
            f"pairs of a device and a day that the verdict rests on; {ROUNDED_EN}; missing where withheld",
            f"couples d’un appareil et d’un jour sur lesquels le verdict repose ; {ROUNDED_FR} ; absent si retenu",
            short="j_dev_days",
        ),
        text(
            "judged_first_month",
            "month of the first test that the verdict rests on",
            "mois du premier test sur lequel le verdict repose",
            short="j_month_1",
            pattern=MONTH,
        ),
        text(
            "judged_last_month",
            "month of the last test that the verdict rests on",
            "mois du dernier test sur lequel le verdict repose",
            short="j_month_n",
            pattern=MONTH,
        ),
        text(
            "issued",
            "quarter in which the verdict was given; it is repeated until enough devices have been there again",
            "trimestre où le verdict a été rendu ; il est répété tant qu’assez d’appareils n’y sont pas repassés",
            pattern=QUARTER,
        ),
        text(
            "held_since",
            "where a verdict is held though the latest window no longer supports it: month of the last that did",
            "si le verdict est maintenu sans que la dernière période le soutienne : mois de la dernière qui le faisait",
            pattern=MONTH,
        ),
        count(
            "withdrawn",
            "failing votes taken out before p_withdrawn was computed: as many as the strength wants, at most all that "
            "fail; 0 for surveys",
            "voix en échec ôtées avant de calculer p_withdrawn : autant que la force en demande, au plus toutes celles "
            "en échec ; 0 pour une équipe de terrain",
        ),
        number(
            "p",
            "probability of at least so many failing votes if the claim is true, 2 significant digits",
            "probabilité d’au moins autant de voix en échec si la déclaration est vraie, 2 chiffres significatifs",
            least=0,
            most=1,
            unit="1",
        ),
        number(
            "p_withdrawn",
            "the same without the withdrawn votes",
            "la même sans les voix ôtées",
            least=0,
            most=1,
            unit="1",
            short="p_withdr",
        ),
        number(
            "q",
            "p corrected for the number of hexagons looked at (false discovery rate)",
            "p corrigée du nombre d’hexagones examinés (taux de fausses découvertes)",
            least=0,
            most=1,
            unit="1",
        ),
        number(
            "e_value",
            "evidence against the claim, to 1: its mean is 1 if the claim is true",
            "indices contre la déclaration, à 1 : sa moyenne est 1 si la déclaration est vraie",
            least=0,
            unit="1",
        ),
        flag(
            "edge",
            "within 2 rings of a hexagon known not to be claimed",
            "à 2 hexagones au plus d’un hexagone non déclaré",
        ),
        text(
            "conflict",
            "id of a rule that holds too and says the contrary",
            "règle qui s’applique aussi et dit le contraire",
        ),
        text("sentence_fr", "what is known, in one sentence, in French", "ce qu’on sait, en une phrase", short=""),
        text(
            "sentence_en",
            "what is known, in one sentence, in English",
            "ce qu’on sait, en une phrase, en anglais",
            short="",
        ),
        NOTICE,
    ),
)

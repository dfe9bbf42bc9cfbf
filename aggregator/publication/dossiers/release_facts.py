"""What dossiers are made from, and what every one of them says of its release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from aggregator.judgement.constants import Constants
from aggregator.judgement.wording import decimal, moment, whole
from aggregator.proposals.decisions import Decision
from aggregator.proposals.demand import DEMAND_MODEL
from aggregator.proposals.parameters import DemandWeights, ZoneParameters
from aggregator.proposals.surroundings import Surroundings
from aggregator.publication.manifest import LICENCE
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.operators import operator_name

LIMITS = (
    "Un hexagone seul (0,7 km²) ne prouve jamais un manquement : ce qui est exigé des cartes des opérateurs se juge en "
    "taux de réussite sur des zones de plus de 50 km² (95 %) ou de plus de 1 000 km² (98 %). Ni les cartes ni les "
    "tableaux de ce document n’en sont la preuve.",
    "Une zone candidate est un lieu à examiner, pas un constat. Seule une vérification sur place, puis l’Arcep selon "
    "son protocole, peuvent constater.",
    "Un lieu sans mesure n’est ni confirmé ni contredit. Les téléphones mesurent dehors ou en véhicule, jamais à "
    "l’intérieur des bâtiments, et aucun appel vocal n’est testé.",
    "Les téléphones des volontaires ne sont pas étalonnés, et leurs passages n’ont pas été tirés au sort.",
)
DESTINATIONS = (
    "Les points sont dans dcc_poi.csv, aux colonnes des fichiers DCC que publie l’Arcep. Le format d’import de la "
    "plateforme France Mobile n’est pas public : ce dossier ne prétend pas s’y conformer ; ses coordonnées Lambert-93 "
    "sont à y recopier."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release as its dossiers need it; everything but the decisions stands in its other files.

    Attributes:
        release: its id. origin: digest of what it was made from. code: name, version and digest of Maille.
        day: end of the data. window_days: length of the window that verdicts rest on. quarter: of the counts.
        team: whether it is for the project team alone. k: least number of volunteer devices.
        synthetic: what it says of made-up data, empty for real ones.
        hexagons: as ``published_hexagons`` gives them. zones, points: as the release publishes them, in EPSG:2154.
        communes: as ``territory.read_communes`` gives them. departements: codes of those that get a summary.
        around: antennas, roads and the DCC's decisions. claims: as ``read_claims`` gives them.
        sources: of the claims, as the import wrote them. decisions: of the team; none in a public release.
        parameters: how zones are proposed. constants: of the decision rule. attributions: lines of thanks.
    """

    release: str
    origin: str
    code: Mapping[str, str]
    day: date
    window_days: int
    quarter: str
    team: bool
    k: int
    synthetic: str
    hexagons: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    communes: gpd.GeoDataFrame
    departements: Sequence[str]
    around: Surroundings
    claims: pd.DataFrame
    sources: Sequence[Mapping[str, Any]]
    decisions: Sequence[Decision] = ()
    parameters: ZoneParameters = field(default_factory=ZoneParameters)
    constants: Constants = field(default_factory=Constants)
    attributions: Sequence[str] = ()

    @property
    def subject(self) -> str:
        """What the verdicts are about, in words."""
        threshold = self.parameters.threshold
        return self.parameters.technology + ("" if threshold == "service" else f" à {threshold} Mbit/s")


def marks(released: Released) -> dict[str, Any]:
    """What stands on every page."""
    team = [typographic(TEAM_ONLY["fr"])] if released.team else []
    return {
        "release": released.release,
        "date": [released.day.year, released.day.month, released.day.day],
        "day": moment(released.day.isoformat(), "fr"),
        "marks": [*team, *([released.synthetic] if released.synthetic else [])],
        "limits": list(LIMITS),
        "destinations": DESTINATIONS,
    }


def method(released: Released, rules: Sequence[str], elsewhere: str = "") -> list[list[str]]:
    """Name and text of each line about how the figures came about.

    Args:
        released: the release.
        rules: ids of those that decided.
        elsewhere: where more of it is told.
    """
    constants, more = released.constants, f" ; {elsewhere}" if elsewhere else ""
    counted = whole(released.window_days, "fr")
    least = (
        f"aucun chiffre ne repose sur moins de {released.k} téléphones de volontaires ; les effectifs au-dessus de 20 "
        "sont arrondis à 5, les jours donnés au mois"
    )
    return [
        [
            "Verdicts",
            f"chaque téléphone a une voix par hexagone H3 de résolution 8 (0,7 km²) et par opérateur, sur {counted} "
            f"jours ; règles {', '.join(rules) or '—'} ; constantes {constants.version}, seuil "
            f"{decimal(constants.significance, 'fr', 3)}",
        ],
        [
            "Publication",
            f"{released.release}, données jusqu’au {moment(released.day.isoformat(), 'fr')} ; {least}{more}",
        ],
        ["Empreinte des entrées", f"SHA-256 {released.origin}"],
        ["Programme", f"Maille {released.code['version']}, SHA-256 {released.code['sha256']}"],
        [
            "Refaire",
            "maille publish --verify PUBLICATION --data DATA refait cette publication et compare chaque octet",
        ],
        [
            "Licence",
            f"{LICENCE['name']} ; sources : {typographic(' ; '.join(released.attributions)) or 'voir manifest.json'}",
        ],
    ]


def typographic(text: str) -> str:
    """With the apostrophes of a printed text."""
    return text.replace("'", "’")


def weights_text(weights: DemandWeights) -> str:
    """How a zone's worth is reckoned."""
    return (
        f"Demande non satisfaite estimée (modèle {DEMAND_MODEL}) : habitants × "
        f"{decimal(weights.person, 'fr', 2)}, plus {decimal(weights.main_road_km, 'fr', 2)} "
        f"par kilomètre de route principale et "
        f"{decimal(weights.other_road_km, 'fr', 2)} par kilomètre d’autre route, le tout multiplié par la probabilité "
        "que le service manque, en moyenne sur les opérateurs. La demande étayée en est la part qui repose sur une "
        "carte ou sur des mesures, et non sur ce qu’apprennent les seuls lieux semblables. Ce sont des pondérations, "
        "pas des nombres d’habitants. "
        f"Une probabilité non mesurée compte × {decimal(weights.prior_only, 'fr', 2)}, une absence de déclaration × "
        f"{decimal(weights.undeclared, 'fr', 2)} ; à moins de {decimal(weights.dcc_reach_m / 1000, 'fr')} km d’un "
        "point déjà décidé au titre du dispositif, il reste "
        f"{decimal(100 * weights.dcc_remaining, 'fr')} % de la demande des opérateurs obligés. Aucune grille nationale "
        "n’est publique : ces poids sont les nôtres, que l’équipe-projet peut changer (weights.toml)."
    )


def operators_text(operators: Sequence[str]) -> str:
    """Names of operators, apart by commas."""
    return ", ".join(map(operator_name, operators))


def kilometres(metres: float | None) -> str:
    """``2,3 km``, empty where nothing is known."""
    return "" if metres is None or pd.isna(metres) else f"{decimal(metres / 1000, 'fr')} km"


def quarter_text(quarter: str) -> str:
    """``2026_T3`` as ``3e trimestre 2026``."""
    year, _, number = quarter.partition("_T")
    if not number:
        return quarter or "trimestre inconnu"
    return f"{'1er' if number == '1' else f'{number}e'} trimestre {year}"

"""Expected unmet demand of each hexagon: people and roads, times the share of operators that probably fail them."""

from dataclasses import dataclass
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.votes import BALLOT
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.empirical_bayes import Fitted, unmet_probability
from aggregator.proposals.parameters import ZoneParameters
from aggregator.proposals.strata import UNCLAIMED, UNKNOWN, agreed, claim_strata, places_of
from aggregator.proposals.surroundings import obliging

DEMAND_MODEL = "empirical-bayes-2"
DEMAND_TEXT = {
    "en": "Unmet demand = (people + 20 per km of main road + 4 per km of other road) × mean over the operators of the "
    "probability that at least a quarter of tests fail, given the votes of phones there (empirical Bayes, by distance "
    "from the edge of the claim). The weights are ours unless the parameters say otherwise. Zones are "
    "chosen where at least half of it is evidenced (an operator declares nothing, or somebody measured), and ranked on "
    "that part. A claim nobody tested counts with what places of its kind teach, and makes a zone, of class C and to "
    "be measured first, only where evidence makes no more. It is a weighting, not a number of people.",
    "fr": "Demande non satisfaite = (habitants + 20 par km de route principale + 4 par km d'autre route) × moyenne, "
    "sur les opérateurs, de la probabilité qu'au moins un quart des tests échouent, d'après les votes des téléphones "
    "(Bayes empirique, selon la distance au bord de la couverture déclarée). Ces poids sont les nôtres, sauf si les "
    "paramètres disent autre chose. Les zones sont choisies là où au moins la moitié en est étayée (un opérateur ne "
    "déclare rien, ou on a mesuré), et classées sur cette part. Une couverture déclarée que personne n'a testée compte "
    "selon ce qu'apprennent les lieux semblables, et ne fait une zone, de classe C et à mesurer d'abord, que s'il n'en "
    "reste plus d'étayée. "
    "C'est une pondération, pas un nombre d'habitants.",
}

BASES = MappingProxyType({"prior": 0, "measured": 1, "reported": 2, "unclaimed": 3, "strong": 4})
"""What the demand of a hexagon × operator rests on: nothing but its stratum, votes without a finding, a moderate
contradiction or a suspicion, the operator's own map, a strong contradiction or a survey."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Unmet demand of the hexagons of a territory.

    Attributes:
        cells: hexagons (h,), sorted, with people, roads or a verdict.
        people: (h,). main_km, other_km: kilometres of road (h,).
        demand: (h,) weighted people and roads.
        operators: (o,) those that declare or were measured in the territory, sorted.
        u: (h, o) probability that the operator fails here, after subtraction of what the DCC decided.
        basis: (h, o) of :data:`BASES`.
        strata: (h, o) of ``strata.STRATA``.
        absent: (h, o) where an operator declares nothing and nobody found that it serves all the same.
        subtracted: (h,) demand taken out because of the DCC.
        fitted: laws behind ``u``.
    """

    cells: NDArray[np.int64]
    people: NDArray[np.float64]
    main_km: NDArray[np.float64]
    other_km: NDArray[np.float64]
    demand: NDArray[np.float64]
    operators: tuple[str, ...]
    u: NDArray[np.float64]
    basis: NDArray[np.int8]
    strata: NDArray[np.int8]
    absent: NDArray[np.bool_]
    subtracted: NDArray[np.float64]
    fitted: Fitted

    @property
    def unmet(self) -> NDArray[np.float64]:
        """W (h,): demand times the mean of u over the operators."""
        return np.asarray(self.demand * self.u.sum(axis=1) / max(len(self.operators), 1), dtype=np.float64)

    @property
    def evidenced(self) -> NDArray[np.float64]:
        """Part (h,) of W where a map, phones or a field team speak, and not the law of the stratum alone.

        Volunteers go where service is bad, so that law describes the places they went to. Times the people of a town
        that nobody measured it would outweigh every dead zone that somebody found.
        """
        u = np.where(self.basis == BASES["prior"], 0.0, self.u)
        return np.asarray(self.demand * u.sum(axis=1) / max(len(self.operators), 1), dtype=np.float64)


def prevailing(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per hexagon, operator, technology and threshold: a survey that concludes prevails over the crowd."""
    surveyed = (verdicts["evidence"] == "survey").astype(int) + 1
    order = surveyed.where(verdicts["verdict"] != "insufficient", 0)
    key = ["h3_r8", "operator", "technology", "threshold"]
    ranked = verdicts.assign(_order=order).sort_values([*key, "_order", "evidence"])
    return ranked.drop_duplicates(key, keep="last").drop(columns="_order").reset_index(drop=True)


def unmet_demand(
    verdicts: pd.DataFrame,
    claims: pd.DataFrame,
    people: pd.Series,
    road_km: pd.DataFrame | None = None,
    *,
    parameters: ZoneParameters,
    dcc: gpd.GeoDataFrame | None = None,
    within: NDArray[np.int64] | None = None,
    constants: Constants,
) -> Demand:
    """Unmet demand of every hexagon where people live, a road runs or a verdict stands.

    Args:
        verdicts: as ``judgement.comparison.compare`` gives them.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        people: people of each hexagon, indexed by ``h3_r8``.
        road_km: ``h3_r8, main_km, other_km``.
        parameters: whose verdicts count, and the weights.
        dcc: decided points (``operators``, point).
        within: only these hexagons, sorted.
        constants: of the decision rule.
    """
    rows = verdicts[(verdicts["technology"] == parameters.technology) & (verdicts["threshold"] == parameters.threshold)]
    cells = np.unique(np.concatenate([people.index.to_numpy(np.int64), rows["h3_r8"].to_numpy(np.int64)]))
    if road_km is not None:
        cells = np.union1d(cells, road_km["h3_r8"].to_numpy(np.int64))
    if within is not None:
        cells = np.intersect1d(cells, within)
    rows = rows[rows["h3_r8"].isin(cells)]
    strata = claim_strata(claims, parameters.technology, cells, constants)
    operators = sorted({*map(str, strata.columns), *map(str, rows["operator"].unique())})
    strata = strata.reindex(columns=operators, fill_value=UNKNOWN)
    places = agreed(strata.to_numpy(np.int8, copy=True), rows, cells, operators)
    u, fitted = _probabilities(rows, cells, operators, places, constants)
    basis = _basis(rows, cells, operators, places)
    u = _surveyed(u, rows, cells, operators)
    untested = (basis == BASES["prior"]) & (places != UNCLAIMED)
    u = np.where(untested, np.where(places == UNKNOWN, 0.0, u * parameters.weights.prior_only), u)
    absent = (places == UNCLAIMED) & (u >= 0.5)
    u = np.where(places == UNCLAIMED, u * parameters.weights.undeclared, u)
    living = people.groupby(level=0).sum().reindex(cells).fillna(0.0).clip(lower=0.0).to_numpy(float)
    roads = _roads(road_km, cells)
    weights = parameters.weights
    demand = weights.person * living + weights.main_road_km * roads[0] + weights.other_road_km * roads[1]
    left = _left_by_dcc(dcc, cells, operators, weights.dcc_reach_m, weights.dcc_remaining)
    subtracted = demand * (u * (1 - left)).sum(axis=1) / max(len(operators), 1)
    return Demand(
        cells=cells,
        people=living,
        main_km=roads[0],
        other_km=roads[1],
        demand=demand,
        operators=tuple(operators),
        u=u * left,
        basis=basis,
        strata=places,
        absent=absent & (left >= 0.5),
        subtracted=subtracted,
        fitted=fitted,
    )


def _probabilities(
    rows: pd.DataFrame, cells: NDArray[np.int64], operators: list[str], strata: NDArray[np.int8], constants: Constants
) -> tuple[NDArray[np.float64], Fitted]:
    """u (h, o) of the crowd's votes; a field team's points are no votes of this kind."""
    crowd = rows[rows["evidence"] == "crowd"]
    ballots = np.zeros((len(cells), len(operators), len(BALLOT)), dtype=np.int64)
    at = places_of(crowd, cells, operators)
    np.add.at(ballots, at, crowd[BALLOT].to_numpy(np.int64))
    u, fitted = unmet_probability(ballots.reshape(-1, len(BALLOT)), strata.reshape(-1), constants)
    return u.reshape(strata.shape), fitted


def _basis(
    rows: pd.DataFrame, cells: NDArray[np.int64], operators: list[str], strata: NDArray[np.int8]
) -> NDArray[np.int8]:
    found = prevailing(rows)
    contradicted = found["verdict"] == "contradicted"
    strong = contradicted & ((found["strength"] == "strong") | (found["evidence"] == "survey"))
    kind = np.select(
        [strong, contradicted | (found["verdict"] == "suspected")],
        [BASES["strong"], BASES["reported"]],
        BASES["measured"],
    )
    basis = np.full(strata.shape, BASES["prior"], dtype=np.int8)
    basis[places_of(found, cells, operators)] = kind
    basis[(strata == UNCLAIMED) & (basis < BASES["unclaimed"])] = BASES["unclaimed"]
    return basis


def _surveyed(
    u: NDArray[np.float64], rows: pd.DataFrame, cells: NDArray[np.int64], operators: list[str]
) -> NDArray[np.float64]:
    """What a field team found is not a matter of votes any more."""
    survey = rows[rows["evidence"] == "survey"]
    for verdict, value in (("contradicted", 1.0), ("confirmed", 0.0), ("unclaimed_service", 0.0)):
        u[places_of(survey[survey["verdict"] == verdict], cells, operators)] = value
    return u


def _roads(road_km: pd.DataFrame | None, cells: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if road_km is None:
        return np.zeros(len(cells)), np.zeros(len(cells))
    table = road_km.groupby("h3_r8")[["main_km", "other_km"]].sum().reindex(cells).fillna(0.0)
    return table["main_km"].to_numpy(float), table["other_km"].to_numpy(float)


def _left_by_dcc(
    dcc: gpd.GeoDataFrame | None, cells: NDArray[np.int64], operators: list[str], reach_m: float, remaining: float
) -> NDArray[np.float64]:
    """Share (h, o) of the demand that counts: 1, or ``remaining`` near a point decided for the operator."""
    left = np.ones((len(cells), len(operators)))
    decided = obliging(dcc)
    if not decided or not len(cells):
        return left
    centres = hexagon_centres(cells.tolist())
    metres = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist())
    for column, operator in enumerate(operators):
        if operator in decided:
            apart, _ = decided[operator].query(metres, distance_upper_bound=reach_m)
            left[np.isfinite(apart), column] = remaining
    return left

"""Where a field team's points would teach most: expected information on each claim, weighted by people and roads.

For one operator in one hexagon, B says that the place is bad: a reference test fails there at least a quarter of the
time. u = P(B | votes) follows from the votes of phones by the decision rule's own law of a vote (Bayes); where one of
them speaks against a claim, from those around as well (``screening``). A team then takes n outdoor points, of which K
fail; what is expected to be learnt is the mutual information

    I(u) = H(u) − Σ_k P(K = k) H(P(B | K = k)),   H(x) = −x log₂ x − (1 − x) log₂(1 − x),   in bits.

It is 0 where the answer is known, and greatest where it is open: about one bit where u = ½.
"""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy
from scipy.stats import binom

from aggregator.evidence.hexagons import Cells
from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import declared_shares
from aggregator.judgement.null import failing_vote_probability
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.screening import screen

Floats = NDArray[np.float64]

FINE = (0.02, 0.05)
BAD = (0.25, 0.4, 0.6, 0.8)
"""Failure probabilities of a reference test that stand for a good and for a bad place, each as likely."""

VISIT_POINTS = 12
"""Ours: points planned in a hexagon. The survey rule takes ten, but at a poor place (25 % of failures) ten do without a
failure with P = .0563, so they can contradict a claim and never confirm it; eleven do with .0422. Twelve are six on
each of two days, and one may be lost."""

REASONS = ("moderate", "suspected", "class_c", "unknown")
"""Why a hexagon is worth a visit, the first that holds for one of its operators: contradicted, to be confirmed; to be
checked on the spot; in a zone that rests mainly on prior knowledge; declared, and nothing known."""

_BALLOT = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle"]
_KEY = ["h3_r8", "operator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueWeights:
    """What a hexagon's information is weighted by; the numbers are ours.

    Attributes:
        person, main_km, other_km: demand of an inhabitant, and of a kilometre of main and of other road.
        class_c: factor for hexagons in zones of class C, which are to be measured before anything is proposed there.
        prior_claimed: P(B) where service is declared, before any vote: 573 of 20,800 in an earlier study's mixed
            regime.
        prior_unclaimed: P(B) where it is not: nobody says.
    """

    person: float = 1.0
    main_km: float = 20.0
    other_km: float = 4.0
    class_c: float = 2.0
    prior_claimed: float = 0.03
    prior_unclaimed: float = 0.5


def mission_values(
    verdicts: pd.DataFrame,
    claims: pd.DataFrame,
    people: "pd.Series[float]",
    road_km: pd.DataFrame | None = None,
    *,
    technology: str = "4G",
    threshold: str = "service",
    points: int = VISIT_POINTS,
    weights: ValueWeights = ValueWeights(),
    class_c: NDArray[np.int64] | None = None,
    within: NDArray[np.int64] | None = None,
    constants: Constants | None = None,
) -> pd.DataFrame:
    """What a visit to each hexagon is worth.

    Args:
        verdicts: as ``judgement.comparison.compare`` gives them.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        people: people of each hexagon, by ``h3_r8``.
        road_km: as ``evidence.lines.road_km_by_hexagon`` gives them, if roads are known.
        technology: whose claims are in question.
        threshold: ``service`` or Mbit/s of download.
        points: n, that a visit takes in each hexagon.
        weights: of people, roads and zones of class C.
        class_c: hexagons in zones of class C.
        within: hexagons to stay in; by default everywhere.
        constants: of the decision rule.

    Returns:
        By ``h3_r8``, sorted, hexagons worth a visit alone: ``people``, ``main_km``, ``other_km``, ``demand``,
        ``reason`` (of :data:`REASONS`), ``operators`` (in question, separated by spaces), ``expected_contradicted``
        (operators expected to be found contradicted, before the correction for many hexagons), ``value`` (demand × the
        mean over all operators of the bits expected × the factor of class C).
    """
    rule = constants or Constants()
    rows = verdicts[(verdicts["technology"] == technology) & (verdicts["threshold"] == threshold)]
    declared = claims[(claims["usage"] == "data") & (claims["technology"] == technology)]
    operators = sorted({*rows["operator"], *declared["operator"]})
    in_c = np.empty(0, np.int64) if class_c is None else np.unique(class_c)
    open_questions = _questions(rows, _claimed(declared, rule), in_c, sorted(declared["operator"].unique()))
    if within is not None:
        open_questions = open_questions[np.isin(open_questions["h3_r8"], within)]
    listed = screen(verdicts, claims, technology=technology, threshold=threshold, constants=rule)
    around = open_questions[_KEY].merge(listed, on=_KEY, how="left")["chance_bad"].to_numpy(float)
    u = np.where(np.isnan(around), chance_bad(open_questions, weights, rule), around)
    bits, contradicted = expected_bits(u, points), chance_contradicted(u, points, rule)
    # a claim that is almost surely wrong teaches little more, yet the survey's finding is what it lacks
    worth = np.where(np.isnan(around), bits, np.maximum(bits, contradicted))
    asked = open_questions.assign(bits=worth, contradicted=contradicted, rank=_ranks(open_questions))
    asked = asked.sort_values(_KEY)
    grouped = asked.groupby("h3_r8")
    table = pd.DataFrame(
        {
            "reason": np.array(REASONS, dtype=object)[grouped["rank"].min().to_numpy(np.intp)],
            "operators": grouped["operator"].agg(" ".join),
            "expected_contradicted": grouped["contradicted"].sum(),
            "bits": grouped["bits"].sum() / max(len(operators), 1),
        }
    )
    table.insert(0, "people", people.groupby(level=0).sum().reindex(table.index).fillna(0.0).clip(lower=0.0))
    for column in ("main_km", "other_km"):
        km = pd.Series(dtype=float) if road_km is None else road_km.set_index("h3_r8")[column]
        table[column] = km.reindex(table.index).fillna(0.0)
    demand = (
        weights.person * table["people"] + weights.main_km * table["main_km"] + weights.other_km * table["other_km"]
    )
    factor = np.where(np.isin(table.index, in_c), weights.class_c, 1.0)
    table = table.assign(demand=demand, value=demand * table["bits"] * factor).drop(columns="bits")
    return table[table["value"] > 0]


def chance_bad(rows: pd.DataFrame, weights: ValueWeights, constants: Constants) -> Floats:
    """u (n,) of each row with ``claimed`` and the four counts of votes."""
    prior = np.where(rows["claimed"].to_numpy(bool), weights.prior_claimed, weights.prior_unclaimed)
    likelihood = [np.zeros(len(rows)), np.zeros(len(rows))]
    for side, failures in enumerate((FINE, BAD)):
        for failure in failures:
            logarithm = np.zeros(len(rows))
            for context in ("outdoor", "vehicle"):
                fails = failing_vote_probability(failure, context, constants)
                failing = rows[f"failing_{context}"].to_numpy(float)
                passing = rows[f"votes_{context}"].to_numpy(float) - failing
                logarithm += xlogy(failing, fails) + xlog1py(passing, -fails)
            likelihood[side] += np.exp(logarithm) / len(failures)
    return np.asarray(prior * likelihood[1] / (prior * likelihood[1] + (1 - prior) * likelihood[0]))


def expected_bits(u: Floats, points: int) -> Floats:
    """I(u) (n,) of ``points`` points, in bits, 0 to 1."""
    bad, fine = (_law(failures, points) for failures in (BAD, FINE))
    joint = u[:, None] * bad
    outcome = joint + (1 - u)[:, None] * fine
    after = joint / np.maximum(outcome, 1e-300)
    return np.asarray(np.maximum(_entropy(u) - (outcome * _entropy(after)).sum(axis=1), 0.0))


def chance_contradicted(u: Floats, points: int, constants: Constants) -> Floats:
    """P (n,) that so many points fail as a true claim would leave to chance at most ``significance`` of the time."""
    least = int(binom.isf(constants.significance, points, constants.promised_failure)) + 1
    bad, fine = (_law(failures, points)[least:].sum() for failures in (BAD, FINE))
    return np.asarray(u * bad + (1 - u) * fine)


def _law(failures: tuple[float, ...], points: int) -> Floats:
    """P(K = k) (points + 1,), the failure probability being any of these."""
    laws = [binom.pmf(np.arange(points + 1), points, failure) for failure in failures]
    return np.asarray(np.mean(laws, axis=0))


def _entropy(x: Floats) -> Floats:
    return np.asarray(-(xlogy(x, x) + xlog1py(1 - x, -x)) / np.log(2))


def _claimed(declared: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    shares = declared_shares(declared)
    claimed: pd.DataFrame = shares[shares["declared_share"] >= constants.claimed_share][_KEY]
    return claimed


def _questions(
    rows: pd.DataFrame, claimed: pd.DataFrame, in_c: NDArray[np.int64], declaring: list[str]
) -> pd.DataFrame:
    """Hexagons and operators about which nothing is concluded: ``claimed``, ``verdict`` and votes of each.

    Where no service is declared there is a question in zones of class C alone, and of ``declaring`` operators: of one
    whose map was not imported it is not known what it declares.
    """
    zone = pd.MultiIndex.from_product([in_c, declaring], names=_KEY).to_frame(index=False)
    crowd = rows[rows["evidence"] == "crowd"].drop_duplicates(_KEY)
    every = pd.concat([crowd[_KEY], claimed, zone], ignore_index=True).drop_duplicates(_KEY)
    table = every.merge(crowd[[*_KEY, "claimed", "verdict", "strength", *_BALLOT]], on=_KEY, how="left")
    table[_BALLOT] = table[_BALLOT].fillna(0).astype(np.int64)
    table["verdict"] = table["verdict"].fillna("insufficient")
    known = pd.MultiIndex.from_frame(table[_KEY])
    told = known.isin(pd.MultiIndex.from_frame(claimed))
    table["claimed"] = table["claimed"].astype("boolean").fillna(pd.Series(told, index=table.index)).astype(bool)
    table["in_c"] = np.isin(table["h3_r8"], in_c)
    surveyed = rows[(rows["evidence"] == "survey") & (rows["verdict"] != "insufficient")]
    settled = known.isin(pd.MultiIndex.from_frame(surveyed[_KEY])) | table["verdict"].isin(
        ["confirmed", "unclaimed_service"]
    )
    settled |= (table["verdict"] == "contradicted") & (table["strength"] == "strong")
    asked = table["claimed"] | (table["in_c"] & table["operator"].isin(declaring))
    return table[~settled & asked].reset_index(drop=True)


def _ranks(table: pd.DataFrame) -> NDArray[np.int64]:
    """Position of each question's reason in :data:`REASONS`."""
    held = [table["verdict"] == "contradicted", table["verdict"] == "suspected", table["in_c"]]
    return np.asarray(np.select([np.asarray(one, bool) for one in held], [0, 1, 2], 3), dtype=np.int64)


def hexagons_of_class(zones: Path, evidence_class: str, cells: Cells) -> Cells:
    """Those of ``cells`` whose centre lies in a zone of that class, of a file that ``write_proposals`` left, if any."""
    if not zones.exists():
        return np.empty(0, np.int64)
    table = gpd.read_parquet(zones)
    shapes = table.geometry[(table["evidence_class"] == evidence_class).to_numpy()].to_numpy()
    centres = hexagon_centres(cells.tolist())
    metres = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist())
    inside = shapely.STRtree(shapes).query(shapely.points(metres), predicate="intersects")[0]
    return np.asarray(cells[np.unique(inside)], dtype=np.int64)

"""Which claims to send a field team to: how likely it is that each is bad, from the votes there and those around.

``empirical_bayes`` knows a hexagon by its own votes and its distance from the edge of the claim. Where few phones
voted, what surrounds says more: dead zones are wider than a hexagon, and hills are the same for all. So the margin

    z = Φ⁻¹(p), p the failure probability of a reference test,

is a Gaussian field over hexagons and operators: mean and variance of each stratum from the laws that the votes taught,
correlation by distance (:func:`correlation`). Votes up to two rings away, of all operators, are binomial in π(z)
(``judgement.null``); their posterior is approximated at its mode (Laplace, by Newton's steps; Rasmussen and Williams
2006, §3.4). What it says of a hexagon tilts the law of its stratum, and its own votes are then weighed exactly.

Own votes may be invented by phones that act together: with a small probability the failing ones say nothing
(:data:`INVENTED`). Then five liars in a place that is well served all around do not outweigh its neighbours.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from aggregator.judgement.constants import Constants
from aggregator.judgement.neighbourhood import positions, surroundings
from aggregator.judgement.votes import BALLOT
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.empirical_bayes import GRID, U_DECIMALS, likelihoods, poor, unmet_probability
from aggregator.proposals.strata import STRATA, UNKNOWN, agreed, claim_strata, places_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COMMON = 0.47
"""Ours: correlation of z between two operators at one place, beyond what their strata say; in the simulator's truth."""
COMMON_KM, OWN_KM = 0.98, 2.95
"""Ours: distances at which the common part, and what each operator has of its own, fall by e; there one operator's
neighbours correlate by 0.57 and its second ring by 0.38, another's by 0.19 and 0.08."""
INVENTED = 0.02
"""Ours: probability that the failing votes of a hexagon say nothing about it. From 0.005 to 0.05 it matters little."""
RINGS = 2
MOST_NEIGHBOURS = 36
"""Ours: of the hexagons and operators around, so many that say most are used: with 76 of them nothing changes."""
STEPS = 6
AT_ONCE = 1_500
LEAST_Z, MOST_Z = -3.5, 3.0
LEAST_VARIANCE = 0.05

_Z = ndtri(GRID)


@dataclass(frozen=True, slots=True)
class Field:
    """Hexagons where somebody voted (n,) and operators (o,): strata and votes, and z before any vote nearby.

    Attributes:
        cells: (n,), sorted. km: (n, 2) their centres.
        ballots: (n, o, 4). laws: (n, o, 24), of their strata. mean, spread: (n, o) of z under these laws.
        told: (n, o) how much the votes say of z, as a share of what is open.
    """

    cells: Integers
    km: Floats
    ballots: Integers
    laws: Floats
    mean: Floats
    spread: Floats
    told: Floats


def screen(
    verdicts: pd.DataFrame,
    claims: pd.DataFrame,
    *,
    technology: str = "4G",
    threshold: str = "service",
    constants: Constants | None = None,
) -> pd.DataFrame:
    """The claims that a phone spoke against, most probably bad first.

    A hexagon where no vote fails is not listed: what surrounds it alone accuses too many.

    Args:
        verdicts: as ``judgement.comparison.compare`` gives them; the crowd's count.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        technology: whose claims are in question.
        threshold: ``service`` or Mbit/s of download.
        constants: of the decision rule.

    Returns:
        ``h3_r8, operator, chance_bad``: P(p ≥ 25 % | votes here and around); ties by hexagon and operator.
    """
    rule = constants or Constants()
    about = (verdicts["technology"] == technology) & (verdicts["threshold"] == threshold)
    rows = verdicts[about & (verdicts["evidence"] == "crowd") & (verdicts["devices"] > 0)]
    operators = sorted(map(str, rows["operator"].unique()))
    field, at = field_of(rows, claims, technology, operators, rule)
    failing = (rows["failing_outdoor"] + rows["failing_vehicle"]).to_numpy() > 0
    asked = failing & rows["claimed"].astype("boolean").fillna(False).to_numpy(bool)
    here, whose = at[0][asked], at[1][asked]
    chance = np.zeros(len(here))
    for start in range(0, len(here), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        chance[part] = _chance(field, here[part], whose[part], rule)
    listed = pd.DataFrame(
        {
            "h3_r8": field.cells[here],
            "operator": np.array(operators, dtype=object)[whose],
            "chance_bad": chance.round(U_DECIMALS),
        }
    )
    order = ["chance_bad", "h3_r8", "operator"]
    return listed.sort_values(order, ascending=[False, True, True], ignore_index=True)


def correlation(km: Floats, same_operator: NDArray[np.bool_]) -> Floats:
    """Of z between two hexagons so far apart, of one operator or of two."""
    shared = COMMON * np.exp(-km / COMMON_KM)
    return np.asarray(shared + (1 - COMMON) * np.exp(-km / OWN_KM) * same_operator)


def vote_law(z: Floats, context: str, constants: Constants) -> tuple[Floats, Floats]:
    """π and dπ/dz where p = Φ(z): ``judgement.null.failing_vote_probability`` for arrays."""
    s, spurious = constants.hexagon_spread_db, constants.spurious_failure
    loss_db = constants.vehicle_loss_db if context == "vehicle" else 0.0
    width = np.sqrt(1 + (constants.device_spread_db / s) ** 2)
    at = (z + loss_db / s) / width
    density = np.exp(-at * at / 2) / np.sqrt(2 * np.pi)
    return spurious + (1 - spurious) * ndtr(at), (1 - spurious) * density / width


def field_of(
    rows: pd.DataFrame, claims: pd.DataFrame, technology: str, operators: list[str], rule: Constants
) -> tuple[Field, tuple[Integers, Integers]]:
    """The field, and where each row is in it."""
    cells = np.unique(rows["h3_r8"].to_numpy(np.int64))
    at = places_of(rows, cells, operators)
    ballots = np.zeros((len(cells), len(operators), len(BALLOT)), dtype=np.int64)
    np.add.at(ballots, at, rows[BALLOT].to_numpy(np.int64))
    strata = claim_strata(claims, technology, cells, rule).reindex(columns=operators, fill_value=UNKNOWN)
    places = agreed(strata.to_numpy(np.int8, copy=True), rows, cells, operators)
    _, fitted = unmet_probability(ballots.reshape(-1, len(BALLOT)), places.reshape(-1), rule)
    laws = fitted.laws[places.astype(np.intp) - STRATA[0]]
    mean = laws @ _Z
    variance = np.maximum(laws @ _Z**2 - mean**2, LEAST_VARIANCE)
    told = _pull(mean, ballots, rule)[1] * variance
    degrees = hexagon_centres(cells.tolist())
    km = np.asarray(lambert_93(degrees[:, 0].tolist(), degrees[:, 1].tolist())).reshape(-1, 2) / 1_000
    return Field(cells, km, ballots, laws, mean, np.sqrt(variance), told), at


def _pull(z: Floats, ballots: Integers, rule: Constants) -> tuple[Floats, Floats]:
    """Slope of the votes' log-likelihood at z, and their Fisher information."""
    slope, information = np.zeros(z.shape), np.zeros(z.shape)
    for first, context in ((0, "outdoor"), (2, "vehicle")):
        law, change = vote_law(z, context, rule)
        votes, failing = ballots[..., first], ballots[..., first + 1]
        slope += change * (failing - votes * law) / (law * (1 - law))
        information += votes * change**2 / (law * (1 - law))
    return slope, information


def _chance(field: Field, here: Integers, whose: Integers, rule: Constants) -> Floats:
    """P(p ≥ 25 %) of hexagons and operators, by their positions."""
    votes = field.ballots[here, whose]
    passing = (votes - votes[:, [1, 1, 3, 3]]) * np.array([1, 0, 1, 0])
    of_votes = likelihoods(votes, rule) + INVENTED * likelihoods(passing, rule)
    posterior = laws_amid(field, here, whose, rule) * of_votes
    bad = posterior[:, poor(rule.poor_failure)].sum(axis=1)
    return np.asarray(bad / posterior.sum(axis=1))


def laws_amid(field: Field, here: Integers, whose: Integers, rule: Constants) -> Floats:
    """Laws (k, 24) of p at k hexagons and operators, given the votes around but not their own; not normalised."""
    mean, variance = _from_around(field, here, whose, rule)
    before, spread = field.mean[here, whose], field.spread[here, whose]
    # N(mean, variance) / N(before, spread²) is what the votes around say; it tilts the law of the stratum
    precision = np.maximum(1 / variance - 1 / spread**2, 0.0)
    pull = mean / variance - before / spread**2
    tilt = pull[:, None] * _Z - precision[:, None] * _Z**2 / 2
    return np.asarray(field.laws[here, whose] * np.exp(tilt - tilt.max(axis=1, keepdims=True)))


def _from_around(field: Field, here: Integers, whose: Integers, rule: Constants) -> tuple[Floats, Floats]:
    """Mean and variance (k,) of z at k hexagons and operators, given the votes around but not their own."""
    operators = field.mean.shape[1]
    around, there = positions(surroundings(field.cells[here], RINGS), field.cells)
    at = np.repeat(around, operators, axis=1)
    by = np.tile(np.arange(operators), (len(here), around.shape[1]))
    counts = np.repeat(there, operators, axis=1) & ~((at == here[:, None]) & (by == whose[:, None]))
    same = by == whose[:, None]
    told = np.where(counts, field.told[at, by] * np.where(same, 1.0, COMMON), 0.0)
    most = np.argsort(-told, axis=1, kind="stable")[:, :MOST_NEIGHBOURS]
    at, by, told = (np.take_along_axis(table, most, axis=1) for table in (at, by, told))
    near, target = (at, by), (here[:, None], whose[:, None])
    between = _covariance(field, (at[:, :, None], by[:, :, None]), (at[:, None, :], by[:, None, :]))
    to_here = _covariance(field, near, target)
    ballots = field.ballots[near] * (told > 0)[..., None]
    before = field.mean[near]
    shift, weights = np.zeros(before.shape), np.zeros(before.shape)
    for _ in range(STEPS):
        z = np.clip(before + shift, LEAST_Z, MOST_Z)
        slope, information = _pull(z, ballots, rule)
        root = np.sqrt(information)
        system = np.eye(at.shape[1]) + root[:, :, None] * between * root[:, None, :]
        wanted = information * (z - before) + slope
        solved = np.linalg.solve(system, root[..., None] * (between @ wanted[..., None]))[..., 0]
        weights = wanted - root * solved
        shift = (between @ weights[..., None])[..., 0]
    seen = root * to_here
    explained = (seen * np.linalg.solve(system, seen[..., None])[..., 0]).sum(axis=1)
    variance = field.spread[here, whose] ** 2 - explained
    return field.mean[here, whose] + (to_here * weights).sum(axis=1), np.maximum(variance, LEAST_VARIANCE / 2)


def _covariance(field: Field, some: tuple[Integers, Integers], others: tuple[Integers, Integers]) -> Floats:
    apart = field.km[some[0]] - field.km[others[0]]
    alike = correlation(np.hypot(apart[..., 0], apart[..., 1]), some[1] == others[1])
    return np.asarray(field.spread[some] * field.spread[others] * alike)

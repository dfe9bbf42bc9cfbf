"""How likely it is that an operator fails somewhere, from the votes there and what the votes of like places teach.

A hexagon fails a share p of reference tests; the votes of its phones fail with probability π(p) each
(``judgement.null``). p is drawn from a law that the votes of all hexagons of the same stratum reveal: a mixture on a
grid, fitted by expectation–maximisation (Laird 1978). What is reported is u = P(p ≥ 25 % | votes).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import failing_vote_probability
from aggregator.proposals.strata import STRATA, UNCLAIMED, UNKNOWN

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_FROM, _TO = _NORMAL.inv_cdf(0.005), _NORMAL.inv_cdf(0.98)
GRID = np.array([_NORMAL.cdf(z) for z in np.linspace(_FROM, _TO, 24)])
"""24 failure probabilities from 0.5 to 98 %, evenly spaced in decibels (probits): 10 below 25 %, 14 above."""

ITERATIONS = 300
PSEUDO_HEXAGONS = 5.0
"""Ours: what is believed of a stratum before any vote weighs as much as this many hexagons whose p would be known."""
BELIEFS = {UNKNOWN: (0.5, 4.0), UNCLAIMED: (3.0, 1.5)} | {ring: (0.5, 8.0) for ring in STRATA if ring > 0}
"""Ours: Beta laws of p before any vote. Claimed: mean 6 %, just above what a true claim may fail (5 %). Not claimed:
mean 67 %. No source: mean 11 %."""
U_DECIMALS = 6
"""Sums of logarithms differ in their last bits between processors: a release must not."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Laws of p, one per stratum.

    Attributes:
        laws: (strata, 24), rows in the order of :data:`STRATA`; each sums to 1.
        hexagons: (strata,) how many hexagon × operator with votes taught each.
        likelihoods: (strata, iterations + 1) penalised log-likelihood before each iteration and after the last.
    """

    laws: Floats
    hexagons: NDArray[np.int64]
    likelihoods: Floats

    def unmet(self, poor_failure: float) -> Floats:
        """Prior probability (strata,) that p is at least ``poor_failure``."""
        return np.asarray(self.laws[:, poor_failure <= GRID].sum(axis=1), dtype=np.float64)


def unmet_probability(
    ballots: NDArray[np.int64], strata: NDArray[np.int8], constants: Constants | None = None
) -> tuple[Floats, Fitted]:
    """u of every hexagon × operator.

    Args:
        ballots: (n, 4) votes outdoors, of which failing, votes in vehicles, of which failing; all 0 without phones.
        strata: (n,) of :data:`STRATA`.
        constants: of the null hypothesis; ``poor_failure`` is the failure probability from which a place is unmet.

    Returns:
        u (n,) in 0..1, and the fitted laws.
    """
    rule = constants or Constants()
    distinct, inverse, counts = _distinct(np.column_stack([strata.astype(np.int64), ballots]))
    likelihood = likelihoods(distinct[:, 1:], rule)
    voted = (distinct[:, 1] + distinct[:, 3]) > 0
    unmet = poor(rule.poor_failure)
    u = np.zeros(len(distinct))
    laws, hexagons, traces = [], [], []
    for stratum in STRATA:
        own = distinct[:, 0] == stratum
        taught = own & voted
        law, trace = fit(likelihood[taught], counts[taught].astype(float), belief(stratum))
        posterior = likelihood[own] * law
        u[own] = posterior[:, unmet].sum(axis=1) / posterior.sum(axis=1)
        laws.append(law)
        hexagons.append(int(counts[taught].sum()))
        traces.append(trace)
    return np.round(u, U_DECIMALS)[inverse], Fitted(np.array(laws), np.array(hexagons), np.array(traces))


def _distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
    """Distinct rows, sorted, where each row is among them, and how often: ``np.unique`` by rows, ten times faster."""
    low = rows.min(axis=0, initial=0)
    widths = rows.max(axis=0, initial=0) - low + 1
    scale = np.append(np.cumprod(widths[:0:-1])[::-1], 1)
    keys, inverse, counts = np.unique((rows - low) @ scale, return_inverse=True, return_counts=True)
    return keys[:, None] // scale % widths + low, inverse, counts


def fit(
    likelihood: Floats, counts: Floats, start: Floats, *, weight: float = PSEUDO_HEXAGONS, iterations: int = ITERATIONS
) -> tuple[Floats, Floats]:
    """The law that makes the ballots most likely, held back by a Dirichlet law around ``start``.

    Each iteration gives every ballot to the failure probabilities it may come from, then counts them. The penalised
    log-likelihood Σ n log(L·w) + weight Σ start log w never decreases (Dempster, Laird and Rubin 1977).

    Args:
        likelihood: (b, 24) of each distinct ballot.
        counts: (b,) how often it occurs.
        start: (24,) law believed before, positive.
        weight: of that belief, in hexagons.
        iterations: how many.

    Returns:
        The law (24,), and the penalised log-likelihood (iterations + 1,).
    """
    law, trace = start, np.empty(iterations + 1)
    total = counts.sum() + weight
    for step in range(iterations + 1):
        mixed = likelihood @ law
        trace[step] = counts @ np.log(mixed) + weight * (start @ np.log(law))
        if step < iterations:
            law = (law * ((counts / mixed) @ likelihood) + weight * start) / total
    return law, trace


def likelihoods(ballots: NDArray[np.int64], constants: Constants) -> Floats:
    """Likelihood (b, 24) of ballots (b, 4) at each failure probability of the grid, relative to the best one there."""
    outdoor = np.array([failing_vote_probability(float(p), "outdoor", constants) for p in GRID])
    vehicle = np.array([failing_vote_probability(float(p), "vehicle", constants) for p in GRID])
    votes_outdoor, failing_outdoor, votes_vehicle, failing_vehicle = ballots.T.astype(float)
    table = np.column_stack(
        [failing_outdoor, votes_outdoor - failing_outdoor, failing_vehicle, votes_vehicle - failing_vehicle]
    )
    logarithm = table @ np.log(np.stack([outdoor, 1 - outdoor, vehicle, 1 - vehicle]))
    return np.asarray(np.exp(logarithm - logarithm.max(axis=1, keepdims=True, initial=-np.inf)), dtype=np.float64)


def belief(stratum: int) -> Floats:
    """Law (24,) believed of a stratum before any vote: its Beta law between the middles of the grid."""
    edges = np.concatenate([[0.0], (GRID[1:] + GRID[:-1]) / 2, [1.0]])
    return np.asarray(np.diff(beta.cdf(edges, *BELIEFS[stratum])), dtype=np.float64)


def poor(poor_failure: float) -> NDArray[np.bool_]:
    """Which failure probabilities of the grid (24,) are at least this."""
    return np.asarray(poor_failure <= GRID)

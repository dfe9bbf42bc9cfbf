"""How often votes fail when the claim is true, and how surprising the votes of a hexagon are then."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from aggregator.judgement.constants import Constants

_NORMAL = NormalDist()


Counts = int | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ballot:
    """Votes of a hexagon, outdoors and in vehicles, and how many of each fail; or those of many hexagons, as arrays."""

    votes_outdoor: Counts
    failing_outdoor: Counts
    votes_vehicle: Counts
    failing_vehicle: Counts

    @property
    def votes(self) -> Counts:
        """Devices that voted."""
        return self.votes_outdoor + self.votes_vehicle

    @property
    def failing(self) -> Counts:
        """Devices whose vote fails."""
        return self.failing_outdoor + self.failing_vehicle

    def without(self, withdrawn: Counts) -> "Ballot":
        """The ballot after the withdrawal of that many failing votes (or all there are), outdoor ones first."""
        outdoor = np.minimum(withdrawn, self.failing_outdoor)
        vehicle = np.minimum(withdrawn - outdoor, self.failing_vehicle)
        return Ballot(
            self.votes_outdoor - outdoor,
            self.failing_outdoor - outdoor,
            self.votes_vehicle - vehicle,
            self.failing_vehicle - vehicle,
        )

    def spotless(self) -> "Ballot":
        """As many votes, none of which fails."""
        none = np.zeros_like(self.failing_outdoor)
        return Ballot(self.votes_outdoor, none, self.votes_vehicle, none)


@lru_cache(maxsize=4_096)
def failing_vote_probability(failure: float, context: str, constants: Constants) -> float:
    """π(p, ctx): probability of a failing vote where a reference test fails with probability ``failure``.

    ε + (1 − ε) Φ((Φ⁻¹(p) + L / s) / √(1 + σ² / s²)), with L = 0 outdoors.
    """
    loss_db = constants.vehicle_loss_db if context == "vehicle" else 0.0
    s = constants.hexagon_spread_db
    z = (_NORMAL.inv_cdf(failure) + loss_db / s) / (1 + (constants.device_spread_db / s) ** 2) ** 0.5
    return constants.spurious_failure + (1 - constants.spurious_failure) * _NORMAL.cdf(z)


def upper_tail(ballot: Ballot, failure: float, constants: Constants) -> NDArray[np.float64]:
    """P[K ≥ k] at this failure probability, K the sum of the two binomials; one value for each ballot."""
    law = _Law(ballot, failure, constants)
    return np.asarray(law.upper[law.start + ballot.failing])


def lower_tail(ballot: Ballot, failure: float, constants: Constants) -> NDArray[np.float64]:
    """P[K ≤ k] at this failure probability; one value for each ballot."""
    law = _Law(ballot, failure, constants)
    return np.asarray(law.lower[law.start + ballot.failing])


def largest_attainable(ballot: Ballot, limit: float, failure: float, constants: Constants) -> NDArray[np.float64]:
    """The largest value up to ``limit`` that the upper tail of as many votes can take; NaN where there is none."""
    law = _Law(ballot, failure, constants)
    return law.below(limit)[law.which]


class _Law:
    """Laws of the number of failing votes, one for each distinct pair of numbers of votes, end to end.

    Attributes:
        upper, lower: P[K ≥ k] and P[K ≤ k] for k = 0, 1, … of every pair.
        start: where the law of each ballot begins.
        which: which of the laws is that of each ballot.
    """

    def __init__(self, ballot: Ballot, failure: float, constants: Constants) -> None:
        outdoor, vehicle = np.broadcast_arrays(ballot.votes_outdoor, ballot.votes_vehicle)
        width = int(vehicle.max(initial=0)) + 1
        pairs, self.which = np.unique(outdoor * width + vehicle, return_inverse=True)
        self._laws = [
            np.convolve(
                _binomial(n_outdoor, failing_vote_probability(failure, "outdoor", constants)),
                _binomial(n_vehicle, failing_vote_probability(failure, "vehicle", constants)),
            )
            for n_outdoor, n_vehicle in (divmod(pair, width) for pair in pairs.tolist())
        ]
        sizes = np.array([len(law) for law in self._laws], dtype=np.int64)
        self.start = (np.cumsum(sizes) - sizes)[self.which] if len(sizes) else np.zeros(outdoor.shape, dtype=np.int64)

    @property
    def upper(self) -> NDArray[np.float64]:
        return _joined(np.cumsum(law[::-1])[::-1] for law in self._laws)

    @property
    def lower(self) -> NDArray[np.float64]:
        return _joined(np.cumsum(law) for law in self._laws)

    def below(self, limit: float) -> NDArray[np.float64]:
        tails = (np.cumsum(law[::-1]) for law in self._laws)
        return np.array([tail[tail <= limit].max(initial=0.0) if tail[0] <= limit else np.nan for tail in tails])


@lru_cache(maxsize=65_536)
def _binomial(n: int, p: float) -> NDArray[np.float64]:
    k = np.arange(n + 1)
    logarithm = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    return np.asarray(np.exp(logarithm), dtype=np.float64)


def _joined(laws: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.minimum(np.concatenate([*laws, np.empty(0)]), 1.0))

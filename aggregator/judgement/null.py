"""How often votes fail when the claim is true, and how surprising the votes of a hexagon are then."""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from aggregator.judgement.constants import Constants

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Ballot:
    """Votes of a hexagon, outdoors and in vehicles, and how many of each fail."""

    votes_outdoor: int
    failing_outdoor: int
    votes_vehicle: int
    failing_vehicle: int

    @property
    def votes(self) -> int:
        """Devices that voted."""
        return self.votes_outdoor + self.votes_vehicle

    @property
    def failing(self) -> int:
        """Devices whose vote fails."""
        return self.failing_outdoor + self.failing_vehicle

    def without(self, withdrawn: int) -> "Ballot":
        """The ballot after the withdrawal of that many failing votes (or all there are), outdoor ones first."""
        outdoor = min(withdrawn, self.failing_outdoor)
        vehicle = min(withdrawn - outdoor, self.failing_vehicle)
        return Ballot(
            self.votes_outdoor - outdoor,
            self.failing_outdoor - outdoor,
            self.votes_vehicle - vehicle,
            self.failing_vehicle - vehicle,
        )


def failing_vote_probability(failure: float, context: str, constants: Constants) -> float:
    """π(p, ctx): probability of a failing vote where a reference test fails with probability ``failure``.

    ε + (1 − ε) Φ((Φ⁻¹(p) + L / s) / √(1 + σ² / s²)), with L = 0 outdoors.
    """
    loss_db = constants.vehicle_loss_db if context == "vehicle" else 0.0
    s = constants.hexagon_spread_db
    z = (_NORMAL.inv_cdf(failure) + loss_db / s) / (1 + (constants.device_spread_db / s) ** 2) ** 0.5
    return constants.spurious_failure + (1 - constants.spurious_failure) * _NORMAL.cdf(z)


@lru_cache(maxsize=65_536)
def upper_tail(ballot: Ballot, failure: float, constants: Constants) -> float:
    """P[K ≥ k] at this failure probability, K the sum of the two binomials."""
    law = _failing_votes(ballot.votes_outdoor, ballot.votes_vehicle, failure, constants)
    return min(1.0, float(law[ballot.failing :].sum()))


@lru_cache(maxsize=65_536)
def lower_tail(ballot: Ballot, failure: float, constants: Constants) -> float:
    """P[K ≤ k] at this failure probability."""
    law = _failing_votes(ballot.votes_outdoor, ballot.votes_vehicle, failure, constants)
    return min(1.0, float(law[: ballot.failing + 1].sum()))


@lru_cache(maxsize=4_096)
def _failing_votes(outdoor: int, vehicle: int, failure: float, constants: Constants) -> NDArray[np.float64]:
    """Law (outdoor + vehicle + 1,) of the number of failing votes: the convolution of two binomials."""
    return np.convolve(
        _binomial(outdoor, failing_vote_probability(failure, "outdoor", constants)),
        _binomial(vehicle, failing_vote_probability(failure, "vehicle", constants)),
    )


def _binomial(n: int, p: float) -> NDArray[np.float64]:
    k = np.arange(n + 1)
    logarithm = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    return np.asarray(np.exp(logarithm), dtype=np.float64)

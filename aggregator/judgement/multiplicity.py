"""What is reported beside a verdict and never decides it for the crowd: q-values and e-values.

A family of hypotheses is all hexagons and operators of one technology and one threshold.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import Ballot, failing_vote_probability

Floats = NDArray[np.float64]

_LARGEST_LOG = 700.0
"""exp of more does not fit in a float."""


def benjamini_hochberg(p: Floats) -> Floats:
    """q of each p (n,): the least false discovery rate at which it would be a discovery among them.

    q₍ᵢ₎ = min over j ≥ i of p₍ⱼ₎ n / j (Benjamini and Hochberg, 1995).
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def discarding_q(p: Floats, attainable: Floats, families: NDArray[np.int64], constants: Constants) -> Floats:
    """q of each p, family by family, hypotheses with p above τ left out (NaN).

    Few phones cannot give every p: of those kept, p′ = p / τ_c, where τ_c is the largest p up to τ that as many votes
    can give, is again at most uniform under the null; then Benjamini and Hochberg on p′.

    Args:
        p: of each hypothesis (n,).
        attainable: τ_c of each (n,).
        families: number of the family of each (n,).
        constants: of the decision rule.
    """
    q = np.full(len(p), np.nan)
    kept = p <= constants.discard_above
    for family in np.unique(families[kept]):
        chosen = kept & (families == family)
        q[chosen] = benjamini_hochberg(p[chosen] / attainable[chosen])
    return q


def crowd_e_value(ballot: Ballot, constants: Constants) -> Floats:
    """Evidence against the claim, "E to 1", of each ballot; it may be looked at again whenever phones came.

    E is the mean over the alternatives p of Π (π(p) / π(p₀))^x ((1 − π(p)) / (1 − π(p₀)))^(1 − x) over the votes x.
    """
    terms = [
        _log_ratio(ballot.votes_outdoor, ballot.failing_outdoor, *_rates("outdoor", p, constants))
        + _log_ratio(ballot.votes_vehicle, ballot.failing_vehicle, *_rates("vehicle", p, constants))
        for p in constants.alternatives
    ]
    return _mean_of_exponentials(terms)


def survey_e_value(points: NDArray[np.int64], failing: NDArray[np.int64], constants: Constants) -> Floats:
    """The same for a field team's points, which fail with probability p₀ itself when the claim is true."""
    promised = constants.promised_failure
    return _mean_of_exponentials([_log_ratio(points, failing, p, promised) for p in constants.alternatives])


def _rates(context: str, failure: float, constants: Constants) -> tuple[float, float]:
    return (
        failing_vote_probability(failure, context, constants),
        failing_vote_probability(constants.promised_failure, context, constants),
    )


def _log_ratio(votes: object, failing: object, alternative: float, null: float) -> Floats:
    n, k = np.asarray(votes, dtype=np.float64), np.asarray(failing, dtype=np.float64)
    return np.asarray(k * np.log(alternative / null) + (n - k) * np.log((1 - alternative) / (1 - null)))


def _mean_of_exponentials(logarithms: list[Floats]) -> Floats:
    total = logsumexp(np.stack(logarithms), axis=0) - np.log(len(logarithms))
    return np.asarray(np.exp(np.minimum(total, _LARGEST_LOG)))

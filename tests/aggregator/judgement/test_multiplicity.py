"""q-values and e-values: by hand, and by their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from aggregator.judgement.constants import Constants
from aggregator.judgement.multiplicity import benjamini_hochberg, crowd_e_value, discarding_q
from aggregator.judgement.null import Ballot, failing_vote_probability, largest_attainable, upper_tail

CONSTANTS = Constants()


def test_benjamini_and_hochberg_by_hand() -> None:
    q = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5]))
    assert q.tolist() == pytest.approx([0.04, 4 * 0.04 / 3, 4 * 0.04 / 3, 0.5])


def test_the_largest_attainable_tail() -> None:
    """One vote outdoors gives 1 or .1177, two give 1, .2215 or .0138: the textbook uniform law is far away."""
    votes = np.array([1, 2, 0])
    attainable = largest_attainable(Ballot(votes, votes * 0, votes * 0, votes * 0), 0.5, 0.05, CONSTANTS)
    assert attainable[:2].tolist() == pytest.approx([0.1177, 0.2215], abs=5e-5)
    assert np.isnan(attainable[2])


def test_discarded_hypotheses_have_no_q_and_the_others_are_rescaled() -> None:
    p = np.array([0.02, 0.9, 0.2, 0.02])
    families = np.array([0, 0, 0, 1])
    q = discarding_q(p, np.array([0.2, 0.5, 0.4, 0.1]), families, CONSTANTS)
    assert q[[0, 2, 3]].tolist() == pytest.approx([0.2, 0.5, 0.2])  # p′ .1 and .5 of two; .2 of one
    assert np.isnan(q[1])


def test_q_of_no_discovery_stays_below_one() -> None:
    ballot = Ballot(np.array([1, 2, 9]), np.array([1, 1, 2]), np.zeros(3, np.int64), np.zeros(3, np.int64))
    p = upper_tail(ballot, 0.05, CONSTANTS)
    q = discarding_q(p, largest_attainable(ballot, 0.5, 0.05, CONSTANTS), np.zeros(3, np.int64), CONSTANTS)
    assert ((q >= p) & (q <= 1)).all()


def test_the_e_value_of_two_failing_phones_outdoors() -> None:
    null = failing_vote_probability(0.05, "outdoor", CONSTANTS)
    ratios = [(failing_vote_probability(p, "outdoor", CONSTANTS) / null) ** 2 for p in (0.15, 0.25, 0.4, 0.6, 0.8)]
    assert crowd_e_value(Ballot(2, 2, 0, 0), CONSTANTS) == pytest.approx(sum(ratios) / 5)
    assert crowd_e_value(Ballot(0, 0, 0, 0), CONSTANTS) == pytest.approx(1)


@given(outdoor=st.integers(0, 8), vehicle=st.integers(0, 8))
def test_the_e_value_is_one_on_average_under_the_null(outdoor: int, vehicle: int) -> None:
    """Which is what makes it valid at any time."""
    mean = 0.0
    laws = [
        binom.pmf(np.arange(votes + 1), votes, failing_vote_probability(0.05, context, CONSTANTS))
        for votes, context in ((outdoor, "outdoor"), (vehicle, "vehicle"))
    ]
    for k_outdoor, p_outdoor in enumerate(laws[0]):
        for k_vehicle, p_vehicle in enumerate(laws[1]):
            e = crowd_e_value(Ballot(outdoor, k_outdoor, vehicle, k_vehicle), CONSTANTS)
            mean += p_outdoor * p_vehicle * float(e)
    assert mean == pytest.approx(1)


def test_very_many_votes_still_have_an_e_value() -> None:
    assert np.isfinite(crowd_e_value(Ballot(10_000, 9_000, 0, 0), CONSTANTS))

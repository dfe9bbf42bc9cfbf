import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import Ballot, failing_vote_probability, lower_tail, upper_tail

CONSTANTS = Constants()


@pytest.mark.parametrize(
    ("failure", "outdoor", "vehicle"),
    [(0.02, 0.0759, 0.2357), (0.05, 0.1177, 0.3408), (0.10, 0.1741, 0.4492), (0.25, 0.3128, 0.6379)],
)
def test_the_null_has_the_published_values(failure: float, outdoor: float, vehicle: float) -> None:
    assert failing_vote_probability(failure, "outdoor", CONSTANTS) == pytest.approx(outdoor, abs=5e-5)
    assert failing_vote_probability(failure, "vehicle", CONSTANTS) == pytest.approx(vehicle, abs=5e-5)


@pytest.mark.parametrize(
    ("ballot", "without_one", "without_two"),
    [
        (Ballot(3, 3, 0, 0), 0.0138, 0.1177),
        (Ballot(4, 3, 0, 0), 0.0383, 0.2215),
        (Ballot(5, 3, 0, 0), 0.0706, 0.3131),
        (Ballot(6, 4, 0, 0), 0.0135, 0.0706),
        (Ballot(10, 5, 0, 0), 0.0148, 0.0578),
        (Ballot(0, 0, 4, 4), 0.0396, 0.1161),
        (Ballot(0, 0, 8, 6), 0.0497, 0.1077),
        (Ballot(2, 2, 3, 2), 0.0666, None),
    ],
)
def test_withdrawal_has_the_published_values(ballot: Ballot, without_one: float, without_two: float | None) -> None:
    assert upper_tail(ballot.without(1), 0.05, CONSTANTS) == pytest.approx(without_one, abs=5e-5)
    if without_two is not None:
        assert upper_tail(ballot.without(2), 0.05, CONSTANTS) == pytest.approx(without_two, abs=5e-5)


@pytest.mark.parametrize(
    ("ballot", "expected"), [(Ballot(0, 0, 3, 0), 0.0475), (Ballot(7, 0, 0, 0), 0.0724), (Ballot(8, 0, 0, 0), 0.0497)]
)
def test_the_lower_tail_has_the_published_values(ballot: Ballot, expected: float) -> None:
    assert lower_tail(ballot, 0.25, CONSTANTS) == pytest.approx(expected, abs=5e-5)


def test_outdoor_failures_are_withdrawn_first_and_never_more_than_there_are() -> None:
    assert Ballot(3, 1, 4, 2).without(2) == Ballot(2, 0, 3, 1)
    assert Ballot(3, 1, 4, 1).without(9) == Ballot(2, 0, 3, 0)


@st.composite
def ballots(draw: st.DrawFn) -> Ballot:
    outdoor, vehicle = draw(st.integers(0, 60)), draw(st.integers(0, 60))
    return Ballot(outdoor, draw(st.integers(0, outdoor)), vehicle, draw(st.integers(0, vehicle)))


@given(ballot=ballots())
def test_one_context_alone_follows_the_binomial_law(ballot: Ballot) -> None:
    for context, alone in (
        ("outdoor", Ballot(ballot.votes_outdoor, ballot.failing_outdoor, 0, 0)),
        ("vehicle", Ballot(0, 0, ballot.votes_vehicle, ballot.failing_vehicle)),
    ):
        law = binom(alone.votes, failing_vote_probability(0.05, context, CONSTANTS))
        assert upper_tail(alone, 0.05, CONSTANTS) == pytest.approx(law.sf(alone.failing - 1), rel=1e-9)
        assert lower_tail(alone, 0.05, CONSTANTS) == pytest.approx(law.cdf(alone.failing), rel=1e-9)


@given(ballot=ballots())
def test_the_lower_tail_and_the_next_upper_tail_share_the_whole_law(ballot: Ballot) -> None:
    if ballot.failing_vehicle < ballot.votes_vehicle:
        more = Ballot(ballot.votes_outdoor, ballot.failing_outdoor, ballot.votes_vehicle, ballot.failing_vehicle + 1)
        assert lower_tail(ballot, 0.05, CONSTANTS) + upper_tail(more, 0.05, CONSTANTS) == pytest.approx(1)


@given(ballot=ballots(), withdrawn=st.integers(0, 5))
def test_one_more_failing_vote_never_raises_p(ballot: Ballot, withdrawn: int) -> None:
    p = upper_tail(ballot.without(withdrawn), 0.05, CONSTANTS)
    if ballot.failing_outdoor < ballot.votes_outdoor:
        turned = Ballot(ballot.votes_outdoor, ballot.failing_outdoor + 1, ballot.votes_vehicle, ballot.failing_vehicle)
        assert upper_tail(turned.without(withdrawn), 0.05, CONSTANTS) <= p + 1e-12
    added = Ballot(ballot.votes_outdoor + 1, ballot.failing_outdoor + 1, ballot.votes_vehicle, ballot.failing_vehicle)
    assert upper_tail(added.without(withdrawn), 0.05, CONSTANTS) <= p + 1e-12


@given(ballot=ballots(), withdrawn=st.integers(0, 5))
def test_withdrawing_votes_never_lowers_p(ballot: Ballot, withdrawn: int) -> None:
    assert (
        upper_tail(ballot.without(withdrawn + 1), 0.05, CONSTANTS)
        >= upper_tail(ballot.without(withdrawn), 0.05, CONSTANTS) - 1e-12
    )

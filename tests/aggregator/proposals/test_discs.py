from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.proposals.discs import greedy, greedy_discs, lambert_93, reach
from aggregator.proposals.exact import exact_discs
from client_sdk.errors import MailleError

RADIUS = 4000.0

coordinates = st.tuples(st.integers(0, 20), st.integers(0, 20))
places = st.lists(st.tuples(coordinates, st.integers(0, 50)), min_size=1, max_size=12)


def _laid_out(drawn: list[tuple[tuple[int, int], int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([where for where, _ in drawn], dtype=float) * 1000, np.array([d for _, d in drawn], dtype=float)


def _covered(metres: NDArray[np.float64], demand: NDArray[np.float64], centres: tuple[int, ...]) -> float:
    apart = np.hypot(*(metres[:, None] - metres[list(centres)][None]).transpose(2, 0, 1))
    return float(demand[(apart <= RADIUS).any(axis=1)].sum())


def _best(metres: NDArray[np.float64], demand: NDArray[np.float64], count: int) -> float:
    every = combinations(range(len(demand)), min(count, len(demand)))
    return max(_covered(metres, demand, choice) for choice in every)


@settings(max_examples=60, deadline=None)
@given(drawn=places, count=st.integers(1, 5))
def test_gains_never_increase_and_discs_share_no_hexagon(drawn: list, count: int) -> None:
    metres, demand = _laid_out(drawn)
    discs = greedy_discs(metres, demand, np.ones(len(demand), bool), count=count, radius_m=RADIUS)
    gains = [disc.gain for disc in discs]
    assert gains == sorted(gains, reverse=True)
    assert all(gain > 0 for gain in gains)
    members = [member for disc in discs for member in disc.members]
    assert len(members) == len(set(members))
    assert sum(gains) == demand[members].sum() == _covered(metres, demand, tuple(d.centre for d in discs))


@settings(max_examples=60, deadline=None)
@given(drawn=places, count=st.integers(1, 3))
def test_greedy_holds_at_least_what_the_theorem_promises(drawn: list, count: int) -> None:
    metres, demand = _laid_out(drawn)
    discs = greedy_discs(metres, demand, np.ones(len(demand), bool), count=count, radius_m=RADIUS)
    assert sum(disc.gain for disc in discs) >= (1 - 1 / np.e) * _best(metres, demand, count) - 1e-9


@settings(max_examples=60, deadline=None)
@given(drawn=places, count=st.integers(1, 4))
def test_no_choice_exceeds_the_bound_told_and_the_exact_one_reaches_the_best(drawn: list, count: int) -> None:
    metres, demand = _laid_out(drawn)
    discs = reach(metres, demand, np.ones(len(demand), bool), RADIUS)
    quick = greedy(discs, demand, count)
    best = _best(metres, demand, count)
    assert quick.bound >= best - 1e-9
    assert quick.guarantee >= 1 - 1 / np.e - 1e-9 or best == 0
    exact = exact_discs(discs, demand, count, quick, seconds=60)
    assert exact.proven
    assert exact.chosen.total == pytest.approx(best)
    assert exact.chosen.bound == pytest.approx(best)
    members = [member for disc in exact.chosen.discs for member in disc.members]
    assert len(members) == len(set(members))
    gains = [disc.gain for disc in exact.chosen.discs]
    assert gains == sorted(gains, reverse=True)


def test_the_exact_choice_beats_the_greedy_one_where_that_is_lured_to_the_middle() -> None:
    """The middle disc holds 4 + 4; two discs at the sides hold 5 + 5, and the greedy choice gets 9."""
    metres = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [6.0, 0.0], [8.0, 0.0]]) * 1000
    demand = np.array([1.0, 4.0, 0.0, 4.0, 1.0])
    discs = reach(metres, demand, np.ones(5, bool), 2000.0)
    quick = greedy(discs, demand, 2)
    assert quick.total == 9.0
    exact = exact_discs(discs, demand, 2, quick, seconds=60)
    assert (exact.chosen.total, exact.greedy_total, exact.gap) == (10.0, 9.0, 0.0)
    assert [sorted(disc.members.tolist()) for disc in exact.chosen.discs] == [[0, 1, 2], [3, 4]]


def test_hexagons_that_are_taken_are_in_no_disc() -> None:
    metres, demand = np.array([[0.0, 0.0], [1000.0, 0.0], [2000.0, 0.0]]), np.array([1.0, 5.0, 1.0])
    free = np.array([True, False, True])
    discs = reach(metres, np.where(free, demand, 0.0), np.ones(3, bool), RADIUS, free)
    (disc,) = greedy(discs, np.where(free, demand, 0.0), 2).discs
    assert (disc.gain, disc.members.tolist()) == (2.0, [0, 2])


def test_it_stops_when_nothing_is_left_to_gain() -> None:
    metres = np.array([[0.0, 0.0], [1000.0, 0.0], [50_000.0, 0.0]])
    discs = greedy_discs(metres, np.array([1.0, 2.0, 3.0]), np.ones(3, bool), count=9, radius_m=RADIUS)
    assert [(disc.centre, disc.gain, disc.members.tolist()) for disc in discs] == [(2, 3.0, [2]), (1, 3.0, [0, 1])]


def test_a_lone_need_is_in_the_middle_of_its_disc() -> None:
    metres = np.array([[0.0, 0.0], [2000.0, 0.0], [4000.0, 0.0]])
    (disc,) = greedy_discs(metres, np.array([0.0, 0.0, 1.0]), np.ones(3, bool), count=9, radius_m=RADIUS)
    assert disc.centre == 2


def test_only_candidates_are_centres() -> None:
    metres = np.array([[0.0, 0.0], [3000.0, 0.0], [6000.0, 0.0]])
    only_first = np.array([True, False, False])
    (disc,) = greedy_discs(metres, np.array([1.0, 2.0, 3.0]), only_first, count=9, radius_m=RADIUS)
    assert (disc.centre, disc.gain) == (0, 3.0)
    assert greedy_discs(metres, np.array([0.0, 0.0, 3.0]), only_first, count=9, radius_m=RADIUS) == []


def test_lambert_93_agrees_with_the_published_centre_of_the_projection() -> None:
    """The origin of EPSG:2154 is 46.5 N 3 E at 700 km east and 6,600 km north."""
    assert np.allclose(lambert_93([46.5], [3.0]), [[700_000, 6_600_000]], atol=0.01)


def test_discs_too_large_for_the_memory_are_refused_with_the_way_out() -> None:
    side = np.arange(130) * 900.0
    metres = np.array([(x, y) for x in side for y in side])
    everywhere = np.ones(len(metres), bool)
    with pytest.raises(MailleError, match=r"200 km: 16900 discs of this radius hold 285610000 .* smaller outline"):
        reach(metres, np.ones(len(metres)), everywhere, 200_000.0)
    assert len(reach(metres, np.ones(len(metres)), everywhere, 2_000.0).centres) == len(metres)


def test_a_programme_out_of_time_tells_what_it_proved() -> None:
    random = np.random.default_rng(4)
    metres = random.uniform(0, 60_000, (3_000, 2))
    demand = random.exponential(10.0, len(metres))
    discs = reach(metres, demand, np.ones(len(demand), bool), RADIUS)
    quick = greedy(discs, demand, 40)
    found = exact_discs(discs, demand, 40, quick, seconds=0.2)
    assert not found.proven
    assert found.chosen.total >= quick.total
    assert quick.total <= found.chosen.bound <= quick.bound * (1 + 1e-9)
    assert 0 < found.gap == pytest.approx(1 - found.chosen.total / found.chosen.bound)

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.proposals.discs import greedy_discs, lambert_93

RADIUS = 4000.0

coordinates = st.tuples(st.integers(0, 20), st.integers(0, 20))
places = st.lists(st.tuples(coordinates, st.integers(0, 50)), min_size=1, max_size=12)


def _laid_out(drawn: list[tuple[tuple[int, int], int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([where for where, _ in drawn], dtype=float) * 1000, np.array([d for _, d in drawn], dtype=float)


def _covered(metres: NDArray[np.float64], demand: NDArray[np.float64], centres: tuple[int, ...]) -> float:
    apart = np.hypot(*(metres[:, None] - metres[list(centres)][None]).transpose(2, 0, 1))
    return float(demand[(apart <= RADIUS).any(axis=1)].sum())


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
    every = combinations(range(len(demand)), min(count, len(demand)))
    best = max(_covered(metres, demand, choice) for choice in every)
    assert sum(disc.gain for disc in discs) >= (1 - 1 / np.e) * best - 1e-9


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

"""Tours stay within their time, are the same each time, and are near the best there is."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.proposals.tours import best_tour, tour_time

where = st.integers(-40, 40)
places = st.lists(st.tuples(where, where, st.integers(0, 30), st.integers(0, 50)), min_size=1, max_size=30)
worthwhile = st.tuples(where, where, st.integers(0, 30), st.integers(1, 50))


def laid_out(drawn: list[tuple[int, int, int, int]]) -> tuple[NDArray[np.float64], ...]:
    table = np.array(drawn, dtype=float)
    metres = np.vstack([[0.0, 0.0], table[:, :2]])
    travel = np.hypot(*(metres[:, None] - metres[None]).transpose(2, 0, 1))
    return travel, table[:, 2], table[:, 3]


@settings(max_examples=60, deadline=None)
@given(drawn=places, budget=st.floats(0, 400))
def test_a_tour_is_within_its_time_visits_once_and_is_the_same_again(
    drawn: list[tuple[int, int, int, int]], budget: float
) -> None:
    travel, stay, value = laid_out(drawn)
    tour = best_tour(travel, stay, value, budget)
    assert tour_time(tour, travel, stay) <= budget
    assert len(set(tour)) == len(tour)
    assert (value[tour] > 0).all()
    assert best_tour(travel, stay, value, budget) == tour
    alone = 2 * travel[0, 1:] + stay
    assert bool(tour) == bool(((alone <= budget) & (value > 0)).any())


@settings(max_examples=20, deadline=None)
@given(drawn=st.lists(worthwhile, min_size=1, max_size=6), budget=st.floats(50, 250))
def test_no_tour_of_a_few_places_is_much_better(drawn: list[tuple[int, int, int, int]], budget: float) -> None:
    travel, stay, value = laid_out(drawn)
    best = 0.0
    for size in range(len(drawn) + 1):
        for order in permutations(range(len(drawn)), size):
            if tour_time(list(order), travel, stay) <= budget:
                best = max(best, value[list(order)].sum())
    assert value[best_tour(travel, stay, value, budget)].sum() >= 0.85 * best


def test_with_time_for_all_the_way_around_a_circle_is_the_circle() -> None:
    angles = 2 * np.pi * np.arange(1, 12) / 12
    mixed = np.random.default_rng(5).permutation(11)
    metres = np.vstack([[1.0, 0.0], np.column_stack([np.cos(angles), np.sin(angles)])[mixed]])
    travel = np.hypot(*(metres[:, None] - metres[None]).transpose(2, 0, 1))
    tour = best_tour(travel, np.zeros(11), np.ones(11), 100.0)
    around = mixed[tour].tolist()
    assert around in (list(range(11)), list(range(10, -1, -1)))
    assert tour_time(tour, travel, np.zeros(11)) == pytest.approx(24 * np.sin(np.pi / 12))


def test_a_rich_place_too_far_is_left_and_a_poor_one_is_given_up_for_a_better() -> None:
    travel, stay, value = laid_out([(10, 0, 5, 3), (0, 10, 5, 4), (100, 0, 5, 1000)])
    assert best_tour(travel, stay, value, 26.0) == [1]
    assert best_tour(travel, stay, value, 19.0) == []

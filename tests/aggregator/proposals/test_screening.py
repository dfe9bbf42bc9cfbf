"""A claim is suspicious by the votes there, and by those around; liars alone among the well served are not."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given
from hypothesis import strategies as st

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import failing_vote_probability
from aggregator.proposals.screening import COMMON, correlation, screen, vote_law

Row = Callable[..., dict[str, object]]
Claims = Callable[..., pd.DataFrame]
ORIGIN = h3.latlng_to_cell(46.7722, 3.4817, 8)
ALL = sorted(h3.grid_disk(ORIGIN, 14))
DEEP = sorted(h3.grid_disk(ORIGIN, 2))


@pytest.fixture
def claims(claims_on: Claims) -> pd.DataFrame:
    return pd.concat([claims_on(ALL), claims_on(ALL, "20820")], ignore_index=True)


@pytest.fixture
def country(verdict_row: Row) -> list[dict[str, object]]:
    """A ring of places far from the middle, served as usual, from which the laws are learnt."""
    return [_voted(verdict_row, cell, 3, 0) for cell in sorted(h3.grid_ring(ORIGIN, 10))]


def _voted(verdict_row: Row, cell: int, votes: int, failing: int, operator: str = "20801") -> dict[str, object]:
    counts = {"devices": votes, "failing": failing, "votes_outdoor": votes, "failing_outdoor": failing}
    return verdict_row(cell, "insufficient", operator=operator, **counts)


def chance(rows: list[dict[str, object]], claims: pd.DataFrame, cell: int = ORIGIN) -> float:
    listed = screen(pd.DataFrame(rows), claims)
    return float(listed.set_index(["h3_r8", "operator"]).loc[(cell, "20801"), "chance_bad"])


def test_neighbours_that_fail_make_a_place_more_suspicious_and_served_ones_less(
    verdict_row: Row, country: list[dict[str, object]], claims: pd.DataFrame
) -> None:
    here = _voted(verdict_row, ORIGIN, 2, 1)
    ring = sorted(h3.grid_ring(ORIGIN, 1))
    alone = chance([here, *country], claims)
    failing = chance([here, *country, *(_voted(verdict_row, cell, 2, 2) for cell in ring)], claims)
    served = chance([here, *country, *(_voted(verdict_row, cell, 4, 0) for cell in ring)], claims)
    assert served < alone < failing
    assert failing > 2 * alone


def test_another_operators_phones_at_the_same_place_count_too(
    verdict_row: Row, country: list[dict[str, object]], claims: pd.DataFrame
) -> None:
    here = _voted(verdict_row, ORIGIN, 2, 1)
    both = [chance([here, *country, _voted(verdict_row, ORIGIN, 4, k, "20820")], claims) for k in (0, 2, 4)]
    assert both == sorted(both)
    assert both[0] < both[2]


def test_far_votes_change_no_order_and_two_rings_are_the_reach(
    verdict_row: Row, country: list[dict[str, object]], claims: pd.DataFrame
) -> None:
    cells = [ORIGIN, sorted(h3.grid_ring(ORIGIN, 5))[0]]
    rows = [_voted(verdict_row, cell, 3, 2) for cell in cells]
    listed = screen(pd.DataFrame([*rows, *country]), claims)
    assert listed["h3_r8"].tolist() == sorted(cells)
    assert listed["chance_bad"].nunique() == 1


def test_liars_among_the_well_served_come_after_fewer_phones_amid_failures(
    verdict_row: Row, country: list[dict[str, object]], claims: pd.DataFrame
) -> None:
    liars, dead = ORIGIN, sorted(h3.grid_ring(ORIGIN, 6))[0]
    rows = [_voted(verdict_row, liars, 5, 5), _voted(verdict_row, dead, 2, 2)]
    rows += [_voted(verdict_row, cell, 12, 0) for cell in sorted(h3.grid_ring(liars, 1))]
    rows += [_voted(verdict_row, liars, 12, 0, "20820")]
    rows += [_voted(verdict_row, cell, 2, 1) for cell in sorted(h3.grid_ring(dead, 1))]
    listed = screen(pd.DataFrame([*rows, *country]), claims)
    assert listed["h3_r8"].tolist().index(dead) < listed["h3_r8"].tolist().index(liars)


def test_only_claims_that_a_phone_spoke_against_are_listed_whatever_the_order_of_rows(
    verdict_row: Row, country: list[dict[str, object]], claims: pd.DataFrame
) -> None:
    rows = [_voted(verdict_row, cell, 3, number % 3) for number, cell in enumerate(DEEP)]
    table = pd.DataFrame([*rows, *country])
    listed = screen(table, claims)
    assert set(listed["h3_r8"]) == {cell for number, cell in enumerate(DEEP) if number % 3}
    assert listed["chance_bad"].is_monotonic_decreasing
    pd.testing.assert_frame_equal(screen(table.sample(frac=1, random_state=1), claims), listed)
    unclaimed = table.assign(claimed=pd.array([False] * len(table), dtype="boolean"))
    assert screen(unclaimed, claims).empty
    assert screen(table.iloc[:0], claims).empty
    assert screen(table, claims, threshold="3").empty


@given(z=st.floats(-3, 3), context=st.sampled_from(["outdoor", "vehicle"]))
def test_the_law_of_a_vote_is_that_of_the_null_and_its_slope(z: float, context: str) -> None:
    from statistics import NormalDist

    law, slope = vote_law(np.array([z - 1e-5, z, z + 1e-5]), context, Constants())
    assert law[1] == pytest.approx(failing_vote_probability(NormalDist().cdf(z), context, Constants()))
    assert slope[1] == pytest.approx((law[2] - law[0]) / 2e-5, rel=1e-4, abs=1e-8)


@given(points=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.booleans()), min_size=2, max_size=8))
def test_correlations_are_those_of_a_field(points: list[tuple[float, float, bool]]) -> None:
    east, north, whose = (np.array(column) for column in zip(*points, strict=True))
    apart = np.hypot(east[:, None] - east, north[:, None] - north)
    matrix = correlation(apart, whose[:, None] == whose)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9
    assert correlation(np.array(0.0), np.array(False)) == pytest.approx(COMMON)
    assert correlation(np.array(0.0), np.array(True)) == pytest.approx(1.0)

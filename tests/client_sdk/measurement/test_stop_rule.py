import hashlib
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.measurement.stop_rule import (
    RULE,
    Arrival,
    arrivals_of,
    bucket_bytes,
    figures,
    first_steady,
    is_calibration,
    is_lower_bound,
    is_steady,
    ramp_end,
    stability_index,
    stop_reason,
)
from client_sdk.sample import new_sample_id

FAST = 1_000_000
"""Bytes a bucket: 16 Mbit/s, far above the rates that run to full length."""

buckets_lists = st.lists(st.integers(0, 50_000_000), max_size=26)


@st.composite
def traces(draw: st.DrawFn) -> list[Arrival]:
    """Arrivals at any times, with pauses, lumps and several at one instant."""
    steps = draw(st.lists(st.tuples(st.floats(0, 2.5), st.integers(0, 5_000_000)), min_size=1, max_size=40))
    times = accumulate(step for step, _ in steps)
    totals = accumulate(count for _, count in steps)
    return list(zip(times, totals, strict=True))


def told(buckets: list[int]) -> str | None:
    """Why a transfer stops that has these buckets so far."""
    arrivals = arrivals_of(buckets)
    return stop_reason(arrivals, now_s=len(buckets) * RULE.bucket_s, quiet_s=0, max_bytes=None)


@given(buckets_lists)
def test_the_rule_never_stops_before_its_shortest_time(buckets: list[int]) -> None:
    steady = first_steady(buckets)
    assert steady is None or (steady * RULE.bucket_s >= 4.0 and steady - ramp_end(buckets[:steady]) >= 6)


@given(st.lists(st.integers(50_000, 5_000_000), max_size=22), st.integers(2, 50))
def test_a_rate_so_many_times_higher_stops_at_the_same_time(buckets: list[int], times: int) -> None:
    more = [count * times for count in buckets]
    index, scaled = stability_index(buckets), stability_index(more)
    assert ramp_end(more) == ramp_end(buckets)
    assert scaled == (None if index is None else pytest.approx(index))
    if index is None or abs(index - RULE.target) > 1e-9:
        assert first_steady(more) == first_steady(buckets)


@given(traces())
def test_interpolation_loses_no_byte(arrivals: list[Arrival]) -> None:
    buckets = bucket_bytes(arrivals)
    last_s, total = arrivals[-1]
    assert len(buckets) == int(last_s // RULE.bucket_s)
    assert all(count >= 0 for count in buckets)
    assert sum(buckets) <= total
    whole = bucket_bytes([*arrivals, (last_s + RULE.bucket_s, total)])
    assert sum(whole) == (total if whole else 0)


@given(traces())
def test_a_bucket_does_not_change_once_it_is_complete(arrivals: list[Arrival]) -> None:
    whole = bucket_bytes(arrivals)
    for count in range(len(arrivals)):
        early = bucket_bytes(arrivals[:count])
        assert early == whole[: len(early)]


@given(buckets_lists)
def test_buckets_of_their_own_arrivals_are_the_same(buckets: list[int]) -> None:
    assert bucket_bytes(arrivals_of(buckets)) == buckets


@given(traces())
def test_figures_of_anything_are_within_reason(arrivals: list[Arrival]) -> None:
    found = figures(arrivals)
    highest = max((8 * count / RULE.bucket_s for count in found.buckets), default=found.whole_bps)
    assert 0 <= found.bps <= max(highest, found.whole_bps) * (1 + 1e-9)
    assert found.stability is None or found.stability >= 0
    assert (found.would_stop_s is None) == (found.would_stop_bps is None)
    assert found.confidence != "high" or (found.stability or 0) <= RULE.target


def test_edges_are_interpolated_between_arrivals() -> None:
    assert bucket_bytes([(0.25, 100), (0.75, 300), (1.25, 300), (1.75, 900)]) == [200, 100, 300]


def test_what_comes_at_an_edge_after_it_was_seen_belongs_to_the_next_bucket() -> None:
    assert bucket_bytes([(0.5, 100), (0.5, 300), (1.0, 300)]) == [100, 200]


def test_a_constant_rate_stops_at_four_seconds_and_tells_it() -> None:
    buckets = [FAST] * 20
    assert first_steady(buckets) == 8
    found = figures(arrivals_of(buckets[:8]))
    assert (found.bps, found.stability, found.confidence, found.ramp_s) == (16_000_000, 0.0, "high", 1.0)
    assert told(buckets[:7]) is None
    assert told(buckets[:8]) == "ci"


def test_the_ramp_is_left_out() -> None:
    buckets = [20_000, 60_000, 200_000, 500_000, *[FAST] * 10]
    found = figures(arrivals_of(buckets))
    assert ramp_end(buckets) == 4
    assert found.bps == 16_000_000
    assert found.whole_bps == pytest.approx(sum(buckets) * 8 / 7)
    assert found.ramp_s == 2.0
    assert first_steady(buckets) == 10  # six buckets after the ramp


def test_a_bursty_rate_runs_to_the_end_and_says_how_sure_it_is() -> None:
    buckets = [0, FAST * 2] * 10
    assert first_steady(buckets) is None
    assert told(buckets[:19]) is None
    assert told(buckets) == "time_cap"
    found = figures(arrivals_of(buckets))
    assert found.confidence == "low"
    assert found.stability is not None
    assert found.stability > 0.4


def test_nothing_at_all_is_waited_for_longer_than_a_stall() -> None:
    assert stop_reason([], now_s=9.9, quiet_s=9.9, max_bytes=100) is None
    assert stop_reason([(9.0, 0)], now_s=10.0, quiet_s=10.0, max_bytes=100) == "stalled"
    found = figures([])
    assert (found.bps, found.whole_bps, found.buckets, found.confidence) == (0, 0, (), "low")
    assert figures(arrivals_of([0] * 20)).stability is None


def test_a_pause_of_three_seconds_is_a_stall() -> None:
    arrivals = arrivals_of([FAST] * 3)
    assert stop_reason(arrivals, now_s=4.4, quiet_s=2.9, max_bytes=None) is None
    assert stop_reason(arrivals, now_s=4.5, quiet_s=3.0, max_bytes=None) == "stalled"


def test_without_a_bucket_after_the_ramp_the_whole_transfer_counts() -> None:
    for arrivals in ([(0.3, 30_000)], arrivals_of([FAST]), arrivals_of([1000, 2000])):
        found = figures(arrivals)
        elapsed_s, total = arrivals[-1]
        assert found.bps == found.whole_bps == pytest.approx(total * 8 / elapsed_s)
        assert (found.stability, found.confidence, found.ramp_s) == (None, "low", 0.0)
    one = figures(arrivals_of([1000, 2000, 4000]))
    assert (one.bps, one.stability, one.confidence) == (64_000, None, "low")


def test_the_byte_cap_makes_a_lower_bound_unless_the_rule_was_first() -> None:
    early, late = arrivals_of([FAST] * 5), arrivals_of([FAST] * 9)
    assert stop_reason(early, now_s=2.5, quiet_s=0, max_bytes=5 * FAST) == "byte_cap"
    assert is_lower_bound(figures(early), "byte_cap")
    assert not is_lower_bound(figures(late), "byte_cap")  # a calibration run that went on
    assert not is_lower_bound(figures(arrivals_of([0, FAST] * 10)), "time_cap")
    assert not is_lower_bound(figures(early), "stalled")


def test_a_server_that_leaves_early_makes_no_network_look_slow() -> None:
    assert is_lower_bound(figures(arrivals_of([FAST] * 3)), "closed")
    assert not is_lower_bound(figures(arrivals_of([0, FAST] * 6)), "closed")


def test_a_slow_link_runs_to_the_end() -> None:
    just_below, just_above = [15_999] * 20, [16_000] * 20
    assert first_steady(just_below) is None
    assert told(just_below[:12]) is None
    assert told(just_below) == "time_cap"
    assert told(just_above[:8]) == "ci"


def test_full_length_leaves_the_rule_out_and_tells_what_it_would_have_done() -> None:
    arrivals = arrivals_of([FAST] * 9 + [2 * FAST] * 11)
    assert stop_reason(arrivals, now_s=9.9, quiet_s=0, max_bytes=None, full_length=True) is None
    assert stop_reason(arrivals, now_s=10.0, quiet_s=0, max_bytes=None, full_length=True) == "time_cap"
    found = figures(arrivals)
    assert (found.would_stop_s, found.would_stop_bps) == (4.0, 16_000_000)
    assert found.bps > 16_000_000


@pytest.mark.parametrize(
    ("spread", "confidence"), [(0, "high"), (100_000, "high"), (300_000, "medium"), (400_000, "low")]
)
def test_confidence_follows_the_index(spread: int, confidence: str) -> None:
    buckets = [FAST] * 2 + [FAST - spread, FAST + spread] * 4
    assert figures(arrivals_of(buckets)).confidence == confidence


@given(st.text(max_size=40))
def test_the_draw_is_one_that_anyone_can_repeat(sample_id: str) -> None:
    assert is_calibration(sample_id) == (hashlib.sha256(sample_id.encode()).digest()[0] < 26)


def test_about_one_in_ten_is_drawn() -> None:
    drawn = sum(is_calibration(new_sample_id(number)) for number in range(4000))
    assert 320 < drawn < 500


def test_parameters_are_those_of_the_method() -> None:
    assert (RULE.bucket_s, RULE.min_s, RULE.max_s, RULE.wall_s, RULE.min_buckets) == (0.5, 4.0, 10.0, 13.0, 6)
    assert (RULE.target, RULE.medium, RULE.stall_s, RULE.slow_bps) == (0.10, 0.25, 3.0, 256_000)
    assert (RULE.ramp_share, RULE.ramp_buckets, RULE.z) == (0.7, 2, 1.96)
    with pytest.raises(AttributeError):
        RULE.target = 1.0  # type: ignore[misc]
    assert is_steady([FAST] * 4, replace(RULE, min_s=1.0, min_buckets=2))

"""Fences are a partition of the time that was recorded, each true of one place and one network."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from survey_drive import fix, reading

from client_sdk.sources.reading import PositionFix
from client_sdk.survey.fences import MAX_SIGNAL_AGE_S, Fence, FenceKeeper, FenceRules, network_of
from client_sdk.survey.odometer import Odometer, distance_m

LATEST_S = 1.5
"""How long after it was taken a reading may be noticed here."""

events = st.lists(
    st.tuples(
        st.floats(0.001, 7.0),
        st.one_of(
            st.just(("tick",)),
            st.just(("failure",)),
            st.tuples(st.just("reading"), st.sampled_from(["lte", "nr", "gsm"]), st.floats(0, LATEST_S)),
            st.tuples(st.just("fix"), st.floats(0, 400), st.floats(0, 20)),
        ),
    ),
    max_size=60,
)


@given(events)
def test_fences_partition_the_time_recorded(happened: list[tuple[float, tuple[Any, ...]]]) -> None:
    keeper, now_s, closed = FenceKeeper(), 1000.0, list[Fence]()
    first: PositionFix | None = None
    keeper.open(now_s)
    for later_s, event in happened:
        now_s += later_s
        match event:
            case ("reading", rat, late_s):
                closed += keeper.add_reading(reading(now_s - late_s, rat))
            case ("fix", metres, age_s):
                place = fix(now_s - age_s, metres)
                first = first or place
                closed += keeper.add_fix(place, now_s)
            case ("failure",):
                closed += keeper.add_failure(now_s)
        closed += keeper.advance(now_s)
    closed += keeper.close(now_s)

    assert keeper.open_since_s is None
    if not happened:
        assert closed == []
        return
    assert (closed[0].start_s, closed[-1].end_s) == (1000.0, now_s)
    assert all(one.end_s == other.start_s for one, other in pairwise(closed))
    for fence in closed:
        assert 0 < fence.end_s - fence.start_s <= 10.0 + 1e-9
        assert len({network_of(one) for one in (*fence.readings, fence.earlier) if one}) <= 1
        assert all(one.taken_at_s <= fence.end_s for one in fence.readings)
        # a position is one of before the fence, or of when a change of network was noticed; but for the first of all,
        # which may have come before anything else was known in the fence
        known_s = fence.end_s if fence.fix == first else min(fence.end_s, fence.start_s + LATEST_S)
        assert fence.fix is None or fence.fix.fixed_at_s <= known_s
        if fence.earlier:
            assert 0 <= fence.start_s - fence.earlier.taken_at_s <= MAX_SIGNAL_AGE_S


def test_standing_still_closes_a_fence_every_ten_seconds_and_no_later() -> None:
    keeper = FenceKeeper()
    keeper.open(0.0)
    keeper.add_fix(fix(0.0), 0.0)

    closed = keeper.advance(34.9)

    assert [(fence.start_s, fence.end_s, fence.closed_by) for fence in closed] == [
        (0, 10, "time"),
        (10, 20, "time"),
        (20, 30, "time"),
    ]
    assert keeper.open_since_s == 30.0


def test_moving_closes_a_fence_every_fifty_metres() -> None:
    keeper, closed = FenceKeeper(), list[Fence]()
    keeper.add_fix(fix(0.0), 0.0)
    keeper.open(0.0)
    for second in range(1, 41):  # 13 m/s
        closed += keeper.add_fix(fix(float(second), second * 13.0), float(second))

    assert {fence.closed_by for fence in closed} == {"distance"}
    assert [fence.end_s for fence in closed] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert all(fence.fix == fix(fence.start_s, fence.start_s * 13.0) for fence in closed)


def test_jitter_within_the_accuracy_is_no_movement() -> None:
    keeper = FenceKeeper()
    keeper.add_fix(fix(0.0, accuracy_m=80.0), 0.0)
    keeper.open(0.0)

    assert keeper.add_fix(fix(1.0, 70.0, accuracy_m=4.0), 1.0) == []
    assert keeper.add_fix(fix(2.0, 90.0, accuracy_m=300.0), 2.0) == []
    assert [fence.closed_by for fence in keeper.add_fix(fix(3.0, 90.0, accuracy_m=4.0), 3.0)] == ["distance"]


def test_a_change_of_network_closes_the_fence_where_it_was_read() -> None:
    keeper = FenceKeeper()
    keeper.open(0.0)
    keeper.add_reading(reading(0.5, serving_plmn="20801"))

    (first,) = keeper.add_reading(reading(3.25, serving_plmn="20810"))
    (second,) = keeper.add_reading(reading(4.0, rat=None, state="no_service"))

    assert (first.end_s, first.closed_by, first.network) == (3.25, "network", ("in_service", "lte", None, "20801"))
    assert (second.end_s, second.closed_by, second.network) == (4.0, "network", ("in_service", "lte", None, "20810"))
    assert keeper.close(5.0)[0].network == ("no_service", None, None, None)


def test_the_first_position_opens_a_fence_of_its_own() -> None:
    keeper = FenceKeeper()
    keeper.open(0.0)
    keeper.add_reading(reading(1.0))

    (blind,) = keeper.add_fix(fix(3.9), 4.0)

    assert (blind.fix, blind.end_s, blind.closed_by) == (None, 4.0, "position")
    assert keeper.close(5.0)[0].fix == fix(3.9)


def test_a_position_that_comes_before_anything_is_known_is_that_of_the_fence() -> None:
    keeper = FenceKeeper()
    keeper.open(0.0)

    assert keeper.add_fix(fix(0.9), 1.0) == []
    (only,) = keeper.close(5.0)
    assert (only.start_s, only.fix) == (0.0, fix(0.9))


def test_a_reading_stands_for_a_short_fence_after_it_but_not_after_a_failure_or_for_long() -> None:
    keeper = FenceKeeper(FenceRules(duration_s=4.0))
    keeper.open(0.0)
    answer = reading(1.0)
    keeper.add_reading(answer)

    fences = keeper.advance(16.0)
    assert [fence.earlier for fence in fences] == [None, answer, answer, None]

    keeper.add_reading(reading(17.0))
    keeper.add_failure(18.0)
    (cut,) = keeper.close(19.0)
    assert ([one.taken_at_s for one in cut.readings], cut.failures) == ([17.0], 1)
    keeper.open(19.0)
    assert keeper.close(20.0)[0].earlier is None


def test_a_network_that_changes_the_moment_a_fence_opened_leaves_nothing_of_the_old_one() -> None:
    keeper = FenceKeeper()
    keeper.open(10.0)
    keeper.add_reading(reading(10.0, "gsm"))

    assert keeper.add_reading(reading(9.5, "lte")) == []
    assert keeper.close(11.0)[0].network == ("in_service", "lte", None, None)


def test_the_odometer_counts_travel_and_no_jitter() -> None:
    odometer = Odometer()
    for second in range(100):
        odometer.fix(fix(float(second), second % 2 * 9.0))
    assert odometer.metres == 0
    for second in range(100):
        odometer.fix(fix(float(second), 20.0 * second))
    assert abs(odometer.metres - 1980) < 10


def test_distances_are_those_of_the_sphere() -> None:
    # Paris to Nevers by the spherical law of cosines
    paris = PositionFix(fixed_at_s=0, latitude=48.8566, longitude=2.3522, position_source="gnss")
    nevers = PositionFix(fixed_at_s=0, latitude=46.9896, longitude=3.1590, position_source="gnss")
    assert abs(distance_m(paris, nevers) - 216_127) < 2


def test_a_held_fence_is_one_whatever_happens_in_it() -> None:
    keeper = FenceKeeper()
    keeper.add_fix(fix(0.0), 0.0)
    keeper.open(0.0)
    keeper.add_reading(reading(1.0))

    (before,) = keeper.hold(5.0)
    assert keeper.add_reading(reading(6.0, "gsm")) == []
    assert keeper.add_fix(fix(20.0, 900.0), 20.0) == []
    assert keeper.advance(40.0) == []
    held = keeper.release(41.0)
    (after,) = keeper.close(42.0)

    assert held is not None
    assert [(one.start_s, one.end_s, one.closed_by) for one in (before, held, after)] == [
        (0.0, 5.0, "cut"),
        (5.0, 41.0, "held"),
        (41.0, 42.0, "cut"),
    ]
    assert (held.fix, after.fix) == (fix(0.0), fix(20.0, 900.0))


def test_recording_that_stops_in_a_held_fence_closes_it() -> None:
    keeper = FenceKeeper()
    keeper.open(0.0)
    keeper.hold(1.0)

    assert [(one.start_s, one.end_s) for one in keeper.close(13.0)] == [(1.0, 11.0), (11.0, 13.0)]
    assert keeper.release(14.0) is None

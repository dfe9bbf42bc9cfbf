"""The survey's line of time never goes back, whatever is done to the device's clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from client_sdk.survey.timeline import STEP_MS, Step, Timeline

NOON_MS = 1_795_435_200_000


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(-10_000_000, 10_000_000)), max_size=40))
def test_later_instants_never_get_earlier_ones(moves: list[tuple[float, int]]) -> None:
    now_s, offset_ms = 50.0, 0
    line = Timeline(now_s, NOON_MS)
    stamped = [line.at_ms(now_s)]
    for later_s, set_by_ms in moves:
        now_s += later_s
        offset_ms += set_by_ms
        wall_ms = NOON_MS + round((now_s - 50.0) * 1000) + offset_ms
        stamped.append(line.at_ms(now_s))
        step = line.compare(now_s, wall_ms)
        if step:
            assert step.from_ms == stamped[-1]
            line.follow(step, now_s)
        stamped.append(line.at_ms(now_s))
        assert stamped[-1] >= wall_ms - STEP_MS  # never left behind by the clock
        assert line.ahead_ms == (stamped[-1] - wall_ms if stamped[-1] - wall_ms > STEP_MS else 0)
    assert all(one <= other for one, other in pairwise(stamped))


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_durations_are_those_of_the_monotonic_clock(one_s: float, other_s: float) -> None:
    line = Timeline(0.0, NOON_MS)
    first_s, second_s = sorted((one_s, other_s))

    assert abs(line.at_ms(second_s) - line.at_ms(first_s) - (second_s - first_s) * 1000) <= 1.01


def test_a_clock_set_back_is_told_once_and_not_followed() -> None:
    line = Timeline(0.0, NOON_MS)

    assert line.compare(10.0, NOON_MS + 10_000 - 3_600_000) == Step(NOON_MS + 10_000, NOON_MS + 10_000 - 3_600_000)
    assert line.compare(11.0, NOON_MS + 11_000 - 3_600_000) is None
    assert line.at_ms(11.0) == NOON_MS + 11_000
    assert line.ahead_ms == 3_600_000
    # set right again
    assert line.compare(12.0, NOON_MS + 12_000) is None
    assert line.ahead_ms == 0


def test_a_clock_set_at_last_is_followed() -> None:
    line = Timeline(5.0, 86_400_000)  # 1970-01-02, as after a start without a clock
    step = line.compare(20.0, NOON_MS)

    assert step == Step(86_415_000, NOON_MS)
    assert line.at_ms(20.0) == 86_415_000  # until it is followed, so that what lies before can be stamped
    line.follow(step, 20.0)
    assert line.at_ms(21.0) == NOON_MS + 1000


def test_a_survey_that_goes_on_begins_after_its_last_interval() -> None:
    line = Timeline(0.0, NOON_MS, not_before_ms=NOON_MS + 60_000)

    assert line.at_ms(0.0) == NOON_MS + 60_000
    assert line.ahead_ms == 60_000


def test_what_a_time_server_slews_is_no_step() -> None:
    line = Timeline(0.0, NOON_MS)

    assert line.compare(1.0, NOON_MS + 1000 + STEP_MS) is None
    assert line.compare(1.0, NOON_MS + 1000 - STEP_MS) is None

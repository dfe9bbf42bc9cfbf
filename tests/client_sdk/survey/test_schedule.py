"""When the next test or run is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.errors import MailleError
from client_sdk.survey.schedule import (
    GRACE_SHARE,
    Rhythm,
    Slots,
    Travelled,
    is_due,
    parse_period_s,
    parse_rhythm,
    until_due,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2km", Rhythm(2000, "distance")),
        ("1,5 km", Rhythm(1500, "distance")),
        ("500m", Rhythm(500, "distance")),
        ("10min", Rhythm(600, "time")),
        ("1h", Rhythm(3600, "time")),
        ("90 s", Rhythm(90, "time")),
        ("200MB/h", Rhythm(200e6, "budget")),
        ("200Mo/h", Rhythm(200e6, "budget")),
    ],
)
def test_distance_time_and_data_are_told_apart(text: str, expected: Rhythm) -> None:
    assert parse_rhythm(text) == expected


@pytest.mark.parametrize("text", ["", "0km", "-1km", "ten", "2", "2 miles", "km", "1e3km", "200MB"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(MailleError, match="--test-every"):
        parse_rhythm(text)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("30min", 1800), ("1h", 3600), ("90s", 90)])
def test_a_period_in_minutes_or_hours(text: str, seconds: float) -> None:
    assert parse_period_s(text) == seconds


@pytest.mark.parametrize("text", ["", "59s", "0.5m", "2km", "every day"])
def test_a_period_shorter_than_a_minute_is_refused(text: str) -> None:
    with pytest.raises(MailleError, match="--every"):
        parse_period_s(text)


def test_a_test_is_due_by_distance_time_or_what_the_last_one_used() -> None:
    def since(metres: float = 0, seconds: float = 0, last: int | None = 1) -> Travelled:
        return Travelled(metres=metres, seconds=seconds, last_test_bytes=last)

    assert not is_due(Rhythm(2000, "distance"), since(metres=1999, last=None))
    assert is_due(Rhythm(2000, "distance"), since(metres=2000, last=None))
    assert is_due(Rhythm(600, "time"), since(last=None))
    assert not is_due(Rhythm(600, "time"), since(seconds=599))
    assert is_due(Rhythm(600, "time"), since(seconds=600))
    # 50 MB at 200 MB an hour have their time after a quarter of an hour
    assert until_due(Rhythm(200e6, "budget"), since(seconds=300, last=50_000_000)) == pytest.approx(600)
    assert is_due(Rhythm(200e6, "budget"), since(seconds=900, last=50_000_000))


@given(st.integers(0, 500), st.floats(60, 86_400), st.integers(0, 10**9), st.text(max_size=8))
def test_every_run_is_done_or_missed_once(steps: int, period_s: float, awake_ms: int, seed: str) -> None:
    slots, now_ms, last = Slots(first_ms=1_795_435_200_000, period_s=period_s, seed=seed), 1_795_435_200_000, None
    accounted: list[int] = []
    for step in range(min(steps, 30)):
        now_ms += (awake_ms * (step + 1)) % 7_000_000_00
        number, missed = slots.next_after(last, now_ms)
        assert slots.due_ms(number) + GRACE_SHARE * period_s * 1000 >= now_ms - 1
        now_ms = max(now_ms, slots.due_ms(number))
        accounted += [*missed, number]
        last = number
    assert accounted == list(range(len(accounted)))


def test_runs_keep_their_order_and_their_jitter_is_bounded() -> None:
    slots = Slots(first_ms=0, period_s=1800, seed="01972b5c")
    due = [slots.due_ms(number) for number in range(50)]

    assert due[0] == 0
    assert len({instant % 1_800_000 for instant in due}) > 40
    assert all(number * 1_800_000 <= instant <= number * 1_800_000 + 120_000 for number, instant in enumerate(due))
    assert slots.due_ms(7) == Slots(first_ms=0, period_s=1800, seed="01972b5c").due_ms(7)


def test_a_night_asleep_is_told_and_not_caught_up() -> None:
    slots = Slots(first_ms=0, period_s=1800, seed="night")

    number, missed = slots.next_after(3, 8 * 3_600_000)

    assert missed == range(4, number)
    assert number in (15, 16)

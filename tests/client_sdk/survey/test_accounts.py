"""The accountant finds what is missing and what is there twice."""

import pytest
from survey_drive import NOON_MS

from client_sdk.outbox.surveys import SurveyEvent
from client_sdk.survey.accounts import Gap, interrupted_at_ms, unaccounted
from client_sdk.survey.saying import instant_of


def sample(start_s: float, end_s: float, modem: str = "orange") -> tuple[str, dict[str, object]]:
    start_ms = NOON_MS + round(start_s * 1000)
    return modem, {"measured_at": instant_of(start_ms), "duration_ms": round((end_s - start_s) * 1000)}


def event(at_s: float, kind: str, detail: str = "") -> SurveyEvent:
    return SurveyEvent(NOON_MS + round(at_s * 1000), kind, detail)


def gap(from_s: float, to_s: float, modem: str = "orange") -> Gap:
    return Gap(modem, NOON_MS + round(from_s * 1000), NOON_MS + round(to_s * 1000))


WHOLE = [event(0, "started"), event(60, "stopped")]


def test_intervals_that_touch_leave_nothing() -> None:
    assert unaccounted([sample(0, 20), sample(40, 60), sample(20, 40)], WHOLE, ["orange"]) == []


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([sample(0, 20), sample(30, 60)], [gap(20, 30)]),
        ([sample(10, 60)], [gap(0, 10)]),
        ([sample(0, 50)], [gap(50, 60)]),
        ([], [gap(0, 60)]),
        ([sample(0, 30), sample(29, 60)], [gap(30, 29)]),
        ([sample(0, 60), sample(0, 60)], [gap(60, 0)]),
        ([sample(-5, 60)], [gap(0, -5)]),
    ],
)
def test_gaps_and_overlaps_are_found(samples: list[tuple[str, dict[str, object]]], found: list[Gap]) -> None:
    assert unaccounted(samples, WHOLE, ["orange"]) == found


def test_events_explain_the_time_they_span_and_no_more() -> None:
    events = [
        event(0, "started"),
        event(20, "paused"),
        event(30, "resumed"),
        event(40, "interrupted"),
        event(50, "resumed"),
        event(60, "stopped"),
    ]
    assert unaccounted([sample(0, 20), sample(30, 40), sample(50, 60)], events, ["orange"]) == []
    assert unaccounted([sample(0, 20), sample(33, 40), sample(50, 60)], events, ["orange"]) == [gap(30, 33)]


def test_a_failed_source_explains_its_own_modem() -> None:
    events = [event(0, "started"), event(20, "source_failed", "sfr: gone"), event(50, "source_back", "sfr"), WHOLE[1]]
    samples = [sample(0, 60), sample(0, 20, "sfr"), sample(50, 60, "sfr")]

    assert unaccounted(samples, events, ["orange", "sfr"]) == []
    assert unaccounted(samples[1:], events, ["orange", "sfr"]) == [gap(0, 60)]
    assert unaccounted([sample(0, 20), sample(50, 60), samples[1], samples[2]], events, ["sfr"]) == [gap(20, 50)]


def test_a_death_is_dated_from_the_first_fence_that_was_open() -> None:
    events = [event(0, "started"), event(100, "paused"), event(120, "resumed")]

    def since_s(*ends_s: float, alive_s: float) -> float:
        ends_ms = [NOON_MS + round(end_s * 1000) for end_s in ends_s]
        return (interrupted_at_ms(ends_ms, events, NOON_MS + round(alive_s * 1000)) - NOON_MS) / 1000

    assert since_s(150, 154, alive_s=155) == 150
    assert since_s(100, 100, alive_s=125) == 120  # died in the first fence after the pause
    assert since_s(150, 400, alive_s=401) == 400  # the first modem had failed long before
    assert since_s(alive_s=130) == 130

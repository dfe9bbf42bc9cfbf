"""Scheduled runs against a real clock that is only a little faster: each at its time, missed ones told, none twice."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from survey_drive import NOON_MS

from client_sdk.outbox.surveys import SurveyEvent
from client_sdk.survey import runs as module
from client_sdk.survey.recording import Recording
from client_sdk.survey.runs import Runs, last_run
from client_sdk.survey.schedule import Slots
from client_sdk.survey.timeline import Timeline


@dataclass
class Stage:
    """A survey without modems, which writes down what its schedule asks of it."""

    log: list[str] = field(default_factory=list)
    is_paused: bool = False

    def hold(self, why: str) -> None:
        if self.log[-1:] != ["hold"]:
            self.log.append("hold")

    def let_go(self, why: str) -> None:
        self.log.append("let go")

    def paused(self) -> bool:
        return self.is_paused

    # what it needs of the tests
    def ask(self) -> None:
        self.log.append("test")

    def start_due(self) -> None:
        pass

    async def finish(self) -> None:
        await asyncio.sleep(0.01)

    def note(self, *words: Any) -> None:
        pass


def scheduled(stage: Stage, noted: list[SurveyEvent], period_s: float, began_s_ago: float = 0.0) -> Runs:
    now_s = time.monotonic()
    timeline = Timeline(now_s - began_s_ago, NOON_MS)
    recording = Recording((), timeline, stage)  # type: ignore[arg-type]
    slots = Slots(first_ms=NOON_MS, period_s=period_s, seed="site")
    return Runs(
        slots,
        list(noted),
        recording,
        stage,  # type: ignore[arg-type]
        stage,
        lambda kind, detail: noted.append(SurveyEvent(timeline.at_ms(time.monotonic()), kind, detail)),
    )


async def run_until(runs: Runs, condition: Callable[[], bool]) -> None:
    task = asyncio.create_task(runs.run())
    async with asyncio.timeout(60):
        while not condition():
            assert not task.done()
            await asyncio.sleep(0.005)
    task.cancel()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUN_S", 0.02)
    monkeypatch.setattr(module, "_LOOK_S", 0.005)


def numbers(noted: list[SurveyEvent]) -> list[int]:
    return [int(event.detail) for event in noted if event.kind == "run"]


def test_the_first_run_is_at_once_and_each_one_rests_measures_and_tests() -> None:
    stage, noted = Stage(), list[SurveyEvent]()

    asyncio.run(run_until(scheduled(stage, noted, 0.3), lambda: stage.log.count("test") >= 3))

    assert numbers(noted)[:3] == [0, 1, 2]
    assert stage.log[:8] == ["let go", "test", "hold", "let go", "test", "hold", "let go", "test"]


def test_runs_that_were_missed_are_told_and_not_caught_up() -> None:
    stage, noted = Stage(), list[SurveyEvent]()

    asyncio.run(run_until(scheduled(stage, noted, 1.0, began_s_ago=20.0), lambda: "test" in stage.log))

    (missed,) = [event for event in noted if event.kind == "missed"]
    (first,) = numbers(noted)
    assert first in (20, 21)
    assert missed.detail.startswith(f"{first - 1} ")
    assert last_run(noted) == first


def test_after_a_crash_no_run_is_done_twice() -> None:
    stage, noted = Stage(), [SurveyEvent(NOON_MS, "run", "0"), SurveyEvent(NOON_MS + 500, "run", "1")]

    asyncio.run(run_until(scheduled(stage, noted, 0.5, began_s_ago=0.55), lambda: len(numbers(noted)) >= 3))

    assert numbers(noted)[:3] == [0, 1, 2]
    assert stage.log[0] == "hold"


def test_a_run_waits_while_the_survey_is_paused() -> None:
    stage, noted = Stage(is_paused=True), list[SurveyEvent]()

    async def resume() -> None:
        await asyncio.sleep(0.05)
        assert noted == []
        stage.is_paused = False

    async def both() -> None:
        await asyncio.gather(run_until(scheduled(stage, noted, 60.0), lambda: "test" in stage.log), resume())

    asyncio.run(both())
    assert numbers(noted) == [0]


def test_a_missed_run_counts_as_the_last_one() -> None:
    events = [SurveyEvent(0, "run", "3"), SurveyEvent(1, "missed", "15 and 11 before it: asleep")]

    assert last_run(events) == 15
    assert last_run([]) is None

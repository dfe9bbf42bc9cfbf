"""Scheduled runs for a fixed site: a measurement each, at their time or not at all, and the missed ones are told."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from client_sdk.messages import tr
from client_sdk.outbox.surveys import SurveyEvent
from client_sdk.survey.recording import Recording
from client_sdk.survey.schedule import Slots
from client_sdk.survey.trials import Trials

RUN_S = 12.0
"""Ours: a whole fence of ten seconds before the test, with what a radio source needs to answer first."""

_LOOK_S = 0.5


class Stage(Protocol):
    """What lets a survey record, and keeps it from recording."""

    def hold(self, why: str) -> None:
        """Record no more until the next run."""
        ...

    def let_go(self, why: str) -> None:
        """Record."""
        ...

    def paused(self) -> bool:
        """Whether something else keeps the survey from recording."""
        ...


class Runs:
    """Runs by the clock.

    Args:
        slots: when each is due.
        events: of the survey so far, which say what was run before a crash.
        recording: of the survey.
        trials: its tests.
        stage: of the survey.
        note: writes an event, with its detail.
    """

    def __init__(
        self,
        slots: Slots,
        events: Sequence[SurveyEvent],
        recording: Recording,
        trials: Trials,
        stage: Stage,
        note: Callable[[str, str], None],
    ) -> None:
        self._slots, self._recording, self._trials = slots, recording, trials
        self._stage, self._note = stage, note
        self._last = last_run(events)
        self.next_ms: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            number, missed = self._slots.next_after(self._last, self._now_ms())
            if missed:
                self._last = missed[-1]
                self._note("missed", _told(missed))
            self.next_ms = self._slots.due_ms(number)
            if self._now_ms() < self.next_ms:
                due = datetime.fromtimestamp(self.next_ms / 1000).astimezone()
                self._stage.hold(tr(f"until the run at {due:%H:%M:%S}", f"jusqu’au passage de {due:%H:%M:%S}"))
                await asyncio.sleep(_LOOK_S)
                continue
            if self._stage.paused():
                await asyncio.sleep(_LOOK_S)
                continue
            self._last = number
            self._note("run", str(number))
            self._stage.let_go(tr(f"run {number}", f"passage {number}"))
            await asyncio.sleep(RUN_S)
            self._trials.ask()
            self._trials.start_due()
            await self._trials.finish()

    def _now_ms(self) -> int:
        return self._recording.at_ms(time.monotonic())


def last_run(events: Sequence[SurveyEvent]) -> int | None:
    """Number of the last run that was begun, or told as missed."""
    runs = [int(event.detail) for event in events if event.kind == "run" and event.detail.isdigit()]
    missed = [
        int(word) for event in events if event.kind == "missed" for word in event.detail.split()[:1] if word.isdigit()
    ]
    return max([*runs, *missed], default=None)


def _told(missed: range) -> str:
    """The last missed run first, for :func:`last_run`, then words."""
    count = len(missed)
    words = tr(
        f"and {count - 1} before it: the device was off, asleep or paused",
        f"et {count - 1} avant : appareil éteint, endormi ou en pause",
    )
    return f"{missed[-1]} {words}"

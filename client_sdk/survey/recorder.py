"""The one thread of a survey that writes: samples, their journal, and what still waits to be decided.

Whatever is given is written in the order in which it was given. A full disk keeps everything in memory, is told, and
is tried again; nothing is dropped.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from client_sdk.outbox.queue import Counts, Outbox
from client_sdk.outbox.schema import OutboxError
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample, encode
from client_sdk.survey.settling import Undecided
from client_sdk.survey.whole_file import write_whole

RETRY_S = 2.0
"""Ours: how often a write that failed is tried again."""

COUNT_EVERY_S = 15.0
"""Ours: counting walks through the whole outbox, some tenths of a second on a phone that was offline for a week."""

MANY_JOBS = 100
"""Ours: writes that wait before those that the newest of their kind makes needless are left out."""

_IDLE_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Job:
    write: Callable[[Outbox, Surveys], object]
    replaces: str | None = None


class Recorder:
    """Writes for one survey until it is closed.

    Args:
        outbox: path of the outbox; opened in the writing thread.
        drafts: path of the file of what is undecided.
        survey: id in the journal.

    Attributes:
        trouble: why the newest write failed; None once it worked.
        counts: what the outbox held when it was last counted.
    """

    def __init__(self, outbox: Path, drafts: Path, survey: str) -> None:
        self._path, self._drafts, self._survey = outbox, drafts, survey
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._undecided: dict[str, Undecided] = {}
        self._closing = False
        self.trouble: str | None = None
        self.counts: Counts | None = None
        self._counted_s = -COUNT_EVERY_S
        self._thread = threading.Thread(target=self._run, name="survey-recorder", daemon=True)
        self._thread.start()

    def add(self, modem: str, samples: Sequence[Sample]) -> None:
        """Keep decided samples of a modem for sending."""
        kept = list(samples)
        if kept:
            self._give(_Job(lambda outbox, surveys: _add(outbox, surveys, kept, self._survey, modem)))

    def undecided(self, what: Undecided) -> None:
        """Keep what a modem's waiting intervals would say, in place of what was kept of that modem before."""
        self._undecided[what.modem] = what
        value = {
            "survey": self._survey,
            "modems": {
                one.modem: [json.loads(encode(sample)) for sample in one.samples]
                for one in self._undecided.values()
                if one.samples
            },
        }
        self._give(_Job(lambda *_: write_whole(self._drafts, value), replaces="undecided"))

    def note(self, at_ms: int, kind: str, detail: str = "") -> None:
        """Write an event into the survey's journal."""
        self._give(_Job(lambda _, surveys: surveys.note(self._survey, at_ms, kind, detail)))

    def alive(self, now_ms: int) -> None:
        """Say that the survey runs, and count what the outbox holds."""

        def write(outbox: Outbox, surveys: Surveys) -> None:
            surveys.alive(self._survey, now_ms)
            if time.monotonic() - self._counted_s >= COUNT_EVERY_S:
                self.counts, self._counted_s = outbox.counts(), time.monotonic()

        self._give(_Job(write, replaces="alive"))

    def end(self, now_ms: int) -> None:
        """Say that the survey is over."""
        self._give(_Job(lambda _, surveys: surveys.end(self._survey, now_ms)))

    def close(self, timeout_s: float) -> bool:
        """Wait until everything is written, and stop; whether it was."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._jobs

    def _give(self, job: _Job) -> None:
        with self._changed:
            if job.replaces and len(self._jobs) > MANY_JOBS:
                # the newest is written last, after all that was decided meanwhile
                self._jobs = deque(one for one in self._jobs if one.replaces != job.replaces)
            self._jobs.append(job)
            self._changed.notify()

    def _run(self) -> None:
        outbox = self._opened()
        if outbox is None:
            return
        with outbox:
            surveys = Surveys(outbox)
            while (job := self._next()) is not None:
                try:
                    job.write(outbox, surveys)
                except Exception as error:  # kept and tried again, whatever it was
                    self.trouble = str(error) or type(error).__name__
                    with self._changed:
                        self._jobs.appendleft(job)
                        self._changed.wait(RETRY_S)
                else:
                    self.trouble = None

    def _opened(self) -> Outbox | None:
        while True:
            try:
                return Outbox(self._path)
            except OutboxError as error:
                self.trouble = str(error)
                with self._changed:
                    if self._closing:
                        return None
                    self._changed.wait(RETRY_S)

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._jobs:
                if self._closing:
                    return None
                self._changed.wait(_IDLE_S)
            return self._jobs.popleft()


def recover(outbox: Outbox, drafts: Path, survey: str) -> int:
    """Add what was undecided when a process died, as it stood; how many samples that were.

    A sample that had been decided meanwhile is in the outbox already, under the same id, and stays as it is.
    """
    try:
        kept: Any = json.loads(drafts.read_bytes())
        modems: Mapping[str, Iterable[Mapping[str, Any]]] = kept["modems"] if kept["survey"] == survey else {}
        samples = {modem: [Sample(**fields) for fields in lines] for modem, lines in modems.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    surveys = Surveys(outbox)
    return sum(_add(outbox, surveys, lines, survey, modem) for modem, lines in samples.items())


def _add(outbox: Outbox, surveys: Surveys, samples: Sequence[Sample], survey: str, modem: str) -> int:
    """Keep samples, and an event for each that the outbox leaves out near a hidden place; how many were kept."""
    added = 0
    for sample in samples:
        done = outbox.add([sample], survey=survey, modem=modem)
        added += done.added
        if done.hidden:
            start_ms = round(datetime.fromisoformat(sample.measured_at).timestamp() * 1000)
            surveys.note(survey, start_ms, "hidden", f"{modem}: {sample.duration_ms} ms")
    return added

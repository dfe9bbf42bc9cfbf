"""The journal of surveys, in the outbox's own file: when each ran, what happened, and the samples it took.

A sample and its place in a survey are written in one transaction. The samples state their own intervals; the events
explain the time between them.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import transaction
from client_sdk.sample import new_sample_id

SampleState = Literal["pending", "sent", "rejected"]


@dataclass(frozen=True, slots=True)
class SurveyRecord:
    """One survey; times in milliseconds since 1970 on the survey's own line of time.

    Attributes:
        id: UUIDv7.
        options: what was declared when it began.
        started_ms: its beginning.
        alive_ms: last time its program was known to run.
        ended_ms: its end; None while it is unfinished.
    """

    id: str
    options: dict[str, Any]
    started_ms: int
    alive_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class SurveyEvent:
    """Something that happened: ``started``, ``paused``, ``resumed``, ``interrupted``, ``stopped``, or a warning."""

    at_ms: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class SurveySample:
    """A sample of a survey.

    Attributes:
        modem: which of the survey's modems took it.
        fields: the sample as it goes over the wire; None once its text was forgotten, some time after it was sent.
        state: what became of it, over all collectors: ``sent`` once all of them have it.
    """

    modem: str | None
    fields: dict[str, Any] | None
    state: SampleState


class Surveys:
    """The journal of one outbox.

    Raises:
        sqlite3.Error: the file cannot be written or read; nothing was half-written.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._connection = outbox.connection

    def begin(self, options: dict[str, Any], now_ms: int) -> str:
        """Begin a survey; its id."""
        survey = new_sample_id(now_ms)
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO surveys VALUES (?, ?, ?, ?, NULL)",
                (survey, json.dumps(options, ensure_ascii=False), now_ms, now_ms),
            )
        return survey

    def note(self, survey: str, at_ms: int, kind: str, detail: str = "") -> None:
        """Write down that something happened."""
        with transaction(self._connection):
            self._connection.execute("INSERT INTO survey_events VALUES (?, ?, ?, ?)", (survey, at_ms, kind, detail))

    def alive(self, survey: str, now_ms: int) -> None:
        """Say that the survey's program runs; a time before what is known changes nothing."""
        with transaction(self._connection):
            self._connection.execute("UPDATE surveys SET alive_ms = max(alive_ms, ?) WHERE id = ?", (now_ms, survey))

    def end(self, survey: str, now_ms: int) -> None:
        """Say that the survey is over."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE surveys SET ended_ms = ?, alive_ms = max(alive_ms, ?) WHERE id = ?", (now_ms, now_ms, survey)
            )

    def unfinished(self) -> SurveyRecord | None:
        """The newest survey that did not end, if there is one."""
        return next((one for one in reversed(self.all()) if one.ended_ms is None), None)

    def all(self) -> list[SurveyRecord]:
        """Every survey, oldest first."""
        return [
            SurveyRecord(survey, json.loads(options), started_ms, alive_ms, ended_ms)
            for survey, options, started_ms, alive_ms, ended_ms in self._connection.execute(
                "SELECT id, options, started_ms, alive_ms, ended_ms FROM surveys ORDER BY started_ms, id"
            )
        ]

    def events(self, survey: str) -> list[SurveyEvent]:
        """What happened, in order."""
        return [
            SurveyEvent(*row)
            for row in self._connection.execute(
                "SELECT at_ms, kind, detail FROM survey_events WHERE survey = ? ORDER BY at_ms, rowid", (survey,)
            )
        ]

    def samples(self, survey: str) -> list[SurveySample]:
        """Its samples, sent or not, in the order in which they were kept."""
        return [
            SurveySample(modem, None if line is None else json.loads(line), state)
            for modem, line, state in self._connection.execute(
                # pending, rejected, sent: the first by the alphabet is what counts
                "SELECT modem, line, ifnull(min(state), 'pending') FROM samples LEFT JOIN deliveries USING (seq) "
                "WHERE survey = ? GROUP BY seq ORDER BY seq",
                (survey,),
            )
        ]

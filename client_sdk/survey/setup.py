"""A survey made ready: begun anew, or taken up where its process died, with the sources it declared."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from client_sdk.errors import MailleError
from client_sdk.home import Home
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import now_ms
from client_sdk.outbox.surveys import SurveyEvent, SurveyRecord, Surveys
from client_sdk.sources.detect import Check, detect, open_position, open_radio
from client_sdk.sources.reading import PositionSource, RadioSource
from client_sdk.survey.accounts import interrupted_at_ms, is_silent
from client_sdk.survey.options import ModemChoice, SurveyOptions
from client_sdk.survey.recorder import recover
from client_sdk.survey.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a survey reads.

    Attributes:
        modems: choice and source of each; a source of None is a line without one.
        position: None where there is none.
        missing: what detection looked for and did not find.
    """

    modems: tuple[tuple[ModemChoice, RadioSource | None], ...]
    position: PositionSource | None
    missing: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A survey in the journal, about to record.

    Attributes:
        id: in the journal.
        options: as declared, with the sources that were chosen.
        timeline: its line of time.
        started_ms: its beginning.
        events: what happened before.
        resumed: whether it goes on after its process died.
        recovered: samples that had been undecided then.
    """

    id: str
    options: SurveyOptions
    timeline: Timeline
    started_ms: int
    events: tuple[SurveyEvent, ...]
    resumed: bool
    recovered: int


_MODEM = "modemmanager"


def drafts_file(home: Home) -> Path:
    """What is undecided, for after a crash."""
    return home.folder / "survey-drafts.json"


def open_sources(options: SurveyOptions) -> tuple[SurveyOptions, Sources]:
    """Open what was declared; what was not is looked for, and declared from then on.

    Raises:
        MailleError: a source that was declared is none.
    """
    positions: tuple[PositionSource, ...] = ()
    missing: list[Check] = []
    modems = [(choice, _radio(choice)) for choice in options.modems]
    if not modems or options.position is None:
        found = detect()
        missing = [check for check in found.checks if not check.works]
        positions = found.positions
        if modems:
            for radio in found.radios:
                radio.close()
        else:
            modems = _chosen(found.radios)
    position = _position(options.position) if options.position else next(iter(positions), None)
    for unused in positions:
        if unused is not position:
            unused.close()
    declared = replace(
        options,
        modems=tuple(choice for choice, _ in modems),
        position=options.position or (text_of(position) if position else None),
    )
    return declared, Sources(modems=tuple(modems), position=position, missing=tuple(missing))


def begin(outbox: Outbox, options: SurveyOptions) -> Begun:
    """Begin a survey now."""
    started_ms = now_ms()
    timeline = Timeline(time.monotonic(), started_ms)
    survey = Surveys(outbox).begin(options.as_json(), started_ms)
    return Begun(
        id=survey, options=options, timeline=timeline, started_ms=started_ms, events=(), resumed=False, recovered=0
    )


def take_up(outbox: Outbox, record: SurveyRecord, drafts: Path) -> Begun:
    """Go on with a survey whose process died: what was undecided is kept, and the hole is noted.

    Its line of time goes on after its last interval, whatever the device's clock says now.
    """
    surveys, options = Surveys(outbox), SurveyOptions.from_json(record.options)
    recovered = recover(outbox, drafts, record.id)
    events = surveys.events(record.id)
    ends_ms = {choice.label: 0 for choice in options.modems}
    for sample in surveys.samples(record.id):
        if sample.fields is not None and sample.modem is not None:
            start_ms = round(datetime.fromisoformat(sample.fields["measured_at"]).timestamp() * 1000)
            ends_ms[sample.modem] = max(ends_ms.get(sample.modem, 0), start_ms + sample.fields.get("duration_ms", 0))
    last_ms = max([record.started_ms, *ends_ms.values(), *(event.at_ms for event in events)])
    timeline = Timeline(time.monotonic(), now_ms(), not_before_ms=last_ms)
    if not is_silent(events):
        died_ms = interrupted_at_ms(ends_ms.values(), events, record.alive_ms)
        surveys.note(record.id, died_ms, "interrupted", tr("the process ended", "le programme s’est arrêté"))
    drafts.unlink(missing_ok=True)
    return Begun(
        id=record.id,
        options=options,
        timeline=timeline,
        started_ms=record.started_ms,
        events=tuple(surveys.events(record.id)),
        resumed=True,
        recovered=recovered,
    )


def end_unfinished(outbox: Outbox, record: SurveyRecord, drafts: Path) -> None:
    """End a survey whose process died: everything it had recorded stays."""
    begun = take_up(outbox, record, drafts)
    surveys, end_ms = Surveys(outbox), begun.timeline.at_ms(time.monotonic())
    surveys.note(record.id, end_ms, "stopped", tr("after its process had ended", "après l’arrêt de son programme"))
    surveys.end(record.id, end_ms)


def text_of(source: RadioSource | PositionSource) -> str:
    """How a person would name a source that was found."""
    return source.name.replace(" ", ":")


def collector_of(outbox: Outbox) -> PinnedCollector | None:
    """The collector to measure with; None where the device is enrolled nowhere."""
    return next(iter(outbox.collectors()), None)


def certainly_past_ms(collector: PinnedCollector | None) -> int:
    """An instant that is over, whatever the device's clock says: the enrolment, by the collector's clock."""
    return round(datetime.fromisoformat(collector.enrolled_at).timestamp() * 1000) if collector else 0


def _chosen(radios: Sequence[RadioSource]) -> list[tuple[ModemChoice, RadioSource | None]]:
    """All the radio sources that were found; a line without a source where there is none."""
    if not radios:
        return [(ModemChoice(label="none", source="none"), None)]
    names = [text_of(radio) for radio in radios]
    only_modem = sum(name.startswith(_MODEM) for name in names) == 1
    chosen: list[tuple[ModemChoice, RadioSource | None]] = []
    for name, radio in zip(names, radios, strict=True):
        if name.startswith(_MODEM) and only_modem:  # its number changes when it is plugged in again
            radio.close()
            chosen.append((ModemChoice(label=_MODEM, source=_MODEM), open_radio(_MODEM)))
        else:
            chosen.append((ModemChoice(label=name, source=name), radio))
    return chosen


def _radio(choice: ModemChoice) -> RadioSource | None:
    if choice.source == "none":
        return None
    try:
        return open_radio(choice.source)
    except MailleError as error:
        raise MailleError(f"--modem: {error}") from error


def _position(text: str) -> PositionSource | None:
    return None if text == "none" else open_position(text)

"""A survey run by `maille survey`: begun or taken up, shown while it lasts, summed up at its end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from client_sdk.commands.terminal import answer, open_outbox, warn
from client_sdk.errors import MailleError
from client_sdk.exit_codes import INTERRUPTED
from client_sdk.home import Home, field_home
from client_sdk.messages import tr

if TYPE_CHECKING:  # what surveys is loaded when something is surveyed
    from client_sdk.outbox.queue import Outbox
    from client_sdk.sources.detect import Check
    from client_sdk.survey.loop import Ending
    from client_sdk.survey.options import SurveyOptions
    from client_sdk.survey.setup import Begun, Sources


def run_survey(options: SurveyOptions | None, *, new: bool, quiet: bool, as_json: bool) -> None:
    """Survey in this process; without options, go on with the one that was cut off."""
    import asyncio
    import sys

    from client_sdk.signing.keys import SigningKey
    from client_sdk.survey.console import JsonConsole, LiveConsole, QuietConsole, SturdyConsole
    from client_sdk.survey.control import survey_lock
    from client_sdk.survey.loop import Survey
    from client_sdk.survey.peer import Peer
    from client_sdk.survey.setup import certainly_past_ms, collector_of

    home = field_home()
    with survey_lock(home.folder), ExitStack() as stack:
        with open_outbox(home) as outbox:
            begun, sources = _ready(outbox, home, options, new=new)
            collector = collector_of(outbox)
        key = SigningKey.load_or_create(home.device_key)
        peer = Peer(collector, key, home.folder) if collector else None
        for text in _missing(sources, enrolled=peer is not None):
            warn(text)
        console: JsonConsole | LiveConsole | QuietConsole
        if as_json:
            console = JsonConsole()
        elif quiet or not sys.stdout.isatty():
            console = QuietConsole()
        else:
            console = LiveConsole()
            stack.enter_context(console.shown())

        async def run() -> Ending:
            return await Survey(home, begun, sources, peer, SturdyConsole(console), certainly_past_ms(collector)).run()

        try:
            ending = asyncio.run(run())
        except asyncio.CancelledError:
            raise typer.Exit(INTERRUPTED) from None
    _summarise(home, begun, ending, as_json)


def _ready(outbox: Outbox, home: Home, options: SurveyOptions | None, *, new: bool) -> tuple[Begun, Sources]:
    """The survey to run: the one that was cut off where nothing else was asked for, else a new one."""
    from client_sdk.outbox.surveys import Surveys
    from client_sdk.survey.options import SurveyOptions
    from client_sdk.survey.setup import begin, drafts_file, end_unfinished, open_sources, take_up

    record = Surveys(outbox).unfinished()
    if record is not None and not new:
        declared = SurveyOptions.from_json(record.options)
        if options is None or options.asks_for(declared):
            _, sources = open_sources(declared)
            warn(
                tr(
                    f"going on with the survey of {_when(record.started_ms)}; `maille survey stop` ends it",
                    f"reprise du relevé du {_when(record.started_ms)} ; « maille survey stop » le finit",
                )
            )
            return take_up(outbox, record, drafts_file(home)), sources
    if options is None:
        raise MailleError(
            tr(
                "no survey was cut off: `maille survey start` begins one",
                "aucun relevé coupé : « maille survey start »",
            )
        )
    chosen, sources = open_sources(options)
    while record is not None:
        end_unfinished(outbox, record, drafts_file(home))
        warn(
            tr(
                f"the survey of {_when(record.started_ms)} was cut off, and is ended now; all it recorded is kept",
                f"le relevé du {_when(record.started_ms)} avait été coupé, il est fini ; tout ce qu’il a est gardé",
            )
        )
        record = Surveys(outbox).unfinished()
    return begin(outbox, chosen), sources


def _missing(sources: Sources, *, enrolled: bool) -> list[str]:
    """What the survey will lack, told before it begins."""
    texts = []
    if all(source is None for _, source in sources.modems):
        texts += [_why(check) for check in sources.missing if check.purpose == "radio"]
    if sources.position is None:
        texts += [_why(check) for check in sources.missing if check.purpose == "position"]
    if not enrolled:
        texts.append(
            tr(
                "this device is not enrolled: no echoes, no tests, nothing is sent; `maille device enrol URL`",
                "appareil non enrôlé : ni échos, ni tests, ni envoi ; « maille device enrol URL »",
            )
        )
    return texts


def _why(check: Check) -> str:
    return f"{check.name}: {check.missing}" + (f"; {check.way_out}" if check.way_out else "")


def _summarise(home: Home, begun: Begun, ending: Ending, as_json: bool) -> None:
    """What was recorded, and whether all of its time is accounted for."""
    from client_sdk.outbox.surveys import Surveys
    from client_sdk.survey.accounts import unaccounted

    with open_outbox(home) as outbox:
        surveys = Surveys(outbox)
        samples = [(one.modem or "", one.fields) for one in surveys.samples(begun.id) if one.fields is not None]
        events = surveys.events(begun.id)
        pending = outbox.counts().pending
    gaps = unaccounted(samples, events, [modem.label for modem in begun.options.modems])
    data = {
        "survey": begun.id,
        "ending": ending,
        "samples": len(samples),
        "pending": pending,
        "unaccounted": [{"modem": gap.modem, "from_ms": gap.from_ms, "to_ms": gap.to_ms} for gap in gaps],
    }
    lines = [
        tr(
            f"{len(samples)} samples kept, {pending} to send. `maille survey report` draws them.",
            f"{len(samples)} relevés gardés, {pending} à envoyer. « maille survey report » les dessine.",
        )
    ]
    if ending == "left":
        lines.append(
            tr(
                "The survey was cut off: `maille survey resume` goes on with it.",
                "Le relevé a été coupé : « maille survey resume » le reprend.",
            )
        )
    lines += [
        tr(
            f"{gap.modem}: {abs(gap.to_ms - gap.from_ms) / 1000:.0f} s from {_when(gap.from_ms)} are not accounted for",
            f"{gap.modem} : {abs(gap.to_ms - gap.from_ms) / 1000:.0f} s à partir du {_when(gap.from_ms)} sans compte",
        )
        for gap in gaps
    ]
    answer(as_json, data, "\n".join(lines))


def _when(unix_ms: int) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(unix_ms / 1000).astimezone():%d/%m/%Y %H:%M}"

"""`maille survey report`: draw a survey, sent or not: a map, a table, and files for QGIS and spreadsheets."""

import json
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.messages import kilometres, tr
from client_sdk.survey.report import ModemFindings, Silence, Spread, SurveyReport, build, instant
from client_sdk.survey.view import clock, megabytes


def command(
    survey: Annotated[
        str | None,
        typer.Argument(
            help=tr(
                "Id of the survey, or its beginning; the newest one.",
                "Identifiant du relevé, ou son début ; le dernier.",
            )
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help=tr("Folder for the map and the files.", "Dossier de la carte et des fichiers."))
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Write ``survey-….svg``, ``.geojson`` and ``.csv``, and show the table."""
    from client_sdk.outbox.surveys import Surveys
    from client_sdk.survey.report_map import draw

    home = field_home()
    if not home.outbox.exists():
        raise MailleError(tr("no survey yet: `maille survey start`", "pas encore de relevé : « maille survey start »"))
    with open_outbox(home) as outbox:
        surveys = Surveys(outbox)
        found = [one for one in surveys.all() if survey is None or one.id.startswith(survey)]
        if not found:
            raise MailleError(
                tr(f"{survey or 'survey'}: there is no such survey", f"{survey or 'relevé'} : ce relevé n’existe pas")
            )
        record = found[-1]
        report = build(record, surveys.samples(record.id), surveys.events(record.id))
    out.mkdir(parents=True, exist_ok=True)
    stem = out / f"survey-{instant(record.started_ms)[:16].replace(':', '')}-{record.id[-4:]}"
    files = {
        stem.with_suffix(".svg"): draw(report),
        stem.with_suffix(".geojson"): json.dumps(report.geojson(), ensure_ascii=False) + "\n",
        stem.with_suffix(".csv"): report.csv(),
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    data = report.as_json() | {"files": [str(path) for path in files]}
    answer(as_json, data, "\n".join([*told(report), *(f"  {path}" for path in files)]))


def told(report: SurveyReport) -> list[str]:
    """The report as lines of text."""
    record = report.record
    end_ms = record.ended_ms or record.alive_ms
    lines = [
        tr("Survey of ", "Relevé du ")
        + f"{instant(record.started_ms)[:16].replace('T', ' ')} UTC, {clock((end_ms - record.started_ms) / 1000)}"
        + ("" if record.ended_ms else tr(", unfinished", ", inachevé"))
    ]
    for modem in report.modems:
        lines += _modem(modem)
    lines += [_silence(silence) for silence in report.silences]
    if report.unlocated:
        lines.append(
            tr(
                f"{report.unlocated} samples without a position are not on the map",
                f"{report.unlocated} relevés sans position ne sont pas sur la carte",
            )
        )
    if report.forgotten:
        lines.append(
            tr(
                f"{report.forgotten} samples were sent more than 30 days ago: their text is no longer here",
                f"{report.forgotten} relevés envoyés il y a plus de 30 jours : leur texte n’est plus ici",
            )
        )
    return lines


def _modem(modem: ModemFindings) -> list[str]:
    share = modem.share_in_service
    served = "—" if share is None else f"{share:.0%}"
    lost_ms = sum(modem.state_ms.get(state, 0) for state in ("no_service", "limited"))
    states = {
        "pending": tr("to send", "à envoyer"),
        "sent": tr("sent", "envoyés"),
        "rejected": tr("rejected", "rejetés"),
    }
    return [
        f"{modem.operator} ({modem.modem}): {kilometres(modem.metres)}, {clock(modem.recorded_ms / 1000)}",
        "  "
        + tr(f"in service {served} of the time, no service ", f"réseau {served} du temps, sans réseau ")
        + clock(lost_ms / 1000),
        "  RSRP " + _spread(modem.strength_dbm, 1, "dBm"),
        "  " + tr("download ", "descendant ") + _spread(modem.download_bps, 1e6, "Mbit/s")
        + tr(", upload ", ", montant ") + _spread(modem.upload_bps, 1e6, "Mbit/s")
        + tr(f" ({modem.tests} tests, ", f" ({modem.tests} tests, ") + megabytes(modem.used_bytes) + ")",
        "  " + tr("round trip ", "aller-retour ") + _spread(modem.rtt_ms, 1, "ms"),
        "  " + ", ".join(f"{count} {states[state]}" for state, count in modem.samples.items()),
    ]  # fmt: skip


def _spread(spread: Spread | None, unit: float, name: str) -> str:
    if spread is None:
        return "—"
    low, middle, high = (f"{value / unit:.1f}" for value in (spread.low, spread.middle, spread.high))
    return f"{middle} {name} ({low} … {high})"


def _silence(silence: Silence) -> str:
    kinds = {
        "paused": tr("paused", "en pause"),
        "interrupted": tr("interrupted", "interrompu"),
        "stopped": tr("stopped", "arrêté"),
    }
    start = instant(silence.from_ms)[11:19]
    end = "…" if silence.to_ms is None else instant(silence.to_ms)[11:19]
    return f"  {start}–{end} {kinds.get(silence.kind, silence.kind)}{': ' if silence.detail else ''}{silence.detail}"

"""`maille import`: drive-test logs of other tools become samples in the outbox."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from client_sdk.bounds import is_plmn
from client_sdk.commands.import_account import Account
from client_sdk.commands.terminal import Json, Progress, answer, open_outbox, progress_bar
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.importers import arcep_checks, arcep_qos, gnettrack, network_survey
from client_sdk.importers.formats import Format, Part, Reader, format_of, logs_in, one_by_one, parts_of
from client_sdk.messages import tr
from client_sdk.outbox.hidden_areas import read_areas
from client_sdk.outbox.queue import Added, Outbox
from client_sdk.sample import Context, Sample

BATCH = 1000
"""Samples per transaction."""


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help=tr("Logs, or folders or zip archives of them.", "Journaux, ou dossiers ou archives zip de journaux.")
        ),
    ],
    log_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help=tr(
                "Format of the logs; by default what they look like.", "Format des journaux ; sinon, leur apparence."
            ),
        ),
    ] = None,
    measured_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=tr(
                "arcep-qos: day of the campaign, where the file has no time stamps.",
                "arcep-qos : jour de la campagne, si le fichier n’a pas d’horodatage.",
            ),
        ),
    ] = None,
    technology: Annotated[
        Literal["2G", "3G", "4G", "5G"] | None,
        typer.Option(
            help=tr(
                "arcep-checks: technology of the map; arcep-qos: where the file has no techno_start.",
                "arcep-checks : technologie de la carte ; arcep-qos : si le fichier n’a pas de techno_start.",
            )
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "gnettrack: zone of the log's local times, like Europe/Paris.",
                "gnettrack : fuseau des heures locales du journal, comme Europe/Paris.",
            )
        ),
    ] = None,
    plmn: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "gnettrack, network-survey: PLMN of the SIM, like 20801, where the log names none.",
                "gnettrack, network-survey : PLMN de la SIM, comme 20801, si le journal n’en a pas.",
            )
        ),
    ] = None,
    context: Annotated[
        Context,
        typer.Option(
            help=tr(
                "arcep-checks, gnettrack, network-survey: surroundings of the phone.",
                "arcep-checks, gnettrack, network-survey : environnement du téléphone.",
            ),
        ),
    ] = "unknown",
    campaign: Annotated[
        str | None, typer.Option(help=tr("Name of the campaign.", "Nom de la campagne de mesure."))
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help=tr(
                "Only show what would be imported, and what left out and why.",
                "Montrer seulement ce qui serait importé, ce qui serait écarté et pourquoi.",
            ),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read each log, keep its samples, count what was left out."""
    with TemporaryDirectory(prefix="maille-") as unpacked:
        logs = logs_in(files, Path(unpacked))
        looks = [(log, log_format or format_of(log)) for log in logs]
        unknown = [log for log, name in looks if name is None]
        if unknown and (len(unknown) == len(looks) or Path(unknown[0].name) in files):
            raise MailleError(
                tr(
                    f"{unknown[0].name}: not a log that is known here; say which with --format",
                    f"{unknown[0].name} : journal non reconnu ; précisez avec --format",
                )
            )
        parts = parts_of([(log, name) for log, name in looks if name is not None])
        readers: dict[Format, Reader] = {}
        for part in parts:
            if part.format not in readers:
                readers[part.format] = _reader(part.format, measured_on, technology, time_zone, plmn, context, campaign)
        import_files(parts, readers, [Path(log.name).name for log in unknown], dry_run=dry_run, as_json=as_json)


def _reader(
    name: Format,
    measured_on: datetime | None,
    technology: Literal["2G", "3G", "4G", "5G"] | None,
    time_zone: str | None,
    plmn: str | None,
    context: Context,
    campaign: str | None,
) -> Reader:
    if name == "arcep-qos":
        day = measured_on.date() if measured_on else None
        return one_by_one(partial(arcep_qos.read, options=arcep_qos.ArcepOptions(day, technology, campaign)))
    if name == "arcep-checks":
        return one_by_one(partial(arcep_checks.read, options=arcep_checks.ChecksOptions(technology, context, campaign)))
    if name == "gnettrack":
        drive = gnettrack.GNetTrackOptions(_zone(time_zone), _plmn(plmn), context, campaign)
        return one_by_one(partial(gnettrack.read, options=drive))
    return partial(network_survey.read, options=network_survey.NetworkSurveyOptions(_plmn(plmn), context, campaign))


def import_files(
    parts: Sequence[Part],
    readers: Mapping[Format, Reader],
    passed_over: Sequence[str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the logs one after the other and print the account; ``passed_over`` are files of no known kind."""
    home = field_home()
    account = Account(parts, passed_over, dry_run=dry_run)
    with ExitStack() as stack:
        # a dry run must leave nothing behind, not even an empty outbox
        outbox = stack.enter_context(open_outbox(home)) if home.outbox.exists() or not dry_run else None
        watch = _watch(stack.enter_context(progress_bar(as_json)), parts)
        for part in parts:
            samples = account.over(part.read(readers[part.format], watch))
            while batch := list(islice(samples, BATCH)):
                if outbox:
                    account.keep(_only_hidden(batch, outbox) if dry_run else outbox.add(batch))
    answer(as_json, account.as_json(), account.told())


def _only_hidden(batch: Sequence[Sample], outbox: Outbox) -> Added:
    """What the outbox would leave out of some samples."""
    areas = read_areas(outbox.connection)
    return Added(0, 0, sum(any(area.hides(sample) for area in areas) for sample in batch))


def _watch(progress: Progress | None, parts: Sequence[Part]) -> Callable[[int], None] | None:
    """What is told how many bytes were read, and shows it; each log is read twice, once for its digest."""
    if progress is None:
        return None
    total = max(1, sum(2 * log.size_bytes for part in parts for log in part.logs))
    done = 0

    def watch(count: int) -> None:
        nonlocal done
        done += count
        progress(f"{done / 2e6:.0f} / {total / 2e6:.0f} {tr('MB', 'Mo')}", min(done / total, 1.0))

    return watch


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        raise MailleError(
            tr(
                "G-NetTrack logs hold local times without an offset: say where with --time-zone, like Europe/Paris",
                "les journaux G-NetTrack ont des heures locales sans décalage : indiquez --time-zone, comme "
                "Europe/Paris",
            )
        )
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MailleError(
            tr(
                f"--time-zone: got {name!r}, expected a name like Europe/Paris",
                f"--time-zone : {name!r} au lieu d’un nom comme Europe/Paris",
            )
        ) from error


def _plmn(text: str | None) -> str | None:
    if text is not None and not is_plmn(text):
        raise MailleError(
            tr(f"--plmn: got {text!r}, expected 5 or 6 digits", f"--plmn : {text!r} au lieu de 5 ou 6 chiffres")
        )
    return text

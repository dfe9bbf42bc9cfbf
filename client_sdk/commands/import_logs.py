"""`maille import`: drive-test logs of other tools become samples in the outbox."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from client_sdk.bounds import is_plmn
from client_sdk.commands.terminal import Json, answer, open_outbox, progress_bar
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.importers import arcep_qos, gnettrack
from client_sdk.importers.reading import LeftOut, Log
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox
from client_sdk.sample import Context, Sample

BATCH = 1000
"""Samples per transaction."""

Format = Literal["arcep-qos", "gnettrack"]
Reader = Callable[[Log], Iterator[Sample | LeftOut]]


def command(
    files: Annotated[
        list[Path], typer.Argument(help=tr("Logs, or folders of .csv logs.", "Journaux, ou dossiers de journaux .csv."))
    ],
    log_format: Annotated[Format, typer.Option("--format", help=tr("Format of the logs.", "Format des journaux."))],
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
                "arcep-qos: technology, where the file has no techno_start.",
                "arcep-qos : technologie, si le fichier n’a pas de techno_start.",
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
                "gnettrack: PLMN of the SIM, like 20801, where the log names none.",
                "gnettrack : PLMN de la SIM, comme 20801, si le journal n’en a pas.",
            )
        ),
    ] = None,
    context: Annotated[
        Context,
        typer.Option(
            help=tr("gnettrack: surroundings of the phone.", "gnettrack : environnement du téléphone."),
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
    if log_format == "arcep-qos":
        day = measured_on.date() if measured_on else None
        reader: Reader = partial(arcep_qos.read, options=arcep_qos.ArcepOptions(day, technology, campaign))
    else:
        options = gnettrack.GNetTrackOptions(_zone(time_zone), _plmn(plmn), context, campaign)
        reader = partial(gnettrack.read, options=options)
    import_files(_logs(files), reader, dry_run=dry_run, as_json=as_json)


def import_files(paths: list[Path], reader: Reader, *, dry_run: bool, as_json: bool) -> None:
    """Import the logs one after the other and print the account."""
    home = field_home()
    kinds: Counter[str] = Counter()
    left_out: Counter[tuple[str, bool]] = Counter()
    examples: dict[tuple[str, bool], str] = {}
    added = 0
    # a dry run must leave nothing behind, not even an empty outbox
    outbox = None if dry_run else open_outbox(home)
    with progress_bar(as_json) as progress:
        for number, path in enumerate(paths):
            if progress:
                progress(path.name, number / len(paths))
            samples = _counted(path, reader(Log(str(path), path.read_bytes())), kinds, left_out, examples)
            added += _keep(samples, outbox)
    if outbox:
        outbox.close()
    rows = [
        {"reason": reason, "count": count, "whole_row": whole, "example": examples[reason, whole]}
        for (reason, whole), count in left_out.most_common()
    ]
    read = sum(kinds.values())
    data: dict[str, Any] = {
        "files": len(paths),
        "samples": read,
        "kinds": dict(kinds),
        "added": added,
        "known": 0 if dry_run else read - added,
        "dry_run": dry_run,
        "left_out": rows,
    }
    answer(as_json, data, _account(data))


def _counted(
    path: Path,
    items: Iterable[Sample | LeftOut],
    kinds: Counter[str],
    left_out: Counter[tuple[str, bool]],
    examples: dict[tuple[str, bool], str],
) -> Iterator[Sample]:
    for item in items:
        if isinstance(item, Sample):
            kinds[item.kind] += 1
            yield item
        else:
            reason = (item.reason, item.field is None)
            left_out[reason] += 1
            examples.setdefault(reason, f"{path.name}:{item.row}" + (f" {item.detail}" if item.detail else ""))


def _keep(samples: Iterator[Sample], outbox: Outbox | None) -> int:
    added = 0
    while batch := list(islice(samples, BATCH)):
        added += outbox.add(batch).added if outbox else 0
    return added


def _account(data: dict[str, Any]) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in data["kinds"].items())
    if data["dry_run"]:
        first = tr(
            f"{data['samples']} samples would be imported from {data['files']} files ({kinds}).",
            f"{data['samples']} relevés seraient importés de {data['files']} fichiers ({kinds}).",
        )
    else:
        first = tr(
            f"{data['added']} samples imported from {data['files']} files ({kinds}), {data['known']} known already.",
            f"{data['added']} relevés importés de {data['files']} fichiers ({kinds}), {data['known']} déjà connus.",
        )
    rows = tr("rows left out", "lignes écartées")
    values = tr("values left absent", "valeurs laissées vides")
    return "\n".join(
        [
            first,
            *(
                f"  {one['count']} {rows if one['whole_row'] else values}: {one['reason']} ({one['example']})"
                for one in data["left_out"]
            ),
        ]
    )


def _logs(files: list[Path]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        if not file.exists():
            raise MailleError(tr(f"{file}: no such file", f"{file} : fichier introuvable"))
        if file.is_dir():
            inside = sorted(path for path in file.rglob("*.csv") if path.is_file() and not path.name.startswith("._"))
            if not inside:
                raise MailleError(tr(f"{file}: holds no .csv log", f"{file} : ne contient aucun journal .csv"))
            found += inside
        else:
            found.append(file)
    return found


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

"""The formats of logs that can be imported: what each looks like, where logs lie, and which are read together."""

import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from client_sdk.errors import MailleError
from client_sdk.importers import arcep_checks, arcep_qos, gnettrack
from client_sdk.importers.log import PIECE_BYTES, Log, Member, split
from client_sdk.importers.network_survey_files import is_network_survey
from client_sdk.importers.reading import LeftOut
from client_sdk.messages import tr
from client_sdk.sample import Sample

Format = Literal["arcep-checks", "arcep-qos", "gnettrack", "network-survey"]
Found = tuple[Log, Sample | LeftOut]
"""An item, and the file it was found in."""

Reader = Callable[[Sequence[Log]], Iterator[Found]]
"""From the files that belong together to what they hold."""

SUFFIXES = (".csv", ".gpkg", ".txt", ".zip")
"""Names of logs inside a folder end so."""

_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one format that are read together."""

    format: Format
    logs: tuple[Log, ...]

    def read(self, reader: Reader, watch: Callable[[int], None] | None = None) -> Iterator[Found]:
        """What they hold; ``watch`` is told how many bytes were read, in all twice their size."""
        return reader([replace(log, watch=watch) for log in self.logs])


def logs_in(paths: Iterable[Path], unpacked: Path) -> list[Log]:
    """The files, those of folders and those in zip archives, in the order of their names.

    Args:
        paths: files and folders.
        unpacked: folder for what has to be unpacked before it can be read.

    Raises:
        MailleError: one is not there, or a folder or archive holds nothing that can be a log.
    """
    found: list[Log] = []
    for path in paths:
        if not path.exists():
            raise MailleError(tr(f"{path}: no such file", f"{path} : fichier introuvable"))
        inside = [path]
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and _may_be_log(one))
            if not inside:
                raise MailleError(
                    tr(
                        f"{path}: holds no log ({', '.join(SUFFIXES)})",
                        f"{path} : ne contient aucun journal ({', '.join(SUFFIXES)})",
                    )
                )
        for one in inside:
            found += _packed(one, unpacked) if zipfile.is_zipfile(one) else [Log(str(one), one)]
    return found


def format_of(log: Log) -> Format | None:
    """What a file looks like; None where it looks like nothing that is known."""
    if is_network_survey(log):
        return "network-survey"
    line = log.head(_HEAD_BYTES).decode("utf-8-sig", "replace").partition("\n")[0]
    if gnettrack.is_gnettrack(_columns(line, "\t" if "\t" in line else ",")):
        return "gnettrack"
    columns = _columns(line, ";")
    if arcep_checks.is_checks(columns):
        return "arcep-checks"
    return "arcep-qos" if columns >= arcep_qos.REQUIRED else None


def parts_of(formats: Sequence[tuple[Log, Format]]) -> list[Part]:
    """Files in their order; those of one folder are one survey of Network Survey, others stand for themselves."""
    parts: dict[object, Part] = {}
    for number, (log, name) in enumerate(formats):
        key = (name, str(PurePosixPath(log.name).parent)) if name == "network-survey" else number
        logs = parts[key].logs if key in parts else ()
        parts[key] = Part(name, (*logs, log))
    return list(parts.values())


def one_by_one(read: Callable[[Log], Iterable[Sample | LeftOut]]) -> Reader:
    """A reader of several files from one that knows a single file."""
    return partial(_each, read)


def _each(read: Callable[[Log], Iterable[Sample | LeftOut]], logs: Sequence[Log]) -> Iterator[Found]:
    for log in logs:
        for item in read(log):
            yield log, item


def _packed(archive: Path, unpacked: Path) -> list[Log]:
    """The logs in a zip archive; SQLite reads files only, so a GeoPackage is unpacked."""
    logs: list[Log] = []
    with zipfile.ZipFile(archive) as file:
        names = sorted(name for name in file.namelist() if not name.endswith("/") and _may_be_log(PurePosixPath(name)))
    for name in names:
        log = Log(f"{archive}/{name}", Member(archive, name))
        if name.lower().endswith(".gpkg"):
            copy = unpacked / f"{len(list(unpacked.iterdir()))}.gpkg"
            with log.open() as packed, copy.open("wb") as plain:
                shutil.copyfileobj(packed, plain, PIECE_BYTES)
            log = Log(log.name, copy)
        logs.append(log)
    if not logs:
        raise MailleError(
            tr(
                f"{archive}: holds no log ({', '.join(SUFFIXES)})",
                f"{archive} : ne contient aucun journal ({', '.join(SUFFIXES)})",
            )
        )
    return logs


def _may_be_log(path: Path | PurePosixPath) -> bool:
    # what macOS puts beside files begins with "._"
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def _columns(line: str, delimiter: str) -> set[str]:
    return {cell.strip() for cell in split(line.rstrip("\r"), delimiter)}

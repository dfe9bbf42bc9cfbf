"""The formats of logs that can be imported: what each looks like, and which files of one are read together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from client_sdk.importers import arcep_qos, gnettrack
from client_sdk.importers.network_survey_files import is_network_survey
from client_sdk.importers.reading import LeftOut, Log
from client_sdk.sample import Sample

Format = Literal["arcep-qos", "gnettrack", "network-survey"]
Found = tuple[Log, Sample | LeftOut]
"""An item, and the file it was found in."""

Reader = Callable[[Sequence[Log]], Iterator[Found]]
"""From the files that belong together to what they hold."""

SUFFIXES = (".csv", ".gpkg")
"""Names of logs inside a folder end so."""

_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one format that are read together."""

    format: Format
    paths: tuple[Path, ...]

    def read(self, reader: Reader) -> Iterator[Found]:
        """What they hold; they are in memory only while they are read."""
        return reader([Log(str(path), path.read_bytes()) for path in self.paths])


def format_of(path: Path) -> Format | None:
    """What a file looks like; None where it looks like nothing that is known."""
    with path.open("rb") as file:
        head = Log(str(path), file.read(_HEAD_BYTES))
    if is_network_survey(head):
        return "network-survey"
    line = head.content.decode("utf-8-sig", "replace").partition("\n")[0]
    if _columns(line, ",") >= gnettrack.REQUIRED:
        return "gnettrack"
    return "arcep-qos" if _columns(line, ";") >= arcep_qos.REQUIRED else None


def parts_of(formats: Mapping[Path, Format]) -> list[Part]:
    """Files in their order; those of one folder are one survey of Network Survey, others stand for themselves."""
    parts: list[Part] = []
    for path, name in formats.items():
        last = parts[-1] if parts else None
        if last and name == last.format == "network-survey" and last.paths[0].parent == path.parent:
            parts[-1] = Part(name, (*last.paths, path))
        else:
            parts.append(Part(name, (path,)))
    return parts


def one_by_one(read: Callable[[Log], Iterable[Sample | LeftOut]]) -> Reader:
    """A reader of several files from one that knows a single file."""
    return partial(_each, read)


def _each(read: Callable[[Log], Iterable[Sample | LeftOut]], logs: Sequence[Log]) -> Iterator[Found]:
    for log in logs:
        for item in read(log):
            yield log, item


def _columns(line: str, delimiter: str) -> set[str]:
    return {cell.strip().strip('"') for cell in line.split(delimiter)}

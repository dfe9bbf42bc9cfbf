"""Comparing the archive with the database: every month's number of rows and a checksum of what they say.

A file's own digest is compared first with the one noted when it was written, so that a damaged file is told from one
that the database has left behind. Both sides are read as streams.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from client_sdk.messages import tr
from collector.storage.archive.checksum import Checksum
from collector.storage.archive.locking import only_run
from collector.storage.archive.place import Place, month_file
from collector.storage.archive.rows import BATCH, SCHEMA, month_tables
from collector.storage.archive.state import Written, read_state
from collector.storage.archive.writing import Progress, snapshot
from collector.storage.records import MonthCount
from collector.storage.revisions import month_counts
from collector.storage.store import Store

Finding = Literal["ok", "missing", "unknown", "outdated", "damaged", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Rows of one side, and the checksum of what they say, in the order of the archive."""

    samples: int
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """What was found of one file.

    Attributes:
        file: its path or URL.
        finding: ``ok``; ``missing``: the month has no file; ``unknown``: not a file of a month that holds samples;
            ``outdated``: the database changed since the last run; ``damaged``: not what was written, or unreadable;
            ``different``: it is what was written, and the database says something else without telling of a change.
        database: the month there, where it was read.
        archive: the file's content, where it could be read.
        reason: what is wrong with a damaged file.
    """

    file: str
    finding: Finding
    database: Content | None = None
    archive: Content | None = None
    reason: str | None = None

    def told(self) -> str:
        """One line for a person: what it is, and what to do."""
        here, there = (str(side.samples) if side else "?" for side in (self.archive, self.database))
        run = tr("run `maille collector archive`", "lancez `maille collector archive`")
        again = tr(f"delete it, then {run}", f"supprimez-le, puis {run}")
        match self.finding:
            case "ok":
                found = tr(f"{here} samples, as in the database", f"{here} relevés, comme dans la base")
            case "missing":
                found = tr(f"not there; {run}", f"absent ; {run}")
            case "unknown":
                found = tr(f"no month of the database; {again}", f"aucun mois de la base ; {again}")
            case "outdated":
                found = tr(
                    f"{here} samples, and the database, which changed since, has {there}; {run}",
                    f"{here} relevés, et la base, qui a changé depuis, en a {there} ; {run}",
                )
            case "damaged":
                found = tr(f"damaged: {self.reason}; {again}", f"endommagé : {self.reason} ; {again}")
            case "different":
                found = tr(
                    f"{here} samples that are not the {there} of the database, where no change was noted; {again}",
                    f"{here} relevés qui ne sont pas les {there} de la base, sans changement noté ; {again}",
                )
        return tr(f"{self.file}: {found}", f"{self.file} : {found}")


def verify_archive(
    store: Store, archive: str | Path, token_key: bytes, progress: Progress | None = None
) -> list[FileCheck]:
    """Compare every month, and look for files that should not be there; nothing is changed.

    Args:
        store: where the samples are.
        archive: directory, or URL of object storage.
        token_key: 32 bytes, those that the archive was written with.
        progress: called with the month and the fraction done.
    """
    report = progress or (lambda month, fraction: None)
    place = Place(archive)
    with only_run(store.engine):
        files, state, counts = place.files(), read_state(place, token_key), store.months()
        total, done = sum(count.samples for count in counts), 0
        checks = []
        for count in counts:
            report(count.month, done / total)
            if month_file(count.month) in files:
                checks.append(_check_month(store, place, count.month, state.get(count.month), token_key))
            else:
                checks.append(FileCheck(file=place.address(month_file(count.month)), finding="missing"))
            done += count.samples
        expected = {month_file(count.month) for count in counts}
        checks += [FileCheck(file=place.address(name), finding="unknown") for name in files if name not in expected]
    report("", 1.0)
    return checks


def _check_month(store: Store, place: Place, month: str, written: Written | None, token_key: bytes) -> FileCheck:
    name = month_file(month)
    address = place.address(name)
    try:
        archive = _content_of_file(place, name, written)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return FileCheck(file=address, finding="damaged", reason=reason)
    with snapshot(store) as connection:
        counts = month_counts(connection, month)
        database = _content(month_tables(connection, month, token_key))
    finding = _finding(archive, database, counts, written)
    return FileCheck(file=address, finding=finding, database=database, archive=archive)


def _finding(archive: Content, database: Content, counts: list[MonthCount], written: Written | None) -> Finding:
    if archive == database:
        return "ok"
    return "different" if written and counts and written.is_of(counts[0]) else "outdated"


def _content_of_file(place: Place, name: str, written: Written | None) -> Content:
    """Raises ValueError, or what Arrow raises, where the file is not what it should be."""
    with place.open(name) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if written and digest != written.sha256:
            raise ValueError(
                tr(
                    f"its SHA-256 is {digest[:12]}…, written was {written.sha256[:12]}…",
                    f"son SHA-256 est {digest[:12]}…, celui écrit était {written.sha256[:12]}…",
                )
            )
        file.seek(0)
        parquet = pq.ParquetFile(file)
        if not parquet.schema_arrow.equals(SCHEMA):
            raise ValueError(tr("its columns are not the archive's", "ses colonnes ne sont pas celles de l’archive"))
        return _content(pa.Table.from_batches([batch]) for batch in parquet.iter_batches(BATCH))


def _content(tables: Iterable[pa.Table]) -> Content:
    checksum = Checksum()
    for table in tables:
        checksum.add(table)
    return Content(samples=checksum.rows, checksum=checksum.hexdigest())

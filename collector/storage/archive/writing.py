"""Bringing the archive up to date: the months whose samples changed, each in one snapshot of the database."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import Connection

from client_sdk.bounds import instant_text
from collector.storage.archive.locking import only_run
from collector.storage.archive.place import Place, month_file
from collector.storage.archive.rows import ROW_GROUP, SCHEMA, month_tables
from collector.storage.archive.state import Written, read_state, write_state
from collector.storage.revisions import month_counts
from collector.storage.store import Store

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What one run did: months written, months left as they were, months removed, samples in the archive."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    samples: int


def write_archive(
    store: Store, archive: str | Path, token_key: bytes, progress: Progress | None = None
) -> ArchiveSummary:
    """Bring the archive up to date; only months whose samples changed since the last run are written.

    Killed at any point it leaves a readable archive, and the next run finishes.

    Args:
        store: where the samples are.
        archive: directory of the archive, made if absent, or URL of object storage.
        token_key: 32 bytes; another key changes every token, so every month is written again.
        progress: called with the month and the fraction done.

    Raises:
        SettingsError: no package here speaks to such a URL.
    """
    report = progress or (lambda month, fraction: None)
    place = Place(archive)
    with only_run(store.engine):
        place.clean()
        known, sizes = read_state(place, token_key), place.months()
        counts = store.months()
        months = [count.month for count in counts]
        current = {
            count.month
            for count in counts
            if (file := known.get(count.month)) and file.is_of(count) and sizes.get(count.month) == file.bytes
        }
        stale = [count for count in counts if count.month not in current]
        total, done = sum(count.samples for count in stale), 0
        for count in stale:

            def tell(rows: int, month: str = count.month, before: int = done) -> None:
                report(month, min((before + rows) / total, 1.0))

            known.pop(count.month, None)
            if file := _write_month(store, place, count.month, token_key, tell):
                known[count.month] = file
                write_state(place, token_key, known)
            done += count.samples
        known = {month: known[month] for month in months if month in known}
        removed = sorted(sizes.keys() - known.keys())
        for month in removed:
            place.remove(month_file(month))
        write_state(place, token_key, known)
    report("", 1.0)
    return ArchiveSummary(
        written=tuple(month for month in known if month not in current),
        unchanged=tuple(month for month in known if month in current),
        removed=tuple(removed),
        samples=sum(written.samples for written in known.values()),
    )


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """A connection that sees the database as it is at its first statement, whatever is stored meanwhile."""
    with store.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _write_month(
    store: Store, place: Place, month: str, token_key: bytes, report: Callable[[int], None]
) -> Written | None:
    """Write one month and tell what was written, which a sample that arrives meanwhile may already have outdated.

    None: its last sample has gone since the months were listed.
    """
    report(0)
    with place.aside() as file, snapshot(store) as connection:
        counts = month_counts(connection, month)
        if not counts:
            return None
        rows = 0
        with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
            for table in month_tables(connection, month, token_key):
                writer.write_table(table, row_group_size=ROW_GROUP)
                rows += table.num_rows
                report(rows)
        written = Written(
            samples=rows,
            last_received_at=instant_text(counts[0].last_received_at),
            revision=counts[0].revision,
            bytes=file.stat().st_size,
            sha256=_sha256(file),
        )
        place.put(file, month_file(month))
    return written


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

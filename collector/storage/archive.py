"""Accepted samples → one Parquet file per month of ``measured_at``: derived, incremental, the same bytes each time.

In place of the device's key stands a device token, a keyed hash whose key stays with the collector. Excluded samples
are there too, marked. Rows are sorted by ``measured_at``, ``device_token``, ``id``; a file appears whole or not at all.
"""

import fcntl
import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from client_sdk.bounds import instant_text
from client_sdk.sample import FIELDS
from collector.storage.records import MonthCount
from collector.storage.store import Store
from collector.storage.tables import field_type

Progress = Callable[[str, float], None]

_STATE = "_state.json"  # readers of Parquet datasets pass over names that begin with _
_FORMAT = 1  # raise it when the meaning of a column changes: every month is then written again
_ROW_GROUP = 65_536
_PARTITION = "measured_month="
_INSTANT = pa.timestamp("ms", tz="UTC")
_ARROW_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}

SCHEMA = pa.schema(
    [
        pa.field("device_token", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("h3_cell", pa.int64()),
        pa.field("flags", pa.string(), nullable=False),
        pa.field("excluded", pa.bool_(), nullable=False),
        pa.field("received_at", _INSTANT, nullable=False),
        pa.field("measured_at", _INSTANT, nullable=False),
        *(
            pa.field(name, _ARROW_TYPES[field_type(annotation)[0]], nullable=field_type(annotation)[1])
            for name, annotation in FIELDS.items()
            if name != "measured_at"
        ),
    ]
)
"""Columns of the archive."""


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What one run did: months written, months left as they were, months removed, samples in the archive."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    samples: int


def write_archive(store: Store, archive: Path, token_key: bytes, progress: Progress | None = None) -> ArchiveSummary:
    """Bring the archive up to date; only months whose samples changed since the last run are written.

    Args:
        store: where the samples are.
        archive: directory of the archive, made if absent.
        token_key: 32 bytes; another key changes every token, so every month is written again.
        progress: called with the month and the fraction done.
    """
    archive.mkdir(parents=True, exist_ok=True)
    with _only_one(archive):
        fingerprint = _fingerprint(token_key)
        known = _read_state(archive, fingerprint)
        counts = store.months()
        written: list[str] = []
        for number, count in enumerate(counts):
            if progress:
                progress(count.month, number / len(counts))
            if known.get(count.month) != _mark(count) or not _file(archive, count.month).is_file():
                known[count.month] = _mark(_write_month(store, archive, count.month, token_key))
                _write_state(archive, fingerprint, known)
                written.append(count.month)
        months = [count.month for count in counts]
        removed = sorted(
            {folder.name.removeprefix(_PARTITION) for folder in archive.glob(f"{_PARTITION}*")} - set(months)
        )
        for month in removed:
            shutil.rmtree(archive / f"{_PARTITION}{month}")
        known = {month: known[month] for month in months}
        _write_state(archive, fingerprint, known)
    if progress:
        progress("", 1.0)
    return ArchiveSummary(
        written=tuple(written),
        unchanged=tuple(month for month in months if month not in written),
        removed=tuple(removed),
        samples=sum(int(mark["samples"]) for mark in known.values()),
    )


def device_token(token_key: bytes, thumbprint: str) -> str:
    """What stands for a device in the archive: the first 32 hexadecimal digits of HMAC-SHA256(key, thumbprint)."""
    return hmac.new(token_key, thumbprint.encode("ascii"), hashlib.sha256).hexdigest()[:32]


def _write_month(store: Store, archive: Path, month: str, token_key: bytes) -> MonthCount:
    """Write one month and tell what was written, which a sample that arrives meanwhile may already have outdated."""
    file = _file(archive, month)
    file.parent.mkdir(exist_ok=True)
    aside = file.with_name(f".{file.name}.tmp")
    samples, last_received_at = 0, None
    with pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
        for rows in _chunks(_sorted_rows(store, month, token_key)):
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA), row_group_size=_ROW_GROUP)
            samples += len(rows)
            latest = max(row["received_at"] for row in rows)
            last_received_at = latest if last_received_at is None else max(last_received_at, latest)
    assert last_received_at is not None, "months() names only months with samples, and samples are never deleted"
    _replace(aside, file)
    return MonthCount(month, samples, last_received_at)


def _sorted_rows(store: Store, month: str, token_key: bytes) -> Iterator[dict[str, Any]]:
    """The store sorts by instant; within one instant, where the token decides, memory is enough."""
    token = cache(lambda thumbprint: device_token(token_key, thumbprint))
    for _, group in groupby(store.samples_of_month(month), key=lambda row: row["measured_at"]):
        rows = [{"device_token": token(row.pop("device")), **row} for row in group]
        yield from sorted(rows, key=lambda row: (row["device_token"], row["id"]))


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _ROW_GROUP:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _file(archive: Path, month: str) -> Path:
    return archive / f"{_PARTITION}{month}" / "samples.parquet"


def _mark(count: MonthCount) -> dict[str, int | str]:
    return {"samples": count.samples, "last_received_at": instant_text(count.last_received_at)}


def _fingerprint(token_key: bytes) -> str:
    """Changes with the key, the columns or the format: then nothing of the archive can stay."""
    text = f"archive {_FORMAT}\n{SCHEMA}"
    return hmac.new(token_key, text.encode(), hashlib.sha256).hexdigest()


def _read_state(archive: Path, fingerprint: str) -> dict[str, dict[str, int | str]]:
    try:
        state = json.loads((archive / _STATE).read_text())
        return dict(state["months"]) if state["fingerprint"] == fingerprint else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # absent or damaged: the archive can always be written again


def _write_state(archive: Path, fingerprint: str, months: dict[str, dict[str, int | str]]) -> None:
    aside = archive / f".{_STATE}.tmp"
    aside.write_text(json.dumps({"fingerprint": fingerprint, "months": months}, indent=1, sort_keys=True) + "\n")
    _replace(aside, archive / _STATE)


def _replace(aside: Path, file: Path) -> None:
    with aside.open("rb") as written:
        os.fsync(written.fileno())
    aside.replace(file)


@contextmanager
def _only_one(archive: Path) -> Iterator[None]:
    """A second run waits: two that write the same month could leave the older one behind a newer state."""
    with (archive / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

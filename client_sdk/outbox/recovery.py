"""Read what SQLite can still read of a damaged outbox.

A damaged page makes every row on it unreadable, and every way through it. So a table is read from its beginning to the
first row that fails, then from its end back to the first that fails, and what lies between by halves.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from client_sdk.errors import DeviceKeyError
from client_sdk.outbox.schema import SCHEMA, TABLES, UPGRADES, VERSION, execute_all, now_ms
from client_sdk.signing.keys import VerifyingKey

MAX_FAILED_READS = 20_000
"""Ours: reads of one table that may fail before the rest of it is given up, some seconds on a phone."""

_FIRST_VERSION_TABLES = ("collectors", "samples", "receipts")
_LARGEST_ROWID = 2**63 - 1


def read_back(damaged: Path, fresh: sqlite3.Connection) -> tuple[int, bool]:
    """Fill an empty database with the outbox's tables and what can be read of a damaged file.

    Args:
        damaged: is only read.
        fresh: within a transaction.

    Returns:
        how many samples were read back, and whether no row of any table was out of reach.
    """
    old = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    try:
        complete = _copied(old, fresh)
    except sqlite3.DatabaseError:  # nothing of it can be read: not even which tables it has
        complete = False
    finally:
        old.close()
    if not fresh.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        execute_all(fresh, SCHEMA)
    _make_consistent(fresh)
    count: int = fresh.execute("SELECT count(*) FROM samples").fetchone()[0]
    return count, complete


def _copied(old: sqlite3.Connection, fresh: sqlite3.Connection) -> bool:
    version = old.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        execute_all(fresh, SCHEMA)
        return _copied_tables(old, fresh, TABLES)
    found = dict(old.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    if version != 1 or not {*_FIRST_VERSION_TABLES, "counter", "envelopes"} <= found.keys():
        return False
    for statement in found.values():
        fresh.execute(statement)
    fresh.execute("INSERT INTO counter VALUES (0)")
    complete = _copied_tables(old, fresh, _FIRST_VERSION_TABLES)
    fresh.execute("UPDATE samples SET envelope = NULL, envelope_line = NULL")
    for older in range(version, VERSION):
        execute_all(fresh, UPGRADES[older])
    return complete


def _copied_tables(old: sqlite3.Connection, fresh: sqlite3.Connection, tables: Sequence[str]) -> bool:
    whole = [table for table in tables if _copied_table(old, fresh, table)]
    return len(whole) == len(tables)


def _copied_table(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> bool:
    """Copy the rows that can be read; whether all could."""
    try:
        columns = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})")]
        rows = _Rows(old, table, columns)
        marks = ", ".join("?" * len(columns))
        fresh.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", _believable(rows.read(), table, columns))
    except sqlite3.DatabaseError:
        return False
    return rows.failed == 0


def _believable(rows: Iterator[tuple[Any, ...]], table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows without the samples whose text is no longer what was written: a damaged page may still be readable."""
    for row in rows:
        if table == "samples":
            values = dict(zip(columns, row, strict=True))
            try:
                if values["line"] is not None and json.loads(values["line"])["id"] != values["id"]:
                    continue
            except (ValueError, KeyError, TypeError):
                continue
        yield row


class _Rows:
    """The rows of one table, as far as they can be read.

    Attributes:
        failed: reads that failed so far.
    """

    def __init__(self, old: sqlite3.Connection, table: str, columns: list[str]) -> None:
        self._old = old
        self._key = "seq" if table in ("samples", "deliveries") else "rowid"
        self._select = f"SELECT {self._key}, {', '.join(columns)} FROM {table} WHERE {self._key} BETWEEN ? AND ?"
        self.failed = 0

    def read(self) -> Iterator[tuple[Any, ...]]:
        """All that can be read; some twice at most."""
        ranges = [(0, _LARGEST_ROWID)]
        while ranges and self.failed < MAX_FAILED_READS:
            low, high = ranges.pop()
            last = yield from self._until_failure(low, high)
            if last is None:
                continue
            first = yield from self._until_failure(last + 1, high, backwards=True)
            if first is None:
                continue
            low, high = last + 1, first - 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]

    def _until_failure(
        self, low: int, high: int, *, backwards: bool = False
    ) -> Generator[tuple[Any, ...], None, int | None]:
        """Rows of a range of keys; then the last key that could be read before one could not, None where all could."""
        order, last = ("DESC", high + 1) if backwards else ("ASC", low - 1)
        try:
            for key, *values in self._old.execute(f"{self._select} ORDER BY {self._key} {order}", (low, high)):
                last = key
                yield tuple(values)
        except sqlite3.DatabaseError:
            self.failed += 1
            return last
        return None


def _make_consistent(fresh: sqlite3.Connection) -> None:
    """Drop what refers to rows that were lost; what was on its way, or may have been, is to be sent."""
    for thumbprint, jwk in fresh.execute("SELECT thumbprint, jwk FROM collectors").fetchall():
        if not _is_key(thumbprint, jwk):
            fresh.execute("DELETE FROM collectors WHERE thumbprint = ?", (thumbprint,))
    fresh.execute(
        "DELETE FROM hidden_areas WHERE NOT (typeof(latitude) = 'real' AND latitude BETWEEN -90 AND 90 "
        "AND typeof(longitude) = 'real' AND longitude BETWEEN -180 AND 180 AND typeof(radius_m) = 'real')"
    )
    fresh.execute("DELETE FROM surveys WHERE NOT json_valid(options)")
    fresh.execute("DELETE FROM survey_events WHERE survey NOT IN (SELECT id FROM surveys)")
    fresh.execute("DELETE FROM receipts WHERE collector NOT IN (SELECT thumbprint FROM collectors)")
    fresh.execute(
        "DELETE FROM deliveries WHERE collector NOT IN (SELECT thumbprint FROM collectors) "
        "OR seq NOT IN (SELECT seq FROM samples)"
    )
    fresh.execute("UPDATE deliveries SET envelope = NULL, envelope_line = NULL")
    fresh.execute(
        "INSERT OR IGNORE INTO deliveries (seq, collector) SELECT seq, thumbprint FROM samples, collectors "
        "WHERE line IS NOT NULL AND left_ms IS NULL"
    )
    # what the damaged file had counted to may be unknown: the clock is far beyond any counter
    fresh.execute("DELETE FROM counter")
    fresh.execute("INSERT INTO counter SELECT max(ifnull(max(seq) + 1, 0), ?) FROM samples", (now_ms(),))


def _is_key(thumbprint: object, jwk: str) -> bool:
    try:
        return VerifyingKey.from_jwk(json.loads(jwk)).thumbprint == thumbprint
    except (ValueError, TypeError, DeviceKeyError):
        return False

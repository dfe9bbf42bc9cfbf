"""Many rows at once, by the quickest way that each database has, past SQLAlchemy's work on every value.

SQLite: one prepared statement for the samples that have the same members, since binding an absent one costs more than
storing it, and two thirds are absent; some rows to a statement, since each run of it has a price. PostgreSQL: binary
``COPY``. Measured with 115 columns and thousands of rows at a time: SQLite 20 µs a row against 30 with one row a
statement and 66 with every column; PostgreSQL 28 µs against 38 (``COPY`` of text) and 46 (a staging table, then
``INSERT … ON CONFLICT``, which the lock on the device makes needless).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Select,
    Text,
    and_,
    bindparam,
    func,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from client_sdk.bounds import instant_text
from client_sdk.sample import FIELDS
from collector.storage.records import JudgedSample, ReceivedEnvelope, Tier
from collector.storage.tables import UtcInstant, samples

NewSample = tuple[JudgedSample, ReceivedEnvelope, Tier]
"""A sample to insert, the envelope that brought it, and the tier of the device that sent it."""

Pairs = Sequence[tuple[str, str]]

_ROWS_AT_ONCE = 25
"""Ours: SQLite takes 32,766 values in a statement, 280 rows of every column; beyond 25 it gets no faster."""

_READ_FIELDS = attrgetter(*FIELDS)
_MEASURED_AT = list(FIELDS).index("measured_at")
_ADDED = (
    *("device", "envelope_sha256", "line_sha256", "received_at", "tier"),
    *("measured_month", "h3_cell", "flags", "excluded"),
)
"""Columns beside the sample's own."""

_COLUMNS = (*FIELDS, *_ADDED)


def insert_samples(connection: Connection, new: Sequence[NewSample]) -> None:
    """Insert samples whose ids their devices did not use before."""
    if not new:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, [_row(sample) for sample in new])
        return
    for names, group in _by_members(new).items():
        measured_at = names.index("measured_at")
        rows = [_sqlite_row(sample, measured_at) for sample in group]
        whole = len(rows) - len(rows) % _ROWS_AT_ONCE
        portions = [rows[first : first + _ROWS_AT_ONCE] for first in range(0, whole, _ROWS_AT_ONCE)]
        _insert(connection, names, _ROWS_AT_ONCE, [list(chain.from_iterable(portion)) for portion in portions])
        _insert(connection, names, 1, rows[whole:])


def _by_members(new: Sequence[NewSample]) -> dict[tuple[str, ...], list[NewSample]]:
    """Samples by the names of the members that they have, in the order in which they came."""
    groups: dict[tuple[str, ...], list[NewSample]] = {}
    for sample in new:
        groups.setdefault(tuple(vars(sample[0].sample)), []).append(sample)
    return groups


def _sqlite_row(new: NewSample, measured_at: int) -> list[Any]:
    """The values of the members and of :data:`_ADDED`, instants as text; ``measured_at`` is the place of that one."""
    judged, envelope, _ = new
    values = list(vars(judged.sample).values())
    values[measured_at] = _sqlite_text(values[measured_at])
    return values + _added(new, _sqlite_instant(envelope.received_at))


def _insert(connection: Connection, names: Sequence[str], rows: int, values: Sequence[list[Any]]) -> None:
    """Run one statement of so many rows for each list of values."""
    if values:
        columns = (*names, *_ADDED)
        places = ", ".join([f"({', '.join('?' * len(columns))})"] * rows)
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.executemany(f"INSERT INTO samples ({', '.join(columns)}) VALUES {places}", values)


def known_lines(connection: Connection, asked: Pairs) -> dict[str, dict[str, str]]:
    """By device, id → digest of the line, for those of the samples asked for that are stored."""
    known: dict[str, dict[str, str]] = {}
    if asked:
        columns = (samples.c.device, samples.c.id, samples.c.line_sha256)
        for device, sample_id, digest in connection.execute(select_pairs(connection, columns, asked)):
            known.setdefault(device, {})[sample_id] = digest
    return known


def select_pairs(connection: Connection, columns: Sequence[Column[Any]], asked: Pairs) -> Select[Any]:
    """Those columns of the rows whose first two are a pair that is asked for: one statement for any number of them.

    Each pair is one search in the index: in a plain list of values SQLite reads the whole table, and PostgreSQL would
    rather read 100,000 rows than search 3,000 times, hence a subquery that finds one row.
    """
    first, second = columns[:2]
    if connection.dialect.name == "postgresql":
        # thumbprints, ids and digests hold no comma; the driver takes ten times as long over a list
        firsts, seconds = (func.string_to_array(",".join(values), ",") for values in zip(*asked, strict=True))
        pairs = func.unnest(firsts, seconds).table_valued("first", "second", name="asked").render_derived()
        one = select(*columns).where(first == pairs.c.first, second == pairs.c.second).limit(1).lateral()
        return select(*one.c).select_from(pairs).join(one, true())
    pairs = func.json_each(bindparam("pairs", json.dumps(asked), Text)).table_valued("value", name="asked")
    is_asked = and_(
        first == func.json_extract(pairs.c.value, "$[0]"), second == func.json_extract(pairs.c.value, "$[1]")
    )
    return select(*columns).select_from(pairs).join(first.table, is_asked)


def _row(new: NewSample) -> list[Any]:
    """The values of :data:`_COLUMNS`, as PostgreSQL's driver takes them."""
    judged, envelope, _ = new
    values = list(_READ_FIELDS(judged.sample))
    values[_MEASURED_AT] = datetime.fromisoformat(judged.sample.measured_at)
    return values + _added(new, envelope.received_at)


def _added(new: NewSample, received_at: datetime | str) -> list[Any]:
    """The values of :data:`_ADDED`."""
    judged, envelope, tier = new
    return [
        envelope.device,
        envelope.sha256,
        judged.line_sha256,
        received_at,
        tier,
        judged.sample.measured_at[:7],
        judged.h3_cell,
        " ".join(judged.flags),
        judged.excluded,
    ]


def _sqlite_text(text: str) -> str:
    """What :class:`~collector.storage.tables.UtcInstant` keeps on SQLite: ``2026-11-23 16:34:00.123000``."""
    return f"{text[:10]} {text[11:23]}000"


@lru_cache  # an envelope's samples were received together
def _sqlite_instant(instant: datetime) -> str:
    return _sqlite_text(instant_text(instant))


def _copy(connection: Connection, rows: Sequence[list[Any]]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    statement = f"COPY samples ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_POSTGRESQL_TYPES)
        for row in rows:
            copy.write_row(row)


def _postgresql_type(kind: TypeEngine[Any]) -> str:
    """Binary COPY takes each value in the form of its column's type; every kind of text has the same."""
    names: dict[type[TypeEngine[Any]], str] = {BigInteger: "int8", Double: "float8", Boolean: "bool"}
    return names.get(type(kind), "timestamptz" if isinstance(kind, UtcInstant) else "text")


_POSTGRESQL_TYPES = [_postgresql_type(samples.c[name].type) for name in _COLUMNS]

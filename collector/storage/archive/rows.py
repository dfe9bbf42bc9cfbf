"""Samples of a month as Arrow tables in the archive's columns and order, read as a stream from either database.

In place of the device's key stands a device token, a keyed hash whose key stays with the collector. Excluded samples
are there too, marked. Rows are sorted by ``measured_at`` and ``id``; the database sorts, so that memory stays bounded.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from sqlalchemy import BigInteger as Integer64
from sqlalchemy import ColumnElement, Connection, Select, func, select

from client_sdk.sample import FIELDS
from collector.storage.tables import devices, field_type, samples

ROW_GROUP = 65_536
"""Rows of each table but the last, and so of each row group of a file."""

BATCH = 4_096
"""Ours: rows fetched at a time, some megabytes."""
_CSV_BLOCK_BYTES = 1 << 20
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


def device_token(token_key: bytes, origin: str) -> str:
    """What stands for a device in the archive: the first 32 hexadecimal digits of HMAC-SHA256(key, thumbprint).

    Args:
        token_key: 32 bytes.
        origin: thumbprint of the device's first key, so that the token follows it when it changes keys.
    """
    return hmac.new(token_key, origin.encode("ascii"), hashlib.sha256).hexdigest()[:32]


def month_tables(connection: Connection, month: str, token_key: bytes) -> Iterator[pa.Table]:
    """Every sample of a month, :data:`ROW_GROUP` rows at a time."""
    read = _copied if connection.dialect.name == "postgresql" else _fetched
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in read(connection, month):
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP:
            table = pa.Table.from_batches(waiting)
            yield _finished(table.slice(0, ROW_GROUP), token_key)
            rows -= ROW_GROUP
            waiting = table.slice(ROW_GROUP).to_batches()
    if rows:
        yield _finished(pa.Table.from_batches(waiting), token_key)


def _finished(table: pa.Table, token_key: bytes) -> pa.Table:
    """One chunk per column, tokens in place of devices, and no negative zero: SQLite does not know it."""
    columns = []
    for field, column in zip(SCHEMA, table.combine_chunks().columns, strict=True):
        if field.name == "device_token":
            origins = column.combine_chunks().dictionary_encode()
            tokens = pa.array([device_token(token_key, origin) for origin in origins.dictionary.to_pylist()])
            column = tokens.take(origins.indices)
        elif pa.types.is_floating(field.type):
            column = pc.add(column, 0.0)
        columns.append(column)
    return pa.table(columns, schema=SCHEMA)


def _statement(month: str, instant: Any, device: ColumnElement[Any]) -> Select[Any]:
    """Columns in the order of the schema, the origin in place of the token.

    Args:
        month: of the samples.
        instant: prepares a column of time.
        device: what decides the order of samples that share their instant and id, byte by byte as the id itself.
    """
    origin = func.coalesce(devices.c.origin, samples.c.device)
    columns = [_column(name, instant) for name in SCHEMA.names if name != "device_token"]
    return (
        select(origin, *columns)
        .join_from(samples, devices, devices.c.thumbprint == samples.c.device, isouter=True)
        .where(samples.c.measured_month == month)
        .order_by(samples.c.measured_at, samples.c.id, device)
    )


def _column(name: str, instant: Any) -> ColumnElement[Any]:
    column = samples.c[name]
    return instant(column) if pa.types.is_timestamp(SCHEMA.field(name).type) else column


def _fetched(connection: Connection, month: str) -> Iterator[pa.RecordBatch]:
    """From SQLite, by the driver's own cursor: the types that SQLAlchemy would make are undone by Arrow anyway."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_text(connection, _statement(month, lambda column: column, samples.c.device)))
        while rows := cursor.fetchmany(BATCH):
            arrays = [_array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
            yield pa.record_batch(arrays, schema=SCHEMA)
    finally:
        cursor.close()


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    if pa.types.is_boolean(kind):
        return pa.array(values, pa.int8()).cast(kind)
    if pa.types.is_timestamp(kind):  # 2026-11-20 08:00:00.000000, in UTC
        return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(pa.timestamp("ms"), safe=False).cast(kind)
    return pa.array(values, kind)


def _copied(connection: Connection, month: str) -> Iterator[pa.RecordBatch]:
    """From PostgreSQL, by COPY: Arrow reads its text far faster than a driver makes objects of it."""
    statement = _text(connection, _statement(month, _milliseconds, samples.c.device.collate("C")))
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as copy:
        stream = _Blocks(iter(copy))
        if not stream.begins():
            return
        reader = csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES, column_names=SCHEMA.names),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                column_types={field.name: _csv_type(field.type) for field in SCHEMA},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # null is empty, the empty text is ""
                true_values=["t"],
                false_values=["f"],
            ),
        )
        for batch in reader:
            arrays = [column.cast(field.type) for column, field in zip(batch.columns, SCHEMA, strict=True)]
            yield pa.record_batch(arrays, schema=SCHEMA)


def _csv_type(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) else kind


def _milliseconds(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Whole milliseconds since 1970; what lies below is cut off, as on SQLite."""
    seconds = func.extract("epoch", func.date_trunc("milliseconds", column))
    return func.round(seconds * 1000).cast(Integer64)


def _text(connection: Connection, statement: Select[Any]) -> str:
    """With its one value inside: COPY takes no parameters."""
    return str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


class _Blocks:
    """Blocks of bytes as a file to read."""

    closed = False

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks, self._rest = blocks, b""

    def begins(self) -> bool:
        """Whether there is anything at all."""
        self._rest = bytes(next(self._blocks, b""))
        return bool(self._rest)

    def read(self, size: int) -> bytes:
        """That many bytes, fewer at the end."""
        parts, length = [self._rest], len(self._rest)
        while length < size and (block := next(self._blocks, None)) is not None:
            parts.append(bytes(block))
            length += len(block)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]

    def close(self) -> None:
        """Nothing to close: the cursor is closed by its block."""
        self.closed = True

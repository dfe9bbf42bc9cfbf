"""Rows as JSON, CSV, Parquet or an Arrow stream, a part at a time."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from aggregator.publication.reading import texts
from aggregator.publication.reading.collections import Collection, Rows
from aggregator.publication.reading.documents import Document

CHUNK = 20_000
"""Ours: rows written at a time: some 20 MB, whatever the size of the release."""


def written(form: str, one: Collection, rows: Rows, columns: list[str], head: Document) -> bytes | Iterator[bytes]:
    """Rows in a form: whole where they are few, else part by part as they are taken.

    Args:
        form: ``json``, ``csv``, ``parquet`` or ``arrow``.
        one: collection of the rows.
        rows: which.
        columns: of the answer, in their order.
        head: members of the JSON before its rows.
    """
    if form == "json":
        parts = _json(one, rows, columns, head)
    else:
        parts = _csv(one, rows, columns) if form == "csv" else _binary(one, rows, columns, parquet=form == "parquet")
    return parts if len(rows) > CHUNK else b"".join(parts)


def _chunks(rows: Rows) -> Iterator[pa.Array]:
    for first in range(0, max(1, len(rows)), CHUNK):
        yield pa.array(rows[first : first + CHUNK])


def _tables(one: Collection, rows: Rows, columns: list[str]) -> Iterator[pa.Table]:
    """Rows with plain texts: a dictionary would bring along the texts of all other rows."""
    table = one.table.select(columns)
    plain = pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema])
    for chunk in _chunks(rows):
        yield table.take(chunk).cast(plain)


def _json(one: Collection, rows: Rows, columns: list[str], head: Document) -> Iterator[bytes]:
    yield json.dumps(head).encode()[:-1] + b', "rows": [\n'
    table = one.packed if columns == one.table.column_names else one.members.select(columns)
    for number, chunk in enumerate(_chunks(rows)):
        yield b"".join([b",\n" if number else b"", texts.objects(table.take(chunk))])
    yield b"\n]}\n"


def _csv(one: Collection, rows: Rows, columns: list[str]) -> Iterator[bytes]:
    for number, part in enumerate(_tables(one, rows, columns)):
        written = io.BytesIO()
        pyarrow.csv.write_csv(part, written, pyarrow.csv.WriteOptions(include_header=number == 0))
        yield written.getvalue()


def _binary(one: Collection, rows: Rows, columns: list[str], *, parquet: bool) -> Iterator[bytes]:
    """Parquet or an Arrow stream; what was written is handed on after each part."""
    held = io.BytesIO()
    sink = pa.PythonFile(_Handed(held), mode="w")
    writer: Any = None
    for part in _tables(one, rows, columns):
        if writer is None:
            writer = (
                pq.ParquetWriter(sink, part.schema, compression="zstd")
                if parquet
                else pa.ipc.new_stream(sink, part.schema)
            )
        writer.write_table(part)
        yield _taken(held)
    writer.close()
    yield _taken(held)


class _Handed(io.RawIOBase):
    """A file that only grows, whose content is taken away meanwhile; it knows how much was written in all."""

    def __init__(self, held: io.BytesIO) -> None:
        self._held, self._total = held, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = self._held.write(data)
        self._total += count
        return count

    def tell(self) -> int:
        return self._total


def _taken(held: io.BytesIO) -> bytes:
    content = held.getvalue()
    held.seek(0)
    held.truncate()
    return content

"""Parquet files of rows in order: the same rows give the same bytes, however they come."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggregator.evidence.whole_file import replacing

ROW_GROUP = 1 << 18
"""Rows of each row group of a table: about as many as a reader wants at a time."""

CODED = pa.dictionary(pa.int32(), pa.string())
"""Texts as they are written and best computed with; readers get texts."""


def write_rows(rows: Iterable[pa.Table], schema: pa.Schema, file: Path) -> None:
    """Write rows in place of a file.

    Args:
        rows: in the columns of ``schema``; texts may be coded, by whichever lists.
        schema: of the file.
        file: Parquet; what was there stays where this fails.
    """
    written = coded(schema)
    options = {"compression": "zstd", "write_statistics": schema.names[:1], "store_schema": False}
    with replacing(file) as partial, pq.ParquetWriter(partial, written, **options) as writer:
        waiting: list[pa.Table] = []
        held = 0
        for table in rows:
            waiting.append(table)
            held += table.num_rows
            while held >= ROW_GROUP:
                whole = pa.concat_tables(waiting)
                writer.write_table(_ordered(whole.slice(0, ROW_GROUP), written), row_group_size=ROW_GROUP)
                held -= ROW_GROUP
                waiting = [whole.slice(ROW_GROUP)]
        if held:
            writer.write_table(_ordered(pa.concat_tables(waiting), written), row_group_size=ROW_GROUP)


def ahead(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same tables, each of them made in another thread while the one before is used."""
    coming = iter(tables)
    with ThreadPoolExecutor(1) as aside:
        made = aside.submit(next, coming, None)
        while (table := made.result()) is not None:
            made = aside.submit(next, coming, None)
            yield table


def whole_groups(batches: Iterable[pa.RecordBatch], column: str) -> Iterator[pa.Table]:
    """The same rows, those that are equal in a column of whole numbers together, which are in order.

    The last ones of a batch may go on in the next.
    """
    waiting: list[pa.Table] = []
    for batch in batches:
        rows = pa.concat_tables([*waiting, pa.Table.from_batches([batch])]).combine_chunks()
        groups = rows[column].to_numpy()
        last = int(np.searchsorted(groups, groups[-1]))
        waiting = [rows.slice(last)]
        if last:
            yield rows.slice(0, last)
    yield from waiting


def coded(schema: pa.Schema) -> pa.Schema:
    """The same columns, texts as :data:`CODED`."""
    return pa.schema([field.with_type(CODED) if field.type == pa.string() else field for field in schema])


def _ordered(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in a schema, each list of texts with those alone that are there, in order."""
    columns = []
    for field, column in zip(schema, rows.columns, strict=True):
        columns.append(_in_order(column) if field.type == CODED else column.cast(field.type))
    return pa.table(columns, schema=schema)


def _in_order(column: pa.ChunkedArray) -> pa.DictionaryArray:
    texts = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    whole = texts.unify_dictionaries().combine_chunks()
    codes = whole.indices.to_numpy()
    used = np.flatnonzero(np.bincount(codes, minlength=len(whole.dictionary)))
    found = whole.dictionary.take(pa.array(used))
    order = pc.sort_indices(found).to_numpy()
    place = np.zeros(len(whole.dictionary), np.int32)
    place[used[order]] = np.arange(len(used))
    return pa.DictionaryArray.from_arrays(pa.array(place[codes]), found.take(pa.array(order)))

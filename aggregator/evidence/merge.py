"""From the states of any number of months, or machines, to the tables of evidence: integers summed key by key.

Whatever the order and however the states were split, the tables are the same to the byte. Where it matters that a cell
holds no more than so many devices, only those with the smallest tokens stay: tokens are keyed hashes, so nobody chooses
to be among them, and which they are depends on no order either.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.engines import DuckDB
from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import (
    CAPABILITY_KEYS,
    FAILURE_KEYS,
    HISTOGRAM_KEYS,
    HOUR_KEYS,
    LEDGER_KEYS,
    NOTHING_SERVED,
    TABLES,
    TECHNOLOGIES,
)
from aggregator.evidence.tallies import PLACE, STATES, ledger, state_tables

Progress = Callable[[str, float], None]

ROW_GROUP = 1 << 18
"""Rows of each row group of a table: about as many as a reader wants at a time."""

ORDER = {
    "ledger": LEDGER_KEYS,
    "capability": CAPABILITY_KEYS,
    "histograms": HISTOGRAM_KEYS,
    "failures": FAILURE_KEYS,
    "hours": HOUR_KEYS,
}
"""Keys of each table, in the order of its rows."""


def merge(
    states: Sequence[Path],
    into: Path,
    engine: DuckDB,
    *,
    devices_per_cell: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the tables of evidence, each in the order of its keys, in place of those that were there.

    Args:
        states: directories of states, each with a folder of Parquet files for each of ``tallies.STATES``.
        into: directory of evidence.
        engine: where they are summed.
        devices_per_cell: devices that stay of each cell of resolution 9 and operator; by default all.
        progress: told the table being written, and the fraction done.
    """
    report = progress or (lambda label, fraction: None)
    for name in STATES if states else ():
        engine.load([str(file) for state in states for file in sorted((state / name).glob("*.parquet"))], name)
    for step, (name, query) in enumerate(_queries(devices_per_cell).items()):
        report(name, step / len(TABLES))
        _write(engine.rows(query, ROW_GROUP) if states else (), TABLES[name], into / f"{name}.parquet")
    report("", 1.0)


@cache
def _queries(devices_per_cell: int | None) -> dict[str, str]:
    """Name of each table → the query that gives its rows, in order."""
    queries = {}
    for name, rows in evidence(state_tables(), devices_per_cell).items():
        # SQL's sums are wider than what is summed, whatever Ibis believes: a type that differs makes it cast them
        typed = {field.name: rows[field.name].cast(_declared(field.type)) for field in TABLES[name]}
        queries[name] = str(ibis.duckdb.compile(rows.select(**typed).order_by(*ORDER[name])))
    return queries


def evidence(tables: dict[str, Any], devices_per_cell: int | None = None) -> dict[str, Any]:
    """The tables of evidence, as Ibis expressions over tables of state: name → rows in no order."""
    tests, moments = tables["tests"], tables["moments"]
    if devices_per_cell is not None:
        tests = fewest_devices(tests, devices_per_cell)
    best, bins = tables["capability"], tables["histograms"]
    failed = moments.filter(moments.cause != "")
    hours = moments.group_by(*PLACE, "hour_utc")
    counted = {
        "histograms": bins.group_by(*PLACE, "measure", "bin").agg(samples=bins.samples.sum()),
        "failures": failed.group_by(*PLACE, "cause").agg(samples=failed.samples.sum()),
        "hours": hours.agg(
            samples=moments.samples.sum(), failures=moments.samples.sum(where=moments.cause != "").fill_null(0)
        ),
    }
    technologies = list(enumerate(TECHNOLOGIES, start=1))
    named = {
        name: rows.mutate(technology=rows["rank"].cases(*technologies, else_=NOTHING_SERVED))
        for name, rows in counted.items()
    }
    return {
        "ledger": ledger(tests),
        "capability": best.group_by(*CAPABILITY_KEYS).agg(best_rank=best.best_rank.max()),
        **named,
        "histograms": named["histograms"].mutate(measure=named["histograms"].measure.cases(*enumerate(MEASURES))),
    }


def fewest_devices(tests: Any, devices: int) -> Any:
    """Rows of the devices with the smallest tokens of each cell and operator, as an Ibis expression."""
    cell = ibis.window(group_by=["h3_r9", "operator"], order_by="device_token")
    return tests.filter(ibis.dense_rank().over(cell) < devices)


def _declared(kind: pa.DataType) -> Any:
    declared = dt.dtype("int32") if pa.types.is_date32(kind) else dt.DataType.from_pyarrow(kind)
    return declared(nullable=False)


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, file: Path) -> None:
    """Row groups of :data:`ROW_GROUP`, however the batches come: the same rows give the same bytes."""
    partial = file.with_name(f".{file.name}.partial")
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        rows = 0
        for batch in batches:
            waiting.append(pa.Table.from_batches([batch]).cast(schema))
            rows += batch.num_rows
            while rows >= ROW_GROUP:
                table = pa.concat_tables(waiting)
                writer.write_table(table.slice(0, ROW_GROUP), row_group_size=ROW_GROUP)
                rows -= ROW_GROUP
                waiting = [table.slice(ROW_GROUP)]
        if rows:
            writer.write_table(pa.concat_tables(waiting), row_group_size=ROW_GROUP)
    os.replace(partial, file)

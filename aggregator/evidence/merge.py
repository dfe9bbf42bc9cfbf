"""From the states of any number of months, or machines, to the tables of evidence: integers summed key by key.

Whatever the order and however the states were split, the tables are the same to the byte. Where it matters that a cell
holds no more than so many devices, only those with the smallest tokens stay: tokens are keyed hashes, so nobody chooses
to be among them, and which they are depends on no order either.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from typing import Any

import ibis

from aggregator.evidence import spreading
from aggregator.evidence.engines import DuckDB
from aggregator.evidence.ledger import NOTHING_SERVED, TABLES
from aggregator.evidence.ordered_file import write_rows
from aggregator.evidence.packing import (
    CAUSES,
    DAY_SHIFT,
    HOUR_SHIFT,
    SAMPLE_BITS,
    SERVED,
    TEST_BITS,
    cell_and_operator,
    counted,
    device_and_who,
    said_where_served,
    served,
    whole,
)
from aggregator.evidence.tallies import RSRP_OF, STATES, state_tables

Progress = Callable[[str, float], None]

BATCH = dict.fromkeys(TABLES, 1 << 17) | {"ledger": 1 << 15}
"""Ours: rows of state taken at a time, some ten megabytes once they are spread; the ledger's by technology."""

AT_A_TIME = 2
"""Ours: tables made at once: one is written by one processor while another is counted or sorted by all."""


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
        progress: told the table that was written, and the fraction done.
    """
    report = progress or (lambda label, fraction: None)
    for name in STATES if states else ():
        engine.load([str(file) for state in states for file in sorted((state / name).glob("*.parquet"))], name)
    queries = _queries(devices_per_cell)
    tokens = engine.number("tests", "device_token") if states else []
    with_tokens = {name: partial(getattr(spreading, name), tokens=tokens) for name in ("ledger", "signals")}
    spread = {name: getattr(spreading, name) for name in TABLES} | with_tokens

    def write(name: str) -> str:
        batches = engine.rows(queries[name], BATCH[name]) if states else ()
        write_rows(spread[name](batches), TABLES[name], into / f"{name}.parquet")
        return name

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done, job in enumerate(as_completed([pool.submit(write, name) for name in TABLES]), start=1):
            report(job.result(), done / len(TABLES))


@cache
def _queries(devices_per_cell: int | None) -> dict[str, str]:
    """Name of each table → the query that gives its rows, in order."""
    return {name: str(ibis.duckdb.compile(rows)) for name, rows in summed(state_tables(), devices_per_cell).items()}


def summed(tables: dict[str, Any], devices_per_cell: int | None = None) -> dict[str, Any]:
    """Tables of state, summed or to be summed in the order of the table of evidence they make, as Ibis expressions."""
    bins, moments, tests, best = (tables[name] for name in STATES)
    if devices_per_cell is not None:
        tests = fewest_devices(tests, devices_per_cell)
    failed = moments.filter(moments.moment % (1 << HOUR_SHIFT) != CAUSES.index(""))
    causes = failed.group_by("place", cause=failed.moment % (1 << HOUR_SHIFT))
    return {
        # spread as they come: what equal keys say is summed there
        "ledger": tests.select(
            cell=cell_and_operator(tests.place),
            whose=device_and_who(tests.device_token, tests.place),
            tests=counted(said_where_served(tests.said, tests.place), tests.samples, TEST_BITS),
        ).order_by("cell", "whose", "tests"),
        "histograms": _in_order(bins, "bin"),
        "signals": _received(tests),
        "hours": _in_order(moments, "moment"),
        "capability": (
            best.group_by("device_token", "day")
            .agg(best_rank=whole(best.best_rank.max()))
            .order_by("device_token", "day")
        ),
        "failures": causes.agg(samples=whole(failed.samples.sum())).order_by("place", "cause"),
    }


def _received(tests: Any) -> Any:
    heard = tests.filter(served(tests.place) != SERVED.index(NOTHING_SERVED))
    parts = []
    for technology in RSRP_OF:
        own = heard.filter(heard[f"readings_{technology}"] > 0)
        keys = {"cell": cell_and_operator(own.place), "technology": ibis.literal(SERVED.index(technology), "int64")}
        keys |= {"whose": device_and_who(own.device_token, own.place), "day": own.said >> DAY_SHIFT}
        sums = {name: whole(own[f"{name}_{technology}"].sum()) for name in ("rsrp_sum", "readings")}
        parts.append(own.group_by(**keys).agg(**sums))
    return ibis.union(*parts).order_by("cell", "technology", "whose", "day")


def _in_order(rows: Any, what: str) -> Any:
    return rows.select("place", counted=counted(rows[what], rows.samples, SAMPLE_BITS)).order_by("place", "counted")


def fewest_devices(tests: Any, devices: int) -> Any:
    """Rows of the devices with the smallest tokens of each cell and operator, as an Ibis expression."""
    cell = ibis.window(group_by=cell_and_operator(tests.place), order_by="device_token")
    return tests.filter(ibis.dense_rank().over(cell) < devices)

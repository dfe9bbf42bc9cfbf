"""From the archive to the ledger, the capabilities and the histograms: group-bys over integers and booleans.

One expression for any engine that Ibis speaks; DuckDB unless another connection is given. What a test says about
technology T: no service, or service below T, fails at service and, for a test with a rate, at every threshold; data
that did not pass although registered fails too; a rate below a threshold fails at it. A rate known as a lower bound
counts only for the thresholds it reaches. A reading of signal alone counts for service alone.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.histograms import histograms
from aggregator.evidence.ledger import (
    CAPABILITY,
    CAPABILITY_KEYS,
    HISTOGRAM_KEYS,
    HISTOGRAMS,
    LEDGER,
    LEDGER_KEYS,
    TECHNOLOGIES,
    THRESHOLDS_MBPS,
)
from aggregator.evidence.usable import RANK_OF_RAT, SECONDS_PER_DAY, BinningParameters, usable_samples
from collector.storage.archive.place import Place

Progress = Callable[[str, float], None]


def bin_archive(
    archive: str | Path,
    into: Path,
    *,
    parameters: BinningParameters | None = None,
    connection: Any = None,
    progress: Progress | None = None,
) -> None:
    """Write ``ledger.parquet``, ``capability.parquet`` and ``histograms.parquet``, rows in the order of their keys.

    Args:
        archive: directory, or URL of object storage, of ``measured_month=…/*.parquet``; without any file, the three
            tables are empty.
        into: directory of evidence, made where missing.
        parameters: limits; the defaults are those of the method.
        connection: an Ibis connection, which reads such URLs by itself; by default a DuckDB of its own.
        progress: told what is being done, and the fraction done.
    """
    report = progress or (lambda label, fraction: None)
    into.mkdir(parents=True, exist_ok=True)
    place = Place(archive)
    files = [place.address(name) for name in place.files() if name.endswith(".parquet")]
    results = [
        ("ledger", LEDGER, LEDGER_KEYS),
        ("capability", CAPABILITY, CAPABILITY_KEYS),
        ("histograms", HISTOGRAMS, HISTOGRAM_KEYS),
    ]
    if not files:
        for name, schema, _ in results:
            _write(schema.empty_table(), into / f"{name}.parquet")
        return
    with _renamed_methods():
        engine = connection if connection is not None else open_duckdb(into)
        if connection is None and not place.is_directory:
            engine.con.register_filesystem(place.filesystem)
        table = engine.read_parquet(files, union_by_name=True)
        samples = usable_samples(table, parameters or BinningParameters())
        expressions = [ledger(samples), capability(table), histograms(samples)]
        for step, (expression, (name, schema, keys)) in enumerate(zip(expressions, results, strict=True)):
            report(name, step / len(results))
            rows = engine.to_pyarrow(expression.select(*schema.names).order_by(*keys))
            _write(rows.cast(schema), into / f"{name}.parquet")
    report("histograms", 1.0)


def ledger(samples: Any) -> Any:
    """Tests and failures per key, as an Ibis expression over :func:`usable_samples`."""
    ranks = ibis.memtable(
        pa.table({"technology_rank": range(1, len(TECHNOLOGIES) + 1), "technology": list(TECHNOLOGIES)})
    )
    rows = samples.cross_join(ranks)
    below = rows["rank"] < rows.technology_rank
    lost = rows["rank"] == 0
    counts = {"tested_service": rows.count(), "failed_service": rows.count(where=below | rows.data_failed)}
    for threshold in THRESHOLDS_MBPS:
        reached = (rows.rate_bps >= threshold * 1_000_000).fill_null(False)
        known = rows.rate_bps.notnull() & (below | reached | ~rows.lower_bound)
        tested = lost | (rows.throughput & rows.data_failed) | known
        counts[f"tested_{threshold}"] = rows.count(where=tested)
        counts[f"failed_{threshold}"] = rows.count(where=tested & (below | ~reached))
    return rows.group_by(*LEDGER_KEYS).agg(**counts)


def capability(archive: Any) -> Any:
    """Best rank each device was seen on, day by day, wherever that was, as an Ibis expression over the archive."""
    seen = archive.filter(~archive.excluded, archive.rat.notnull())
    rank = seen.rat.cases(*RANK_OF_RAT, else_=0)
    day = (seen.measured_at.epoch_seconds() // SECONDS_PER_DAY).cast("int32")
    ranked = seen.select("device_token", day=day, rank=rank)
    return ranked.group_by(*CAPABILITY_KEYS).agg(best_rank=lambda rows: rows["rank"].max())


def open_duckdb(spill: Path) -> Any:
    """DuckDB in memory, which spills beside the evidence and never looks for an extension on the network."""
    return ibis.duckdb.connect(
        threads=2,
        memory_limit="4GB",
        temp_directory=str(spill / ".spill"),
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
    )


@contextmanager
def _renamed_methods() -> Iterator[None]:
    """Let ibis 12 fetch rows through a method that DuckDB 2 has renamed, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        yield


def _write(table: pa.Table, file: Path) -> None:
    partial = file.with_name(f".{file.name}.partial")
    pq.write_table(table, partial, compression="zstd")
    os.replace(partial, file)

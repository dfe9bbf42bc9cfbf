"""Binning: Maille beside hand-written SQL and vectorised pandas, on generated samples; time, memory and growth.

All three turn the same archive into the same files: ledger, capability, histograms, failures and hours in the order of
their keys, and the median of every histogram. Each runs in a process of its own, whose peak memory is what the system
says it was; rows are compared afterwards. Maille keeps nothing from one run to the next; at the size that pandas takes
part in, it runs before, between and after the others, and the middle one of its times counts.

The full run takes 20 million samples (a region) and 200 million on ten times as many cells and devices (a country);
pandas runs on the smaller only. It needs 20 GB of memory for pandas and 60 GB of disk. Where hand-written SQL runs out
of its memory on the larger, this is said, and its figure is that of the smaller.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import duckdb
import ibis.backends.duckdb  # noqa: F401  Ibis imports it late: imports are not timed

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.quantiles import write_quantiles
from benchmarks.counting import hand_written, vectorised
from benchmarks.counting.samples import write_archive

FULL = (20_000_000, 200_000_000)
QUICK = (100_000, 1_000_000)
MEMORY_GB = 1.0
"""Of Maille, at either size."""
SQL_MEMORY_GB = 16.0
"""Of hand-written SQL: as much as helps it."""
FREE_BYTES_PER_SAMPLE = 250

KEYS_OF_MEDIANS = "h3_r9, operator, technology, tier, context, measure, bin, samples"
TABLES = ("ledger", "capability", "histograms", "signals", "failures", "hours", "medians")


@dataclass(frozen=True, slots=True)
class Run:
    """One process that counted: seconds, start and imports of Python left out; of the processor; resident megabytes."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def main() -> None:
    """Print the runs, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="0.1 and 1 million samples, in less than a minute")
    parser.add_argument("--sizes", type=int, nargs=2, metavar="SAMPLES", help="other sizes: of pandas, and of growth")
    parser.add_argument("--memory-gb", type=float, default=MEMORY_GB, help=f"Maille's setting ({MEMORY_GB})")
    parser.add_argument("--directory", type=Path, help="where to work, in place of the temporary directory")
    parser.add_argument("--contestant", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contestant:
        name, archive, into = asked.contestant
        count(name, Path(archive), Path(into), asked.memory_gb)
        return
    small, large = asked.sizes or (QUICK if asked.quick else FULL)
    if asked.quick:
        small, large = large, small  # growth is told from less to more, pandas runs on the larger
    with tempfile.TemporaryDirectory(prefix="binning-", dir=asked.directory) as folder:
        compare(Path(folder), small, large, asked.memory_gb)


def compare(folder: Path, beside_pandas: int, other: int, memory_gb: float) -> None:
    """Run all contestants on the one size, those that can on the other."""
    needed, free = max(beside_pandas, other) * FREE_BYTES_PER_SAMPLE, shutil.disk_usage(folder).free
    if free < needed:
        sys.exit(f"{folder}: {free / 1e9:.0f} GB free, expected {needed / 1e9:.0f} GB for {other:,} samples")
    first = contest(folder, beside_pandas, ("maille", "sql", "maille", "pandas", "maille"), memory_gb)
    second = contest(folder, other, ("maille", "sql"), memory_gb)
    ordered = sorted([(beside_pandas, first), (other, second)], key=lambda pair: pair[0])
    (fewer, before), (more, after) = ordered
    beside_sql = after if "sql" in after else before
    figures = {
        "speed_over_hand_written_sql": beside_sql["sql"].seconds / beside_sql["maille"].seconds,
        "speed_over_hand_written_sql_fewer": before["sql"].seconds / before["maille"].seconds,
        "speed_over_pandas": first["pandas"].seconds / first["maille"].seconds,
        "memory_under_pandas": first["pandas"].peak_mb / first["maille"].peak_mb,
        "growth": after["maille"].seconds / before["maille"].seconds,
        "growth_of_input": more / fewer,
        "peak_mb": after["maille"].peak_mb,
        "memory_setting_mb": memory_gb * 1000,
        "samples_per_second": more / after["maille"].seconds,
    }
    rounded = {name: round(figure, 2 if figure < 100 else None) for name, figure in figures.items()}
    print(json.dumps({"benchmark": "binning", "samples": [fewer, more], "figures": rounded}))


def contest(folder: Path, samples: int, names: tuple[str, ...], memory_gb: float) -> dict[str, Run]:
    """Generate an archive, let each contestant count it, compare what they wrote, and take everything away."""
    archive, start_s = folder / "archive", time.perf_counter()
    write_archive(archive, samples)
    size = sum(file.stat().st_size for file in archive.rglob("*.parquet"))
    print(f"{samples:,} samples, {size / 1e6:,.0f} MB, generated in {time.perf_counter() - start_s:.0f} s", flush=True)
    runs: dict[str, list[Run]] = {}
    contents = {}
    for name in names:
        command = [sys.executable, __file__, "--memory-gb", str(memory_gb), "--contestant", name]
        ended = subprocess.run([*command, archive, folder / name], capture_output=True, text=True)
        if ended.returncode:
            if name != "sql" or "OutOfMemoryException" not in ended.stderr:
                sys.exit(f"{name}: {ended.stderr}")
            print(f"  {name:<8}ran out of memory ({SQL_MEMORY_GB:g} GB)", flush=True)
            shutil.rmtree(folder / name)
            continue
        run = Run(**json.loads(ended.stdout.splitlines()[-1]))
        runs.setdefault(name, []).append(run)
        contents[name] = contents_of(folder / name)
        processor = f"{run.processor_seconds:8.1f} s of the processor"
        print(f"  {name:<8}{run.seconds:8.1f} s {processor} {run.peak_mb:8,.0f} MB at most", flush=True)
        shutil.rmtree(folder / name)
    shutil.rmtree(archive)
    for name, content in contents.items():
        if content != contents["maille"]:
            sys.exit(f"{name} and maille wrote other rows: {content} and {contents['maille']}")
    rows = ", ".join(f"{table} {found[0]:,}" for table, found in contents["maille"].items())
    print(f"  all wrote the same rows: {rows}", flush=True)
    return {name: sorted(found, key=lambda run: run.seconds)[len(found) // 2] for name, found in runs.items()}


def count(name: str, archive: Path, into: Path, memory_gb: float) -> None:
    """One contestant, in this process."""
    start_s, start_processor_s = time.perf_counter(), time.process_time()
    if name == "maille":
        bin_archive(archive, into, memory_gb=memory_gb)
        write_quantiles(into / "histograms.parquet", 0.5, into / "medians.parquet")
    elif name == "sql":
        hand_written.write_tables(archive, into, SQL_MEMORY_GB)
    else:
        vectorised.write_tables(archive, into)
    seconds, processor_seconds = time.perf_counter() - start_s, time.process_time() - start_processor_s
    run = Run(seconds, processor_seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    print(json.dumps(asdict(run)))


def contents_of(evidence: Path) -> dict[str, tuple[int, int]]:
    """Table → its number of rows, and a sum of their hashes that is the same in whatever order they are."""
    found: dict[str, tuple[int, int]] = {}
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        for table in TABLES:
            source = f"read_parquet('{evidence / table}.parquet')"
            columns = [(row[0], row[1]) for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()]
            if table == "medians":
                wanted = KEYS_OF_MEDIANS.split(", ")
                columns = [(column, kind) for column, kind in columns if column in wanted]
            cast = {name: kind_of(name, kind) for name, kind in columns}
            values = ", ".join(f"CAST({name} AS {cast[name]})" for name in sorted(cast))
            row = connection.execute(f"SELECT count(*), sum(hash({values})::HUGEINT) FROM {source}").fetchone()
            assert row is not None
            found[table] = (int(row[0]), int(row[1]))
    return found


def kind_of(name: str, kind: str) -> str:
    """The type to compare a column in, whichever its writer chose."""
    if name == "day":
        return "DATE"
    return "VARCHAR" if kind == "VARCHAR" else "BIGINT"


if __name__ == "__main__":
    main()

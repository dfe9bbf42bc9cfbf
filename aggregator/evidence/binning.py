"""From the archive to the tables of evidence, month by month: a month whose files did not change is not read again.

What a month says is kept beside the evidence as ``months/MONTH.KEY/``, its *state*: counts that merge by addition
(:mod:`aggregator.evidence.tallies`). KEY tells the month's files as they were and everything that counting depends on,
so a state is there and right, or is not there. It is written aside and renamed: a run that is killed leaves nothing
that the next one would believe.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from aggregator.evidence.engines import MEMORY_GB, DuckDB, Engine
from aggregator.evidence.ledger import TABLES
from aggregator.evidence.merge import AT_A_TIME, merge
from aggregator.evidence.tallies import ARCHIVE, INSTANTS, SAMPLES, STATES, statements
from aggregator.evidence.usable import BinningParameters
from client_sdk.operators import OPERATOR_OF_PLMN
from collector.storage.archive.place import Place, sync

Progress = Callable[[str, float], None]

MONTHS = "months"
"""Folder of the months' states, in the directory of evidence."""

_FORMAT = 3  # raise it when a count changes its meaning: every month is then counted again
_ASIDE = ".aside-"
_MERGING = 0.5  # Ours: share of the work, for the progress bar alone


def bin_archive(
    archive: str | Path,
    into: Path,
    *,
    parameters: BinningParameters | None = None,
    engine: Engine | None = None,
    memory_gb: float = MEMORY_GB,
    progress: Progress | None = None,
) -> None:
    """Write the tables of ``ledger.TABLES``, rows in the order of their keys.

    Args:
        archive: directory, or URL of object storage, of ``measured_month=…/*.parquet``; without any file, the tables
            are empty.
        into: directory of evidence, made where missing.
        parameters: limits; the defaults are those of the method.
        engine: counts the months that changed, and reads such URLs by itself; by default a DuckDB of its own, which
            sums them in any case.
        memory_gb: what a DuckDB opened here may hold.
        progress: told what is being done, and the fraction done.
    """
    report = progress or (lambda label, fraction: None)
    limits = parameters or BinningParameters()
    (into / MONTHS).mkdir(parents=True, exist_ok=True)
    place = Place(archive)
    months = _months(place, limits)
    duckdb = engine if isinstance(engine, DuckDB) else None
    if duckdb is None:
        duckdb = DuckDB(into, memory_gb, None if place.is_directory else place.filesystem)
    missing = [name for name in months if not (into / MONTHS / name).exists()]
    for step, name in enumerate(missing):
        report(name.partition(".")[0], _MERGING * step / len(missing))
        files = [place.address(file) for file in months[name]]
        _count_month(files, into / MONTHS / name, engine or duckdb, limits)
    merge(
        [into / MONTHS / name for name in months],
        into,
        duckdb,
        devices_per_cell=limits.devices_per_cell,
        progress=lambda table, done: report(table, _MERGING + (1 - _MERGING) * done),
    )
    for other in (into / MONTHS).iterdir():
        if other.name not in months:
            shutil.rmtree(other)


def _months(place: Place, limits: BinningParameters) -> dict[str, list[str]]:
    """Name of each month's state → its files in the archive."""
    counting = f"{_FORMAT} {asdict(replace(limits, devices_per_cell=None))} {dict(OPERATOR_OF_PLMN)} {TABLES}"
    files: dict[str, dict[str, str]] = {}
    for name, mark in place.marks().items():
        if name.endswith(".parquet"):
            files.setdefault(name.partition("/")[0].partition("=")[2], {})[name] = mark
    return {
        f"{month}.{hashlib.sha256(f'{counting} {marks}'.encode()).hexdigest()[:16]}": list(marks)
        for month, marks in files.items()
    }


def _count_month(files: list[str], target: Path, engine: Engine, limits: BinningParameters) -> None:
    queries = statements(engine.dialect, limits)
    with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=target.parent) as aside:
        folder = Path(aside) / "state"
        engine.load(files, ARCHIVE, INSTANTS)
        engine.keep(queries[SAMPLES], SAMPLES)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for job in [pool.submit(engine.save, queries[name], folder / name) for name in STATES]:
                job.result()
        engine.drop(SAMPLES)
        for path in [*folder.rglob("*"), folder]:
            sync(path)
        folder.rename(target)
        sync(target.parent)

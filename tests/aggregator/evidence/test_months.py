"""Only months whose files changed are counted again, and a run that is killed leaves nothing that is believed."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aggregator.evidence.binning import MONTHS, bin_archive
from aggregator.evidence.engines import DuckDB
from aggregator.evidence.ledger import TABLES
from aggregator.evidence.usable import BinningParameters

WriteArchive = Callable[..., None]


def reading(month: int, **fields: Any) -> dict[str, Any]:
    return {
        "latitude": 47.0,
        "longitude": 3.5,
        "sim_plmn": "20801",
        "service_state": "in_service",
        "rat": "lte",
        "measured_at": datetime(2026, month, 3, 12, tzinfo=UTC),
        **fields,
    }


class Watched(DuckDB):
    """A DuckDB that remembers which months it read, and that can be made to stop."""

    def __init__(self, spill: Path) -> None:
        super().__init__(spill)
        self.months: list[str] = []
        self.stops_at = ""

    def keep(self, query: str, table: str) -> None:
        super().keep(query, table)
        first = self.connection.execute("SELECT min(measured_at) FROM archive_month").fetchone()
        assert first is not None
        self.months.append(f"{datetime.fromtimestamp(first[0] / 1e6, UTC):%Y-%m}")

    def save(self, query: str, folder: Path) -> None:
        super().save(query, folder)
        if self.months[-1] == self.stops_at and folder.name == "histograms":
            raise KeyboardInterrupt


@pytest.fixture
def duckdb(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def contents(evidence: Path) -> dict[str, bytes]:
    return {name: (evidence / f"{name}.parquet").read_bytes() for name in TABLES}


def states(evidence: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in (evidence / MONTHS).iterdir())


def test_only_months_that_changed_are_counted_again(
    tmp_path: Path, write_archive: WriteArchive, duckdb: Watched
) -> None:
    archive, evidence = tmp_path / "archive", tmp_path / "evidence"
    write_archive(archive, [reading(9), reading(10), reading(11)])
    bin_archive(archive, evidence, engine=duckdb)
    assert duckdb.months == ["2026-09", "2026-10", "2026-11"]
    first = contents(evidence)

    bin_archive(archive, evidence, engine=duckdb)
    assert len(duckdb.months) == 3
    assert contents(evidence) == first

    write_archive(archive, [reading(10), reading(10, rat="nr")])
    bin_archive(archive, evidence, engine=duckdb)
    assert duckdb.months[3:] == ["2026-10"]
    bin_archive(archive, tmp_path / "anew", engine=duckdb)
    assert contents(evidence) == contents(tmp_path / "anew") != first


def test_a_file_of_the_same_size_and_time_is_still_another(
    tmp_path: Path, write_archive: WriteArchive, duckdb: Watched
) -> None:
    archive = tmp_path / "archive"
    write_archive(archive, [reading(9, device_token="a" * 32, id="1")])
    file = next(archive.rglob("*.parquet"))
    before = file.stat()
    bin_archive(archive, tmp_path / "evidence", engine=duckdb)

    write_archive(archive, [reading(9, device_token="b" * 32, id="1")])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    bin_archive(archive, tmp_path / "evidence", engine=duckdb)

    assert set(pd.read_parquet(tmp_path / "evidence/ledger.parquet")["device_token"]) == {"b" * 32}


def test_a_month_that_is_gone_is_gone_from_the_evidence(
    tmp_path: Path, write_archive: WriteArchive, duckdb: Watched
) -> None:
    archive, evidence = tmp_path / "archive", tmp_path / "evidence"
    write_archive(archive, [reading(9), reading(10)])
    bin_archive(archive, evidence, engine=duckdb)
    (archive / "measured_month=2026-09/samples.parquet").unlink()

    bin_archive(archive, evidence, engine=duckdb)

    assert states(evidence) == ["2026-10"]
    assert {day.month for day in pd.read_parquet(evidence / "ledger.parquet")["day"]} == {10}


def test_other_limits_count_every_month_again(tmp_path: Path, write_archive: WriteArchive, duckdb: Watched) -> None:
    archive, evidence = tmp_path / "archive", tmp_path / "evidence"
    write_archive(archive, [reading(9, accuracy_m=40.0)])
    bin_archive(archive, evidence, engine=duckdb)

    bin_archive(archive, evidence, engine=duckdb, parameters=BinningParameters(accuracy_limit_m=30.0))

    assert len(duckdb.months) == 2
    assert pd.read_parquet(evidence / "ledger.parquet").empty


def test_a_run_that_is_killed_leaves_whole_months_only(
    tmp_path: Path, write_archive: WriteArchive, duckdb: Watched
) -> None:
    archive, evidence = tmp_path / "archive", tmp_path / "evidence"
    write_archive(archive, [reading(9), reading(10), reading(11)])
    duckdb.stops_at = "2026-10"
    with pytest.raises(KeyboardInterrupt):
        bin_archive(archive, evidence, engine=duckdb)
    assert states(evidence) == ["2026-09"]
    (evidence / MONTHS / ".aside-of-a-killed-run").mkdir()

    duckdb.stops_at = ""
    bin_archive(archive, evidence, engine=duckdb)

    assert duckdb.months == ["2026-09", "2026-10", "2026-10", "2026-11"]
    assert states(evidence) == ["2026-09", "2026-10", "2026-11"]
    bin_archive(archive, tmp_path / "anew", engine=duckdb)
    assert contents(evidence) == contents(tmp_path / "anew")

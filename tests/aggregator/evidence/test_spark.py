"""The same expressions on DuckDB and on Spark: one small archive, tables equal to the byte."""

import random
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.engines import Spark
from aggregator.evidence.ledger import TABLES

ROWS = 300


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Spark]:
    monkeypatch.setenv(
        "PYSPARK_SUBMIT_ARGS",
        "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 "
        f"--conf spark.local.dir={tmp_path} --conf spark.sql.session.timeZone=Pacific/Auckland pyspark-shell",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # py4j leaves sockets to the collector, and pyspark calls old pandas
        engine = Spark(memory_gb=0.75)
        yield engine
        engine.session.stop()


def drawn(number: int) -> dict[str, Any]:
    """A reading with every kind of field absent now and then."""
    draw = random.Random(number)
    kind = draw.choice(["signal", "throughput", "latency", "web", "service"])
    lost = kind == "service"
    maybe = draw.choice
    return {
        "device_token": maybe(["a", "b", "c"]) * 32,
        "tier": maybe(["volunteer", "volunteer", "field_team"]),
        "excluded": draw.random() < 0.05,
        "latitude": 47.0 + draw.randrange(3) / 100,
        "longitude": 3.5,
        "accuracy_m": maybe([None, 5.0, 50.0, 51.0]),
        "speed_mps": maybe([None, 0.0, 7.0, 20.0]),
        "measured_at": datetime(2026, 10, 30, 23, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(7_200_000)),
        "kind": kind,
        "context": maybe(["outdoor", "vehicle", "indoor", "unknown"]),
        "sim_plmn": maybe(["20801", "20802", "20815", "00101", None]),
        "roaming": maybe([None, False, False, True]),
        "service_state": maybe(["no_service", "limited"]) if lost else maybe(["in_service", "in_service", "unknown"]),
        "rat": None if lost else maybe(["gsm", "umts", "lte", "nr", None]),
        "lte_rsrp_dbm": maybe([None, -156.0, draw.uniform(-130, -60)]),
        "lte_sinr_db": maybe([None, draw.uniform(-30, 50)]),
        "nr_ss_rsrp_dbm": maybe([None, draw.uniform(-130, -31)]),
        "nr_ss_sinr_db": maybe([None, draw.uniform(-23, 40)]),
        "outcome": None if kind in ("signal", "service") else maybe(["ok", "ok", "timeout", "no_data", "busy"]),
        "test_path": maybe([None, "mobile", "wifi"]),
        "download_bps": maybe([None, 0.0, draw.uniform(1e5, 1e8)]),
        "download_lower_bound": maybe([None, False, True]),
        "upload_bps": maybe([None, draw.uniform(1e5, 1e8)]),
        "rtt_median_ms": maybe([None, draw.uniform(0.1, 500)]),
        "rtt_download_median_ms": maybe([None, draw.uniform(10, 5000)]),
        "rtt_upload_median_ms": maybe([None, draw.uniform(10, 5000)]),
        "web_loaded_10s": maybe([None, True, False]),
    }


@pytest.mark.timeout(600)  # a machine under load takes minutes to start Java and plan
def test_spark_and_duckdb_leave_the_same_tables(
    tmp_path: Path, write_archive: Callable[..., None], spark: Spark
) -> None:
    write_archive(tmp_path / "archive", [drawn(number) for number in range(ROWS)])

    bin_archive(tmp_path / "archive", tmp_path / "duckdb")
    bin_archive(tmp_path / "archive", tmp_path / "spark", engine=spark)

    for name in TABLES:
        by_duckdb, by_spark = (tmp_path / f"{engine}/{name}.parquet" for engine in ("duckdb", "spark"))
        assert len(pd.read_parquet(by_duckdb)) > 4, name
        assert by_duckdb.read_bytes() == by_spark.read_bytes(), name
    assert set(pd.read_parquet(tmp_path / "duckdb/ledger.parquet")["context"]) == {
        "outdoor",
        "vehicle",
        "indoor",
        "unknown",
    }

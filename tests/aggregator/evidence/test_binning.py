from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import h3
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.engines import DuckDB
from aggregator.evidence.ledger import TABLES
from aggregator.judgement.votes import votable_rows

WriteArchive = Callable[..., None]

PLACE = {"latitude": 47.0, "longitude": 3.5}
ORANGE = {**PLACE, "sim_plmn": "20801"}
ON_4G = {**ORANGE, "service_state": "in_service", "rat": "lte"}
DEAD = {**ORANGE, "service_state": "no_service", "kind": "service"}
DOWNLOAD = {**ON_4G, "kind": "throughput", "outcome": "ok"}

FAILS_ALL = {"service": (1, 1), "3": (1, 1), "8": (1, 1), "30": (1, 1)}
SERVED_ONLY = {"service": (1, 0), "3": (0, 0), "8": (0, 0), "30": (0, 0)}
LOST_ONLY = {**SERVED_ONLY, "service": (1, 1)}


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    return DuckDB(tmp_path_factory.mktemp("spill"))


@pytest.fixture
def binned(tmp_path: Path, write_archive: WriteArchive, duckdb: DuckDB) -> Callable[..., dict[str, pd.DataFrame]]:
    def run(*samples: dict[str, Any]) -> dict[str, pd.DataFrame]:
        write_archive(tmp_path / "archive", list(samples))
        bin_archive(tmp_path / "archive", tmp_path / "evidence", engine=duckdb)
        return {name: pd.read_parquet(tmp_path / f"evidence/{name}.parquet") for name in OUTPUTS}

    return run


OUTPUTS = tuple(TABLES)


def verdicts_of(ledger: pd.DataFrame, technology: str) -> dict[str, tuple[int, int]]:
    rows = ledger[ledger["technology"] == technology]
    return {name: (int(rows[f"tested_{name}"].sum()), int(rows[f"failed_{name}"].sum())) for name in FAILS_ALL}


@pytest.mark.parametrize(
    ("sample", "technology", "expected"),
    [
        (DEAD, "2G", FAILS_ALL),
        (DEAD, "5G", FAILS_ALL),
        ({**DEAD, "service_state": "limited", "rat": "lte"}, "4G", FAILS_ALL),
        (ON_4G, "4G", SERVED_ONLY),
        (ON_4G, "3G", SERVED_ONLY),
        (ON_4G, "5G", LOST_ONLY),
        ({**ON_4G, "rat": "nr", "nr_mode": "nsa"}, "4G", SERVED_ONLY),
        ({**ON_4G, "rat": "nr", "nr_mode": "nsa"}, "5G", SERVED_ONLY),
        ({**DOWNLOAD, "download_bps": 8e6}, "4G", {"service": (1, 0), "3": (1, 0), "8": (1, 0), "30": (1, 1)}),
        ({**DOWNLOAD, "download_bps": 50e6}, "5G", FAILS_ALL),
        (
            {**DOWNLOAD, "download_bps": 9e6, "download_lower_bound": True},
            "4G",
            {"service": (1, 0), "3": (1, 0), "8": (1, 0), "30": (0, 0)},
        ),
        ({**DOWNLOAD, "upload_bps": 9e6, "test_path": "mobile"}, "4G", SERVED_ONLY),
        ({**DOWNLOAD, "outcome": "no_data"}, "4G", FAILS_ALL),
        ({**DOWNLOAD, "outcome": "stalled", "download_bps": 9e6}, "2G", FAILS_ALL),
        ({**ON_4G, "kind": "latency", "outcome": "timeout"}, "4G", LOST_ONLY),
        ({**ON_4G, "kind": "latency", "outcome": "ok", "rtt_median_ms": 40.0}, "4G", SERVED_ONLY),
        ({**ON_4G, "kind": "web", "outcome": "ok", "web_loaded_10s": False}, "4G", LOST_ONLY),
        ({**ON_4G, "kind": "web", "outcome": "ok", "web_loaded_10s": True}, "4G", SERVED_ONLY),
        (
            {**ON_4G, "service_state": "unknown", "kind": "web", "outcome": "ok", "web_loaded_10s": True},
            "4G",
            SERVED_ONLY,
        ),
    ],
)
def test_what_a_test_says_about_a_technology(
    binned: Callable[..., dict[str, pd.DataFrame]], sample: dict[str, Any], technology: str, expected: dict[str, Any]
) -> None:
    assert verdicts_of(binned(sample)["ledger"], technology) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"excluded": True},
        {"h3_cell": None},
        {"roaming": True},
        {"sim_plmn": None},
        {"accuracy_m": 51.0},
        {"service_state": "denied"},
        {"service_state": "radio_off"},
        {"service_state": "sim_missing"},
        {"service_state": "unknown"},
        {"rat": None},
        {"kind": "throughput", "outcome": "ok", "download_bps": 5e6, "test_path": "wifi"},
        {"kind": "latency", "outcome": "ok", "test_path": "other"},
        {"kind": "throughput", "outcome": "busy"},
        {"kind": "throughput", "outcome": "http"},
        {"kind": "latency", "outcome": "tls"},
        {"kind": "throughput", "outcome": "error"},
    ],
)
def test_a_sample_that_is_not_usable_leaves_no_row(
    binned: Callable[..., dict[str, pd.DataFrame]], change: dict[str, Any]
) -> None:
    tables = binned({**ON_4G, "lte_rsrp_dbm": -90.0, **change})
    assert tables["ledger"].empty
    assert tables["histograms"].empty


def test_speed_makes_a_vehicle_and_plmns_of_one_operator_meet(
    binned: Callable[..., dict[str, pd.DataFrame]],
) -> None:
    tables = binned(
        {**ON_4G, "speed_mps": 7.0}, {**ON_4G, "speed_mps": 7.1, "sim_plmn": "20802"}, {**ON_4G, "sim_plmn": "27201"}
    )
    rows = tables["ledger"].query("technology == '4G'")
    assert set(zip(rows["operator"], rows["context"], strict=True)) == {
        ("20801", "outdoor"),
        ("20801", "vehicle"),
        ("27201", "outdoor"),
    }


@pytest.mark.parametrize(
    ("context", "votes"), [("outdoor", True), ("vehicle", True), ("indoor", False), ("unknown", False)]
)
def test_every_context_is_counted_and_two_of_them_vote(
    binned: Callable[..., dict[str, pd.DataFrame]], context: str, votes: bool
) -> None:
    tables = binned({**ON_4G, "context": context, "lte_rsrp_dbm": -90.0, "speed_mps": 3.0})

    assert set(tables["ledger"]["context"]) == set(tables["histograms"]["context"]) == {context}
    assert votable_rows(tables["ledger"], tables["capability"], date(2026, 11, 3), 365).empty != votes


@pytest.mark.parametrize("context", ["indoor", "unknown"])
def test_speed_makes_no_vehicle_of_what_was_not_outdoors(
    binned: Callable[..., dict[str, pd.DataFrame]], context: str
) -> None:
    assert set(binned({**ON_4G, "context": context, "speed_mps": 20.0})["ledger"]["context"]) == {context}


def test_failures_are_counted_by_cause_and_samples_by_hour(binned: Callable[..., dict[str, pd.DataFrame]]) -> None:
    night = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    tables = binned(
        DEAD,
        {**DEAD, "measured_at": night},
        {**DEAD, "service_state": "limited", "rat": "lte"},
        ON_4G,
        {**DOWNLOAD, "download_bps": 1e5},
        {**DOWNLOAD, "outcome": "no_data", "measured_at": night},
        {**ON_4G, "rat": "umts", "kind": "web", "outcome": "timeout", "web_loaded_10s": False},
        {**ON_4G, "kind": "web", "outcome": "ok", "web_loaded_10s": False},
    )

    failures = {(row.technology, row.cause): row.samples for row in tables["failures"].itertuples()}
    assert failures == {
        ("none", "no_service"): 2,
        ("none", "limited"): 1,
        ("4G", "no_data"): 1,
        ("3G", "timeout"): 1,
        ("4G", "page"): 1,
    }
    hours = {(row.technology, row.hour_utc): (row.samples, row.failures) for row in tables["hours"].itertuples()}
    assert hours == {
        ("none", 12): (2, 2),
        ("none", 23): (1, 1),
        ("4G", 12): (3, 1),
        ("4G", 23): (1, 1),
        ("3G", 12): (1, 1),
    }


def test_signal_is_summed_by_device_day_and_the_technology_received(
    binned: Callable[..., dict[str, pd.DataFrame]],
) -> None:
    later = datetime(2026, 11, 4, tzinfo=UTC)
    both = {**ON_4G, "rat": "nr", "nr_mode": "nsa", "lte_rsrp_dbm": -90.0, "nr_ss_rsrp_dbm": -100.5}
    tables = binned(
        {**ON_4G, "lte_rsrp_dbm": -99.5},
        {**ON_4G, "lte_rsrp_dbm": -156.0},
        {**DOWNLOAD, "outcome": "no_data", "lte_rsrp_dbm": -120.0},
        {**ON_4G, "lte_rsrp_dbm": -80.0, "context": "vehicle"},
        {**both, "measured_at": later},
        {**ON_4G, "device_token": "b" * 32},
        # cells of another operator, and those of a technology without RSRP
        {**DEAD, "service_state": "limited", "lte_rsrp_dbm": -70.0},
        {**ON_4G, "rat": "gsm", "gsm_rssi_dbm": -70.0},
    )

    signals = tables["signals"]
    found = {
        (row.technology, row.context, row.day.day): (row.rsrp_sum_dbm, row.readings) for row in signals.itertuples()
    }
    assert found == {
        ("4G", "outdoor", 3): (-100 - 141 - 120, 3),
        ("4G", "vehicle", 3): (-80, 1),
        ("4G", "outdoor", 4): (-90, 1),
        ("5G", "outdoor", 4): (-101, 1),
    }
    assert set(zip(signals["tier"], signals["operator"], strict=True)) == {("volunteer", "20801")}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Pacific/Auckland"])
def test_days_are_those_of_utc_whatever_the_time_is_here(
    tmp_path: Path, write_archive: WriteArchive, zone: str
) -> None:
    late = datetime(2026, 11, 3, 23, 59, 59, 999_000, tzinfo=UTC)
    write_archive(
        tmp_path / "archive",
        [{**ON_4G, "measured_at": late}, {**ON_4G, "measured_at": late + timedelta(milliseconds=1), "rat": "umts"}],
    )
    engine = DuckDB(tmp_path)
    engine.connection.execute(f"SET TimeZone = '{zone}'")

    bin_archive(tmp_path / "archive", tmp_path / "evidence", engine=engine)

    ledger, hours, capability = (
        pd.read_parquet(tmp_path / f"evidence/{name}.parquet") for name in ("ledger", "hours", "capability")
    )
    assert sorted(set(ledger["day"])) == sorted(capability["day"]) == [date(2026, 11, 3), date(2026, 11, 4)]
    assert dict(zip(hours["technology"], hours["hour_utc"], strict=True)) == {"4G": 23, "3G": 0}


def test_the_cell_is_the_parent_of_the_stored_one(binned: Callable[..., dict[str, pd.DataFrame]]) -> None:
    stored = h3.latlng_to_cell(PLACE["latitude"], PLACE["longitude"], 10)
    expected = h3.str_to_int(h3.cell_to_parent(stored, 9))
    assert set(binned(ON_4G)["ledger"]["h3_r9"]) == {expected}


def test_capability_is_the_best_seen_each_day_even_indoors_or_abroad(
    binned: Callable[..., dict[str, pd.DataFrame]],
) -> None:
    capability = binned(
        {**ON_4G, "device_token": "old", "rat": "umts"},
        {**ON_4G, "device_token": "new", "rat": "umts"},
        {**ON_4G, "device_token": "new", "rat": "nr", "context": "indoor", "roaming": True},
        {**ON_4G, "device_token": "liar", "rat": "nr", "excluded": True},
        {**ON_4G, "device_token": "new", "measured_at": datetime(2026, 9, 30, tzinfo=UTC)},
        {**DEAD, "device_token": "lost"},
    )["capability"]
    assert capability["day"].nunique() == 2
    by_day = capability.groupby("device_token")["best_rank"].agg(list).to_dict()
    assert by_day == {"new": [3, 4], "old": [2]}
    assert capability["day"].min() == date(2026, 9, 30)


def test_histograms_hold_one_quantity_each_by_the_technology_that_served(
    binned: Callable[..., dict[str, pd.DataFrame]],
) -> None:
    rows = binned(
        {**ON_4G, "lte_rsrp_dbm": -100.5},
        {**ON_4G, "lte_rsrp_dbm": -100.01},
        {**ON_4G, "lte_rsrp_dbm": -150.0},
        {**ON_4G, "lte_rsrp_dbm": -31.0},
        {**ON_4G, "lte_sinr_db": -3.5},
        {**ON_4G, "lte_sinr_db": 50.0},
        {**ON_4G, "rat": "nr", "nr_ss_sinr_db": 40.0},
        {**ON_4G, "rat": "nr", "nr_mode": "nsa", "nr_ss_rsrp_dbm": -90.0},
        {**DOWNLOAD, "download_bps": 1.02**10 * 1.0001, "upload_bps": 0.0},
        {**DOWNLOAD, "rtt_download_median_ms": 1.0, "rtt_upload_median_ms": 1.03},
        {**ON_4G, "kind": "latency", "outcome": "ok", "rtt_median_ms": 0.5},
        {**DOWNLOAD, "outcome": "timeout", "download_bps": 5e6},
        {**DEAD, "lte_rsrp_dbm": -130.0},
    )["histograms"]
    found = {(row.measure, row.technology, row.bin): row.samples for row in rows.itertuples()}
    assert found == {
        ("lte_rsrp_dbm", "4G", -101): 2,
        ("lte_rsrp_dbm", "4G", -141): 1,
        ("lte_rsrp_dbm", "4G", -43): 1,
        ("lte_sinr_db", "4G", -4): 1,
        ("lte_sinr_db", "4G", 50): 1,
        ("nr_ss_sinr_db", "5G", 40): 1,
        ("nr_ss_rsrp_dbm", "5G", -90): 1,
        ("rtt_download_median_ms", "4G", 0): 1,
        ("rtt_upload_median_ms", "4G", 1): 1,
        ("download_bps", "4G", 10): 1,
        ("upload_bps", "4G", -402): 1,
        ("rtt_median_ms", "4G", -36): 1,
    }


def test_an_empty_archive_leaves_empty_tables(tmp_path: Path) -> None:
    bin_archive(tmp_path / "archive", tmp_path / "evidence")
    for name in OUTPUTS:
        table = pd.read_parquet(tmp_path / f"evidence/{name}.parquet")
        assert table.empty
        assert len(table.columns) > 1


def test_the_default_engine_gives_the_same_tables(tmp_path: Path, write_archive: WriteArchive, duckdb: DuckDB) -> None:
    write_archive(tmp_path / "archive", [DEAD, {**DOWNLOAD, "download_bps": 9e6}])
    bin_archive(tmp_path / "archive", tmp_path / "given", engine=duckdb)
    bin_archive(tmp_path / "archive", tmp_path / "own")
    for name in OUTPUTS:
        assert (tmp_path / f"given/{name}.parquet").read_bytes() == (tmp_path / f"own/{name}.parquet").read_bytes()


readings = st.fixed_dictionaries(
    {
        "device_token": st.sampled_from(["a", "b", "c"]),
        "tier": st.sampled_from(["volunteer", "field_team"]),
        "latitude": st.sampled_from([47.0, 47.001, 47.02]),
        "context": st.sampled_from(["outdoor", "vehicle"]),
        "measured_at": st.sampled_from([datetime(2026, month, 30, tzinfo=UTC) for month in (9, 10, 11)]),
        "download_bps": st.sampled_from([1e6, 5e6, 50e6]),
        "outcome": st.sampled_from(["ok", "timeout"]),
        "rat": st.sampled_from(["umts", "lte", "nr"]),
    }
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples=st.lists(readings, min_size=1, max_size=12), data=st.data())
def test_however_the_archive_is_split_the_evidence_is_the_same(
    samples: list[dict[str, Any]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    write_archive: WriteArchive,
    duckdb: DuckDB,
) -> None:
    directory = tmp_path_factory.mktemp("split")
    whole = [{**DOWNLOAD, **sample} for sample in samples]
    write_archive(directory / "one", whole)
    shuffled = data.draw(st.permutations(whole))
    parts = data.draw(st.lists(st.integers(0, 2), min_size=len(whole), max_size=len(whole)))
    for part in set(parts):
        rows = [row for row, own in zip(shuffled, parts, strict=True) if own == part]
        write_archive(directory / "many", rows, file=f"part-{part}.parquet")
    bin_archive(directory / "one", directory / "evidence-one", engine=duckdb)
    bin_archive(directory / "many", directory / "evidence-many", engine=duckdb)
    for name in OUTPUTS:
        one, many = (directory / f"evidence-{split}/{name}.parquet" for split in ("one", "many"))
        assert one.read_bytes() == many.read_bytes()

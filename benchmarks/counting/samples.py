"""Generated samples in the archive's layout, written by DuckDB alone: every value follows from the number of its row.

Devices make visits of :data:`SAMPLES_PER_VISIT` samples to a cell of resolution 9; many visits go on at the same time,
so that neighbouring rows, in the order of time, are of other devices. Cells are those around a point, visited unevenly:
the density of visits falls with the square of the rank. One sample in ten thousand is excluded; one in ten is a test.
"""

import calendar
from pathlib import Path

import duckdb
import h3.api.numpy_int as h3
import numpy as np
import pyarrow as pa

from collector.storage.archive import SCHEMA

MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 13))
SAMPLES_PER_VISIT = 16
SAMPLES_PER_CELL = 1_000
SAMPLES_PER_DEVICE = 10_000
AT_ONCE = 512
"""Visits that go on at the same time."""

VALUES = {
    "device_token": "md5(device::VARCHAR)",
    "tier": "CASE WHEN device % 50 = 0 THEN 'field_team' ELSE 'volunteer' END",
    "h3_cell": "(cell & ~(15::BIGINT << 52) & ~(7::BIGINT << 15)) | (10::BIGINT << 52) | ((noise % 7) << 15)",
    "flags": "''",
    "excluded": "noise % 10007 = 0",
    "received_at": "moment + INTERVAL 1 HOUR",
    "measured_at": "moment",
    "seq": "row",
    "kind": "CASE WHEN NOT in_service THEN 'service' WHEN test < 4 THEN 'throughput' WHEN test < 8 THEN 'latency' "
    "WHEN test < 10 THEN 'web' ELSE 'signal' END",
    "duration_ms": "0",
    "latitude": "47.0",
    "longitude": "5.0",
    "accuracy_m": "CASE WHEN noise % 97 = 0 THEN NULL ELSE 3 + (noise // 97) % 50 END",
    "speed_mps": "CASE WHEN visit_noise % 10 < 6 THEN 8 + visit_noise % 20 ELSE (noise // 11) % 2 END",
    "context": "CASE visit_noise % 10 WHEN 9 THEN 'indoor' WHEN 8 THEN 'unknown' WHEN 7 THEN 'vehicle' "
    "ELSE 'outdoor' END",
    "sim_plmn": "CASE device % 5 WHEN 0 THEN '20801' WHEN 1 THEN '20810' WHEN 2 THEN '20815' WHEN 3 THEN '20820' "
    "ELSE '20802' END",
    "roaming": "noise % 499 = 0",
    "service_state": "CASE WHEN in_service THEN 'in_service' WHEN noise % 5 = 0 THEN 'limited' ELSE 'no_service' END",
    "rat": "CASE WHEN NOT in_service THEN NULL WHEN on_nr THEN 'nr' WHEN noise % 23 = 0 THEN 'umts' ELSE 'lte' END",
    "lte_rsrp_dbm": "CASE WHEN in_service AND NOT on_nr THEN -80 - cell_noise % 40 - bell END",
    "lte_sinr_db": "CASE WHEN in_service AND NOT on_nr THEN 20 - cell_noise % 20 - bell END",
    "nr_ss_rsrp_dbm": "CASE WHEN in_service AND on_nr THEN -85 - cell_noise % 40 - bell END",
    "nr_ss_sinr_db": "CASE WHEN in_service AND on_nr THEN 18 - cell_noise % 20 - bell END",
    "outcome": "CASE WHEN NOT in_service OR test >= 10 THEN NULL WHEN noise % 19 < 17 THEN 'ok' "
    "WHEN noise % 19 = 17 THEN 'timeout' ELSE 'no_data' END",
    "test_path": "CASE WHEN in_service AND test < 10 THEN CASE WHEN noise % 53 = 0 THEN 'wifi' ELSE 'mobile' END END",
    "download_bps": "CASE WHEN in_service AND test < 4 AND noise % 19 < 17 THEN 4e5 * exp(uniform * 6) END",
    "download_lower_bound": "CASE WHEN in_service AND test < 4 THEN noise % 29 = 0 END",
    "upload_bps": "CASE WHEN in_service AND test < 4 AND noise % 19 < 17 THEN 1e5 * exp(uniform * 5) END",
    "rtt_median_ms": "CASE WHEN in_service AND test < 8 AND noise % 19 < 17 THEN 18 * exp(uniform * 2) END",
    "rtt_download_median_ms": "CASE WHEN in_service AND test < 4 AND noise % 19 < 17 THEN 30 * exp(uniform * 3) END",
    "rtt_upload_median_ms": "CASE WHEN in_service AND test < 4 AND noise % 19 < 17 THEN 25 * exp(uniform * 3) END",
    "web_loaded_10s": "CASE WHEN in_service AND test IN (8, 9) AND noise % 19 < 17 THEN noise % 31 <> 0 END",
}
"""Column → SQL; every other column of the archive is null, and nothing that counts reads it."""


def write_archive(archive: Path, samples: int) -> None:
    """Write about so many samples, a twelfth to each month of 2026.

    Args:
        archive: directory to make.
        samples: how many; cells and devices are made in proportion.
    """
    connection = duckdb.connect(config={"memory_limit": "2GB"})
    cells = _cells(max(samples // SAMPLES_PER_CELL, 7))
    connection.register("cells", pa.table({"place": np.arange(len(cells)), "cell": cells}))
    devices = max(samples // SAMPLES_PER_DEVICE, 20)
    rows = samples // len(MONTHS)
    for number, month in enumerate(MONTHS):
        folder = archive / f"measured_month={month}"
        folder.mkdir(parents=True)
        query = _month(number, month, rows, len(cells), devices)
        connection.execute(
            f"COPY ({query}) TO '{folder}/samples.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
        )
    connection.close()


def _cells(count: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Cells of resolution 9, as many or a few more, around 47° N 5° E."""
    rings = int(np.ceil(np.sqrt(count / 3)))
    cells = h3.grid_disk(h3.latlng_to_cell(47.0, 5.0, 9), rings).astype(np.int64)
    return np.random.default_rng(9).permutation(cells)[:count]


def _month(number: int, month: str, rows: int, cells: int, devices: int) -> str:
    last = calendar.monthrange(int(month[:4]), int(month[5:]))[1]
    columns = ", ".join(
        f"CAST({VALUES.get(field.name, 'NULL')} AS {_sql_type(field.type)}) AS {field.name}" for field in SCHEMA
    )
    return f"""
        WITH numbered AS (
            SELECT i AS row, (hash(i, {number}) // 16)::BIGINT AS noise,
                   (i // {SAMPLES_PER_VISIT * AT_ONCE}) * {AT_ONCE} + i % {AT_ONCE} AS visit
            FROM range({rows}) AS t(i)
        ), drawn AS (
            SELECT *, (hash(visit, {number}) // 16)::BIGINT AS visit_noise,
                   (hash(visit, {number}, 1) % 1000000) / 1e6 AS depth
            FROM numbered
        ), placed AS (
            SELECT *, (depth * depth * {cells})::BIGINT % {cells} AS place,
                   ((visit_noise // 1000) % {devices})::BIGINT AS device, (noise // 7 % 1000000) / 1e6 AS uniform
            FROM drawn
        ), told AS (
            SELECT placed.*, cell, (hash(cell) // 16)::BIGINT AS cell_noise, (noise // 64) % 100 AS test,
                   (noise // 5 % 7 + noise // 35 % 7 + noise // 245 % 7) / 1.7 AS bell,
                   hash(cell, device % 5) % 100 > 6 AND noise // 3 % 100 > 1 AS in_service,
                   device % 3 = 0 AND cell_noise % 3 = 0 AS on_nr,
                   TIMESTAMPTZ '{month}-01 00:00:00+00' + to_milliseconds(row * {last * 86_400_000} // {rows}) AS moment
            FROM placed JOIN cells USING (place)
        )
        SELECT {columns} FROM told"""


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    return {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}[kind]

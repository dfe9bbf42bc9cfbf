"""The tests as the collector would have archived them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import TO_WGS_84, Integers
from benchmarks.simulator.volunteers import Devices
from collector.storage.archive.place import month_file
from collector.storage.archive.rows import SCHEMA, device_token

FIRST_DAY = date(2026, 5, 4)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def tokens(count: int, seed: int, prefix: str = "device") -> list[str]:
    """What stands for each device in the archive."""
    key = seed.to_bytes(32, "big", signed=True)
    return [device_token(key, f"{prefix}-{number}") for number in range(count)]


def write_archive(
    tests: pd.DataFrame, devices: Devices, names: list[str], into: Path, seed: int, *, tier: str = "volunteer"
) -> None:
    """Write every test under ``into`` in the collector's layout, a file a month, in its order of rows.

    Args:
        tests: see :mod:`benchmarks.simulator.volunteers`, with ``h3_cell``.
        devices: the phones.
        names: token of each.
        into: directory of the archive; made where missing.
        seed: of the samples' ids.
        tier: of the devices.
    """
    start = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp())
    instant_ms = 1000 * (start + tests["day"].to_numpy() * 86_400 + tests["second"].to_numpy())
    ids = _uuid7(instant_ms, np.random.default_rng([seed, len(tests)]))
    order = np.lexsort((ids, instant_ms))
    tests, instant_ms, ids = tests.iloc[order], instant_ms[order], ids[order]
    device = tests["device"].to_numpy()
    served = tests["served"].to_numpy()
    xy = tests[["x", "y"]].to_numpy()
    longitudes, latitudes = TO_WGS_84.transform(xy[:, 0], xy[:, 1])
    # a rate that is nothing although there is service: the test ended without data
    passed = served & (tests["rate_bps"].to_numpy() > 0)
    plmn = pa.array(OPERATORS).take(pa.array(devices.operator[device]))
    words = {
        "device_token": pa.array(names).take(pa.array(device)),
        "tier": _same(tier, len(tests)),
        "h3_cell": pa.array(tests["h3_cell"].to_numpy()),
        "flags": _same("", len(tests)),
        "excluded": pa.array(np.zeros(len(tests), dtype=bool)),
        "received_at": pa.array(instant_ms + 60_000),
        "measured_at": pa.array(instant_ms),
        "id": pa.array(ids.astype(str)),
        "seq": pa.array(np.arange(len(tests))),
        "kind": pa.array(np.where(served, "throughput", "service")),
        "duration_ms": pa.array(np.where(served, 4_000, 10_000)),
        "latitude": pa.array(np.round(latitudes, 6)),
        "longitude": pa.array(np.round(longitudes, 6)),
        "accuracy_m": pa.array(np.full(len(tests), 8.0)),
        "speed_mps": pa.array(tests["speed_mps"].to_numpy()),
        "context": pa.array(tests["context"].to_numpy(str)),
        "sim_plmn": plmn,
        "serving_plmn": _where(served, plmn),
        "service_state": pa.array(np.where(served, "in_service", "no_service")),
        "rat": _where(served, _same("lte", len(tests))),
        "lte_rsrp_dbm": _where(served, pa.array(np.clip(tests["rsrp_dbm"].to_numpy().round(), -140.0, -44.0))),
        "outcome": _where(served, pa.array(np.where(passed, "ok", "timeout"))),
        "test_path": _where(served, _same("mobile", len(tests))),
        "download_bps": _where(passed, pa.array(tests["rate_bps"].to_numpy().round())),
        "download_lower_bound": _where(passed, pa.array(np.zeros(len(tests), dtype=bool))),
    }
    columns = [
        words[field.name].cast(field.type) if field.name in words else pa.nulls(len(tests), field.type)
        for field in SCHEMA
    ]
    table = pa.table(columns, schema=SCHEMA)
    day_of_month = [(FIRST_DAY + timedelta(days=int(day))).strftime("%Y-%m") for day in range(366)]
    month = np.array(day_of_month)[tests["day"].to_numpy()]
    for name in np.unique(month):
        file = into / month_file(str(name))
        file.parent.mkdir(parents=True, exist_ok=True)
        first, last = np.searchsorted(month, name), np.searchsorted(month, name, side="right")
        pq.write_table(table.slice(first, last - first), file, compression="zstd")


def _same(word: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int8), [word]).dictionary_decode()


def _where(mask: npt.NDArray[np.bool_], values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(mask), values, pa.scalar(None, values.type))


def _uuid7(instant_ms: Integers, random: np.random.Generator) -> npt.NDArray[np.bytes_]:
    """Ids of version 7 (RFC 9562) in their text form, shape (n,)."""
    octets = random.integers(0, 256, (len(instant_ms), 16), dtype=np.uint8)
    for place in range(6):
        octets[:, place] = (instant_ms >> (8 * (5 - place))) & 0xFF
    octets[:, 6] = 0x70 | (octets[:, 6] & 0x0F)
    octets[:, 8] = 0x80 | (octets[:, 8] & 0x3F)
    digits = np.stack([_HEX[octets >> 4], _HEX[octets & 15]], axis=2).reshape(-1, 32)
    text = np.full((len(digits), 36), ord("-"), dtype=np.uint8)
    text[:, np.setdiff1d(np.arange(36), [8, 13, 18, 23])] = digits
    return np.ascontiguousarray(text).view("S36").ravel()

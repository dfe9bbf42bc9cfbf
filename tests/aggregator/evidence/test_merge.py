"""States merge to the same bytes in whatever order and however they were split; a cap keeps the smallest tokens."""

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregator.evidence.binning import MONTHS, bin_archive
from aggregator.evidence.engines import DuckDB
from aggregator.evidence.ledger import TABLES
from aggregator.evidence.merge import merge
from aggregator.evidence.tallies import STATES

ORDERS = 20
DEVICES = 9


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    return DuckDB(tmp_path_factory.mktemp("spill"))


@pytest.fixture
def counted(tmp_path: Path, write_archive: Callable[..., None], duckdb: DuckDB) -> Path:
    """Evidence of 400 readings in two months, of nine devices, with repeated keys."""
    draw = random.Random(1)
    samples: list[dict[str, Any]] = [
        {
            "device_token": f"{draw.randrange(DEVICES):032x}",
            "latitude": 47.0 + draw.randrange(2) / 50,
            "longitude": 3.5,
            "sim_plmn": draw.choice(["20801", "20815"]),
            "measured_at": datetime(2026, draw.choice([9, 10]), draw.randrange(1, 4), draw.randrange(24), tzinfo=UTC),
            "context": draw.choice(["outdoor", "vehicle", "indoor"]),
            "kind": "throughput",
            "outcome": draw.choice(["ok", "ok", "timeout"]),
            "service_state": "in_service",
            "rat": draw.choice(["umts", "lte", "nr"]),
            "download_bps": draw.choice([1e6, 5e6, 50e6]),
            "lte_rsrp_dbm": draw.choice([None, float(draw.randrange(-120, -100))]),
            "nr_ss_rsrp_dbm": draw.choice([None, float(draw.randrange(-120, -100))]),
        }
        for _ in range(400)
    ]
    write_archive(tmp_path / "archive", samples)
    bin_archive(tmp_path / "archive", tmp_path / "evidence", engine=duckdb)
    return tmp_path / "evidence"


def split(states: list[Path], into: Path, draw: np.random.Generator) -> list[Path]:
    """Rows of states dealt out to a few machines, in any order, each count cut in parts that sum to it."""
    machines = int(draw.integers(1, 6))
    for name in STATES:
        rows = pa.concat_tables([pq.read_table(state / name) for state in states])
        counts = [column for column in rows.column_names if column.startswith(COUNTS)]
        copies = 2 if counts else 1
        parts = []
        left = rows.to_pandas()
        for _ in range(copies - 1):
            part = left.copy()
            for column in counts:
                part[column] = draw.binomial(left[column], 0.5)
            for column in counts:
                summed = column.replace("readings", "rsrp_sum")
                if summed != column:  # a sum of no readings is none
                    part[summed] = left[summed] * part[column] // left[column].clip(1)
                    left[summed] -= part[summed]
                left[column] -= part[column]
            parts.append(part)
        parts.append(left)
        shuffled = pd.concat(parts).sample(frac=1, random_state=int(draw.integers(1 << 31)))
        owners = draw.integers(machines, size=len(shuffled))
        for machine in range(machines):
            folder = into / f"machine-{machine}" / name
            folder.mkdir(parents=True)
            own = pa.Table.from_pandas(shuffled[owners == machine], schema=rows.schema, preserve_index=False)
            pq.write_table(own, folder / "rows.parquet")
    found = sorted(into.iterdir())
    return [found[place] for place in draw.permutation(len(found))]


COUNTS = ("samples", "readings_")


def signals_of(evidence: Path) -> pd.DataFrame:
    return pd.read_parquet(evidence / "signals.parquet")


def digest(evidence: Path) -> str:
    return hashlib.sha256(b"".join((evidence / f"{name}.parquet").read_bytes() for name in TABLES)).hexdigest()


def test_twenty_orders_and_splits_give_one_digest(counted: Path, tmp_path: Path, duckdb: DuckDB) -> None:
    states = sorted((counted / MONTHS).iterdir())
    assert len(states) == 2
    assert set(pd.read_parquet(counted / "signals.parquet")["technology"]) == {"4G", "5G"}
    digests = {digest(counted)}
    for seed in range(ORDERS):
        draw = np.random.default_rng(seed)
        (tmp_path / f"out-{seed}").mkdir()
        merge(split(states, tmp_path / f"in-{seed}", draw), tmp_path / f"out-{seed}", duckdb)
        digests.add(digest(tmp_path / f"out-{seed}"))
    assert len(digests) == 1


def test_a_cap_keeps_the_smallest_tokens_of_each_cell_and_operator_whatever_the_split(
    counted: Path, tmp_path: Path, duckdb: DuckDB
) -> None:
    states = sorted((counted / MONTHS).iterdir())
    whole = pd.read_parquet(counted / "ledger.parquet")
    ranks = whole.groupby(["h3_r9", "operator"])["device_token"].rank("dense")
    assert ranks.max() > 4
    expected = whole[ranks <= 4].reset_index(drop=True)

    digests = set()
    for seed in range(3):
        into = tmp_path / f"capped-{seed}"
        into.mkdir()
        given = split(states, tmp_path / f"in-{seed}", np.random.default_rng(seed))
        merge(given, into, duckdb, devices_per_cell=4)
        digests.add(digest(into))
        pd.testing.assert_frame_equal(pd.read_parquet(into / "ledger.parquet"), expected)
        key = ["h3_r9", "operator", "device_token"]
        assert set(signals_of(into)[key].itertuples(index=False)) == (
            set(signals_of(counted)[key].itertuples(index=False)) & set(expected[key].itertuples(index=False))
        )
    assert len(digests) == 1

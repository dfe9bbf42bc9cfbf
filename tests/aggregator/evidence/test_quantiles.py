from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import HISTOGRAM_KEYS, HISTOGRAMS
from aggregator.evidence.quantiles import quantiles, write_quantiles

SIGNALS = [name for name, bins in MEASURES.items() if not bins.logarithmic]
RATES_AND_DELAYS = [name for name, bins in MEASURES.items() if bins.logarithmic]


GIVEN = ibis.table({"x": "float64"}, name="given")
BIN_OF = {name: ibis.duckdb.compile(GIVEN.select(bin=bins.number(GIVEN.x))) for name, bins in MEASURES.items()}
ENGINE = duckdb.connect()


def histogram(values: dict[tuple[int, str], list[float]]) -> pd.DataFrame:
    """Rows as binning leaves them, by its own expression, for the values of each cell and measure."""
    parts = []
    for (cell, measure), own in values.items():
        ENGINE.register("given", pa.table({"x": pa.array(own, pa.float64())}))
        bins = [row[0] for row in ENGINE.execute(BIN_OF[measure]).fetchall()]
        counts = pd.Series(bins).value_counts()
        keys = {"h3_r9": cell, "operator": "20801", "technology": "4G", "tier": "volunteer", "context": "outdoor"}
        parts.append(pd.DataFrame({**keys, "measure": measure, "bin": counts.index, "samples": counts.to_numpy()}))
    return pd.concat(parts).sort_values(list(HISTOGRAM_KEYS), ignore_index=True)


def exact(values: list[float], q: float) -> float:
    return float(np.quantile(np.array(values), q, method="inverted_cdf"))


shares = st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5, 0.7, 0.9, 0.95, 1.0])


@given(
    measure=st.sampled_from(SIGNALS),
    values=st.lists(st.floats(-160, 60, allow_nan=False), min_size=1, max_size=40),
    q=shares,
)
def test_a_signals_quantile_is_within_half_a_decibel(measure: str, values: list[float], q: float) -> None:
    row = quantiles(histogram({(1, measure): values}), q).iloc[0]

    truth = exact(values, q)
    assert row["lower"] <= truth <= row["upper"]
    assert row["samples"] == len(values)
    if MEASURES[measure].lowest <= truth <= MEASURES[measure].highest:
        assert abs(row["value"] - truth) <= 0.5


@given(
    measure=st.sampled_from(RATES_AND_DELAYS),
    values=st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 1e12)), min_size=1, max_size=40),
    q=shares,
)
def test_a_rates_quantile_is_within_one_per_cent(measure: str, values: list[float], q: float) -> None:
    row = quantiles(histogram({(1, measure): values}), q).iloc[0]

    truth = exact(values, q)
    assert row["lower"] <= truth <= row["upper"]
    if 1.02**-399 <= truth <= 1.02**1400:
        assert row["value"] == pytest.approx(truth, rel=0.01)
    if truth == 0:
        assert row["value"] == 0


def test_each_histogram_has_its_own_quantile(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    values = {
        (cell, measure): list(draw.uniform(-110, -60, int(draw.integers(1, 30))))
        for cell in range(1, 9)
        for measure in ("lte_rsrp_dbm", "nr_ss_rsrp_dbm")
    }
    rows = histogram(values)

    found = quantiles(rows, 0.25)

    assert list(zip(found["h3_r9"], found["measure"], strict=True)) == sorted(values)
    for row in found.itertuples():
        truth = exact(values[row.h3_r9, row.measure], 0.25)
        assert row.lower <= truth < row.upper


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_a_file_read_in_batches_gives_the_same(tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.evidence.quantiles.BATCH", batch)
    draw = np.random.default_rng(4)
    rows = histogram({(cell, "lte_rsrp_dbm"): list(draw.uniform(-110, -60, 20)) for cell in range(6)})
    pq.write_table(pa.Table.from_pandas(rows, schema=HISTOGRAMS, preserve_index=False), tmp_path / "histograms.parquet")

    write_quantiles(tmp_path / "histograms.parquet", 0.9, tmp_path / "quantiles.parquet")

    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "quantiles.parquet"), quantiles(rows, 0.9))


@pytest.mark.parametrize("q", [0.0, 1.01, -0.5])
def test_a_share_out_of_range_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="expected 0 < q ≤ 1"):
        quantiles(HISTOGRAMS.empty_table().to_pandas(), q)

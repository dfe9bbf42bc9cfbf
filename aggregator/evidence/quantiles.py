"""Quantiles from histograms on fixed bins, each with the bounds of its bin.

The quantile is the smallest value x such that a share of at least q of the samples are ≤ x (type 1 of Hyndman and Fan
1996, ``inverted_cdf`` in NumPy). It lies in the bin where the counts, added up in the order of bins, reach q: so the
bounds hold whatever the samples were, and the value in the middle of the bin is within 0.5 dB of it for RSRP and SINR,
within 1 % for rates and delays. In the outermost bins one bound is infinite, and the value is the one that is known.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.histograms import LOGARITHMIC_BASE, MEASURES, Bins
from aggregator.evidence.ledger import HISTOGRAM_KEYS

GROUP = list(HISTOGRAM_KEYS[:-1])
BATCH = 1 << 18
"""Ours: rows of a file read at a time, some megabytes."""

Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Ours: relative width added to either edge of a logarithmic bin, far above the rounding of ``ln`` on any engine."""


def quantiles(rows: pd.DataFrame, q: float) -> pd.DataFrame:
    """Quantile of each histogram.

    Args:
        rows: columns of :data:`aggregator.evidence.ledger.HISTOGRAMS`, in the order of its keys, as it is written.
        q: 0 < q ≤ 1; 0.5 is the median.

    Returns:
        One row per histogram: its keys and the ``bin`` that holds the quantile, ``samples`` (all of the histogram's),
        ``value``, ``lower`` and ``upper`` (lower ≤ the quantile of the samples ≤ upper), in the measure's unit.

    Raises:
        ValueError: q is out of its range.
    """
    if not 0 < q <= 1:
        raise ValueError(f"q: got {q}, expected 0 < q ≤ 1")
    if rows.empty:
        none: pd.DataFrame = rows[[*GROUP, "bin"]].assign(samples=0, value=0.0, lower=0.0, upper=0.0)
        return none
    starts = np.flatnonzero(_first_of_group(rows))
    counts = rows["samples"].to_numpy(np.int64)
    reached = np.cumsum(counts)
    before = reached[starts] - counts[starts]
    totals = np.add.reduceat(counts, starts)
    rank = np.maximum(np.ceil(totals * q - 1e-9), 1)  # 0.7 × 10 is a hair above 7
    found = rows.iloc[np.searchsorted(reached, before + rank)]
    value, lower, upper = edges(found["measure"], found["bin"].to_numpy(np.int64))
    figures = {"samples": totals, "value": value, "lower": lower, "upper": upper}
    told: pd.DataFrame = found[[*GROUP, "bin"]].reset_index(drop=True).assign(**figures)
    return told


def edges(measures: pd.Series, numbers: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Value in the middle, lower and upper bound of bins (n,) of the measures named beside them."""
    value, lower, upper = (np.full(len(numbers), np.nan) for _ in range(3))
    codes, names = pd.factorize(measures)
    for code, name in enumerate(names):
        here = codes == code
        value[here], lower[here], upper[here] = _edges(MEASURES[name], numbers[here])
    return value, lower, upper


def _edges(bins: Bins, numbers: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    if bins.logarithmic:
        base = np.float64(LOGARITHMIC_BASE)
        lower: Floats = np.where(numbers < bins.lowest, 0.0, base**numbers * (1 - ROUNDING))
        upper = np.where(numbers == bins.not_positive, 0.0, base ** (numbers + 1) * (1 + ROUNDING))
        middle = base ** (numbers + 0.5)
    else:
        first = numbers.astype(np.float64)
        lower = np.asarray(np.where(numbers < bins.lowest, -np.inf, first), dtype=np.float64)
        middle, upper = first + 0.5, first + 1
    upper = np.where(numbers > bins.highest, np.inf, upper)
    middle = np.where(numbers > bins.highest, lower, np.where(numbers < bins.lowest, upper, middle))
    return middle, lower, upper


def _first_of_group(rows: pd.DataFrame) -> NDArray[np.bool_]:
    first = np.zeros(len(rows), dtype=bool)
    first[0] = True
    for name in GROUP:
        column = rows[name]
        codes = column.cat.codes.to_numpy() if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()
        first[1:] |= codes[1:] != codes[:-1]
    return first


def write_quantiles(histograms: Path, q: float, file: Path) -> None:
    """Quantile of each histogram of a file as long as it may be, in a file of the columns of :func:`quantiles`.

    Args:
        histograms: ``histograms.parquet`` of a directory of evidence.
        q: as above.
        file: Parquet file to write.
    """
    source = pq.ParquetFile(histograms, read_dictionary=[name for name in GROUP if name != "h3_r9"])
    schema = pa.schema(
        [
            *(pa.field(name, pa.int64() if name == "h3_r9" else pa.string()) for name in GROUP),
            ("bin", pa.int64()),
            ("samples", pa.int64()),
            *((name, pa.float64()) for name in ("value", "lower", "upper")),
        ]
    )
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for batch in source.iter_batches(BATCH):
            rows = pa.concat_tables([*waiting, pa.Table.from_batches([batch])]).unify_dictionaries()
            # the last cell may go on in the next batch
            last = int(np.searchsorted(rows["h3_r9"].to_numpy(), rows["h3_r9"][-1].as_py()))
            waiting = [rows.slice(last)]
            if last:
                writer.write_table(_table(quantiles(rows.slice(0, last).to_pandas(), q), schema))
        for rest in waiting:
            writer.write_table(_table(quantiles(rest.to_pandas(), q), schema))


def _table(found: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(found, preserve_index=False).cast(schema)

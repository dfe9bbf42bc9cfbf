"""Quantiles from histograms on fixed bins, each with the bounds of its bin.

The quantile is the smallest value x such that a share of at least q of the samples are ≤ x (type 1 of Hyndman and Fan
1996, ``inverted_cdf`` in NumPy). It lies in the bin where the counts, added up in the order of bins, reach q: so the
bounds hold whatever the samples were, and the value in the middle of the bin is within 0.5 dB of it for RSRP and SINR,
within 1 % for rates and delays. In the outermost bins one bound is infinite, and the value is the one that is known.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.histograms import LOGARITHMIC_BASE, MEASURES, Bins
from aggregator.evidence.ledger import HISTOGRAM_KEYS
from aggregator.evidence.ordered_file import CODED, ahead, coded, whole_groups
from aggregator.evidence.packing import starts_of_runs

GROUP = list(HISTOGRAM_KEYS[:-1])
TEXTS = tuple(name for name in GROUP if name != "h3_r9")
FIGURES = ("value", "lower", "upper")
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
    columns = ["h3_r9", *TEXTS, "bin", "samples"]
    table = pa.Table.from_pandas(rows[columns], preserve_index=False)
    coded = [table[name].cast(CODED) if name in TEXTS else table[name] for name in columns]
    found: pd.DataFrame = _quantiles(pa.table(coded, columns), q).cast(_SCHEMA).to_pandas()
    return found


def _quantiles(rows: pa.Table, q: float) -> pa.Table:
    """The same, of rows with coded texts, in the columns of ``_SCHEMA``."""
    rows = rows.unify_dictionaries().combine_chunks()
    texts = [rows[name].chunk(0) if len(rows) else pa.array([], CODED) for name in TEXTS]
    counts = rows["samples"].to_numpy().astype(np.int64, copy=False)
    starts = starts_of_runs(rows["h3_r9"].to_numpy(), *(column.indices.to_numpy() for column in texts))
    reached = np.cumsum(counts)
    totals = np.add.reduceat(counts, starts) if len(starts) else counts
    before = reached[starts] - counts[starts]
    rank = np.maximum(np.ceil(totals * q - 1e-9), 1)  # 0.7 × 10 is a hair above 7
    found = rows.select([*GROUP, "bin"]).take(pa.array(np.searchsorted(reached, before + rank)))
    measure = texts[TEXTS.index("measure")]
    codes = measure.indices.to_numpy()[starts]
    value, lower, upper = edges(measure.dictionary.to_pylist(), codes, found["bin"].to_numpy().astype(np.int64))
    figures = (totals, value, lower, upper)
    return pa.table([*found.columns, *map(pa.array, figures)], _SCHEMA.names)


def edges(
    measures: Sequence[str], codes: NDArray[np.integer[Any]], numbers: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Value in the middle, lower and upper bound of bins (n,), each of the measure at the place beside it (n,)."""
    value, lower, upper = (np.full(len(numbers), np.nan) for _ in range(3))
    for code, name in enumerate(measures):
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


def write_quantiles(histograms: Path, q: float, file: Path) -> None:
    """Quantile of each histogram of a file as long as it may be, in a file of the columns of :func:`quantiles`.

    Args:
        histograms: ``histograms.parquet`` of a directory of evidence.
        q: as above.
        file: Parquet file to write.
    """
    source = pq.ParquetFile(histograms, read_dictionary=list(TEXTS))
    found = (_quantiles(rows, q) for rows in whole_groups(source.iter_batches(BATCH), "h3_r9"))
    with pq.ParquetWriter(file, _CODED_SCHEMA, compression="zstd", store_schema=False) as writer:
        for rows in ahead(found):
            writer.write_table(rows.cast(_CODED_SCHEMA))


_SCHEMA = pa.schema(
    [
        ("h3_r9", pa.int64()),
        *((name, pa.string()) for name in TEXTS),
        *((name, pa.int64()) for name in ("bin", "samples")),
        *((name, pa.float64()) for name in FIGURES),
    ]
)
_CODED_SCHEMA = coded(_SCHEMA)

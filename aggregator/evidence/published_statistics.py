"""Declared coverage held against statistics that someone published, in the columns of Arcep's files.

Arcep does not say here in which unit ``couv_…`` and ``pop_…`` are: each is taken as its part of the row's sum, so that
percentages, square kilometres and people all compare.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.tables import lenient_numbers, read_table
from client_sdk.messages import tr

PLACE_COLUMNS = {
    "commune": ("commune", "insee_com", "code_insee"),
    "departement": ("departement", "insee_dep", "dep"),
    "region": ("region", "insee_reg", "reg"),
    "territory": ("territoire",),
}


def differences(ours: pd.DataFrame, file: Path, by: str) -> pd.DataFrame:
    """Where a published table and ours differ, largest difference first.

    Args:
        ours: see :func:`aggregator.evidence.declared_statistics.published_shape`.
        file: CSV with ``techno``, ``mcc_mnc``, the place and ``couv_…``, ``pop_…``.
        by: kind of place.

    Returns:
        ``techno, usage, mcc_mnc``, the place, ``measure, ours, published, difference``, in percent, for the rows that
        both have.

    Raises:
        EvidenceError: a column is missing.
    """
    theirs = read_table(file, required=("techno", "mcc_mnc"))
    place = next((name for name in PLACE_COLUMNS[by] if name in theirs.columns), None)
    measures = [name for name in theirs.columns if name.startswith(("couv_", "pop_"))]
    if place is None or not measures:
        expected = tr("or ", "ou ").join(f"{name} " for name in PLACE_COLUMNS[by]) + "; couv_…, pop_…"
        raise EvidenceError(
            tr(
                f"{file}: has the columns {', '.join(theirs.columns)}, expected {expected}",
                f"{file} : a les colonnes {', '.join(theirs.columns)} ; attendu : {expected}",
            )
        )
    published = _percent(theirs, measures)
    published["mcc_mnc"] = theirs["mcc_mnc"].str.strip()
    published["techno"] = theirs["techno"].str.strip().str.upper()
    published[by] = theirs[place].str.strip()
    keys = ["techno", "mcc_mnc", by]
    shared = [name for name in measures if name in ours.columns]
    # where a level is not stated on one side, what is covered at all still compares
    for prefix in ("couv", "pop"):
        if f"{prefix}_nc" in measures:
            published[f"{prefix}_declared"] = 100 - published[f"{prefix}_nc"]
            shared.append(f"{prefix}_declared")
    both = ours.merge(published[[*keys, *shared]], on=keys, suffixes=("", "_published"))
    parts = [
        both[["techno", "usage", "mcc_mnc", by]].assign(
            measure=name, ours=both[name], published=both[f"{name}_published"].round(2)
        )
        for name in shared
    ]
    table = pd.concat(parts, ignore_index=True).dropna(subset=["ours", "published"])
    table["difference"] = (table["ours"] - table["published"]).round(2)
    order = np.lexsort((table["measure"], table[by], table["mcc_mnc"], table["techno"], -table["difference"].abs()))
    return table.iloc[order].reset_index(drop=True)


def _percent(theirs: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    found = pd.DataFrame(index=theirs.index)
    for prefix in ("couv_", "pop_"):
        own = [name for name in measures if name.startswith(prefix)]
        values = pd.DataFrame({name: lenient_numbers(theirs[name]) for name in own}, index=theirs.index)
        total = values.sum(axis=1)
        for name in own:
            found[name] = 100 * values[name].fillna(0.0) / total.where(total > 0)
    return found

"""What earlier releases said, read from their own ``observatory.csv``: published figures, so nothing new is told.

A release carries the rows of the ones before it, word for word, so that its history outlives their files.
"""

from pathlib import Path

import pandas as pd

FILE = "observatory.csv"

RELEASES = 9
"""Ours: releases whose rows go on, two years of quarters and the current one; a region's are 4 MB each."""


def read_history(release: Path) -> pd.DataFrame | None:
    """Rows of a release's observatory and of those before it, as texts; None where it has none."""
    file = release / FILE
    if not file.exists():
        return None
    return pd.read_csv(file, dtype="str", keep_default_na=False)


def recent(earlier: pd.DataFrame | None, columns: list[str]) -> pd.DataFrame:
    """Rows of the latest :data:`RELEASES` − 1 releases, in their order.

    Columns that are no longer written are left out, those that were not yet are empty.
    """
    if earlier is None:
        return pd.DataFrame(columns=columns, dtype="str")
    known = earlier[["date", "release"]].drop_duplicates()
    kept = known.iloc[-(RELEASES - 1) :]["release"]
    return earlier[earlier["release"].isin(kept)].reindex(columns=columns, fill_value="")

"""Declared outages: failures that an operator announced are no vote."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import LEDGER_RESOLUTION
from aggregator.evidence.outages import excused as outages_near
from aggregator.evidence.outages import read_outages

EXCUSED = ["operator", "technology", "first_day", "last_day"]
"""Beside ``h3_r8`` or ``h3_r9``, the columns of a table of declared outages; a null technology means all."""


def read_excused(data: Path) -> pd.DataFrame | None:
    """Where and when tests of the ledger in ``data`` are excused; None where no outage was imported."""
    outages = read_outages(data / "territory")
    if outages is None:
        return None
    tested = pq.read_table(data / "evidence" / "ledger.parquet", columns=["h3_r9"])["h3_r9"].unique()
    return outages_near(outages, tested.to_numpy())


def without_excused(rows: pd.DataFrame, excused: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`aggregator.judgement.votes.votable_rows` without those an outage excuses.

    A row (one device, one day, one cell) with failures on a day of the outage is left out whole; what succeeded
    alone that day stays.

    Args:
        rows: ``h3_r9, operator, technology, day, failed`` and others.
        excused: ``h3_r8`` or ``h3_r9``, and :data:`EXCUSED`; days included at both ends.
    """
    cell, resolution = ("h3_r9", LEDGER_RESOLUTION) if "h3_r9" in excused else ("h3_r8", HEXAGON_RESOLUTION)
    failing = np.flatnonzero(rows["failed"].to_numpy() > 0)
    asked = rows.iloc[failing]
    asked = pd.DataFrame(
        {
            "row": failing,
            cell: parent(asked["h3_r9"].to_numpy(np.int64), resolution),
            "operator": asked["operator"].astype("str").to_numpy(),
            "asked_technology": asked["technology"].astype("str").to_numpy(),
            "day": asked["day"].to_numpy(),
        }
    )
    named = excused.assign(operator=excused["operator"].astype("str"))[[cell, *EXCUSED]]
    both = asked.merge(named, on=[cell, "operator"])
    within = (both["day"] >= pd.to_datetime(both["first_day"])) & (both["day"] <= pd.to_datetime(both["last_day"]))
    same = both["technology"].isna() | (both["technology"] == both["asked_technology"])
    stays = np.ones(len(rows), dtype=bool)
    stays[both.loc[within & same, "row"].to_numpy()] = False
    return rows[stays].reset_index(drop=True)

"""What may leave: no figure that rests on fewer than k volunteer devices, at any resolution.

Rows of the ledger are placed, each exactly once. Where a hexagon has k devices for an operator, a technology and a
threshold, its rows stay there; otherwise they move to the *remainder* of the parent at resolution 7, then 6, then 5,
else they are dropped. A parent's figure therefore leaves out the children that are published, and subtracting
children from parents yields nothing that is not published itself. Not protected yet: the difference between two
thresholds or technologies of one hexagon, and between successive releases, may rest on fewer than k devices.
"""

import pandas as pd

from aggregator.evidence.hexagons import parent
from aggregator.judgement.votes import SUBJECT, count_votes

K_VOLUNTEERS = 5
K_TEAM = 3
RESOLUTIONS = (8, 7, 6, 5)
EXACT_UP_TO = 20
STEP_ABOVE = 5


def rounded_counts(counts: pd.Series) -> pd.Series:
    """Counts up to 20 as they are, larger ones to the nearest 5."""
    return counts.where(counts <= EXACT_UP_TO, (counts + STEP_ABOVE // 2) // STEP_ABOVE * STEP_ABOVE)


def place(rows: pd.DataFrame, k: int = K_VOLUNTEERS) -> pd.DataFrame:
    """Where each row is published.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them.
        k: least number of distinct volunteer devices behind a figure. A field team's rows stay at resolution 8.

    Returns:
        The rows that may leave, with ``cell`` and ``resolution``; the others are gone.
    """
    placed = []
    left = rows
    for resolution in RESOLUTIONS:
        here = left.assign(cell=parent(left["h3_r9"].astype("int64"), resolution), resolution=resolution)
        devices = here.groupby(["cell", *SUBJECT])["device_token"].transform("nunique")
        stays = devices >= k
        if resolution == RESOLUTIONS[0]:
            stays |= here["evidence"] == "survey"
        placed.append(here[stays])
        left = left[~stays]
    return pd.concat(placed, ignore_index=True)


def summary(placed: pd.DataFrame) -> pd.DataFrame:
    """Exact figures of each published cell, counted as the decision rule counts votes.

    Returns:
        One row per cell and subject: ``devices, failing, tests, device_days, first_day, last_day``.
    """
    votes = count_votes(placed, ["cell", "resolution"])
    return votes.assign(
        devices=votes["votes_outdoor"] + votes["votes_vehicle"],
        failing=votes["failing_outdoor"] + votes["failing_vehicle"],
    )

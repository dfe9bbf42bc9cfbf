"""What may leave: nothing that fewer than k volunteer devices saw, at any resolution, nor by difference.

Rows of the ledger are placed, each exactly once. Where a hexagon has k devices for an operator, a technology and a
threshold, its rows stay there; otherwise they move to the *remainder* of the parent at resolution 7, then 6, then 5,
else they are dropped. A parent's figure therefore leaves out the children that are published, and subtracting
published figures from each other yields nothing that is not published itself.
"""

from datetime import date, timedelta

import pandas as pd

from aggregator.evidence.hexagons import parent
from aggregator.evidence.ledger import TECHNOLOGIES, THRESHOLDS

K_VOLUNTEERS = 5
K_TEAM = 3
RESOLUTIONS = (8, 7, 6, 5)
RANKS = {technology: rank for rank, technology in enumerate(TECHNOLOGIES, start=1)}
EVIDENCE = {"volunteer": "crowd", "field_team": "survey"}
SUBJECT = ["operator", "technology", "threshold", "evidence"]
EXACT_UP_TO = 20
STEP_ABOVE = 5


def rounded_counts(counts: pd.Series) -> pd.Series:
    """Counts up to 20 as they are, larger ones to the nearest 5."""
    return counts.where(counts <= EXACT_UP_TO, (counts + STEP_ABOVE // 2) // STEP_ABOVE * STEP_ABOVE)


def votable_rows(ledger: pd.DataFrame, capability: pd.DataFrame, last_day: date, window_days: int) -> pd.DataFrame:
    """The ledger's rows that speak: in the window, from a device seen on the technology, with a test.

    Args:
        ledger: as ``evidence.binning`` writes it.
        capability: ``device_token``, ``best_rank``.
        last_day: last day of the window.
        window_days: its length.

    Returns:
        One row per ledger row and threshold with at least one test: ``h3_r9, operator, technology, threshold, evidence,
        device_token, context, day, tested, failed``.
    """
    days = pd.to_datetime(ledger["day"])
    end = pd.Timestamp(last_day)
    inside = ledger[(days <= end) & (days > end - timedelta(days=window_days))]
    best = inside["device_token"].map(capability.set_index("device_token")["best_rank"]).fillna(0)
    able = inside[(best >= inside["technology"].map(RANKS)).to_numpy()]
    kept = able[["h3_r9", "operator", "technology", "device_token", "context", "day"]].assign(
        evidence=able["tier"].map(EVIDENCE)
    )
    parts = [
        kept.assign(threshold=threshold, tested=able[f"tested_{threshold}"], failed=able[f"failed_{threshold}"])
        for threshold in THRESHOLDS
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["tested"] > 0].reset_index(drop=True)


def place(rows: pd.DataFrame, k: int = K_VOLUNTEERS) -> pd.DataFrame:
    """Where each row is published.

    Args:
        rows: as ``votable_rows`` gives them.
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
    """Exact figures of each published cell.

    One vote per device, as the decision rule takes it: outdoor days if there are any, else days in a vehicle; a day
    fails if at least half of its tests fail, a device if more than half of its days do.

    Returns:
        One row per cell and subject: ``devices, failing, tests, device_days, first_day, last_day``.
    """
    group = ["cell", "resolution", *SUBJECT]
    device = [*group, "device_token"]
    days = placed.groupby([*device, "context", "day"], as_index=False)[["tested", "failed"]].sum()
    outdoor = (days["context"] == "outdoor").groupby([days[name] for name in device]).transform("any")
    days = days[(days["context"] == "outdoor") | ~outdoor]
    days["fails"] = 2 * days["failed"] >= days["tested"]
    votes = days.groupby(device, as_index=False).agg(failing_days=("fails", "sum"), days=("fails", "size"))
    votes["failing"] = 2 * votes["failing_days"] > votes["days"]
    counts = votes.groupby(group).agg(
        devices=("failing", "size"), failing=("failing", "sum"), device_days=("days", "sum")
    )
    totals = days.groupby(group).agg(tests=("tested", "sum"), first_day=("day", "min"), last_day=("day", "max"))
    return counts.join(totals).reset_index().sort_values(group, ignore_index=True)

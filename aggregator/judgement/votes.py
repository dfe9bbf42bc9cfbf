"""One device, one vote, whatever its volume.

A device votes in a hexagon by its outdoor days if it has any there, else by its days in a vehicle. A day fails if at
least half of its tests fail; the vote fails if more than half of its days do. A device votes on a technology only if
it was seen on that technology or a better one somewhere within the window.
Volunteers' votes are the crowd's; a field team's are a survey's.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import CAPABILITY, LEDGER, TECHNOLOGIES, THRESHOLDS

EVIDENCE_OF_TIER = {"volunteer": "crowd", "field_team": "survey"}

VOTING_CONTEXTS = ("outdoor", "vehicle")

SUBJECT = ["operator", "technology", "threshold", "evidence"]
"""What a vote is about, besides its place."""

VOTE_KEYS = ["h3_r8", *SUBJECT]

VOTES = pa.schema(
    [
        ("h3_r8", pa.int64()),
        *((name, pa.string()) for name in VOTE_KEYS[1:]),
        *(
            (name, pa.int64())
            for name in (
                "votes_outdoor",
                "failing_outdoor",
                "votes_vehicle",
                "failing_vehicle",
                "device_days",
                "tests",
            )
        ),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
    ]
)
"""Votes per hexagon, operator, technology, threshold and evidence; days and tests are those behind the votes."""

_RANKS = {technology: rank for rank, technology in enumerate(TECHNOLOGIES, start=1)}


def cast_votes(evidence: Path, *, last_day: date | None = None, window_days: int = 365) -> pd.DataFrame:
    """Votes of the days from ``last_day - window_days + 1`` to ``last_day``.

    Args:
        evidence: directory with ``ledger.parquet`` and ``capability.parquet``.
        last_day: end of the window; by default the last day in the ledger.
        window_days: length of the window.

    Returns:
        A frame with the columns of :data:`VOTES`, in the order of its keys.
    """
    ledger = pq.read_table(evidence / "ledger.parquet", schema=LEDGER).to_pandas(date_as_object=False)
    capability = pq.read_table(evidence / "capability.parquet", schema=CAPABILITY).to_pandas(date_as_object=False)
    rows = votable_rows(ledger, capability, last_day or ledger["day"].max(), window_days)
    rows["h3_r8"] = parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    votes = count_votes(rows, ["h3_r8"])
    days = {name: votes[name].dt.date.astype(object) for name in ("first_day", "last_day")}
    return votes.assign(**days).reindex(columns=VOTES.names)


def last_day_in(evidence: Path) -> date | None:
    """Last day in the ledger, None where it is empty."""
    day: date | None = pc.max(pq.read_table(evidence / "ledger.parquet", columns=["day"])["day"]).as_py()
    return day


def votable_rows(ledger: pd.DataFrame, capability: pd.DataFrame, last_day: date, window_days: int) -> pd.DataFrame:
    """The ledger's rows that speak: in the window, from a device seen on the technology in it, with a test.

    Args:
        ledger: columns of :data:`aggregator.evidence.ledger.LEDGER`.
        capability: columns of :data:`aggregator.evidence.ledger.CAPABILITY`.
        last_day: last day of the window.
        window_days: its length.

    Returns:
        One row per ledger row and threshold with at least one test: ``h3_r9``, :data:`SUBJECT`, ``device_token``,
        ``context``, ``day`` (datetime64), ``tested``, ``failed``.
    """
    rows = _in_window(ledger, last_day, window_days)
    seen = _in_window(capability, last_day, window_days)
    best = rows["device_token"].map(seen.groupby("device_token")["best_rank"].max()).fillna(0)
    able = rows[(best >= rows["technology"].map(_RANKS)) & rows["context"].isin(VOTING_CONTEXTS)]
    kept = able[["h3_r9", "operator", "technology", "device_token", "context", "day"]].assign(
        evidence=able["tier"].map(EVIDENCE_OF_TIER)
    )
    parts = [
        kept.assign(threshold=threshold, tested=able[f"tested_{threshold}"], failed=able[f"failed_{threshold}"])
        for threshold in THRESHOLDS
    ]
    spoken = pd.concat(parts, ignore_index=True)
    return spoken[spoken["tested"] > 0].reset_index(drop=True)


def _in_window(rows: pd.DataFrame, last_day: date, window_days: int) -> pd.DataFrame:
    days = pd.to_datetime(rows["day"])
    end = pd.Timestamp(last_day)
    return rows.assign(day=days)[(days <= end) & (days > end - timedelta(days=window_days))]


def count_votes(rows: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Votes per place and subject.

    Args:
        rows: as :func:`votable_rows` gives them, with the columns of ``place``.
        place: names of the columns that say where.

    Returns:
        ``place``, :data:`SUBJECT` and the counts of :data:`VOTES`, in the order of the keys; days as datetime64.
    """
    group = [*place, *SUBJECT]
    device = [*group, "device_token"]
    device_days = rows.groupby([*device, "context", "day"], as_index=False)[["tested", "failed"]].sum()
    device_days["failing"] = 2 * device_days["failed"] >= device_days["tested"]
    devices = device_days.groupby([*device, "context"], as_index=False).agg(
        days=("day", "size"),
        failing_days=("failing", "sum"),
        tests=("tested", "sum"),
        first_day=("day", "min"),
        last_day=("day", "max"),
    )
    # "outdoor" sorts before "vehicle": the first row of a device is the context it votes in
    devices = devices.drop_duplicates(device, keep="first")
    outdoor = devices["context"] == "outdoor"
    failing = 2 * devices["failing_days"] > devices["days"]
    return (
        devices.assign(
            votes_outdoor=outdoor,
            failing_outdoor=outdoor & failing,
            votes_vehicle=~outdoor,
            failing_vehicle=~outdoor & failing,
        )
        .groupby(group, as_index=False)
        .agg(
            votes_outdoor=("votes_outdoor", "sum"),
            failing_outdoor=("failing_outdoor", "sum"),
            votes_vehicle=("votes_vehicle", "sum"),
            failing_vehicle=("failing_vehicle", "sum"),
            device_days=("days", "sum"),
            tests=("tests", "sum"),
            first_day=("first_day", "min"),
            last_day=("last_day", "max"),
        )
    )

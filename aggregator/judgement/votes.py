"""One device, one vote, whatever its volume.

A device votes in a hexagon by its outdoor days if it has any there, else by its days in a vehicle. A day fails if at
least half of its tests fail; the vote fails if more than half of its days do. A device votes on a technology only if
it was ever seen on that technology or a better one. Volunteers' votes are the crowd's; a field team's are a survey's.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import CAPABILITY, LEDGER, TECHNOLOGIES, THRESHOLDS

EVIDENCE_OF_TIER = {"volunteer": "crowd", "field_team": "survey"}

VOTE_KEYS = ["h3_r8", "operator", "technology", "threshold", "evidence"]

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

_EPOCH = date(1970, 1, 1)


def cast_votes(evidence: Path, *, last_day: date | None = None, window_days: int = 365) -> pd.DataFrame:
    """Votes of the days from ``last_day - window_days + 1`` to ``last_day``.

    Args:
        evidence: directory with ``ledger.parquet`` and ``capability.parquet``.
        last_day: end of the window; by default the last day in the ledger.
        window_days: length of the window.

    Returns:
        A frame with the columns of :data:`VOTES`, in the order of its keys.
    """
    ledger = pq.read_table(evidence / "ledger.parquet", schema=LEDGER)
    capability = pq.read_table(evidence / "capability.parquet", schema=CAPABILITY).to_pandas()
    days = ledger.column("day").cast(pa.int32()).to_numpy()
    rows = ledger.drop_columns(["day"]).to_pandas().assign(day=days)
    end = (last_day - _EPOCH).days if last_day is not None else int(days.max(initial=0))
    rows = rows[(rows["day"] <= end) & (rows["day"] > end - window_days)]
    best = rows["device_token"].map(capability.set_index("device_token")["best_rank"]).fillna(0)
    rank = rows["technology"].map({technology: rank for rank, technology in enumerate(TECHNOLOGIES, start=1)})
    rows = rows[rank <= best]
    rows = rows.assign(
        h3_r8=parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION),
        evidence=rows["tier"].map(EVIDENCE_OF_TIER),
    )
    votes = pd.concat([_votes(rows, threshold) for threshold in THRESHOLDS])
    for name in ("first_day", "last_day"):
        votes[name] = [_EPOCH + timedelta(days=int(day)) for day in votes[name]]
    return votes.sort_values(VOTE_KEYS, ignore_index=True).reindex(columns=VOTES.names)


def _votes(rows: pd.DataFrame, threshold: str) -> pd.DataFrame:
    counts = {f"tested_{threshold}": "tested", f"failed_{threshold}": "failed"}
    group = ["h3_r8", "operator", "technology", "evidence"]
    tested = rows.rename(columns=counts)
    tested = tested[tested["tested"] > 0]
    device_days = tested.groupby([*group, "device_token", "context", "day"], as_index=False)[["tested", "failed"]].sum()
    device_days["failing"] = 2 * device_days["failed"] >= device_days["tested"]
    devices = device_days.groupby([*group, "device_token", "context"], as_index=False).agg(
        days=("day", "size"),
        failing_days=("failing", "sum"),
        tests=("tested", "sum"),
        first_day=("day", "min"),
        last_day=("day", "max"),
    )
    # "outdoor" sorts before "vehicle": the first row of a device is the context it votes in
    devices = devices.drop_duplicates([*group, "device_token"], keep="first")
    outdoor = devices["context"] == "outdoor"
    failing = 2 * devices["failing_days"] > devices["days"]
    devices = devices.assign(
        votes_outdoor=outdoor,
        failing_outdoor=outdoor & failing,
        votes_vehicle=~outdoor,
        failing_vehicle=~outdoor & failing,
    )
    votes = devices.groupby(group, as_index=False).agg(
        votes_outdoor=("votes_outdoor", "sum"),
        failing_outdoor=("failing_outdoor", "sum"),
        votes_vehicle=("votes_vehicle", "sum"),
        failing_vehicle=("failing_vehicle", "sum"),
        device_days=("days", "sum"),
        tests=("tests", "sum"),
        first_day=("first_day", "min"),
        last_day=("last_day", "max"),
    )
    return votes.assign(threshold=threshold)

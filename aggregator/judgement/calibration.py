"""What a vehicle costs in dB, measured: the same phone in and out of the car at the same place.

It is the constant that matters most to verdicts. The team stops at places with a strong signal and takes readings in
the car and beside it. Strong, because a phone that loses the network in the car reports no signal at all: where it is
weak, only the mild losses are seen. That is why what volunteers' phones report comes out about a third too low, and is
shown here for comparison alone.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from aggregator.evidence.hexagons import parent
from aggregator.evidence.tables import numbers, read_table
from client_sdk.errors import MailleError
from client_sdk.messages import tr

LEAST_PLACES = 30
"""Fewer do not replace the default: at a spread of 5 dB between places, 30 give the mean to within 2 dB."""

STRONG_DBM = -98.0
"""Ours: mean of both readings, about −95 dBm outdoors; a loss of 20 dB then still leaves a signal to read. Choosing by
the mean of both prefers neither."""

VISIT_MINUTES = 30
"""Ours: readings of a place further apart are two visits, between which the network may have changed."""

STANDING_MPS = 2.0
ACCURACY_LIMIT_M = 50.0
"""Ours: above, the two readings may be of different places; an accuracy or a speed nobody stated is accepted."""

WITHIN_RANGE_DBM = (-140, -44)
"""Bins of the histograms that are a level; those beyond only say on which side."""

CONFIDENCE = 0.95
PLACE_RESOLUTION = 9

PAIRS = ["place", "device", "outdoor_dbm", "vehicle_dbm"]

READINGS = [
    *("device_token", "measured_at", "h3_cell", "context", "excluded", "sim_plmn", "rat", "antenna", "accuracy_m"),
    *("speed_mps", "lte_rsrp_dbm", "nr_ss_rsrp_dbm"),
]
"""Columns of the archive that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleLoss:
    """The loss in a vehicle.

    Attributes:
        loss_db: mean over places; ``low_db`` to ``high_db`` its interval at 95 %, Student's over places.
        spread_db: standard deviation between places.
        places: resolution 9 cells, or names of a table. phones: devices. pairs: visits with both readings.
        left_out: what was not used, by reason.
        crowd_db: the same from volunteers' readings, which come out too low; None where they have none.
    """

    loss_db: float
    low_db: float
    high_db: float
    spread_db: float
    places: int
    phones: int
    pairs: int
    left_out: dict[str, int] = field(default_factory=dict)
    crowd_db: float | None = None

    @property
    def enough(self) -> bool:
        """Whether it may replace the default."""
        return self.places >= LEAST_PLACES

    @property
    def constants(self) -> dict[str, float]:
        """What to put into ``constants.json``; nothing from too few places."""
        return {"vehicle_loss_db": round(self.loss_db, 1)} if self.enough else {}

    def members(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "enough": self.enough, "constants": self.constants}


def paired_readings(archive: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Visits of one phone to one place with readings in and out of a vehicle.

    Args:
        archive: field teams' rows with the columns of :data:`READINGS`.

    Returns:
        :data:`PAIRS`, medians of the visit in dBm, and what was left out by reason.
    """
    left_out: dict[str, int] = {}

    def without(rows: pd.DataFrame, wrong: "pd.Series[bool]", reason: str) -> pd.DataFrame:
        if wrong.any():
            left_out[reason] = int(wrong.sum())
        return rows[~wrong]

    rows = archive.assign(
        rsrp_dbm=archive["lte_rsrp_dbm"]
        .where(archive["rat"] == "lte", archive["nr_ss_rsrp_dbm"].where(archive["rat"] == "nr"))
        .astype("float64")
    )
    rows = without(
        rows, rows["rsrp_dbm"].isna() | rows["h3_cell"].isna(), tr("no signal or place", "sans signal ou lieu")
    )
    rows = without(rows, rows["excluded"].astype("bool"), tr("flagged as implausible", "jugé non plausible"))
    rows = without(
        rows,
        ~rows["context"].isin(["outdoor", "vehicle"]),
        tr("neither outdoors nor in a vehicle", "ni dehors ni en véhicule"),
    )
    rows = without(rows, rows["antenna"] == "external", tr("external antenna", "antenne extérieure"))
    rows = without(rows, rows["accuracy_m"] > ACCURACY_LIMIT_M, tr("position too vague", "position trop vague"))
    rows = without(rows, rows["speed_mps"] > STANDING_MPS, tr("moving", "en mouvement"))
    keys = ["device_token", "h3_cell", "sim_plmn", "rat"]
    rows = rows.sort_values([*keys, "measured_at"], ignore_index=True)
    new = rows.duplicated(keys).eq(False) | (rows["measured_at"].diff() > pd.Timedelta(minutes=VISIT_MINUTES))
    visits = rows.groupby([new.cumsum().rename("visit"), *keys, "context"], dropna=False)["rsrp_dbm"].median()
    both = visits.unstack("context").reindex(columns=["outdoor", "vehicle"]).reset_index()
    alone = both["outdoor"].isna() | both["vehicle"].isna()
    both = without(both, alone, tr("visit without both readings", "passage sans les deux mesures"))
    pairs = pd.DataFrame(
        {
            "place": parent(both["h3_cell"].to_numpy(np.int64), PLACE_RESOLUTION),
            "device": both["device_token"],
            "outdoor_dbm": both["outdoor"],
            "vehicle_dbm": both["vehicle"],
        }
    )
    return pairs, left_out


def pairs_of_table(file: Path) -> pd.DataFrame:
    """Pairs of a table with ``place, outdoor_rsrp_dbm, vehicle_rsrp_dbm`` and, where there are several, ``device``.

    Raises:
        EvidenceError: a column is missing, or a value is no RSRP.
    """
    table = read_table(file, required=("place", "outdoor_rsrp_dbm", "vehicle_rsrp_dbm"))
    return pd.DataFrame(
        {
            "place": table["place"].str.strip(),
            "device": table["device"].str.strip() if "device" in table else "",
            "outdoor_dbm": numbers(file, table, "outdoor_rsrp_dbm", -156, -31),
            "vehicle_dbm": numbers(file, table, "vehicle_rsrp_dbm", -156, -31),
        }
    )


def vehicle_loss(
    pairs: pd.DataFrame, left_out: dict[str, int] | None = None, crowd_db: float | None = None
) -> VehicleLoss:
    """The loss from pairs: the mean of each phone at each place, of the phones of a place, of the places.

    Args:
        pairs: columns of :data:`PAIRS`.
        left_out: what was left out before.
        crowd_db: see :func:`crowd_loss_db`.

    Raises:
        MailleError: there are not two places with a strong signal.
    """
    strong = (pairs["outdoor_dbm"] + pairs["vehicle_dbm"]) / 2 >= STRONG_DBM
    reasons = dict(left_out or {})
    if not strong.all():
        reasons[tr("visit with a weak signal", "passage au signal faible")] = int((~strong).sum())
    used = pairs[strong].assign(loss_db=pairs["outdoor_dbm"] - pairs["vehicle_dbm"])
    by_place = used.groupby(["place", "device"])["loss_db"].mean().groupby("place").mean()
    places = len(by_place)
    if places < 2:
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        raise MailleError(
            tr(
                f"{places} place with strong readings in and out of a vehicle, expected {LEAST_PLACES} ({told})",
                f"{places} lieu au signal fort mesuré dans un véhicule et à côté, attendu {LEAST_PLACES} ({told})",
            )
        )
    mean, spread = float(by_place.mean()), float(by_place.std(ddof=1))
    half = float(stdtrit(places - 1, (1 + CONFIDENCE) / 2)) * spread / places**0.5
    return VehicleLoss(
        loss_db=mean,
        low_db=mean - half,
        high_db=mean + half,
        spread_db=spread,
        places=places,
        phones=int(used["device"].nunique()),
        pairs=len(used),
        left_out=reasons,
        crowd_db=crowd_db,
    )


def crowd_loss_db(histograms: pd.DataFrame) -> float | None:
    """Volunteers' mean LTE RSRP outdoors minus in vehicles, over the cells with both, weighted by the fewer samples.

    Args:
        histograms: columns of :data:`aggregator.evidence.ledger.HISTOGRAMS`.
    """
    rows = histograms[
        (histograms["measure"] == "lte_rsrp_dbm")
        & (histograms["tier"] == "volunteer")
        & histograms["context"].isin(["outdoor", "vehicle"])
        & histograms["bin"].between(*WITHIN_RANGE_DBM)
    ]
    rows = rows.assign(weighted=(rows["bin"] + 0.5) * rows["samples"])
    sums = rows.groupby(["h3_r9", "operator", "context"])[["weighted", "samples"]].sum()
    means = (sums["weighted"] / sums["samples"]).unstack("context").reindex(columns=["outdoor", "vehicle"])
    fewer = sums["samples"].unstack("context").reindex(columns=["outdoor", "vehicle"]).min(axis=1, skipna=False)
    known = fewer.notna()
    if not known.any():
        return None
    difference = means["outdoor"] - means["vehicle"]
    return float(np.average(difference[known], weights=fewer[known]))

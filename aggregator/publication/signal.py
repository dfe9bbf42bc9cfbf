"""What volunteers' devices received: how many of a published row's devices by class of RSRP.

Counted are the devices of the row, each of them once, in the class of its level or as one whose level nobody knows: a
device without service has none, nor has one that does not tell it. So these are figures of the very devices that stand
behind the row's other counts, as ``failing`` is, and there is no other group to subtract. The level of a device is that
of an ordinary day: the median over its days of the mean of a day's readings, outdoors where it was outdoors at all.
"""

import numpy as np
import pandas as pd

from aggregator.evidence.ledger import LEDGER_KEYS
from aggregator.judgement.votes import EVIDENCE_OF_TIER, SUBJECT

RSRP_EDGES_DBM = (-120, -110, -100, -90, -80)
"""Ours: steps of 10 dB; below -110 dBm a phone works poorly outdoors, above -80 dBm well."""
CLASSES = ("rsrp_below_m120", "rsrp_m120_m110", "rsrp_m110_m100", "rsrp_m100_m90", "rsrp_m90_m80", "rsrp_above_m80")
UNKNOWN = "rsrp_unknown"
COLUMNS = [*CLASSES, UNKNOWN]
_ROUNDED_DOWN_DB = 0.5
_KEYS = ["evidence" if name == "tier" else name for name in LEDGER_KEYS]
_CELL = ["cell", "resolution", *SUBJECT]


def with_signal(rows: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    """Rows with what their device received there that day.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them, texts as texts.
        signals: columns of :data:`aggregator.evidence.ledger.SIGNALS`.

    Returns:
        The rows with ``rsrp_sum_dbm`` and ``readings``, of threshold ``service`` alone: of others both are 0.
    """
    found = signals.assign(evidence=signals["tier"].map(EVIDENCE_OF_TIER), day=pd.to_datetime(signals["day"]))
    found = found.drop(columns="tier").assign(threshold="service")
    both = rows.merge(found, on=[*_KEYS, "threshold"], how="left", validate="many_to_one")
    return both.fillna({"rsrp_sum_dbm": 0, "readings": 0})


def with_levels(figures: pd.DataFrame, placed: pd.DataFrame, k: int) -> pd.DataFrame:
    """Figures with their devices by class of level, where at least k have one.

    Args:
        figures: as :func:`aggregator.publication.anonymity.summary` gives them.
        placed: the rows they were counted from, with the columns of :func:`with_signal`, or without: then no level is
            known.
        k: least number of devices with a level.

    Returns:
        The figures with ``COLUMNS``, whole numbers or missing.
    """
    if "readings" not in placed or figures.empty:
        return figures.assign(**{name: pd.Series(dtype="Int64", index=figures.index) for name in COLUMNS})
    levels = _levels(placed)
    classes = np.searchsorted(RSRP_EDGES_DBM, levels, side="right")
    counted = pd.crosstab([levels.index.get_level_values(name) for name in _CELL], classes)
    counted = counted.reindex(columns=range(len(CLASSES)), fill_value=0).set_axis(list(CLASSES), axis=1)
    found = figures[_CELL].join(counted, on=_CELL)[list(CLASSES)].astype("Int64").fillna(0)
    known = found.sum(axis=1)
    found = found.assign(**{UNKNOWN: figures["devices"] - known})
    return figures.join(found.where(known >= k))


def _levels(placed: pd.DataFrame) -> "pd.Series[float]":
    """Level in dBm of every device that has one, by cell, subject and device."""
    heard = placed[placed["readings"] > 0]
    device = [*_CELL, "device_token"]
    outdoor = placed[placed["context"] == "outdoor"][device].drop_duplicates().assign(outdoors=True)
    heard = heard.merge(outdoor, on=device, how="left")
    # a device votes by what it did outdoors, if it did anything there: its level is of the same days
    heard = heard[(heard["context"] == "outdoor") | heard["outdoors"].isna()]
    days = heard.groupby([*device, "day"], sort=True)[["rsrp_sum_dbm", "readings"]].sum()
    mean = days["rsrp_sum_dbm"] / days["readings"] + _ROUNDED_DOWN_DB
    levels: pd.Series[float] = mean.groupby(level=device).median()
    return levels

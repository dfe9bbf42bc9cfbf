"""What volunteers' devices received: how many of a published row's devices by class of RSRP.

The figures of a row are about the very devices behind its other counts, each of them once, and add up to the number
of them that is published: there is no other group to subtract. The level of a device is that of an ordinary day: the
median over its days of the mean of a day's readings, outdoors where it was outdoors at all. A phone that tells no RSRP
tells none wherever it goes; counted apart, it would leave a trail of ones through the table. So such phones are shared
out among the classes as the others of the row are, which are more than half of it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.ledger import LEDGER_KEYS
from aggregator.judgement.votes import EVIDENCE_OF_TIER, SUBJECT
from aggregator.judgement.wording import EXACT_UP_TO, STEP_ABOVE
from aggregator.publication.anonymity import rounded_counts

RSRP_EDGES_DBM = (-120, -110, -100, -90, -80)
"""Ours: steps of 10 dB; below -110 dBm a phone works poorly outdoors, above -80 dBm well."""
NONE = "rsrp_none"
COLUMNS = [
    *("rsrp_below_m120", "rsrp_m120_m110", "rsrp_m110_m100", "rsrp_m100_m90", "rsrp_m90_m80", "rsrp_above_m80"),
    NONE,
]
"""Classes of level, and the devices that received nothing of the technology there."""
_ROUNDED_DOWN_DB = 0.5
"""The mean of what rounding down to 1 dB took away."""
_KEYS = ["evidence" if name == "tier" else name for name in LEDGER_KEYS]
_CELL = ["cell", "resolution", *SUBJECT]
_DEVICE = [*_CELL, "device_token"]


def with_signal(rows: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    """Rows with what their device received there that day.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them, texts as texts.
        signals: columns of :data:`aggregator.evidence.ledger.SIGNALS`.

    Returns:
        The rows with ``rsrp_sum_dbm`` and ``readings``, of threshold ``service`` alone: of others both are 0; and
        ``tells``: whether the device told an RSRP of the technology anywhere, at any time.
    """
    found = signals.assign(evidence=signals["tier"].map(EVIDENCE_OF_TIER), day=pd.to_datetime(signals["day"]))
    found = found.drop(columns="tier").assign(threshold="service")
    teller = ["device_token", "technology"]
    tellers = signals[teller].drop_duplicates().assign(threshold="service", tells=True)
    both = rows.merge(found, on=[*_KEYS, "threshold"], how="left", validate="many_to_one")
    both = both.fillna({"rsrp_sum_dbm": 0, "readings": 0})
    told = both[[*teller, "threshold"]].merge(tellers, on=[*teller, "threshold"], how="left")["tells"]
    return both.assign(tells=told.notna().to_numpy())


def with_levels(figures: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Figures with their devices by class of level, where most of the devices tell one anywhere.

    Args:
        figures: as :func:`aggregator.publication.anonymity.summary` gives them.
        placed: the rows they were counted from, with the columns of :func:`with_signal`, or without: then no level is
            known.

    Returns:
        The figures with ``COLUMNS``: whole numbers, in steps as published counts have them, that add up to the
        published number of devices; or missing.
    """
    empty = figures.assign(**{name: pd.Series(dtype="Int64", index=figures.index) for name in COLUMNS})
    if "readings" not in placed or not placed["tells"].any():
        return empty
    tellers = placed.loc[placed["tells"], _DEVICE].drop_duplicates()
    level = tellers.merge(_levels(placed).rename("level").reset_index(), on=_DEVICE, how="left")["level"].to_numpy()
    # what is missing would come last of all: it has the last class
    own = np.where(np.isnan(level), len(RSRP_EDGES_DBM) + 1, np.searchsorted(RSRP_EDGES_DBM, level, side="right"))
    counted = tellers[_CELL].assign(**{name: own == place for place, name in enumerate(COLUMNS)})
    found = figures[_CELL].join(counted.groupby(_CELL)[COLUMNS].sum(), on=_CELL)[COLUMNS].fillna(0).to_numpy(np.int64)
    devices = figures["devices"].to_numpy(np.int64)
    most = 2 * found.sum(axis=1) > devices
    published = rounded_counts(figures["devices"]).to_numpy(np.int64)
    step = np.where(published > EXACT_UP_TO, STEP_ABOVE, 1)
    parts = published // step
    shared = np.zeros_like(found)
    shared[most] = _shared_out(found[most], parts[most]) * step[most, np.newaxis]
    return figures.assign(
        **{name: pd.Series(shared[:, at], figures.index, "Int64").where(most) for at, name in enumerate(COLUMNS)}
    )


def _shared_out(counts: NDArray[np.int64], parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """So many parts by class, in proportion to counts: the method of the largest remainders, earlier classes first."""
    total = counts.sum(axis=1, keepdims=True)
    whole, rest = np.divmod(counts * parts[:, np.newaxis], total)
    left = parts - whole.sum(axis=1)
    rank = np.argsort(np.argsort(-rest, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(whole + (rank < left[:, np.newaxis]))


def _levels(placed: pd.DataFrame) -> "pd.Series[float]":
    """Level in dBm of every device that has one, by cell, subject and device."""
    heard = placed[placed["readings"] > 0]
    outdoor = placed.loc[placed["context"] == "outdoor", _DEVICE].drop_duplicates().assign(outdoors=True)
    heard = heard.merge(outdoor, on=_DEVICE, how="left")
    # a device votes by what it did outdoors, if it did anything there: its level is of the same days
    heard = heard[(heard["context"] == "outdoor") | heard["outdoors"].isna()]
    days = heard.groupby([*_DEVICE, "day"], sort=True)[["rsrp_sum_dbm", "readings"]].sum()
    mean = days["rsrp_sum_dbm"] / days["readings"] + _ROUNDED_DOWN_DB
    levels: pd.Series[float] = mean.groupby(level=_DEVICE).median()
    return levels

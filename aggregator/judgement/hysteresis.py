"""A verdict is dropped only after a full calendar quarter without support.

Nothing is remembered: what earlier windows supported is recomputed from the ledger, against today's claims. The windows
looked at end on the last day, and on the days that begin and end the last full quarter before it: whatever none of them
supports has had a full quarter without. Of what they support, the first in the order of the rules stands, the latest
first; a contradiction is therefore not dropped because a later window confirms, but lists it as a conflict.

The crowd's contradiction is strong by today's window alone: of three looks each may err, and in simulation those that
only an earlier one found were wrong several times as often. From an earlier window it is a moderate one.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from aggregator.judgement.grouping import group, match
from aggregator.judgement.rules import RULES
from aggregator.judgement.survey import POINTS
from aggregator.judgement.votes import BALLOT, VOTE_KEYS

_RANKS = {rule.id: rank for rank, rule in enumerate(RULES)}
_DROPPED = {rule.id for rule in RULES if rule.verdict == "insufficient"}
_SPEAKS = {rule.id: rule.speaks for rule in RULES}
_RULE = {rule.name: rule for rule in RULES}
_STRONG, _MODERATE = _RULE["contradicted-strong"], _RULE["contradicted-moderate"]
_OPPOSITE = {"against": "for", "for": "against"}


def earlier_days(last_day: date) -> list[date]:
    """Ends of the earlier windows that can hold a verdict on ``last_day``, latest first.

    On the last day of a quarter that is the last day of the one before; else the last day of the quarter before
    ``last_day``'s and that of the one before it.
    """
    end = _quarter_start(last_day + timedelta(days=1)) - timedelta(days=1)
    before = _quarter_start(end) - timedelta(days=1)
    return [before] if end == last_day else [end, before]


def held(today: pd.DataFrame, earlier: Mapping[date, pd.DataFrame]) -> pd.DataFrame:
    """Verdicts of today, or of an earlier window where theirs come first.

    Args:
        today: columns of :data:`aggregator.judgement.comparison.VERDICTS`.
        earlier: the same at the end of earlier windows.

    Returns:
        One row per key of either, in the order of the keys. A verdict that is held has its evidence from the window
        that supported it, ``held_since`` that window's last day, and its own ballot and points of today; if it was the
        crowd's and strong, it is moderate.
    """
    looked = [today.assign(_day=pd.Timestamp.max)]
    for day, verdicts in earlier.items():
        kept = _weaker(verdicts[~verdicts["rule"].isin(_DROPPED)])
        looked.append(kept.assign(held_since=day, _day=pd.Timestamp(day)))
    looked = [frame for frame in looked if len(frame)] or looked[:1]
    rows = pd.concat(looked, ignore_index=True)
    rows["_rank"] = rows["rule"].map(_RANKS).astype("int64").where(~rows["rule"].isin(_DROPPED), len(RULES))
    rows = rows.sort_values(["_rank", "_day"], ascending=[True, False], kind="stable", ignore_index=True)
    keys = group(rows, VOTE_KEYS)
    chosen = rows.iloc[keys.first].reset_index(drop=True)
    return _as_of_today(chosen, today).drop(columns=["_day", "_rank"])


def _as_of_today(chosen: pd.DataFrame, today: pd.DataFrame) -> pd.DataFrame:
    at = match(chosen, today, VOTE_KEYS)
    kept = {
        name: np.where(at >= 0, today[name].to_numpy(np.int64)[at], 0) if len(today) else 0
        for name in (*BALLOT, *POINTS)
    }
    ruled = today["rule"].to_numpy(object)[at] if len(today) else np.full(len(chosen), "", dtype=object)
    speaks = chosen["rule"].map(_SPEAKS)
    against = (at >= 0) & (pd.Series(ruled).map(_SPEAKS) == speaks.map(_OPPOSITE)) & chosen["held_since"].notna()
    return chosen.assign(**kept, conflict=chosen["conflict"].where(~against | (chosen["conflict"] != ""), ruled))


def _weaker(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of an earlier window, the strong contradictions of the crowd as moderate ones."""
    strong = verdicts["rule"] == _STRONG.id
    return verdicts.assign(
        strength=verdicts["strength"].mask(strong, _MODERATE.strength),
        rule=verdicts["rule"].mask(strong, _MODERATE.id),
    )


def _quarter_start(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)

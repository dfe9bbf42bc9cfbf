"""Where hexagons are too poor, the poor ones of a parent are judged together, by the same rule.

A hexagon is poor if nothing is decided there and so few devices voted that it could not be confirmed even if none of
their votes failed. Only the poor hexagons of a parent at resolution 7 are put together, those that are claimed apart
from those that are not: what was decided at resolution 8 is not used again. Every device has one vote in them together,
counted again from the ledger.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.judgement.comparison import judged
from aggregator.judgement.constants import Constants
from aggregator.judgement.grouping import group, match
from aggregator.judgement.null import Ballot, lower_tail
from aggregator.judgement.votes import BALLOT, SUBJECT, VOTE_KEYS, device_votes, tally

PARENT_RESOLUTION = HEXAGON_RESOLUTION - 1

_POOL = ["h3_r7", "claimed", *SUBJECT]
_TAKEN = [
    *("devices", "failing", "device_days", "tests", "first_day", "last_day", "edge", "p", "p_withdrawn", "withdrawn"),
    *("verdict", "strength", "rule", "conflict", "q", "e_value"),
]


def escalated(verdicts: pd.DataFrame, rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """Verdicts with those of the parent where hexagons are poor and, together, are not.

    The declared share of poor hexagons together is the mean of theirs; they are at the edge of the claim if all are.

    Args:
        verdicts: columns of :data:`aggregator.judgement.comparison.VERDICTS`.
        rows: the ledger's rows behind the votes, with ``h3_r8``.
        constants: of the decision rule.

    Returns:
        The same rows; those that take their parent's verdict have ``resolution`` 7.
    """
    members = _poor(verdicts, constants)
    pools = group(members, _POOL)
    together = pools.sizes[pools.labels] > 1
    members = members[together].reset_index(drop=True)
    pools = group(members, _POOL)
    if members.empty:
        return verdicts
    at = match(rows, members, VOTE_KEYS)
    inside = rows[at >= 0].assign(**{name: members[name].to_numpy()[at[at >= 0]] for name in ("h3_r7", "claimed")})
    votes = tally(device_votes(inside, ["h3_r7", "claimed"]), ["h3_r7", "claimed"])
    edge = pools.total(members["edge"].to_numpy(bool)) == pools.sizes
    share = np.bincount(pools.labels, members["declared_share"].to_numpy()) / pools.sizes
    pool = match(votes, members.iloc[pools.first], _POOL)
    judgement = judged(votes.assign(edge=edge[pool], declared_share=share[pool]), constants)
    judgement = judgement.assign(h3_r7=votes["h3_r7"], claimed=votes["claimed"])
    found = judgement[judgement["verdict"] != "insufficient"].reset_index(drop=True)
    taken = match(members, found, _POOL)
    rewritten = members["row"].to_numpy()[taken >= 0]
    out = verdicts.copy()
    for name in _TAKEN:
        values = out[name].to_numpy(copy=True)
        values[rewritten] = found[name].to_numpy()[taken[taken >= 0]]
        out[name] = pd.Series(values, index=out.index, dtype=out[name].dtype)
    resolution = out["resolution"].to_numpy(np.int64, copy=True)
    resolution[rewritten] = PARENT_RESOLUTION
    return out.assign(resolution=resolution)


def judged_places(verdicts: pd.DataFrame) -> NDArray[np.int64]:
    """The place (n,) each verdict is about: its hexagon, or the parent whose poor hexagons were judged together."""
    cells = verdicts["h3_r8"].to_numpy(np.int64)
    if "resolution" not in verdicts:
        return cells
    above = verdicts["resolution"].to_numpy(np.int64) == PARENT_RESOLUTION
    return np.where(above, parent(cells, PARENT_RESOLUTION), cells)


def once_per_parent(verdicts: pd.DataFrame) -> pd.DataFrame:
    """The verdicts as they are to be counted: one that hexagons of a parent share stands once, the first of them."""
    return verdicts[~verdicts[["claimed", *SUBJECT]].assign(place=judged_places(verdicts)).duplicated()]


def _poor(verdicts: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """The rows of poor hexagons: their ``row``, pool, ``edge`` and ``declared_share``."""
    ballot = Ballot(*(verdicts[name].to_numpy(np.int64) for name in BALLOT))
    few = lower_tail(ballot.spotless(), constants.poor_failure, constants) > constants.significance
    open_ = (verdicts["verdict"] == "insufficient") & (verdicts["evidence"] == "crowd") & verdicts["claimed"].notna()
    row = np.flatnonzero(few & open_.to_numpy(bool))
    poor = verdicts.iloc[row][[*VOTE_KEYS, "edge", "declared_share", "claimed"]].reset_index(drop=True)
    h3_r7 = parent(poor["h3_r8"].to_numpy(np.int64), PARENT_RESOLUTION)
    return poor.assign(row=row, claimed=poor["claimed"].astype("bool"), h3_r7=h3_r7)

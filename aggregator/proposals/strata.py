"""Where a hexagon stands in an operator's claim: outside it, or how many rings inside.

Maps fail more often near their edge, so the probability that a claim nobody tested fails is learnt per stratum.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import declared_shares
from aggregator.judgement.neighbourhood import surroundings

UNKNOWN = -1
"""No source speaks about the operator here."""
UNCLAIMED = 0
EDGE = 1
DEEPEST = 5
"""Claimed hexagons are in ring 1 (beside an unclaimed one) to 5 (five rings away, or more, or without any edge)."""
STRATA = (UNKNOWN, UNCLAIMED, *range(1, DEEPEST + 1))


@dataclass(frozen=True, slots=True)
class _Claim:
    """One operator's claim: its cells, sorted, those claimed, and whether nothing is known elsewhere."""

    known: NDArray[np.int64]
    claimed: NDArray[np.bool_]
    bounded: bool


def claim_strata(
    claims: pd.DataFrame, technology: str, cells: NDArray[np.int64], constants: Constants | None = None
) -> pd.DataFrame:
    """Stratum of each cell for every operator that declares something of the technology in one of the cells.

    Args:
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without ``bounded``, a source speaks about
            every hexagon.
        technology: whose claims count, all levels together.
        cells: hexagons, sorted.
        constants: the share from which a hexagon counts as claimed.

    Returns:
        Indexed by cell, one int8 column per operator, sorted, values of :data:`STRATA`.
    """
    least = (constants or Constants()).claimed_share
    table = declared_shares(claims[claims["technology"] == technology])
    claimed_cells: list[NDArray[np.int64]] = []
    found: dict[str, _Claim] = {}
    for operator, rows in table.groupby("operator"):
        known = rows["h3_r8"].to_numpy(np.int64)
        if not np.isin(known, cells, assume_unique=True).any():
            continue
        found[str(operator)] = _Claim(known, rows["declared_share"].to_numpy() >= least, bool(rows["bounded"].any()))
        claimed_cells.append(known[found[str(operator)].claimed])
    every = np.unique(np.concatenate(claimed_cells)) if claimed_cells else np.empty(0, dtype=np.int64)
    around = surroundings(every, 1)
    columns = {operator: _strata(claim, cells, every, around) for operator, claim in sorted(found.items())}
    return pd.DataFrame(columns, index=pd.Index(cells, name="h3_r8"), dtype=np.int8)


def agreed(
    strata: NDArray[np.int8], rows: pd.DataFrame, cells: NDArray[np.int64], operators: list[str]
) -> NDArray[np.int8]:
    """The same strata (cells, operators), changed to agree with what verdicts (rows) say is claimed.

    They may rest on claims as they were before, or on another share.
    """
    told = rows[rows["claimed"].notna()]
    at = places_of(told, cells, operators)
    claimed = told["claimed"].astype(bool).to_numpy()
    strata[at] = np.where(claimed, np.maximum(strata[at], EDGE), UNCLAIMED)
    return strata


def places_of(
    rows: pd.DataFrame, cells: NDArray[np.int64], operators: list[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Position of each row's hexagon among sorted cells, and of its operator."""
    return (
        np.searchsorted(cells, rows["h3_r8"].to_numpy(np.int64)),
        np.asarray(
            pd.Index(operators, dtype="str").get_indexer(pd.Index(rows["operator"], dtype="str")), dtype=np.intp
        ),
    )


def _strata(
    claim: _Claim, cells: NDArray[np.int64], every: NDArray[np.int64], around: NDArray[np.int64]
) -> NDArray[np.int8]:
    own = claim.known[claim.claimed]
    # a cell itself is among those around it: it is claimed, and no nearer to the edge than it is
    beside = around[np.searchsorted(every, own)]
    position = _find(own, beside)
    outside = position < 0
    if claim.bounded:
        outside &= _find(claim.known, beside) >= 0
    ring = np.where(outside.any(axis=1), EDGE, DEEPEST)
    for reached in range(EDGE + 1, DEEPEST):
        nearer = np.append(ring, DEEPEST)[position].min(axis=1, initial=DEEPEST)
        ring = np.where((ring == DEEPEST) & (nearer == reached - 1), reached, ring)
    strata = np.full(len(cells), UNKNOWN if claim.bounded else UNCLAIMED, dtype=np.int8)
    strata[_find(claim.known, cells) >= 0] = UNCLAIMED
    here = _find(own, cells)
    strata[here >= 0] = ring[here[here >= 0]]
    return strata


def _find(ordered: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each wanted number is among ordered ones, −1 where it is not."""
    if not len(ordered):
        return np.full(wanted.shape, -1, dtype=np.intp)
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[at] == wanted, at, -1)

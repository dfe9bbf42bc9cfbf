"""What an operator declares in hexagons, and whether they are near the edge of its claim."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.grouping import group
from aggregator.judgement.neighbourhood import positions, surroundings

USAGE = "data"
"""Verdicts are about data service; voice has no test of its own."""

LAYER = ["operator", "technology"]
Cells = NDArray[np.int64]


def declared_shares(claims: pd.DataFrame) -> pd.DataFrame:
    """What decides whether hexagons are claimed: the share of their accessible part where one is known, else of all.

    Args:
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without the column ``bounded``, every source
            speaks about every hexagon, and without ``accessible_share``, no accessible part is known.

    Returns:
        For data service, all levels together, sorted: ``operator, technology, h3_r8, declared_share, accessible``
        (whether the share is that of the accessible part) and ``bounded``.
    """
    data = claims[claims["usage"] == USAGE]
    data = data.assign(bounded=data.get("bounded", False), accessible_share=data.get("accessible_share", np.nan))
    key = [*LAYER, "h3_r8"]
    levels = group(data, key)
    shares = data[["declared_share", "accessible_share"]].to_numpy(np.float64)[levels.order]
    area, places = np.minimum(np.add.reduceat(shares, levels.starts), 1.0).T if len(shares) else np.empty((2, 0))
    accessible = ~np.isnan(places)
    own = data[[*key, "bounded"]].iloc[levels.first].reset_index(drop=True)
    return own.assign(declared_share=np.where(accessible, places, area), accessible=accessible)


class DeclaredCoverage:
    """Declared shares of every operator and technology, all levels together.

    The share of a hexagon's accessible part, where roads or people are known, takes the place of that of its area.
    """

    def __init__(self, claims: pd.DataFrame, constants: Constants) -> None:
        """Read a table of claims.

        Args:
            claims: as :func:`declared_shares` takes them.
            constants: of the decision rule.
        """
        self._constants = constants
        self._layers: dict[tuple[str, str], tuple[Cells, NDArray[np.float64], NDArray[np.bool_], float]] = {}
        for name, rows in declared_shares(claims).groupby(LAYER):
            self._layers[str(name[0]), str(name[1])] = (
                rows["h3_r8"].to_numpy(np.int64),
                rows["declared_share"].to_numpy(np.float64),
                rows["accessible"].to_numpy(np.bool_),
                np.nan if rows["bounded"].any() else 0.0,
            )

    def shares(self, operator: str, technology: str, hexagons: Cells) -> NDArray[np.float64]:
        """Declared share of each hexagon (any shape), 0 to 1; NaN where no source speaks about it."""
        layer = self._layers.get((operator, technology))
        if layer is None:
            return np.full(hexagons.shape, np.nan)
        cells, shares, _, elsewhere = layer
        at, there = positions(hexagons, cells)
        return np.where(there, shares[at], elsewhere)

    def accessible(self, operator: str, technology: str, hexagons: Cells) -> NDArray[np.bool_]:
        """Whether the share of each hexagon (any shape) is that of its accessible part."""
        layer = self._layers.get((operator, technology))
        if layer is None:
            return np.zeros(hexagons.shape, dtype=bool)
        at, there = positions(hexagons, layer[0])
        return np.asarray(there & layer[2][at])

    def around(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What is declared at each row of ``h3_r8, operator, technology``.

        Returns:
            In the index of the rows: ``declared_share``, NaN where no source speaks; ``accessible``, whether it is that
            of the accessible part; and ``edge``, whether a hexagon known not to be claimed lies within ``edge_rings``,
            itself included. Where nothing is known there is no edge: inside a claim, a contradiction needs more phones.
        """
        hexagons = rows["h3_r8"].to_numpy(np.int64)
        distinct, which = np.unique(hexagons, return_inverse=True)
        disks = surroundings(distinct, self._constants.edge_rings)
        shares, edge, accessible = np.full(len(rows), np.nan), *np.zeros((2, len(rows)), dtype=bool)
        layers = group(rows, LAYER)
        named = rows[LAYER].astype("str").iloc[layers.first].itertuples(index=False, name=None)
        for (operator, technology), chosen in zip(named, np.split(layers.order, layers.starts[1:]), strict=False):
            own, row = np.unique(which[chosen], return_inverse=True)
            near = self.shares(operator, technology, disks[own])
            shares[chosen] = self.shares(operator, technology, distinct[own])[row]
            accessible[chosen] = self.accessible(operator, technology, distinct[own])[row]
            edge[chosen] = np.any(near < self._constants.claimed_share, axis=1)[row]
        return pd.DataFrame({"declared_share": shares, "accessible": accessible, "edge": edge}, index=rows.index)

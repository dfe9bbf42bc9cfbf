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


class DeclaredCoverage:
    """Declared shares of every operator and technology, all levels together."""

    def __init__(self, claims: pd.DataFrame, constants: Constants, accessible: pd.DataFrame | None = None) -> None:
        """Read a table of claims.

        Args:
            claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without the column ``bounded``, every
                source speaks about every hexagon.
            constants: of the decision rule.
            accessible: ``h3_r8, operator, technology, declared_share``: share of the accessible part (where roads or
                people are known) that is declared covered. There it takes the place of the share of the hexagon.
        """
        self._constants = constants
        self._layers: dict[tuple[str, str], tuple[Cells, NDArray[np.float64], float]] = {}
        data = claims[claims["usage"] == USAGE]
        data = data.assign(bounded=data.get("bounded", False))
        parts = {} if accessible is None else dict(list(accessible.groupby(LAYER)))
        for name, rows in data.groupby(LAYER):
            levels = group(rows, ["h3_r8"])
            cells = rows["h3_r8"].to_numpy(np.int64)[levels.first]
            ordered = rows["declared_share"].to_numpy(np.float64)[levels.order]
            shares = np.minimum(np.add.reduceat(ordered, levels.starts), 1.0)
            if name in parts:
                part = parts[name].drop_duplicates("h3_r8").set_index("h3_r8")["declared_share"]
                merged = part.combine_first(pd.Series(shares, index=cells)).sort_index()
                cells, shares = merged.index.to_numpy(np.int64), merged.to_numpy(np.float64)
            self._layers[str(name[0]), str(name[1])] = cells, shares, np.nan if rows["bounded"].any() else 0.0

    def shares(self, operator: str, technology: str, hexagons: Cells) -> NDArray[np.float64]:
        """Declared share of each hexagon (any shape), 0 to 1; NaN where no source speaks about it."""
        layer = self._layers.get((operator, technology))
        if layer is None:
            return np.full(hexagons.shape, np.nan)
        cells, shares, elsewhere = layer
        at, there = positions(hexagons, cells)
        return np.where(there, shares[at], elsewhere)

    def around(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What is declared at each row of ``h3_r8, operator, technology``.

        Returns:
            ``declared_share`` (NaN where no source speaks) and ``edge``: whether a hexagon known not to be claimed lies
            within ``edge_rings``, itself included, in the index of the rows. Where nothing is known there is no edge:
            inside a claim, a contradiction needs more phones.
        """
        hexagons = rows["h3_r8"].to_numpy(np.int64)
        distinct, which = np.unique(hexagons, return_inverse=True)
        disks = surroundings(distinct, self._constants.edge_rings)
        shares, edge = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=bool)
        layers = group(rows, LAYER)
        named = rows[LAYER].astype("str").iloc[layers.first].itertuples(index=False, name=None)
        for (operator, technology), chosen in zip(named, np.split(layers.order, layers.starts[1:]), strict=False):
            own, row = np.unique(which[chosen], return_inverse=True)
            near = self.shares(operator, technology, disks[own])
            shares[chosen] = self.shares(operator, technology, distinct[own])[row]
            edge[chosen] = np.any(near < self._constants.claimed_share, axis=1)[row]
        return pd.DataFrame({"declared_share": shares, "edge": edge}, index=rows.index)

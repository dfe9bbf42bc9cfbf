"""What an operator declares in a hexagon, and whether that is near the edge of its claim."""

import math

import h3
import pandas as pd

from aggregator.judgement.constants import Constants

USAGE = "data"
"""Verdicts are about data service; voice has no test of its own."""


class DeclaredCoverage:
    """Declared shares of every operator and technology, all levels together."""

    def __init__(self, claims: pd.DataFrame, constants: Constants) -> None:
        """Read a table of claims.

        Args:
            claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without the column ``bounded``, every
                source speaks about every hexagon.
            constants: of the decision rule.
        """
        data = claims[claims["usage"] == USAGE]
        bounded = data["bounded"] if "bounded" in data else pd.Series(False, index=data.index)
        self._constants = constants
        self._elsewhere: dict[tuple[str, str], float] = {}
        self._shares: dict[tuple[str, str], dict[int, float]] = {}
        columns = (data["operator"], data["technology"], data["h3_r8"], data["declared_share"], bounded)
        for operator, technology, hexagon, share, limited in zip(*columns, strict=True):
            shares = self._shares.setdefault((operator, technology), {})
            shares[hexagon] = shares.get(hexagon, 0.0) + share
            self._elsewhere[operator, technology] = math.nan if limited else 0.0

    def share(self, operator: str, technology: str, hexagon: int) -> float:
        """Declared share of a hexagon, 0 to 1; NaN where no source speaks about it."""
        shares = self._shares.get((operator, technology))
        if shares is None:
            return math.nan
        if hexagon not in shares:
            return self._elsewhere[operator, technology]
        return min(1.0, shares[hexagon])

    def at_edge(self, operator: str, technology: str, hexagon: int) -> bool:
        """Whether a hexagon known not to be claimed lies within ``edge_rings``, itself included.

        Where nothing is known there is no edge: inside a claim, a contradiction needs more phones.
        """
        disk = h3.grid_disk(h3.int_to_str(hexagon), self._constants.edge_rings)
        shares = (self.share(operator, technology, h3.str_to_int(cell)) for cell in disk)
        return any(share < self._constants.claimed_share for share in shares)

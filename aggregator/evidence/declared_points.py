"""Which accessible places lie in what is declared, beside the shares of area that :mod:`declared_area` takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.accessible import PLACE_RESOLUTION, Accessible
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, WGS_84, Cells, Shapes, System, parent, transformer

Layers = NDArray[np.uint8]
"""Of each place (n,), one bit for each layer that it lies in."""


@dataclass(frozen=True)
class Places:
    """Accessible places (n,) as points in the reference system of a file.

    Attributes:
        cells: their H3 cells.
        positions: coordinates (n, 2).
        tree: of the same points.
    """

    cells: Cells
    positions: NDArray[np.float64]
    tree: shapely.STRtree

    @classmethod
    def of(cls, accessible: Accessible, system: System, hexagons: Cells | None) -> "Places":
        """The places in ``hexagons``; None: all."""
        cells = accessible.places
        kept = slice(None) if hexagons is None else np.isin(parent(cells, HEXAGON_RESOLUTION), hexagons)
        x, y = transformer(WGS_84, system).transform(accessible.longitudes[kept], accessible.latitudes[kept])
        positions = np.column_stack([x, y])
        return cls(cells[kept], positions, shapely.STRtree(np.asarray(shapely.points(positions))))

    def in_polygons(self, polygons: Shapes) -> NDArray[np.intp]:
        """Places in any of some valid polygons; one may be named several times."""
        return np.asarray(self.tree.query(polygons, predicate="intersects")[1], dtype=np.intp)

    def in_cells(self, cells: Cells) -> NDArray[np.intp]:
        """Places in any of some H3 cells, of any resolutions."""
        resolution = cells >> 52 & 15
        found = np.zeros(len(self.cells), dtype=bool)
        for one in np.unique(resolution).tolist():
            found |= np.isin(self._at_resolution(one), cells[resolution == one])
        return np.flatnonzero(found)

    def shares(self, layers: Layers, masks: Sequence[int]) -> pd.DataFrame:
        """Share of each hexagon's places that lie in any layer of each mask, by ``h3_r8``."""
        hexagons, hexagon = np.unique(parent(self.cells, HEXAGON_RESOLUTION), return_inverse=True)
        count = np.bincount(hexagon, minlength=len(hexagons))
        shares = [np.bincount(hexagon[(layers & mask) != 0], minlength=len(hexagons)) / count for mask in masks]
        return pd.DataFrame(np.column_stack(shares), index=pd.Index(hexagons, name="h3_r8"))

    def _at_resolution(self, resolution: int) -> Cells:
        if resolution <= PLACE_RESOLUTION:
            return np.asarray(parent(self.cells, resolution))
        longitude_first = self.positions.tolist()  # files of H3 cells are read in WGS 84
        return np.array([h3.latlng_to_cell(y, x, resolution) for x, y in longitude_first], dtype=np.int64)

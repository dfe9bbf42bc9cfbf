"""Polygons made of a raster's squares: told from others, and turned into the edges that draw them."""

import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import Shapes
from aggregator.evidence.squares import Edges, Grid

ALIGNED = 1e-3
"""Ours: how far from a line of the grid, in squares, a corner may be; coordinates are stored with rounding."""

LEAST_SQUARE = 0.5
"""Ours: share of the edges that polygons of squares must have. A few small ones among others are no raster."""

MOST_SQUARES = 50_000
"""Ours: squares across. What has a smaller step than this over its extent is not a raster's outline."""


class Polygons:
    """Coordinates of polygons (n,), ring by ring."""

    def __init__(self, polygons: Shapes) -> None:
        """Read the coordinates; a third dimension is left out."""
        kind, self.points, offsets = shapely.to_ragged_array(polygons, include_z=False)
        if kind != shapely.GeometryType.POLYGON:
            polygons = shapely.get_parts(polygons)
            _, self.points, offsets = shapely.to_ragged_array(polygons, include_z=False)
        ring_ends, polygon_ends = offsets
        self.polygons = polygons
        self.ring = np.repeat(np.arange(len(ring_ends) - 1), np.diff(ring_ends))
        self.first_ring = np.asarray(polygon_ends[:-1], dtype=np.int64)
        self.polygon_of_ring = np.repeat(np.arange(len(polygons)), np.diff(polygon_ends))
        self.edge = np.flatnonzero(self.ring[1:] == self.ring[:-1])

    def with_right_angles(self) -> NDArray[np.bool_]:
        """Which polygons (n,) have edges along the axes only."""
        step = np.abs(self.points[self.edge + 1] - self.points[self.edge])
        straight = step.min(axis=1) <= 1e-6 * step.max(axis=1)
        return self._all(straight, self.polygon_of_ring[self.ring[self.edge]])

    def grid(self, among: NDArray[np.bool_]) -> Grid | None:
        """The grid whose squares make up the polygons ``among`` (n,); None where they are few, or none is found."""
        chosen = among[self.polygon_of_ring[self.ring[self.edge]]]
        if not chosen.any() or chosen.mean() < LEAST_SQUARE:
            return None
        edge = self.edge[chosen]
        corner = self.points[edge[0]]
        sides = []
        for axis in (0, 1):
            step = np.abs(self.points[edge + 1, axis] - self.points[edge, axis])
            longest = step.max()
            step = step[step > 1e-6 * longest]
            side = float(step.min()) if len(step) else 0.0
            if not side or np.ptp(self.points[edge, axis]) > MOST_SQUARES * side:
                return None
            sides.append(side)
        # the shortest step is a whole number of squares; a corner that falls between two lines tells which part
        whole = Grid(float(corner[0]), float(corner[1]), *sides)
        for parts in (1, 2, 3, 4, 5, 6, 10):
            grid = Grid(whole.west, whole.south, whole.side_x / parts, whole.side_y / parts)
            if self.on(grid, among)[among].all():
                return grid
        return whole

    def on(self, grid: Grid, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the polygons ``among`` (n,) have all their corners on the grid's lines."""
        position = grid.position(self.points)
        aligned = np.abs(position - np.round(position)).max(axis=1) <= ALIGNED
        return np.asarray(among & self._all(aligned, self.polygon_of_ring[self.ring]))

    def edges(self, grid: Grid, among: NDArray[np.bool_]) -> Edges:
        """Vertical edges of the polygons ``among`` (n,), which lie on the grid."""
        position = np.round(grid.position(self.points)).astype(np.int64)
        start, end = position[self.edge], position[self.edge + 1]
        ring = self.ring[self.edge]
        shifted = start - position[np.searchsorted(self.ring, ring)]  # near zero: the sums below stay exact
        turned = shifted[:, 0] * (end[:, 1] - start[:, 1])
        area = np.bincount(ring, turned, len(self.polygon_of_ring))
        outer = np.zeros(len(area), dtype=bool)
        outer[self.first_ring] = True
        direction = np.where((area > 0) == outer, 1, -1)
        kept = among[self.polygon_of_ring[ring]] & (start[:, 1] != end[:, 1])
        low, high = np.minimum(start, end)[kept, 1], np.maximum(start, end)[kept, 1]
        turn = np.sign(start[kept, 1] - end[kept, 1]) * direction[ring[kept]]
        return Edges(start[kept, 0], low, high, turn)

    def _all(self, holds: NDArray[np.bool_], owners: NDArray[np.intp]) -> NDArray[np.bool_]:
        return np.asarray(np.bincount(owners[~holds], minlength=len(self.polygons)) == 0)

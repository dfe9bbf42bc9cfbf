"""Coverage drawn on a regular grid: which of its squares are covered, and how much of a hexagon that is, exactly.

Operators' maps are rasters. Where polygons are made of a raster's squares they become squares again, in tiles that are
made when something falls into them: memory follows the area covered, whatever the number of vertices.

The covered area of a shape is a line integral along its outline (Green's theorem): with c = 1 on covered squares, 0
elsewhere, and F(x, y) the covered length of row y west of x,

    ∬ c dA = ∮ F dy

F is linear in x within a square, so each edge of the outline is cut where it meets a line of the grid and F taken in
the middle of each cut: the result is exact, whatever the shape, at the cost of its perimeter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import Shapes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TILE = 1_024
"""Squares along a tile's side. Ours: one byte each makes a megabyte."""

MOST_EDGES = 4_000_000
"""Ours: edges kept before they are drawn; 16 bytes each."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular grid: the corner of square (0, 0) and the sides of all, in the units of a reference system."""

    west: float
    south: float
    side_x: float
    side_y: float

    def position(self, coordinates: Floats) -> Floats:
        """Coordinates (n, 2) in squares from the corner."""
        return (coordinates - (self.west, self.south)) / (self.side_x, self.side_y)


@dataclass(slots=True)
class Edges:
    """Vertical edges (n,) of polygons made of squares: ``turn`` is added to every square east of the edge."""

    column: Integers
    low: Integers
    high: Integers
    turn: Integers


@dataclass(slots=True)
class Squares:
    """Covered squares of a grid, one bit for each of up to eight layers."""

    grid: Grid
    tiles: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)
    _waiting: dict[int, list[Edges]] = field(default_factory=dict)

    def cover(self, columns: Integers, rows: Integers, layer: int) -> None:
        """Cover single squares (n,)."""
        keys, owners = np.unique(np.stack([rows // TILE, columns // TILE]), axis=1, return_inverse=True)
        order = np.argsort(owners, kind="stable")
        ends = np.cumsum(np.bincount(owners, minlength=keys.shape[1]))
        for (row, column), members in zip(keys.T.tolist(), np.split(order, ends[:-1]), strict=True):
            self._tile(row, column)[rows[members] % TILE, columns[members] % TILE] |= np.uint8(1 << layer)

    def cover_within(self, edges: Edges, layer: int) -> None:
        """Cover what whole polygons enclose; where several overlap, their union."""
        waiting = self._waiting.setdefault(layer, [])
        waiting.append(edges)
        if sum(len(some.column) for some in waiting) > MOST_EDGES:
            self._draw(layer)

    def window(self, west: int, south: int, columns: int, rows: int) -> NDArray[np.uint8]:
        """Layers as bits (rows, columns) of a part of the grid."""
        for layer in list(self._waiting):
            self._draw(layer)
        seen = np.zeros((rows, columns), dtype=np.uint8)
        for row in range(south // TILE, (south + rows - 1) // TILE + 1):
            for column in range(west // TILE, (west + columns - 1) // TILE + 1):
                tile = self.tiles.get((row, column))
                if tile is None:
                    continue
                low, left = max(south, row * TILE), max(west, column * TILE)
                high, right = min(south + rows, (row + 1) * TILE), min(west + columns, (column + 1) * TILE)
                seen[low - south : high - south, left - west : right - west] = tile[
                    low - row * TILE : high - row * TILE, left - column * TILE : right - column * TILE
                ]
        return seen

    def occupied(self, step: int) -> Floats:
        """Centres (n, 2), in coordinates, of the blocks of ``step`` × ``step`` squares that hold a covered one."""
        for layer in list(self._waiting):
            self._draw(layer)
        centres = [np.empty((0, 2))]
        for (row, column), tile in sorted(self.tiles.items()):
            blocks = np.add.reduceat(
                np.add.reduceat(tile != 0, np.arange(0, TILE, step), 0), np.arange(0, TILE, step), 1
            )
            offset = np.array([column * TILE, row * TILE])
            centres.append(np.argwhere(blocks)[:, ::-1] * step + step / 2 + offset)
        return np.concatenate(centres) * (self.grid.side_x, self.grid.side_y) + (self.grid.west, self.grid.south)

    def boxes(self, bounds: Sequence[float], mask: int) -> Shapes:
        """Covered squares of the layers in ``mask`` as rectangles (n,), one per run of a row, in and around bounds."""
        (left, low), (right, high) = self.grid.position(np.reshape(np.asarray(bounds), (2, 2)))
        west, south = int(np.floor(left)), int(np.floor(low))
        seen = self.window(west, south, int(np.ceil(right)) - west + 1, int(np.ceil(high)) - south + 1)
        steps = np.diff(((seen & mask) != 0).astype(np.int8), axis=1, prepend=0, append=0)
        row, first = np.nonzero(steps == 1)
        last = np.nonzero(steps == -1)[1]
        x = self.grid.west + (west + np.stack([first, last])) * self.grid.side_x
        y = self.grid.south + (south + np.stack([row, row + 1])) * self.grid.side_y
        return np.asarray(shapely.box(x[0], y[0], x[1], y[1]))

    def covered(self, shapes: Shapes, masks: Sequence[int]) -> Floats:
        """Share (masks, n) of each polygon without holes that squares of any layer in a mask cover, 0 to 1."""
        points, owners = shapely.get_coordinates(shapes, return_index=True)
        positions = self.grid.position(points)
        edge = np.flatnonzero(owners[1:] == owners[:-1])
        start, end, owner = positions[edge], positions[edge + 1], owners[edge]
        whole = np.bincount(owner, (start[:, 0] + end[:, 0]) / 2 * (end[:, 1] - start[:, 1]), len(shapes))
        shares = np.zeros((len(masks), len(shapes)))
        first = np.searchsorted(owner, np.arange(len(shapes)))
        tile = np.floor(start[first] / TILE).astype(np.int64)
        _, group = np.unique(tile, axis=0, return_inverse=True)
        for members in _groups(group[owner]):
            areas = self._integrals(start[members], end[members], masks)
            for mask, area in enumerate(areas):
                shares[mask] += np.bincount(owner[members], area, len(shapes))
        return np.clip(shares / whole, 0.0, 1.0)

    def _integrals(self, start: Floats, end: Floats, masks: Sequence[int]) -> list[Floats]:
        """∫ F dy along each edge (n,), for each mask."""
        low = np.floor(np.minimum(start.min(axis=0), end.min(axis=0))).astype(np.int64)
        high = np.ceil(np.maximum(start.max(axis=0), end.max(axis=0))).astype(np.int64) + 1
        seen = self.window(*low.tolist(), *(high - low).tolist())
        if not seen.any():
            return [np.zeros(len(start)) for _ in masks]
        edge, middle, rise = _cut(start - low, end - low)
        column, row = np.floor(middle).astype(np.int64).T
        within = middle[:, 0] - column
        found = []
        for mask in masks:
            inside = (seen & mask) != 0
            west = np.cumsum(inside, axis=1, dtype=np.int32)
            here = inside[row, column]
            length = west[row, column] - here * (1.0 - within)
            found.append(np.bincount(edge, length * rise, len(start)).astype(np.float64))
        return found

    def _draw(self, layer: int) -> None:
        parts = self._waiting.pop(layer)
        column, low, high, turn = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("column", "low", "high", "turn")
        )
        for row in range(int(low.min(initial=0)) // TILE, int(high.max(initial=-1)) // TILE + 1):
            here = (low < (row + 1) * TILE) & (high > row * TILE)
            if not here.any():
                continue
            first = int(column[here].min()) // TILE
            width = (int(column[here].max()) // TILE + 1 - first) * TILE
            # a winding number changes by the turn from `low` up to `high`, and from the edge eastwards
            winding = np.zeros((TILE + 1, width), dtype=np.int16)
            at = column[here] - first * TILE
            np.add.at(winding, (np.maximum(low[here] - row * TILE, 0), at), turn[here].astype(np.int16))
            np.subtract.at(winding, (np.minimum(high[here] - row * TILE, TILE), at), turn[here].astype(np.int16))
            np.cumsum(winding, axis=0, out=winding)
            np.cumsum(winding, axis=1, out=winding)
            for number in range(width // TILE):
                inside = winding[:TILE, number * TILE : (number + 1) * TILE] > 0
                if inside.any():
                    self._tile(row, first + number)[inside] |= np.uint8(1 << layer)

    def _tile(self, row: int, column: int) -> NDArray[np.uint8]:
        return self.tiles.setdefault((row, column), np.zeros((TILE, TILE), dtype=np.uint8))


def _groups(labels: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Positions by label, in order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


def _cut(start: Floats, end: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Edges (n, 2) cut where they meet the lines of the unit grid.

    Returns:
        For each cut the edge it belongs to, its middle (m, 2), and by how much it rises.
    """
    # A point of edge e a share t along it is the number e + t: sorted, the numbers walk along all edges in turn.
    marks = [np.arange(len(start) + 1, dtype=np.float64)]
    for axis in (0, 1):
        one, other = start[:, axis], end[:, axis]
        first = np.floor(np.minimum(one, other)) + 1
        count = np.maximum(np.ceil(np.maximum(one, other)) - first, 0).astype(np.int64)
        edge = np.repeat(np.arange(len(start)), count)
        line = first[edge] + np.arange(len(edge)) - (np.cumsum(count) - count)[edge]
        marks.append(edge + (line - one[edge]) / (other[edge] - one[edge]))
    walk = np.sort(np.concatenate(marks))
    middle = (walk[1:] + walk[:-1]) / 2
    edge = np.minimum(np.floor(middle), len(start) - 1).astype(np.intp)
    along = (middle - edge)[:, None]
    rise = (walk[1:] - walk[:-1]) * (end[edge, 1] - start[edge, 1])
    return edge, start[edge] + along * (end[edge] - start[edge]), rise

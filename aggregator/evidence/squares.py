"""Coverage drawn on a regular grid: which of its squares are covered, and how much of a hexagon that is, exactly.

Operators' maps are rasters. Where polygons are made of a raster's squares they become squares again, in tiles that are
made when something falls into them: memory follows the area covered, whatever the number of vertices.

The covered area of a shape is a line integral along its outline (Green's theorem): with c = 1 on covered squares, 0
elsewhere, and F(x, y) the covered length of row y west of x,

    ∬ c dA = ∮ F dy

F is linear in x within a square, so each edge of the outline is cut where it meets a line of the grid and F taken in
the middle of each cut: the result is exact, whatever the shape, at the cost of its perimeter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import Shapes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TILE = 1_024
"""Squares along a tile's side; a tile of one layer is 128 kB. Ours."""

WORD = 64
"""Squares of a row that one number holds, the westernmost in its lowest bit."""

MOST_EDGES = 2_000_000
"""Ours: edges kept before they are drawn; 32 bytes each."""

Words = NDArray[np.uint64]


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
    """Covered squares of a grid, in up to eight layers."""

    grid: Grid
    tiles: dict[tuple[int, int, int], Words] = field(default_factory=dict)
    _waiting: dict[int, list[Edges]] = field(default_factory=dict)

    def cover(self, columns: Integers, rows: Integers, layer: int) -> None:
        """Cover single squares (n,)."""
        for members, words in self._tiles_of(columns, rows, layer):
            column, row = columns[members] % TILE, rows[members] % TILE
            np.bitwise_or.at(words, (row, column // WORD), _bit(column))

    def cover_within(self, edges: Edges, layer: int) -> None:
        """Cover what whole polygons enclose; where several overlap, their union."""
        waiting = self._waiting.setdefault(layer, [])
        waiting.append(edges)
        if sum(len(some.column) for some in waiting) > MOST_EDGES:
            self._draw(layer)

    def window(self, west: int, south: int, words: int, rows: int, mask: int) -> Words:
        """Squares of any layer in a mask (rows, words) of a part of the grid; ``west`` is a multiple of 64."""
        self._draw_all()
        seen = np.zeros((rows, words), dtype=np.uint64)
        first, wide = west // WORD, TILE // WORD
        for (layer, row, column), tile in self.tiles.items():
            low, left = max(south, row * TILE), max(first, column * wide)
            high, right = min(south + rows, (row + 1) * TILE), min(first + words, (column + 1) * wide)
            if mask >> layer & 1 and low < high and left < right:
                part = tile[low - row * TILE : high - row * TILE, left - column * wide : right - column * wide]
                seen[low - south : high - south, left - first : right - first] |= part
        return seen

    def layers_at(self, coordinates: Floats) -> NDArray[np.uint8]:
        """Of each point (n, 2), one bit for each layer that covers its square."""
        self._draw_all()
        column, row = np.floor(self.grid.position(coordinates)).astype(np.int64).T
        found = np.zeros(len(coordinates), dtype=np.uint8)
        places, groups = np.unique(np.column_stack([row // TILE, column // TILE]), axis=0, return_inverse=True)
        for place, members in zip(places.tolist(), _groups(groups), strict=True):
            line, at = row[members] % TILE, column[members] % TILE
            for layer in range(8):
                if (tile := self.tiles.get((layer, *place))) is not None:
                    covered = (tile[line, at // WORD] & _bit(at)) != 0
                    found[members] |= covered.astype(np.uint8) << layer
        return found

    def occupied(self, step: int) -> Floats:
        """Centres (n, 2), in coordinates, of the blocks of ``step`` × ``step`` squares that hold a covered one."""
        self._draw_all()
        cuts = np.arange(0, TILE, step)
        centres = [np.empty((0, 2))]
        for (_, row, column), tile in sorted(self.tiles.items(), key=lambda item: item[0]):
            blocks = np.logical_or.reduceat(np.logical_or.reduceat(_squares(tile), cuts, 0), cuts, 1)
            offset = np.array([column * TILE, row * TILE])
            centres.append(np.argwhere(blocks)[:, ::-1] * step + step / 2 + offset)
        found = np.unique(np.concatenate(centres), axis=0)
        return np.asarray(found * (self.grid.side_x, self.grid.side_y) + (self.grid.west, self.grid.south))

    def boxes(self, bounds: Sequence[float] | Floats, mask: int) -> Shapes:
        """Covered squares of the layers in ``mask`` as rectangles (n,), one per run of a row, in and around bounds."""
        west, south, words, rows = self._frame(self.grid.position(np.reshape(np.asarray(bounds), (2, 2))))
        steps = np.diff(_squares(self.window(west, south, words, rows, mask)).astype(np.int8), prepend=0, append=0)
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
        west, south, words, rows = self._frame(np.concatenate([start, end]))
        seen = self.window(west, south, words, rows, -1)
        if not seen.any():
            return [np.zeros(len(start)) for _ in masks]
        edge, middle, rise = _cut(start - (west, south), end - (west, south))
        column, row = np.floor(middle).astype(np.int64).T
        within = middle[:, 0] - column
        word, bit = column // WORD, _bit(column)
        found = []
        for mask in masks:
            seen = self.window(west, south, words, rows, mask)
            count = np.bitwise_count(seen).astype(np.int32)
            before = np.cumsum(count, axis=1, dtype=np.int32) - count
            here = seen[row, word]
            length = before[row, word] + np.bitwise_count(here & (bit - np.uint64(1))) + within * ((here & bit) != 0)
            found.append(np.bincount(edge, length * rise, len(start)).astype(np.float64))
        return found

    @staticmethod
    def _frame(positions: Floats) -> tuple[int, int, int, int]:
        """West, south, words and rows of the window around positions (n, 2)."""
        low = np.floor(positions.min(axis=0)).astype(np.int64)
        high = np.ceil(positions.max(axis=0)).astype(np.int64) + 1
        west = int(low[0]) // WORD * WORD
        return west, int(low[1]), -(-(int(high[0]) - west) // WORD), int(high[1] - low[1])

    def _draw_all(self) -> None:
        for layer in list(self._waiting):
            self._draw(layer)

    def _draw(self, layer: int) -> None:
        parts = self._waiting.pop(layer)
        column, low, high, turn = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("column", "low", "high", "turn")
        )
        if not len(column):
            return
        # One event for each row that an edge crosses; in order, the winding number is their running sum.
        rows = high - low
        row = np.repeat(low - np.cumsum(rows) + rows, rows) + np.arange(rows.sum())
        column, turn = np.repeat(column, rows), np.repeat(turn, rows)
        origin, width = column.min(), column.max() - column.min() + 1
        order = np.argsort((row - row.min()) * width + column - origin, kind="stable")
        row, column = row[order], column[order]
        winding = np.cumsum(turn[order])
        changes = np.flatnonzero((winding > 0) != (np.concatenate([[0], winding[:-1]]) > 0))
        row, west, east = row[changes[::2]], column[changes[::2]], column[changes[1::2]]
        for number in range(int(west.min(initial=0)) // TILE, int((east - 1).max(initial=-1)) // TILE + 1):
            here = np.flatnonzero((west < (number + 1) * TILE) & (east > number * TILE))
            first = np.maximum(west[here], number * TILE)
            for members, words in self._tiles_of(first, row[here], layer):
                at, line = here[members], row[here[members]] % TILE
                toggles = np.zeros((TILE, TILE // WORD + 1), dtype=np.uint64)
                for place in (first[members] % TILE, np.minimum(east[at] - number * TILE, TILE)):
                    np.bitwise_xor.at(toggles, (line, place // WORD), _bit(place))
                words |= _between(toggles[:, :-1])

    def _tiles_of(self, columns: Integers, rows: Integers, layer: int) -> Iterator[tuple[NDArray[np.intp], Words]]:
        """Which squares (n,) fall into each tile, and the tile."""
        keys, owners = np.unique((rows // TILE << 32) + columns // TILE, return_inverse=True)
        for key, members in zip(keys.tolist(), _groups(owners), strict=True):
            column = (key + (1 << 31)) % (1 << 32) - (1 << 31)
            place = (layer, (key - column) >> 32, column)
            if place not in self.tiles:
                self.tiles[place] = np.zeros((TILE, TILE // WORD), dtype=np.uint64)
            yield members, self.tiles[place]


def _bit(columns: Integers) -> Words:
    return np.left_shift(np.uint64(1), (columns % WORD).astype(np.uint64))


def _between(toggles: Words) -> Words:
    """Bits (rows, words) from each odd toggle of a row up to the next even one."""
    filled = toggles.copy()
    for distance in (1, 2, 4, 8, 16, 32):
        filled ^= filled << np.uint64(distance)
    carried = np.bitwise_xor.accumulate(filled >> np.uint64(WORD - 1), axis=1)
    filled[:, 1:] ^= np.uint64(0) - carried[:, :-1]
    return filled


def _squares(words: Words) -> NDArray[np.bool_]:
    """Words (rows, n) as single squares (rows, 64 n)."""
    octets = words.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little").astype(bool)


def _groups(labels: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Positions by label, in order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1]) if len(labels) else []


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

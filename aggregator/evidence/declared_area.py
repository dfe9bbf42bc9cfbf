"""What one operator declares on one technology, gathered batch by batch and turned into shares of hexagons.

Three ways to say where: polygons, squares of a grid, H3 cells. A place under several levels counts for the best of
them, and overlapping polygons of one level count once: the shares of a hexagon never add up to more than 1.

All areas are taken in the reference system of the file. A share is the ratio of two areas some hundred metres apart,
and across so little ground the scale of any smooth projection, degrees included, is the same to 3 parts in 10,000 at
60° of latitude: no polygon is projected, and no country needs a projection of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import h3
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from aggregator.evidence.accessible import Accessible
from aggregator.evidence.areas import intersections, polygons_of, subdivided
from aggregator.evidence.declared_cells import cell_shares
from aggregator.evidence.declared_points import Layers, Places
from aggregator.evidence.hexagons import (
    HEXAGON_RESOLUTION,
    WGS_84,
    Cells,
    Shapes,
    covering,
    outlines,
    projected,
    transformer,
)
from aggregator.evidence.rectilinear import Polygons
from aggregator.evidence.squares import Grid, Integers, Squares

KNOWN = 7
"""Layer of places that are spoken of though not covered."""

MOST_LEVELS = KNOWN

LARGEST_SIDE_M = 400.0
"""A hexagon that a smaller square touches is that of the square's centre or one beside it: H3's edges are longer."""

NEGLIGIBLE_SHARE = 1e-6
"""Ours: below the precision that shares are kept in."""

LONGEST_EDGE_M = 2_000.0
"""Ours: edges are cut to this length before they become degrees: straight there is straight enough."""


@dataclass(frozen=True)
class Plane:
    """The reference system that areas are taken in, and the hexagons asked for; None: all that are declared.

    ``places`` are accessible ones, None where nothing is known of them.
    """

    system: CRS
    cells: Cells | None = None
    shapes: Shapes | None = None
    places: Places | None = None

    @classmethod
    def over(cls, system: CRS, cells: Cells | None, accessible: Accessible | None = None) -> "Plane":
        """With the outlines of the hexagons, and the accessible places in them."""
        places = None if accessible is None else Places.of(accessible, system, cells)
        return cls(system, cells, None if cells is None else outlines(cells, system), places)

    @property
    def metres(self) -> float:
        """Length of the system's unit, that of a degree along a meridian."""
        unit = float(self.system.axis_info[0].unit_conversion_factor)
        return unit * 6_371_007.0 if self.system.is_geographic else unit


@dataclass
class DeclaredArea:
    """Claims of one operator, technology and usage, by level."""

    plane: Plane
    levels: list[str] = field(default_factory=list)
    _squares: Squares | None = None
    _pieces: list[pd.DataFrame] = field(default_factory=list)
    _cells: list[pd.DataFrame] = field(default_factory=list)
    _features: int = 0
    _layers: Layers = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is declared yet at any accessible place."""
        self._layers = np.zeros(0 if self.plane.places is None else len(self.plane.places.cells), dtype=np.uint8)

    def add_polygons(self, level: str | None, shapes: Shapes) -> None:
        """Add polygons and multipolygons (n,); level None: known not to be covered."""
        present = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
        parts, owners = shapely.get_parts(present, return_index=True)
        owners += self._features
        self._features += len(present)
        if not len(parts):
            return
        layer = self._layer(level)
        read = Polygons(parts)
        square = read.with_right_angles()
        if self._squares is None and (grid := read.grid(square)) and self._fine(grid):
            self._squares = Squares(grid)
        if self._squares is not None:
            square = read.on(self._squares.grid, square)
            self._squares.cover_within(read.edges(self._squares.grid, square), layer)
        else:
            square = np.zeros(len(parts), dtype=bool)
        if not square.all():
            self._clip(parts[~square], owners[~square], layer)

    def add_squares(self, level: str | None, grid: Grid, columns: Integers, rows: Integers) -> None:
        """Add squares (n,) of a grid, always the same; level None: known not to be covered."""
        if self._fine(grid):
            self._squares = self._squares or Squares(grid)
            self._squares.cover(columns, rows, self._layer(level))
            return
        west, south = grid.west + columns * grid.side_x, grid.south + rows * grid.side_y
        boxes = np.asarray(shapely.box(west, south, west + grid.side_x, south + grid.side_y))
        self._clip(boxes, np.arange(len(boxes)) + self._features, self._layer(level))
        self._features += len(boxes)

    def add_cells(self, level: str | None, cells: Cells) -> None:
        """Add H3 cells (n,) of any resolution; a finer one is a seventh of its parent, as everywhere in Maille."""
        layer = self._layer(level)
        self._cells.append(pd.DataFrame({"cell": cells, "layer": layer}))
        if self.plane.places is not None:
            self._layers[self.plane.places.in_cells(cells)] |= np.uint8(1 << layer)

    def shares(self, order: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What was added, by hexagon.

        Args:
            order: levels, best first; others come after them, by name, and the empty one last.

        Returns:
            ``h3_r8, level, declared_share, accessible_share`` where a share is above 0: of the hexagon, and of its
            accessible places, missing where it has none; and ``h3_r8, known_share, known_accessible_share`` of all
            hexagons touched: how much of each is declared covered or known not to be.
        """
        ranked = sorted(self.levels, key=lambda level: (_rank(order, level), level == "", level))
        bits = [1 << self.levels.index(level) for level in ranked]
        masks = [*np.cumsum(bits, dtype=int).tolist(), sum(bits) | 1 << KNOWN]
        sums = {"declared_share": self._by_cell(masks), "accessible_share": self._by_place(masks)}
        known = pd.concat([table.iloc[:, -1] for table in sums.values()], axis=1).reset_index()
        known.columns = ["h3_r8", "known_share", "known_accessible_share"]
        levels = pd.Index(ranked, name="level", dtype=object)
        parts = {}
        for name, table in sums.items():
            covered = np.diff(table.to_numpy()[:, :-1], axis=1, prepend=0.0)
            parts[name] = pd.DataFrame(covered, index=table.index, columns=levels).stack()
        shares = pd.DataFrame(parts).rename_axis(["h3_r8", "level"]).reset_index().fillna({"declared_share": 0.0})
        above = (shares["declared_share"] > 0) | (shares["accessible_share"] > 0)
        return shares[above], known.fillna({"known_share": 0.0})

    def _layer(self, level: str | None) -> int:
        if level is None:
            return KNOWN
        if level not in self.levels:
            if len(self.levels) == MOST_LEVELS:
                raise ValueError(f"level is {level!r}, expected at most {MOST_LEVELS} levels")
            self.levels.append(level)
        return self.levels.index(level)

    def _fine(self, grid: Grid) -> bool:
        return max(grid.side_x, grid.side_y) * self.plane.metres <= LARGEST_SIDE_M

    def _clip(self, polygons: Shapes, owners: NDArray[np.intp], layer: int) -> None:
        """Pieces of polygons in each hexagon, kept until all are known."""
        valid, source = polygons_of(polygons)
        pieces, polygon = subdivided(valid)
        if not len(pieces):
            return
        cells, shapes = self.plane.cells, self.plane.shapes
        if cells is None or shapes is None:
            edge = LONGEST_EDGE_M / self.plane.metres
            cells = covering(projected(shapely.segmentize(pieces, edge), self.plane.system, WGS_84))
            shapes = outlines(cells, self.plane.system)
        if self.plane.places is not None:
            self._layers[self.plane.places.in_polygons(pieces)] |= np.uint8(1 << layer)
        found = _pieces(pieces, cells, shapes)
        self._pieces.append(found.assign(layer=layer, feature=owners[source[polygon[found.pop("piece")]]]))

    def _by_cell(self, masks: list[int]) -> pd.DataFrame:
        """Share of each hexagon under any layer of each mask."""
        parts = []
        pieces = pd.concat(self._pieces, ignore_index=True) if self._pieces else None
        if self._squares is not None:
            cells, shapes = self.plane.cells, self.plane.shapes
            if cells is None or shapes is None:
                cells = _around(self._squares, self.plane)
                shapes = outlines(cells, self.plane.system)
            drawn = pd.DataFrame(self._squares.covered(shapes, masks).T, index=cells)
            if pieces is not None:
                met = np.isin(cells, pieces["h3_r8"].to_numpy()) & (drawn.to_numpy()[:, -1] > 0)
                pieces = pd.concat([pieces, *self._as_pieces(cells[met], shapes[met])], ignore_index=True)
                drawn = drawn[~met]
            parts.append(drawn)
        if pieces is not None:
            parts.append(_union_shares(pieces, masks, self.plane.system))
        if self._cells:
            parts.append(cell_shares(pd.concat(self._cells), masks))
        if not parts:
            return _nothing(masks)
        together = pd.concat(parts).rename_axis(index="h3_r8")
        return together.groupby(level=0).sum().clip(upper=1.0)

    def _by_place(self, masks: list[int]) -> pd.DataFrame:
        """Share of each hexagon's accessible places under any layer of each mask."""
        places = self.plane.places
        if places is None:
            return _nothing(masks)
        layers = self._layers
        if self._squares is not None:
            layers = layers | self._squares.layers_at(places.positions)
        return places.shares(layers, masks)

    def _as_pieces(self, cells: Cells, shapes: Shapes) -> list[pd.DataFrame]:
        """The squares in hexagons that polygons of another make meet, as polygons."""
        if self._squares is None or not len(cells):
            return []
        found = []
        for layer in (*range(len(self.levels)), KNOWN):
            boxes = self._squares.boxes(shapely.total_bounds(shapes), 1 << layer)
            found.append(_pieces(boxes, cells, shapes).assign(layer=layer, feature=-1))
        return found


def _nothing(masks: list[int]) -> pd.DataFrame:
    index = pd.Index([], name="h3_r8", dtype=np.int64)
    return pd.DataFrame(index=index, columns=pd.RangeIndex(len(masks)), dtype=float)


def _pieces(polygons: Shapes, cells: Cells, shapes: Shapes) -> pd.DataFrame:
    """Every piece that polygons and hexagons share: ``h3_r8, share, shape, piece``."""
    piece, hexagon, shape = intersections(polygons, shapes)
    share = shapely.area(shape) / shapely.area(shapes)[hexagon]
    return pd.DataFrame({"h3_r8": cells[hexagon], "share": share, "shape": shape, "piece": piece})


def _rank(order: Sequence[str], level: str) -> int:
    return order.index(level) if level in order else len(order)


def _around(squares: Squares, plane: Plane) -> Cells:
    """Every hexagon that a covered square touches, and some more."""
    side = max(squares.grid.side_x, squares.grid.side_y) * plane.metres
    points = squares.occupied(max(1, int(LARGEST_SIDE_M / side)))
    x, y = transformer(plane.system, WGS_84).transform(points[:, 0], points[:, 1])
    places = zip(y.tolist(), x.tolist(), strict=True)
    centres = {h3.latlng_to_cell(latitude, longitude, HEXAGON_RESOLUTION) for latitude, longitude in places}
    near = {cell for centre in centres for cell in h3.grid_disk(centre, 1)}
    return np.array(sorted(h3.str_to_int(cell) for cell in near), dtype=np.int64)


def _union_shares(pieces: pd.DataFrame, masks: list[int], system: CRS) -> pd.DataFrame:
    """Shares of the union of pieces in each hexagon, for each mask of layers."""
    cells, hexagon = np.unique(pieces["h3_r8"].to_numpy(np.int64), return_inverse=True)
    source = pieces["feature"].to_numpy() * 8 + pieces["layer"].to_numpy()
    # the parts of one feature do not overlap; where several features or levels meet, their union counts
    any_source = np.zeros(len(cells), dtype=np.int64)
    any_source[hexagon] = source
    several = np.zeros(len(cells), dtype=bool)
    several[hexagon[source != any_source[hexagon]]] = True
    whole = shapely.area(outlines(cells, system))
    layers, shapes = 1 << pieces["layer"].to_numpy(), pieces["shape"].to_numpy()
    shares = np.zeros((len(cells), len(masks)))
    share = pieces["share"].to_numpy()
    for number, mask in reversed(list(enumerate(masks))):
        inside = (layers & mask) != 0
        shares[:, number] = np.bincount(hexagon[inside], share[inside], len(cells))
        together = np.flatnonzero(inside & several[hexagon])
        together = together[np.argsort(hexagon[together], kind="stable")]
        if len(together):
            groups, members = np.unique(hexagon[together], return_inverse=True)
            collections = shapely.geometrycollections(shapes[together], indices=members)
            unions = shapely.union_all(np.asarray(collections).reshape(-1, 1), axis=1)
            exact = shapely.area(unions) / whole[groups]
            if number == len(masks) - 1:  # all layers: where nothing overlaps, sums are right for the others too
                several[groups[shares[groups, number] - exact < NEGLIGIBLE_SHARE]] = False
            shares[groups, number] = exact
    return pd.DataFrame(np.minimum(shares, 1.0), index=cells)

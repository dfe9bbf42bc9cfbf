"""What lies under the cells of a tile: land, borders of départements and communes, and names of communes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import WGS_84
from aggregator.publication.vector_tile import (
    BUFFER,
    CLOSE,
    EXTENT,
    LINE,
    LINE_TO,
    MOVE_ONE,
    POINT,
    POLYGON,
    Runs,
    encoded,
    layer,
    mercator,
    zigzag,
)

Shapes = NDArray[np.object_]

TOLERANCE = 2.0
"""Ours: units of a tile by which a border may be off, half a pixel of a screen with two pixels to a point."""
COMMUNES_FROM = 9
"""Ours: zoom from which communes have borders."""
NAMES = {5: 15, 6: 25, 7: 45, 8: 200, 9: 1000}
"""Ours: names by zoom, those of most people first, each being an image to draw; all of them from zoom 10."""

FIELDS: dict[str, dict[str, str]] = {
    "land": {},
    "borders": {"departement": "Number"},
    "names": {"name": "String", "rank": "Number"},
}
"""Layers and their properties: 1 for a border of départements and 0 for one of communes; 0 for the most people."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Shapes in units of Web Mercator, 0 to 1.

    Attributes:
        bounds: west, south, east, north in degrees.
        land: one polygon or several.
        departements: lines between départements.
        communes: lines between communes, each once.
        names: of communes, those of most people first.
        places: points of the names (n,).
    """

    bounds: tuple[float, float, float, float]
    land: Shapes
    departements: Shapes
    communes: Shapes
    names: list[str]
    places: Shapes

    def tiles(self, zoom: int) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Layers ``land``, ``borders`` and ``names`` of each tile."""
        tolerance = TOLERANCE / (EXTENT << zoom)
        communes = self.communes if zoom >= COMMUNES_FROM else self.communes[:0]
        lines = np.concatenate([communes, self.departements])
        kinds = np.repeat([0, 1], [len(communes), len(self.departements)])
        shown = NAMES.get(zoom, len(self.names))
        land, borders = shapely.simplify(self.land, tolerance), shapely.simplify(lines, tolerance)
        for tile, inside in _cut(land, zoom):
            yield tile, layer("land", _written(POLYGON, [(shape, []) for _, shape in inside]), [], [])
        for tile, inside in _cut(borders, zoom):
            drawn = [(shape, [0, int(kinds[place])]) for place, shape in inside]
            yield tile, layer("borders", _written(LINE, drawn), ["departement"], [0, 1])
        for tile, inside in _cut(self.places[:shown], zoom):
            drawn = [(shape, [0, at, 1, len(inside) + at]) for at, (_, shape) in enumerate(inside)]
            ranks = [place for place, _ in inside]
            values: list[int | str] = [*(self.names[place] for place in ranks), *ranks]
            yield tile, layer("names", _written(POINT, drawn), ["name", "rank"], values)


def read_ground(communes: gpd.GeoDataFrame) -> Ground:
    """The ground of a territory.

    Args:
        communes: as ``territory.read_communes`` gives them.
    """
    ordered = communes.to_crs(WGS_84).sort_values("insee_com", ignore_index=True)
    shapes = shapely.transform(ordered.geometry.to_numpy(), _moved)
    by_departement = ordered["insee_com"].str.slice(0, 2).to_numpy()
    departements = np.array([shapely.union_all(shapes[by_departement == one]) for one in np.unique(by_departement)])
    people = ordered.sort_values(["population", "insee_com"], ascending=[False, True], na_position="last")
    west, south, east, north = (float(edge) for edge in ordered.total_bounds)
    return Ground(
        bounds=(west, south, east, north),
        land=shapely.get_parts(shapely.union_all(departements)),
        departements=_lines(departements),
        communes=_lines(shapes),
        names=[str(name) for name in people["name"]],
        places=np.asarray(shapely.points(_moved(people[["longitude", "latitude"]].to_numpy(np.float64)))),
    )


def _moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(mercator(points[:, 0], points[:, 1]))


def _lines(areas: Shapes) -> Shapes:
    """Borders of areas, one line from one meeting of three areas to the next, so that each is drawn once."""
    return np.asarray(shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.boundary(areas)))))


def _cut(shapes: Shapes, zoom: int) -> Iterator[tuple[tuple[int, int], list[tuple[int, Any]]]]:
    """Place and shape, in units of the tile, of what lies in each tile with its margin; a point lies in one tile."""
    if not len(shapes):
        return
    side, points = 1 << zoom, shapely.get_type_id(shapes[0]) == 0
    margin = 0.0 if points else BUFFER / EXTENT
    west, north, east, south = np.floor(shapely.total_bounds(shapes) * side).astype(int)
    tree = shapely.STRtree(shapes)
    for column in range(west, east + 1):
        for row in range(north, south + 1):
            box = np.array([column - margin, row - margin, column + 1 + margin, row + 1 + margin]) / side
            found = np.sort(tree.query(shapely.box(*box)))
            cut = shapes[found] if points else shapely.clip_by_rect(shapes[found], *box)
            moved = _in_tile(cut, column, row, side)
            inside = [(int(place), shape) for place, shape in zip(found, moved, strict=True) if not shape.is_empty]
            if points:
                inside = [one for one in inside if 0 <= one[1].x < EXTENT and 0 <= one[1].y < EXTENT]
            if inside:
                yield (column, row), inside


def _in_tile(shapes: Shapes, column: int, row: int, side: int) -> Shapes:
    """Shapes in whole units from the tile's north-western corner."""

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.rint((points * side - [column, row]) * EXTENT))

    return np.asarray(shapely.transform(shapes, moved))


def _written(kind: int, drawn: list[tuple[Any, list[int]]]) -> bytes:
    """Features of one kind with their tags."""
    commands, tags = [], []
    for shape, own in drawn:
        found = _commands(shape)
        if found:
            commands.append(found)
            tags.append(own)
    lengths = [np.array([len(one) for one in lists], dtype=np.int64) for lists in (commands, tags)]
    values = [np.array([n for one in lists for n in one], dtype=np.int64) for lists in (commands, tags)]
    ids = np.arange(1, len(tags) + 1, dtype=np.int64)
    return encoded(ids, kind, Runs(values[1], lengths[1]), Runs(values[0], lengths[0]))[0]


def _commands(shape: Any) -> list[int]:
    """A shape in units of the tile as commands; empty where nothing of it is left."""
    commands: list[int] = []
    cursor = np.zeros((1, 2), dtype=np.int64)
    for part in shapely.get_parts(shapely.orient_polygons(shape)):
        closed = part.geom_type == "Polygon"
        for line in [part.exterior, *part.interiors] if closed else [part]:
            points = shapely.get_coordinates(line).astype(np.int64)
            points = points[np.append(True, np.any(np.diff(points, axis=0) != 0, axis=1))][: -1 if closed else None]
            if len(points) < {"Point": 1, "LineString": 2}.get(part.geom_type, 3):
                continue
            steps = zigzag(np.diff(points, axis=0, prepend=cursor)).ravel().tolist()
            commands += [MOVE_ONE, *steps[:2]]
            if len(points) > 1:
                commands += [(len(points) - 1) << 3 | LINE_TO, *steps[2:]]
            if closed:
                commands.append(CLOSE)
            cursor = points[-1:]
    return commands

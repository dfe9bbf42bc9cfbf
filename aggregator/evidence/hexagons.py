"""H3 indexes as numbers, and hexagons as polygons where areas are needed.

A *hexagon* is a cell of resolution 8, always reached as the parent of a resolution 9 cell: indexing a point directly
at resolution 8 gives another hexagon for 7 % of points.
"""

from collections.abc import Iterable
from typing import Any

import h3
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely import MultiPolygon, Polygon

from client_sdk.hexagon_index import parent as parent

HEXAGON_RESOLUTION = 8
LAMBERT_93 = 2154
WGS_84 = 4326

Cells = NDArray[np.int64]
Shapes = NDArray[np.object_]
System = int | str | CRS
"""A coordinate reference system: its EPSG code, or what pyproj reads."""


def outlines(cells: Cells, system: System) -> Shapes:
    """Polygons of cells (n,) in a reference system; in degrees, those on the antimeridian lie east of it."""
    if len(cells) == 0:
        return np.empty(0, dtype=object)
    rings = [h3.cell_to_boundary(h3.int_to_str(int(cell))) for cell in cells]
    vertices = np.concatenate([np.asarray(ring) for ring in rings])
    owners = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    longitudes = vertices[:, 1]
    starts = np.cumsum([0, *map(len, rings[:-1])])
    across = np.maximum.reduceat(longitudes, starts) - np.minimum.reduceat(longitudes, starts) > 180
    longitudes = np.where(across[owners] & (longitudes < 0), longitudes + 360, longitudes)
    x, y = transformer(WGS_84, system).transform(longitudes, vertices[:, 0])
    return np.asarray(shapely.polygons(shapely.linearrings(np.column_stack([x, y]), indices=owners)))


def covering(areas: Iterable[Polygon | MultiPolygon], resolution: int = HEXAGON_RESOLUTION) -> Cells:
    """Every cell that touches one of the areas (WGS 84), sorted.

    Holes are taken out afterwards: H3 would leave out a cell that has a whole hole inside it.
    """
    found: set[int] = set()
    for part in shapely.get_parts(list(areas)):
        outer = _cells(shapely.Polygon(part.exterior), resolution, "overlap")
        found |= outer.difference(*(_cells(shapely.Polygon(hole), resolution, "full") for hole in part.interiors))
    return np.array(sorted(found), dtype=np.int64)


def _cells(polygon: Polygon, resolution: int, contain: str) -> set[int]:
    shape = h3.geo_to_h3shape(polygon)
    return set(map(h3.str_to_int, h3.h3shape_to_cells_experimental(shape, resolution, contain=contain)))


def transformer(source: System, target: System) -> Transformer:
    """Coordinates between two reference systems, longitude or easting first."""
    return Transformer.from_crs(source, target, always_xy=True)


def projected(geometry: Any, source: System, target: System) -> Any:
    """A shapely geometry, or an array of them, in another reference system."""
    convert = transformer(source, target)

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(convert.transform(points[:, 0], points[:, 1]))

    return shapely.transform(geometry, moved)

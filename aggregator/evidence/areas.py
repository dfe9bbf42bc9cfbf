"""Exact areas of polygons within hexagons, in a projected reference system.

A country's coverage is a handful of polygons with millions of vertices. They are halved until they are small, and only
pieces that a hexagon's border crosses are ever intersected with it.
"""

from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import Shapes

LARGEST_PIECE = 256
"""Vertices above which a polygon is halved."""

Indexes = NDArray[np.intp]


def polygons_of(geometries: Shapes) -> tuple[Shapes, Indexes]:
    """The valid polygons that geometries (n,) consist of, and which geometry each belongs to; the rest is dropped."""
    present = np.flatnonzero(~shapely.is_missing(geometries))
    parts, owners = shapely.get_parts(geometries[present], return_index=True)
    broken = ~shapely.is_valid(parts)
    if broken.any():
        parts[broken] = shapely.make_valid(parts[broken])
    for _ in range(2):  # a repaired polygon may be a collection of collections
        parts, inner = shapely.get_parts(parts, return_index=True)
        owners = owners[inner]
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    return parts[kept], present[owners[kept]]


def subdivided(polygons: Shapes, largest: int = LARGEST_PIECE) -> tuple[Shapes, Indexes]:
    """Pieces of at most ``largest`` vertices, and which polygon each comes from."""
    small = shapely.get_num_coordinates(polygons) <= largest
    pieces: list[shapely.Geometry] = list(polygons[small])
    owners: list[int] = np.flatnonzero(small).tolist()
    waiting = [(int(index), polygons[index]) for index in np.flatnonzero(~small)]
    while waiting:
        owner, polygon = waiting.pop()
        halves = np.array([shapely.clip_by_rect(polygon, *rectangle) for rectangle in _halves(polygon)], dtype=object)
        parts = polygons_of(halves)[0]
        fits = shapely.get_num_coordinates(parts) <= largest
        pieces.extend(parts[fits])
        owners.extend([owner] * int(fits.sum()))
        waiting.extend((owner, part) for part in parts[~fits])
    made = np.empty(len(pieces), dtype=object)
    made[:] = pieces
    return made, np.array(owners, dtype=np.intp)


def _halves(polygon: shapely.Geometry) -> list[tuple[float, float, float, float]]:
    west, south, east, north = (float(bound) for bound in shapely.bounds(polygon))
    if east - west >= north - south:
        middle = (west + east) / 2
        return [(west, south, middle, north), (middle, south, east, north)]
    middle = (south + north) / 2
    return [(west, south, east, middle), (west, middle, east, north)]


def overlaps(pieces: Shapes, hexagons: Shapes) -> tuple[Indexes, Indexes, NDArray[np.float64]]:
    """Every pair of a piece and a hexagon that share some area.

    Returns:
        Index of the piece, index of the hexagon, area shared in the square of the system's unit.
    """
    piece, hexagon, shape = intersections(pieces, hexagons)
    return piece, hexagon, np.asarray(shapely.area(shape))


def intersections(pieces: Shapes, hexagons: Shapes) -> tuple[Indexes, Indexes, Shapes]:
    """The same pairs with what they share; where one lies wholly inside the other nothing is cut."""
    tree = shapely.STRtree(hexagons)
    piece, hexagon = tree.query(pieces, predicate="intersects")
    shape, whole = hexagons[hexagon], np.zeros(len(piece), dtype=bool)
    predicates: tuple[tuple[Literal["contains_properly", "within"], Shapes], ...] = (
        ("contains_properly", hexagons[hexagon]),
        ("within", pieces[piece]),
    )
    for predicate, inner in predicates:
        inner_piece, inner_hexagon = tree.query(pieces, predicate=predicate)
        inside = np.isin(piece * len(hexagons) + hexagon, inner_piece * len(hexagons) + inner_hexagon)
        shape[inside] = inner[inside]
        whole |= inside
    shape[~whole] = shapely.intersection(pieces[piece[~whole]], shape[~whole])
    shared = shapely.area(shape) > 0
    return piece[shared], hexagon[shared], shape[shared]

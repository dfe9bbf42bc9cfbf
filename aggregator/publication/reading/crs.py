"""Coordinate reference systems by their OGC names: what ``crs`` and ``bbox-crs`` say, axes in their official order."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, projected
from aggregator.publication.reading.asked import Parameter, QueryError, numbers

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{code}"
SIDE_M = 10_000.0
"""Ours: sides of a box in Lambert-93 bend in degrees; pieces of this length by 2 m at most."""
COVERED = shapely.box(-2e6, 4.5e6, 3e6, 8.5e6)
"""Ours: where Lambert-93 is straight enough to be asked in: from the Canaries to Iceland and the Baltic, in metres."""


@dataclass(frozen=True, slots=True)
class System:
    """One of the systems that features are given in.

    Attributes:
        uri: its name. code: of EPSG, longitude or easting first.
        flipped: whether its official order is latitude first.
        decimals: of coordinates in answers.
    """

    uri: str
    code: int
    flipped: bool
    decimals: int

    def geometries(self, shapes: Shapes) -> NDArray[np.object_]:
        """GeoJSON texts of shapes in CRS84."""
        moved = shapes if self.code == WGS_84 else projected(shapes, WGS_84, self.code)
        turned = shapely.transform(
            moved, lambda points: np.round(points[:, ::-1] if self.flipped else points, self.decimals)
        )
        return np.asarray(shapely.to_geojson(turned))


SYSTEMS = {
    system.uri: system
    for system in (
        System(CRS84, WGS_84, False, 6),
        System(EPSG.format(code=WGS_84), WGS_84, True, 6),
        System(EPSG.format(code=LAMBERT_93), LAMBERT_93, False, 2),
    )
}


def _system(name: str) -> Parameter:
    def read(text: str) -> System:
        if text not in SYSTEMS:
            raise QueryError(name, text, f"one of {', '.join(SYSTEMS)}")
        return SYSTEMS[text]

    told = {"crs": "Reference system of the answer's coordinates.", "bbox-crs": "Reference system of bbox."}[name]
    schema = {"type": "string", "format": "uri", "enum": list(SYSTEMS), "default": CRS84}
    return Parameter(name, told, schema, read)


def _corners(text: str) -> list[float]:
    expected = (
        "4 numbers (6 with heights): west, south, east, north, or in the axis order of bbox-crs where that is given"
    )
    found = numbers("bbox", text, (4, 6), expected)
    half = len(found) // 2
    return [*found[:2], *found[half : half + 2]]


CRS = _system("crs")
BBOX_CRS = _system("bbox-crs")
BOX = "Only what meets this box: west, south, east, north (with heights, which do not count, after each pair)"
BBOX = Parameter(
    "bbox",
    f"{BOX}, or in the axis order of bbox-crs.",
    {
        "type": "array",
        "items": {"type": "number"},
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
    },
    _corners,
    several=True,
)


def area_of(corners: list[float], system: System) -> shapely.Geometry:
    """The area of a box in CRS84; one whose west is east of its east crosses the antimeridian.

    Raises:
        QueryError: least and greatest are the wrong way round, or the box is outside what the system covers.
    """
    given = ",".join(f"{corner:g}" for corner in corners)
    west, south, east, north = (corners[axis] for axis in (1, 0, 3, 2)) if system.flipped else corners
    if south > north or (west > east and system.code != WGS_84):
        raise QueryError("bbox", given, "the least coordinates first")
    if system.code == WGS_84:
        if west > east:
            across: shapely.Geometry = shapely.union(_box(west, south, 180.0, north), _box(-180.0, south, east, north))
            return across
        return _box(west, south, east, north)
    box = shapely.intersection(_box(west, south, east, north), COVERED)
    if box.is_empty:
        raise QueryError("bbox", given, f"coordinates that EPSG:{system.code} covers")
    around: shapely.Geometry = projected(shapely.segmentize(box, SIDE_M), system.code, WGS_84)
    return around


def _box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """A box, or the line or point that it is without width or height."""
    return shapely.envelope(shapely.multipoints([[west, south], [east, north]]))

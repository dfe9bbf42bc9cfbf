"""A rectangle of the ground on a sheet of paper: metres of Lambert-93 become millimetres, down from the upper left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Ring = list[list[float]]

DECIMALS = 2
SIMPLER_MM = 0.08
"""Ours: a line drawn this far from where it is cannot be told from it."""
CHARACTER_MM = 1.28
LINE_MM = 2.6
"""Width and height of a label's letters at the size at which the sheet sets them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is on the map: the lower left corner in metres, its size on paper, and metres for a millimetre."""

    west: float
    south: float
    width_mm: float
    height_mm: float
    metres_per_mm: float

    @property
    def ground(self) -> Any:
        """The rectangle in metres."""
        east = self.west + self.width_mm * self.metres_per_mm
        return shapely.box(self.west, self.south, east, self.south + self.height_mm * self.metres_per_mm)

    def placed(self, metres: NDArray[np.float64]) -> Ring:
        """Points (n, 2) on the sheet."""
        x = (metres[:, 0] - self.west) / self.metres_per_mm
        y = self.height_mm - (metres[:, 1] - self.south) / self.metres_per_mm
        found: Ring = np.column_stack([x, y]).round(DECIMALS).tolist()
        return found

    def rings(self, shapes: Iterable[Any]) -> list[list[Ring]]:
        """Polygons, cut to the frame: for each its outer ring, then its holes."""
        cut = shapely.intersection(np.asarray(list(shapes), dtype=object), self.ground)
        parts = shapely.get_parts(shapely.simplify(cut, SIMPLER_MM * self.metres_per_mm))
        parts = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
        return [[self.placed(shapely.get_coordinates(ring)) for ring in shapely.get_rings(part)] for part in parts]

    def lines(self, shapes: Iterable[Any]) -> list[Ring]:
        """Lines, or the borders of polygons, cut to the frame; a border that two share is drawn once."""
        given = np.asarray(list(shapes), dtype=object)
        given = given[shapely.intersects(given, self.ground)] if len(given) else given
        areas = np.isin(shapely.get_type_id(given), [3, 6])
        drawn = shapely.union_all(np.where(areas, shapely.boundary(given), given)) if len(given) else shapely.Point()
        cut = shapely.intersection(shapely.line_merge(drawn), self.ground)
        parts = shapely.get_parts(shapely.simplify(cut, SIMPLER_MM * self.metres_per_mm))
        parts = parts[(shapely.get_type_id(parts) == 1) & ~shapely.is_empty(parts)]
        return [self.placed(shapely.get_coordinates(part)) for part in parts]

    def inside(self, metres: NDArray[np.float64], within_mm: float = 0.0) -> NDArray[np.bool_]:
        """Which points (n, 2) are on the sheet, so far from its edge."""
        x, y = np.array(self.placed(metres)).reshape(-1, 2).T
        across = (x >= within_mm) & (x <= self.width_mm - within_mm)
        return np.asarray(across & (y >= within_mm) & (y <= self.height_mm - within_mm))

    def scale_bar(self) -> dict[str, Any]:
        """A round number of kilometres, at most a third of the map's width."""
        for km in (100, 50, 20, 10, 5, 2, 1):
            length_mm = km * 1000 / self.metres_per_mm
            if length_mm <= self.width_mm / 3:
                break
        return {"mm": round(length_mm, DECIMALS), "text": f"{km} km"}


def frame_around(
    bounds: Sequence[float] | NDArray[np.float64], width_mm: float, height_mm: float, spare: float
) -> Frame:
    """The frame that holds a rectangle (west, south, east, north) in its middle, with some to spare on each side.

    Args:
        bounds: in metres.
        width_mm: of the map.
        height_mm: of the map.
        spare: share of the rectangle's size left free on each side.
    """
    west, south, east, north = map(float, bounds)
    scale = (1 + 2 * spare) * max((east - west) / width_mm, (north - south) / height_mm)
    return Frame(
        west=(west + east - width_mm * scale) / 2,
        south=(south + north - height_mm * scale) / 2,
        width_mm=width_mm,
        height_mm=height_mm,
        metres_per_mm=scale,
    )


def labels(
    frame: Frame, names: Iterable[tuple[str, float, float]], taken: list[tuple[float, float, float, float]]
) -> list[dict[str, Any]]:
    """Names beside their places where there is room, in the order given: the first come first.

    Args:
        frame: the map.
        names: text and place on the sheet.
        taken: rectangles (left, top, right, bottom) that must stay free; those of the labels are added.
    """
    placed = []
    for text, x, y in names:
        half = len(text) * CHARACTER_MM / 2
        for down in (LINE_MM * 0.7, -LINE_MM * 0.7, LINE_MM * 1.8, -LINE_MM * 1.8):
            box = (x - half, y + down - LINE_MM / 2, x + half, y + down + LINE_MM / 2)
            fits = box[0] > 0 and box[1] > 0 and box[2] < frame.width_mm and box[3] < frame.height_mm
            if fits and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                placed.append({"text": text, "x": round(x, DECIMALS), "y": round(y + down, DECIMALS)})
                break
    return placed


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

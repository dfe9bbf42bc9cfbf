"""Lines cut where they cross the borders of hexagons, in order along each line; the pieces add up to the line.

Straight segments meet convex hexagons: where a segment enters and leaves each of them is exact (Cyrus and Beck 1978).
"""

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, LAMBERT_93, WGS_84, Cells, Shapes, outlines, transformer

STEP_M = 250.0
"""Ours: a line is sampled this often to know which hexagons may be near, well below their inner radius of 460 m."""

BATCH = 50_000
"""Lines cut at a time, which bounds memory."""


def cut_by_hexagons(lines: Shapes) -> gpd.GeoDataFrame:
    """The stretches of lines within each hexagon.

    Args:
        lines: LineStrings (n,) in EPSG:2154; those without length give nothing.

    Returns:
        One row per stretch, by line and then along it: ``line`` (position in ``lines``), ``h3_r8``, ``start_m`` and
        ``end_m`` along the line, LineString in EPSG:2154. Each stretch begins where the one before ends.
    """
    present = np.flatnonzero(shapely.length(lines) > 0)
    cells = cells_near(lines[present])
    hexagons = outlines(cells, LAMBERT_93)
    edges = _edges(hexagons)
    tree = shapely.STRtree(hexagons)
    batches = [present[start : start + BATCH] for start in range(0, len(present), BATCH)]
    parts = [_cut_batch(lines, batch, cells, edges, tree) for batch in batches]
    if not parts:
        columns = {"line": np.intp, "h3_r8": np.int64, "start_m": np.float64, "end_m": np.float64}
        empty = {name: np.empty(0, dtype=kind) for name, kind in columns.items()}
        return gpd.GeoDataFrame(empty, geometry=[], crs=LAMBERT_93)
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=LAMBERT_93)


def cells_near(lines: Shapes) -> Cells:
    """Every hexagon that one of the lines (n,) in EPSG:2154 may touch, sorted; some that none touches."""
    count = np.ceil(shapely.length(lines) / STEP_M).astype(int) + 1
    line = np.repeat(np.arange(len(lines)), count)
    step = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], step * STEP_M))
    longitude, latitude = transformer(LAMBERT_93, WGS_84).transform(points[:, 0], points[:, 1])
    met = {h3.latlng_to_cell(y, x, HEXAGON_RESOLUTION) for y, x in zip(latitude, longitude, strict=True)}
    return np.array(sorted({near for cell in met for near in h3.grid_disk(cell, 1)}), dtype=np.int64)


def _cut_batch(
    lines: Shapes, batch: NDArray[np.intp], cells: Cells, edges: NDArray[np.float64], tree: shapely.STRtree
) -> pd.DataFrame:
    points, owner = shapely.get_coordinates(lines[batch], return_index=True)
    joined = owner[1:] == owner[:-1]
    begin, end, line = points[:-1][joined], points[1:][joined], owner[:-1][joined]
    length = np.hypot(*(end - begin).T)
    begin, end, line, length = (values[length > 0] for values in (begin, end, line, length))
    before = np.cumsum(length) - length
    offset = before - np.repeat(before[np.flatnonzero(np.diff(line, prepend=-1))], np.bincount(line)[np.unique(line)])
    segment, hexagon = tree.query(shapely.linestrings(np.stack([begin, end], axis=1)), predicate="intersects")
    enter, leave = _inside(begin[segment], end[segment], edges[hexagon])
    found = pd.DataFrame({"segment": segment, "cell": cells[hexagon], "enter": enter, "leave": leave})
    pieces = _in_order(found[found["leave"] > found["enter"]])
    at = pieces["segment"].to_numpy()
    way = end[at] - begin[at]
    starts = begin[at] + way * pieces["enter"].to_numpy()[:, None]
    ends = begin[at] + way * pieces["leave"].to_numpy()[:, None]
    run = np.cumsum((np.diff(line[at], prepend=-1) != 0) | (np.diff(pieces["cell"], prepend=-1) != 0)) - 1
    first = np.flatnonzero(np.diff(run, prepend=-1))
    last = np.append(first[1:], len(run)) - 1
    # the points of a stretch: the start of each of its segments' pieces, then the end of the last
    where = np.append(starts, ends[last], axis=0)
    stretch = np.append(run, np.arange(len(last)))
    order = np.argsort(stretch, kind="stable")
    along = {
        "start_m": offset[at] + length[at] * pieces["enter"].to_numpy(),
        "end_m": offset[at] + length[at] * pieces["leave"].to_numpy(),
    }
    return pd.DataFrame(
        {
            "line": batch[line[at[first]]],
            "h3_r8": pieces["cell"].to_numpy()[first],
            "start_m": along["start_m"][first],
            "end_m": along["end_m"][last],
            "geometry": shapely.linestrings(where[order], indices=stretch[order]),
        }
    )


def _edges(hexagons: Shapes) -> NDArray[np.float64]:
    """Start and end of each edge, anticlockwise: (hexagons, most edges, 2, 2), the last edge repeated as a point."""
    points, owner = shapely.get_coordinates(shapely.orient_polygons(hexagons), return_index=True)
    count = np.bincount(owner, minlength=len(hexagons))
    most = int(count.max(initial=1))
    first = np.cumsum(count) - count
    corner = first[:, None] + np.minimum(np.arange(most)[None, :], count[:, None] - 1)
    corners = points[corner] if len(points) else np.empty((0, most, 2))
    return np.stack([corners[:, :-1], corners[:, 1:]], axis=2)


def _inside(begin: Any, end: Any, edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Part of each segment, from 0 to 1, that lies left of all edges of its hexagon; empty where leave ≤ enter."""
    along = edges[:, :, 1] - edges[:, :, 0]

    def side(point: NDArray[np.float64]) -> NDArray[np.float64]:
        away = point[:, None, :] - edges[:, :, 0]
        return np.asarray(along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0])

    at_begin, at_end = side(begin), side(end)
    change = at_end - at_begin
    crossing = -at_begin / np.where(change == 0, 1.0, change)
    enter = np.where(change > 0, crossing, 0.0).max(axis=1, initial=0.0)
    leave = np.where(change < 0, crossing, 1.0).min(axis=1, initial=1.0)
    outside = ((change == 0) & (at_begin < 0)).any(axis=1)
    return enter, np.where(outside, 0.0, leave)


def _in_order(found: pd.DataFrame) -> pd.DataFrame:
    """The pieces of each segment in order, without gap or overlap: rounding, and a segment on a border, leave some."""
    pieces = found.sort_values(["segment", "enter", "leave", "cell"], ignore_index=True)
    reached = pieces.groupby("segment")["leave"].cummax()
    earlier = reached.groupby(pieces["segment"]).shift(fill_value=0.0)
    pieces = pieces[reached > earlier].reset_index(drop=True)
    group = pieces.groupby("segment")["leave"]
    is_last = ~pieces["segment"].duplicated(keep="last")
    return pieces.assign(enter=group.shift(fill_value=0.0), leave=pieces["leave"].mask(is_last, 1.0))

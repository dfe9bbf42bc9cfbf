"""Where to stop within a hexagon: points spread over it, on its smaller roads where those are known.

A point's own resolution 10 cell lies in the hexagon by its parents, as that of a measurement there will, and a position
that is some metres wrong stays inside.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, LAMBERT_93, WGS_84, Cells, outlines, parent, projected
from aggregator.evidence.line_cuts import cut_by_hexagons

APART_M = 100.0
"""Ours: small-scale fading is another one after some metres, shadowing after some hundreds."""

MARGIN_M = 30.0
"""Ours: from the hexagon's border, about what a phone's position may be wrong by between trees or houses."""

STEP_M = 50.0
"""Ours: candidates along a road."""

GROUNDS = ("other", "main", "open")
"""In order of preference: a smaller road, a main road (stopping is harder there), anywhere."""

_SAMPLED_RESOLUTION, _OPEN_RESOLUTION = 10, 11


def choose_points(
    cells: Cells, roads: gpd.GeoDataFrame | None, *, points: int, days: int, apart_m: float = APART_M
) -> pd.DataFrame:
    """Points in each hexagon, spread as widely as the ground allows.

    Args:
        cells: hexagons (n,), in the order wanted.
        roads: as ``evidence.lines.read_lines`` gives them, if any are known.
        points: in each hexagon, shared out among the days.
        days: how many.
        apart_m: between any two points of a hexagon, at least.

    Returns:
        ``stop`` (position in ``cells``), ``day`` (from 1), ``ground`` (of :data:`GROUNDS`), ``latitude``, ``longitude``
        (6 decimals), ``x``, ``y`` (EPSG:2154, metres); ``points`` rows for each hexagon, fewer where ``apart_m`` leaves
        no room, the widest spread first.
    """
    candidates = pd.concat([_on_roads(cells, roads), _in_the_open(cells)], ignore_index=True)
    candidates = candidates[_well_inside(candidates, cells)]
    chosen = []
    for stop, cell in enumerate(cells.tolist()):
        picked = _spread(candidates[candidates["stop"] == stop], points, apart_m, _centre(cell))
        chosen.append(picked.assign(day=np.arange(len(picked)) % days + 1))
    columns = ["stop", "day", "ground", "latitude", "longitude", "x", "y"]
    return pd.concat(chosen, ignore_index=True)[columns] if chosen else pd.DataFrame(columns=columns)


def _on_roads(cells: Cells, roads: gpd.GeoDataFrame | None) -> pd.DataFrame:
    if roads is None or roads.empty or not len(cells):
        return _places(np.empty(0, np.intp), np.empty(0, object), np.empty((0, 2)))
    shapes = roads.geometry.to_numpy()
    near = np.unique(shapely.STRtree(shapes).query(outlines(cells, WGS_84), predicate="intersects")[1])
    cuts = cut_by_hexagons(np.asarray(projected(shapes[near], WGS_84, LAMBERT_93), dtype=object))
    stop_of = pd.Series(np.arange(len(cells)), index=cells)
    cuts = cuts[cuts["h3_r8"].isin(stop_of.index)]
    stretches = cuts.geometry.to_numpy()
    count = np.maximum(np.ceil(shapely.length(stretches) / STEP_M).astype(int), 1)
    of = np.repeat(np.arange(len(stretches)), count)
    step = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    spots = shapely.line_interpolate_point(stretches[of], (step + 0.5) / count[of], normalized=True)
    kinds = roads["kind"].to_numpy()[near[cuts["line"].to_numpy()]]
    ground = np.where(kinds == "main", "main", "other").astype(object)
    return _places(stop_of[cuts["h3_r8"]].to_numpy()[of], ground[of], shapely.get_coordinates(spots))


def _in_the_open(cells: Cells) -> pd.DataFrame:
    inner = [np.array(h3.cell_to_children(int(cell), _OPEN_RESOLUTION), dtype=np.int64) for cell in cells]
    degrees = np.array([h3.cell_to_latlng(int(cell)) for part in inner for cell in part]).reshape(-1, 2)
    spots = projected(shapely.points(degrees[:, ::-1]), WGS_84, LAMBERT_93)
    stop = np.repeat(np.arange(len(cells)), [len(part) for part in inner])
    return _places(stop, np.full(len(stop), "open", dtype=object), shapely.get_coordinates(spots))


def _places(stop: NDArray[np.intp], ground: NDArray[np.object_], metres: NDArray[np.float64]) -> pd.DataFrame:
    degrees = shapely.get_coordinates(projected(shapely.points(metres), LAMBERT_93, WGS_84)).round(6)
    place = {"latitude": degrees[:, 1], "longitude": degrees[:, 0], "x": metres[:, 0], "y": metres[:, 1]}
    return pd.DataFrame({"stop": stop, "ground": ground, **place})


def _well_inside(candidates: pd.DataFrame, cells: Cells) -> NDArray[np.bool_]:
    """Whether each candidate belongs to its hexagon by its index, and lies well within its outline."""
    spots = zip(candidates["latitude"], candidates["longitude"], strict=True)
    sampled = np.array([h3.latlng_to_cell(*spot, _SAMPLED_RESOLUTION) for spot in spots], dtype=np.int64)
    stop = candidates["stop"].to_numpy(np.intp)
    belongs = parent(sampled, HEXAGON_RESOLUTION) == cells[stop]
    inner = shapely.buffer(outlines(cells, LAMBERT_93), -MARGIN_M)
    points = shapely.points(candidates[["x", "y"]].to_numpy(float))
    return np.asarray(belongs & shapely.contains(inner[stop], points))


def _centre(cell: int) -> NDArray[np.float64]:
    latitude, longitude = h3.cell_to_latlng(cell)
    return np.asarray(shapely.get_coordinates(projected(shapely.Point(longitude, latitude), WGS_84, LAMBERT_93))[0])


def _spread(own: pd.DataFrame, points: int, apart_m: float, centre: NDArray[np.float64]) -> pd.DataFrame:
    """Farthest-first: beginning near the centre, always the candidate farthest from those chosen, ground by ground."""
    metres = own[["x", "y"]].to_numpy(float)
    away = np.full(len(own), np.inf)
    chosen: list[int] = []
    for ground in GROUNDS:
        on = (own["ground"] == ground).to_numpy()
        while len(chosen) < points and on.any():
            far = np.where(on, away if chosen else 1e9 - np.hypot(*(metres - centre).T), -1.0)
            best = int(far.argmax())
            if far[best] < apart_m:
                break
            chosen.append(best)
            away = np.minimum(away, np.hypot(*(metres - metres[best]).T))
    return own.iloc[chosen]

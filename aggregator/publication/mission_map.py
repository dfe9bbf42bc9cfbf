"""A sketch of a mission as SVG: hexagons by number, both days' ways, outlines of communes and roads where known."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, outlines, projected
from aggregator.proposals.discs import lambert_93
from aggregator.proposals.mission_plan import Mission
from client_sdk.messages import tr

WIDTH, TALLEST, MARGIN = 1000.0, 760.0, 30.0
START_WITHIN = 3.0
"""The start is on the sketch unless that would make it this many times as wide."""

DASHES = ("none", "9 6", "2 5", "12 4 2 4")


def draw_map(
    mission: Mission, *, roads: gpd.GeoDataFrame | None = None, communes: gpd.GeoDataFrame | None = None
) -> str:
    """The sketch, north up, as an SVG element."""
    wanted = mission.parameters
    start = lambert_93([wanted.latitude], [wanted.longitude])[0]
    hexagons = outlines(mission.stops["h3_r8"].to_numpy(np.int64), LAMBERT_93)
    west, south, east, north = shapely.total_bounds(hexagons)
    whole = shapely.total_bounds([*hexagons, shapely.Point(start)])
    if max(whole[2] - whole[0], whole[3] - whole[1]) <= START_WITHIN * max(east - west, north - south, 5000.0):
        west, south, east, north = whole
    pad = 0.04 * max(east - west, north - south, 5000.0)
    west, south, east, north = west - pad, south - pad, east + pad, north + pad
    scale = min((WIDTH - 2 * MARGIN) / (east - west), (TALLEST - 2 * MARGIN) / (north - south))
    height = (north - south) * scale + 2 * MARGIN

    def placed(metres: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([(metres[:, 0] - west) * scale + MARGIN, (north - metres[:, 1]) * scale + MARGIN])

    frame = shapely.box(west, south, east, north)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:.0f}" role="img" '
             f'font-family="sans-serif" font-size="15" overflow="hidden">']  # fmt: skip
    if communes is not None:
        rings = shapely.boundary(_within(communes, frame))
        parts += _lines(rings, placed, 'stroke="#c9c9c9" stroke-width="0.8"')
    if roads is not None:
        parts += _lines(_within(roads, frame), placed, 'stroke="#d8c08a" stroke-width="1.4"')
    for hexagon in hexagons:
        parts.append(
            _line(placed(shapely.get_coordinates(hexagon)), 'fill="#f4d9c6" stroke="#d55e00" stroke-width="1.5"')
        )
    for day, dash in zip(mission.days["day"].tolist(), DASHES, strict=False):
        own = mission.points[mission.points["day"] == day][["x", "y"]].to_numpy(float)
        way = placed(np.vstack([start, own, start]))
        parts.append(_line(way, f'fill="none" stroke="#111" stroke-width="1.3" stroke-dasharray="{dash}"'))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in way[1:-1]]
    for stop, hexagon in zip(mission.stops["stop"], hexagons, strict=True):
        x, y = placed(shapely.get_coordinates(shapely.centroid(hexagon)))[0]
        halo = 'text-anchor="middle" font-weight="700" stroke="#fff" stroke-width="4" paint-order="stroke"'
        parts.append(f'<text x="{x:.1f}" y="{y - 9:.1f}" {halo}>{stop}</text>')
    x, y = placed(start[None, :])[0]
    parts.append(f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" fill="#0072b2"/>')
    parts += _legend(scale, height, mission.days["day"].tolist())
    return "\n".join([*parts, "</svg>"])


def _within(table: gpd.GeoDataFrame, frame: shapely.Polygon) -> Any:
    """Shapes of a table in EPSG:4326 that meet the frame, cut to it, in EPSG:2154."""
    shapes = table.geometry.to_numpy()
    near = shapely.STRtree(shapes).query(projected(frame, LAMBERT_93, WGS_84).envelope)
    flat = projected(shapes[np.sort(near)], WGS_84, LAMBERT_93)
    return shapely.intersection(shapely.simplify(flat, 20.0), frame)


def _lines(shapes: Any, placed: Any, look: str) -> list[str]:
    parts = shapely.get_parts(shapes)
    kept = parts[np.isin(shapely.get_type_id(parts), [1, 2])]
    return [_line(placed(shapely.get_coordinates(part)), f'fill="none" {look}') for part in kept]


def _line(points: NDArray[np.float64], look: str) -> str:
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" {look}/>'


def _legend(scale: float, height: float, days: list[int]) -> list[str]:
    """A scale of a round number of kilometres, and the dashes of each day."""
    km = next((km for km in (50, 20, 10, 5, 2, 1) if km * 1000 * scale <= 260), 1)
    y = height - 12
    parts = [
        f'<line x1="{MARGIN}" y1="{y}" x2="{MARGIN + km * 1000 * scale:.1f}" y2="{y}" stroke="#111" stroke-width="3"/>',
        f'<text x="{MARGIN}" y="{y - 7}">{km} km</text>',
    ]
    for number, (day, dash) in enumerate(zip(days, DASHES, strict=False)):
        x = WIDTH - MARGIN - 150 * (len(days) - number)
        look = f'stroke="#111" stroke-width="1.5" stroke-dasharray="{dash}"'
        parts.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 45}" y2="{y - 4}" {look}/>')
        parts.append(f'<text x="{x + 52}" y="{y}">{tr(f"day {day}", f"jour {day}")}</text>')
    return parts

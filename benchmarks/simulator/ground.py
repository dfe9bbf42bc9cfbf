"""The ground: settlements and their people, roads between them, and the hexagon of every pixel.

About 77 km square in the Massif Central: one town, nine small ones, 150 villages, 1,300 hamlets. Villages are joined by
a Gabriel graph of bent roads, hamlets by lanes to the nearest road and to the nearest other hamlet.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from h3.api import basic_int as h3
from scipy.spatial import KDTree
from shapely import Polygon

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.synthetic.world import (
    PIXEL_M,
    STEP_M,
    TO_LAMBERT_93,
    TO_WGS_84,
    Floats,
    Grid,
    Integers,
    bent_road,
    gabriel_graph,
)
from benchmarks.simulator.roads import Roads, joined

WHOLE_SIDE_PX = 516
"""77.4 km."""

CENTRE_LATITUDE, CENTRE_LONGITUDE = 44.60, 3.30
TOWN_PEOPLE, SMALL_TOWNS, SMALL_TOWN_PEOPLE = 15_000.0, 9, (1_500.0, 5_000.0)
VILLAGES, VILLAGE_MEDIAN, HAMLETS, HAMLET_MEDIAN, SPREAD = 150, 270.0, 1_300, 15.0, 0.7  # lognormal
SPACING = 0.6  # ours: places shun each other, to this share of their mean spacing
RIM_M = 1_000.0  # no settlement nearer to the end of the world
INDEX_RESOLUTION = 10  # at which the collector indexes samples


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What does not depend on radio.

    Attributes:
        grid: the raster, Lambert-93.
        places: x and y of the settlements, metres, shape (places, 2): the towns, the villages, then the hamlets.
        people: of each settlement.
        spread_m: how far its houses lie from its middle (standard deviation).
        villages: settlements that are no hamlets; they come first.
        roads: the graph, its first nodes being the settlements.
        people_px, main_road_m, lane_m: people, and metres of road, in each pixel, shape (rows, columns).
        hexagons: resolution 8 indexes, sorted.
        hexagon_px: position in ``hexagons`` of each pixel's centre, shape (rows, columns).
    """

    grid: Grid
    places: Floats
    people: Floats
    spread_m: Floats
    villages: int
    roads: Roads
    people_px: Floats
    main_road_m: Floats
    lane_m: Floats
    hexagons: Integers
    hexagon_px: Integers

    @property
    def accessible(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Pixels with a road or people, shape (rows, columns)."""
        return (self.people_px > 0) | (self.main_road_m + self.lane_m > 0)

    def by_hexagon(self, values: Floats) -> Floats:
        """Sums of a raster over the pixels of each hexagon, shape (hexagons,)."""
        return np.bincount(self.hexagon_px.ravel(), weights=values.ravel(), minlength=len(self.hexagons))

    def outline(self) -> Polygon:
        """The square in WGS 84, its edges in 50 steps."""
        west, south = self.grid.west, self.grid.south
        east, north = west + self.grid.columns * PIXEL_M, south + self.grid.rows * PIXEL_M
        x, y = (
            Polygon([(west, south), (east, south), (east, north), (west, north)])
            .segmentize((east - west) / 50)
            .exterior.xy
        )
        return Polygon(np.column_stack(TO_WGS_84.transform(x, y)))


def build_ground(random: np.random.Generator, side_px: int = WHOLE_SIDE_PX) -> Ground:
    """Draw a territory; a smaller side has fewer settlements at the same density."""
    grid = _grid(side_px)
    share = (side_px / WHOLE_SIDE_PX) ** 2
    towns, villages = max(1, round(SMALL_TOWNS * share)), max(8, round(VILLAGES * share))
    hamlets = max(20, round(HAMLETS * share))
    people = np.concatenate(
        [
            [TOWN_PEOPLE * min(1.0, share * 4)],
            random.uniform(*SMALL_TOWN_PEOPLE, towns),
            random.lognormal(np.log(VILLAGE_MEDIAN), SPREAD, villages),
            random.lognormal(np.log(HAMLET_MEDIAN), SPREAD, hamlets),
        ]
    ).round()
    count = 1 + towns + villages
    places = np.vstack([spaced(grid, count, random), spaced(grid, hamlets, random)])
    spread_m = np.concatenate([[900.0], np.full(towns, 450.0), np.full(villages, 250.0), np.full(hamlets, 150.0)])
    main = [(a, b, bent_road(places[a], places[b], random)) for a, b in gabriel_graph(places[:count])]
    roads = joined(places, main, count, random)
    houses = np.concatenate([[400], np.full(towns, 120), np.full(villages, 30), np.full(hamlets, 5)])
    owner = np.repeat(np.arange(len(places)), houses)
    xy = places[owner] + random.normal(size=(len(owner), 2)) * spread_m[owner, None]
    hexagons, hexagon_px = _hexagons(grid)
    return Ground(
        grid=grid,
        places=places,
        people=people,
        spread_m=spread_m,
        villages=count,
        roads=roads,
        people_px=_raster(grid, xy, (people / houses)[owner]),
        main_road_m=_raster(grid, roads.points[roads.main_points], STEP_M),
        lane_m=_raster(grid, roads.points[~roads.main_points], STEP_M),
        hexagons=hexagons,
        hexagon_px=hexagon_px,
    )


def index_points(xy: Floats, resolution: int = INDEX_RESOLUTION) -> Integers:
    """H3 index of each point (n, 2) in Lambert-93."""
    longitudes, latitudes = TO_WGS_84.transform(xy[:, 0], xy[:, 1])
    pairs = zip(latitudes.tolist(), longitudes.tolist(), strict=True)
    return np.array([h3.latlng_to_cell(latitude, longitude, resolution) for latitude, longitude in pairs], np.int64)


def _grid(side_px: int) -> Grid:
    x, y = TO_LAMBERT_93.transform(CENTRE_LONGITUDE, CENTRE_LATITUDE)
    half = side_px // 2 * PIXEL_M
    return Grid(float((x - half) // PIXEL_M * PIXEL_M), float((y - half) // PIXEL_M * PIXEL_M), side_px, side_px)


@lru_cache(maxsize=2)
def _hexagons(grid: Grid) -> tuple[Integers, Integers]:
    x, y = grid.centres()
    centres = np.column_stack([np.tile(x, grid.rows), np.repeat(y, grid.columns)])
    cells = np.asarray(parent(index_points(centres), HEXAGON_RESOLUTION))
    hexagons, position = np.unique(cells, return_inverse=True)
    return hexagons, position.reshape(grid.rows, grid.columns)


def _anywhere(grid: Grid, count: int, random: np.random.Generator) -> Floats:
    low = np.array([grid.west, grid.south]) + RIM_M
    size = np.array([grid.columns, grid.rows]) * PIXEL_M - 2 * RIM_M
    return np.asarray(low + random.random((count, 2)) * size)


def spaced(grid: Grid, count: int, random: np.random.Generator, taken: Floats | None = None) -> Floats:
    """Points (count, 2), none nearer to another, or to those ``taken``, than :data:`SPACING` of the mean spacing."""
    fixed = np.empty((0, 2)) if taken is None else taken
    apart_m = SPACING * np.sqrt(grid.rows * grid.columns / (count + len(fixed))) * PIXEL_M
    points = fixed
    for _ in range(100):
        both = np.vstack([points, _anywhere(grid, count, random)])
        close = KDTree(both).query_pairs(apart_m, output_type="ndarray")
        points = np.delete(both, np.setdiff1d(close[:, 1], np.arange(len(fixed))), axis=0)[: len(fixed) + count]
        if len(points) == len(fixed) + count:
            break
    return np.vstack([points, _anywhere(grid, count, random)])[len(fixed) : len(fixed) + count]


def _raster(grid: Grid, xy: Floats, weights: Floats | float) -> Floats:
    row, column = grid.at(xy)
    values = np.broadcast_to(np.asarray(weights, dtype=np.float64), len(xy))
    flat = np.bincount(row * grid.columns + column, weights=values, minlength=grid.rows * grid.columns)
    return flat.reshape(grid.rows, grid.columns)

"""The ground: real communes in Lambert-93, a raster around them, and invented roads that join them."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay, KDTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

PIXEL_M = 150.0  # a multiple of the 50 m grid on which operators draw their maps
REACH_M = 9_000.0  # the territory ends this far from the nearest commune
STEP_M = 50.0  # between two points of a road

TO_LAMBERT_93 = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True)
TO_WGS_84 = Transformer.from_crs("EPSG:2154", "EPSG:4326", always_xy=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a person may choose; everything else follows from the seed.

    Attributes:
        seed: of every random draw.
        volunteers: phones of each operator.
        active_days: mean number of days on which a phone measures.
        first_day, last_day: one quarter, fixed, so that the same seed gives the same release whatever the day.
    """

    seed: int = 58
    volunteers: int = 60
    active_days: float = 7.0
    first_day: date = date(2026, 7, 1)
    last_day: date = date(2026, 9, 30)

    def random(self, stream: str) -> np.random.Generator:
        """A generator of its own for each part, so that one part may draw more without changing the others."""
        return np.random.default_rng([self.seed, *stream.encode()])


class Grid(NamedTuple):
    """A raster in Lambert-93, row 0 in the south: metres of its south-west corner, then its size in pixels."""

    west: float
    south: float
    rows: int
    columns: int

    def centres(self) -> tuple[Floats, Floats]:
        """x of each column and y of each row, in metres."""
        columns, rows = np.arange(self.columns, dtype=np.float64), np.arange(self.rows, dtype=np.float64)
        return self.west + (columns + 0.5) * PIXEL_M, self.south + (rows + 0.5) * PIXEL_M

    def at(self, xy: Floats) -> tuple[Integers, Integers]:
        """Row and column of each point, those outside moved to the rim."""
        column = np.clip(((xy[:, 0] - self.west) // PIXEL_M).astype(np.int64), 0, self.columns - 1)
        row = np.clip(((xy[:, 1] - self.south) // PIXEL_M).astype(np.int64), 0, self.rows - 1)
        return row, column


@dataclass(frozen=True, slots=True)
class World:
    """Where everything happens.

    Attributes:
        insee_com, names, population: one entry per commune.
        centres: x and y of the communes, metres, shape (communes, 2).
        grid: the raster.
        inside: pixels of the territory, shape (rows, columns).
        roads: (commune, commune) → points every 50 m from the first to the second, shape (points, 2).
        distances: shortest way by road between communes, metres, shape (communes, communes).
        before: the commune before the last on that way, as scipy's ``dijkstra`` gives it.
    """

    insee_com: list[str]
    names: list[str]
    population: Floats
    centres: Floats
    grid: Grid
    inside: Booleans
    roads: dict[tuple[int, int], Floats]
    distances: Floats
    before: Integers

    def way(self, start: int, end: int) -> list[tuple[int, int]]:
        """The roads from one commune to another, each in the direction of travel."""
        legs: list[tuple[int, int]] = []
        while end != start:
            previous = int(self.before[start, end])
            legs.append((previous, end))
            end = previous
        return legs[::-1]

    def points(self, leg: tuple[int, int]) -> Floats:
        """Points every 50 m along a road, in the direction of travel."""
        return self.roads[leg] if leg in self.roads else self.roads[leg[::-1]][::-1]

    def attraction(self) -> Floats:
        """Weight of each journey between two communes: gravity on the square root of people, over 12 km."""
        pull: Floats = np.sqrt(self.population)[None, :] * np.exp(-self.distances / 12_000.0)
        pull[(self.distances < 3_000.0) | (self.distances > 45_000.0)] = 0.0
        return pull


def build(communes: Path, scenario: Scenario) -> World:
    """Read the table of communes and lay out the ground.

    Args:
        communes: CSV with ``insee_com,name,population,latitude,longitude``.
        scenario: the seed.
    """
    with communes.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    x, y = TO_LAMBERT_93.transform([float(row["longitude"]) for row in rows], [float(row["latitude"]) for row in rows])
    centres = np.column_stack([x, y])
    west, south = (centres.min(axis=0) - REACH_M) // PIXEL_M * PIXEL_M
    columns, height = np.ceil((centres.max(axis=0) + REACH_M - (west, south)) / PIXEL_M).astype(int)
    grid = Grid(float(west), float(south), int(height), int(columns))
    columns_x, rows_y = grid.centres()
    pixels = np.column_stack([axis.ravel() for axis in np.meshgrid(columns_x, rows_y)])
    inside = np.asarray(KDTree(centres).query(pixels, distance_upper_bound=REACH_M)[0]) < REACH_M
    roads = _roads(centres, scenario.random("roads"))
    lengths = [(len(points) - 1) * STEP_M for points in roads.values()]
    a, b = np.array(list(roads)).T
    graph = csr_array((lengths, (a, b)), shape=(len(rows), len(rows)))
    distances, before = dijkstra(graph, directed=False, return_predecessors=True)
    return World(
        insee_com=[row["insee_com"] for row in rows],
        names=[row["name"] for row in rows],
        population=np.array([float(row["population"]) for row in rows]),
        centres=centres,
        grid=grid,
        inside=inside.reshape(grid.rows, grid.columns),
        roads=roads,
        distances=distances,
        before=before.astype(np.int64),
    )


def _roads(centres: Floats, random: np.random.Generator) -> dict[tuple[int, int], Floats]:
    return {(a, b): bent_road(centres[a], centres[b], random) for a, b in gabriel_graph(centres)}


def gabriel_graph(centres: Floats) -> list[tuple[int, int]]:
    """Pairs of places (n, 2) with no third one in the circle over the line between them, sorted."""
    edges = {
        (int(min(a, b)), int(max(a, b)))
        for triangle in Delaunay(centres).simplices
        for a, b in zip(triangle, np.roll(triangle, 1), strict=True)
    }
    tree = KDTree(centres)
    return [
        (a, b)
        for a, b in sorted(edges)
        if not tree.query_ball_point(
            (centres[a] + centres[b]) / 2, float(np.hypot(*(centres[b] - centres[a]))) / 2 * 0.999
        )
    ]


def bent_road(start: Floats, end: Floats, random: np.random.Generator) -> Floats:
    """Points about every 50 m from one place to another, shape (points, 2), on a gently bent line."""
    length = float(np.hypot(*(end - start)))
    along = np.linspace(0.0, 1.0, max(int(length / STEP_M), 1) + 1)
    aside = np.array([start[1] - end[1], end[0] - start[0]]) / length
    bends = sum(random.normal(0.0, 0.03 / wave) * length * np.sin(np.pi * wave * along) for wave in (1, 2, 3))
    road: Floats = start + along[:, None] * (end - start) + np.asarray(bends)[:, None] * aside
    return road

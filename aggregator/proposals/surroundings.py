"""What lies around a zone besides people and verdicts: roads, antennas there are and will be, decisions of the DCC."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from aggregator.evidence.dcc import read_dcc
from aggregator.evidence.hexagons import LAMBERT_93
from aggregator.evidence.lines import road_km_by_hexagon
from aggregator.evidence.population import population_source, read_population
from aggregator.evidence.territory import read_planned_sites, read_sites

FILES = (
    *("population.parquet", "population.json", "roads.parquet"),
    *("sites.parquet", "planned-sites.parquet", "dcc.parquet"),
)
"""Files of the territory that zones depend on where they are there, besides the communes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All optional: what is absent is not told, or counts for nothing.

    Attributes:
        roads: lines with ``name`` and ``kind`` (``main`` or ``other``).
        road_km: ``h3_r8, main_km, other_km``; by default measured on ``roads``.
        sites: declared antennas, as ``territory.read_sites`` has them.
        planned: announced antennas, likewise.
        dcc: decided points and sites, as ``dcc.read_dcc`` has them.
        people_places: ``h3_r8, latitude, longitude`` of the middle of each hexagon's people, from a grid.
        people_source: where people come from.
    """

    roads: gpd.GeoDataFrame | None = None
    road_km: pd.DataFrame | None = None
    sites: gpd.GeoDataFrame | None = None
    planned: gpd.GeoDataFrame | None = None
    dcc: gpd.GeoDataFrame | None = None
    people_places: pd.DataFrame | None = None
    people_source: str = "communes, spread evenly over their area"

    def kilometres(self) -> pd.DataFrame | None:
        """Road in each hexagon, None where no roads are known."""
        if self.road_km is not None or self.roads is None:
            return self.road_km
        return road_km_by_hexagon(self.roads)


def read_surroundings(territory: Path) -> Surroundings:
    """What was imported into a territory."""
    roads = territory / "roads.parquet"
    return Surroundings(
        roads=gpd.read_parquet(roads) if roads.exists() else None,
        sites=read_sites(territory),
        planned=read_planned_sites(territory),
        dcc=read_dcc(territory),
        people_places=read_population(territory),
        people_source=population_source(territory),
    )


def points_in_lambert_93(places: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Metres (n, 2) of points."""
    return np.asarray(shapely.get_coordinates(places.to_crs(LAMBERT_93).geometry.to_numpy()), dtype=np.float64)


def nearest_m(
    places: gpd.GeoDataFrame | None, technology: str, centres: NDArray[np.float64]
) -> list[tuple[float | None, str]]:
    """Metres to the nearest antenna of a technology from each centre, and whose antennas stand there (PLMNs).

    Where no antenna of the file says its technologies, all count. None and empty where there is none.
    """
    if places is None or places.empty or not len(centres):
        return [(None, "")] * len(centres)
    flag = f"has_{technology.lower()}"
    chosen = places[places[flag]] if places[flag].any() else places
    metres = points_in_lambert_93(chosen)
    apart, at = cKDTree(metres).query(centres)
    operators = chosen["operator"].to_numpy()
    found: list[tuple[float | None, str]] = []
    for distance, row in zip(np.atleast_1d(apart), np.atleast_1d(at), strict=True):
        same = np.hypot(*(metres - metres[row]).T) <= SAME_PLACE_M
        found.append((round(float(distance)), " ".join(sorted(set(map(str, operators[same]))))))
    return found


SAME_PLACE_M = 50.0
"""Ours: antennas this near each other stand on one mast, or beside it."""


def decided_near(
    dcc: gpd.GeoDataFrame | None, discs: Sequence[NDArray[np.float64]], radius_m: float
) -> list[tuple[int, str]]:
    """Decided points and sites of the DCC in each zone: how many, and of which dossiers.

    Args:
        dcc: decided points and sites.
        discs: for each zone the centres (n, 2) of its discs.
        radius_m: of a disc.
    """
    if dcc is None or dcc.empty:
        return [(0, "")] * len(discs)
    places, dossiers = points_in_lambert_93(dcc), dcc["dossier"].to_numpy()
    apart = [np.hypot(*(places[:, None, :] - centres[None, :, :]).transpose(2, 0, 1)) for centres in discs]
    inside = [(metres <= radius_m).any(axis=1) for metres in apart]
    return [(int(near.sum()), ", ".join(sorted(set(map(str, dossiers[near]))))) for near in inside]


def obliging(dcc: gpd.GeoDataFrame | None) -> dict[str, cKDTree]:
    """For each operator, the tree of the decided points and sites of the DCC that oblige it, in Lambert-93."""
    if dcc is None or dcc.empty:
        return {}
    places, obliged = points_in_lambert_93(dcc), [set(str(names).split()) for names in dcc["operators"]]
    return {
        operator: cKDTree(places[[operator in names for names in obliged]])
        for operator in sorted(set[str]().union(*obliged))
    }


@dataclass(frozen=True, slots=True)
class RoadFinder:
    """Lines in Lambert-93 and the tree that finds the nearest."""

    lines: NDArray[np.object_]
    tree: shapely.STRtree

    def nearest(self, place: NDArray[np.float64], within_m: float) -> NDArray[np.float64] | None:
        """The nearest point of a road to a place (2,), None where none is within reach."""
        point = shapely.Point(place)
        found = self.tree.query_nearest(point, max_distance=within_m, all_matches=False)
        if not len(found):
            return None
        line = self.lines[found[0]]
        on_road = shapely.line_interpolate_point(line, shapely.line_locate_point(line, point))
        return np.asarray(shapely.get_coordinates(on_road)[0], dtype=np.float64)


def road_finder(roads: gpd.GeoDataFrame | None) -> RoadFinder | None:
    """For the lines of some roads; None where there are none."""
    if roads is None or roads.empty:
        return None
    lines = shapely.get_parts(roads.to_crs(LAMBERT_93).geometry.to_numpy())
    return RoadFinder(lines, shapely.STRtree(lines))

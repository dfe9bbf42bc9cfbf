"""The accessible part of a territory: the places where a road passes or people live.

A place is a cell of H3 resolution 10, about 130 m across: no test says more exactly where it was made. It counts once,
however many roads meet there, and one point on them stands for it. A claim holds for the accessible part of a hexagon
by the share of its places that are declared covered.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.claims_table import ClaimSource, read_claim_sources
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Cells, Shapes, projected, transformer
from aggregator.evidence.line_cuts import BATCH
from aggregator.evidence.lines import read_lines
from aggregator.evidence.population import INHABITED_FILE, read_inhabited

PLACE_RESOLUTION = 10

STEP_M = 50.0
"""Ours: a road is looked at this often, well below the 130 m of a place; at most a corner of one is missed."""

ROADS_FILE = "roads.parquet"


@dataclass(frozen=True, slots=True)
class Accessible:
    """Places (n,), sorted by their index, and what they were made from.

    Attributes:
        places: H3 cells of :data:`PLACE_RESOLUTION`.
        longitudes, latitudes: of the point that stands for each, in degrees.
        digests: SHA-256 of the files of the territory, under the names that a ``ClaimSource`` has for them.
    """

    places: Cells
    longitudes: NDArray[np.float64]
    latitudes: NDArray[np.float64]
    digests: dict[str, str] = field(default_factory=dict)


def read_accessible(territory: Path) -> Accessible | None:
    """The accessible part of a territory; None where neither roads nor exactly placed people were imported."""
    roads, inhabited = read_lines(territory, "roads"), read_inhabited(territory)
    points = []
    if roads is not None:
        lines = np.asarray(projected(roads.geometry.to_numpy(), WGS_84, LAMBERT_93))
        points += [points_along(lines[start : start + BATCH]) for start in range(0, len(lines), BATCH)]
    if inhabited is not None:
        points.append(inhabited[["longitude", "latitude"]].to_numpy(np.float64))
    if not points:
        return None
    places, chosen = _one_each(np.concatenate(points))
    return Accessible(places, chosen[:, 0], chosen[:, 1], accessible_digests(territory))


def accessible_digests(territory: Path) -> dict[str, str]:
    """SHA-256 of the files that tell the accessible part of a territory, empty where one is absent."""
    files = {"roads_sha256": territory / ROADS_FILE, "inhabited_sha256": territory / INHABITED_FILE}
    return {name: sha256_of(file) if file.exists() else "" for name, file in files.items()}


def outdated_sources(data: Path) -> list[ClaimSource]:
    """Claims that were imported with other roads or people than ``data`` has now."""
    sources = read_claim_sources(data / "claims")
    now = accessible_digests(data / "territory") if sources else {}
    return [source for source in sources if any(getattr(source, name) != value for name, value in now.items())]


def points_along(lines: Shapes) -> NDArray[np.float64]:
    """Longitudes and latitudes (m, 2) of points at most :data:`STEP_M` apart along lines (n,) in EPSG:2154."""
    length = shapely.length(lines)
    count = np.maximum(np.ceil(length / STEP_M).astype(np.int64), 1)
    line = np.repeat(np.arange(len(lines)), count)
    step = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    along = (step + 0.5) * (length / count)[line]
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], along))
    return np.column_stack(transformer(LAMBERT_93, WGS_84).transform(points[:, 0], points[:, 1]))


def _one_each(points: NDArray[np.float64]) -> tuple[Cells, NDArray[np.float64]]:
    """Places that points (n, 2) lie in, and for each the point nearest to the middle of its points."""
    indexes = [h3.latlng_to_cell(y, x, PLACE_RESOLUTION) for x, y in points.tolist()]
    places, place = np.unique(np.array(indexes, dtype=np.int64), return_inverse=True)
    count = np.bincount(place, minlength=len(places))
    middle = np.column_stack([np.bincount(place, points[:, axis], len(places)) / count for axis in (0, 1)])
    east, north = (points - middle[place]).T
    away = np.hypot(east * np.cos(np.radians(points[:, 1])), north).round(9)  # 0.1 mm: rounding decides nothing
    ordered = pd.DataFrame({"place": place, "away": away, "x": points[:, 0], "y": points[:, 1]})
    ordered = ordered.sort_values(["place", "away", "x", "y"]).drop_duplicates("place")
    return places, ordered[["x", "y"]].to_numpy(np.float64)

"""A small territory: a few communes near Decize, their Voronoi outlines, and verdicts on the hexagons around."""

from collections.abc import Callable
from datetime import date

import geopandas as gpd
import pandas as pd
import pytest
from h3.api import basic_int as h3
from shapely import MultiPoint, box, voronoi_polygons

PLACES = [
    ("58095", "Decize", 5200, 46.8289, 3.4622),
    ("58087", "Cossaye", 700, 46.7722, 3.4817),
    ("58135", "Lamenay-sur-Loire", 60, 46.7558, 3.5486),
    ("58138", "Lucenay-lès-Aix", 950, 46.7022, 3.4836),
    ("03281", "Trévol", 1700, 46.6281, 3.3061),
]


@pytest.fixture(scope="session")
def communes() -> gpd.GeoDataFrame:
    table = pd.DataFrame(PLACES, columns=["insee_com", "name", "population", "latitude", "longitude"])
    table["insee_dep"] = table["insee_com"].str[:2]
    table["outline_kind"] = "voronoi"
    centres = gpd.points_from_xy(table["longitude"], table["latitude"])
    cells = voronoi_polygons(MultiPoint(list(centres)), extend_to=box(3.1, 46.5, 3.8, 47.0)).geoms
    frame = box(3.1, 46.5, 3.8, 47.0)
    outlines = [next(cell for cell in cells if cell.contains(centre)).intersection(frame) for centre in centres]
    return gpd.GeoDataFrame(table, geometry=outlines, crs="EPSG:4326")


@pytest.fixture(scope="session")
def verdict_row() -> Callable[..., dict[str, object]]:
    """Builds one row of a table of verdicts."""

    def build(cell: int, verdict: str, strength: str = "", **changes: object) -> dict[str, object]:
        row: dict[str, object] = {"h3_r8": cell, "operator": "20801", "technology": "4G", "threshold": "service"}
        row |= {"evidence": "crowd", "verdict": verdict, "strength": strength, "rule": f"{verdict}-1"}
        row |= {"devices": 6, "failing": 5, "device_days": 9, "tests": 40}
        row |= {"votes_outdoor": 2, "failing_outdoor": 2, "votes_vehicle": 4, "failing_vehicle": 3, "claimed": True}
        row |= {"first_day": date(2026, 3, 2), "last_day": date(2026, 8, 14)}
        return row | changes

    return build


@pytest.fixture(scope="session")
def around() -> Callable[[float, float, int], list[int]]:
    """Hexagons within some rings of a place."""
    return lambda latitude, longitude, rings: sorted(h3.grid_disk(h3.latlng_to_cell(latitude, longitude, 8), rings))

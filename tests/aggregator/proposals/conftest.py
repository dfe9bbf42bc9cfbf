"""A small territory: a few communes near Decize, their Voronoi outlines, and verdicts on the hexagons around."""

from collections.abc import Callable
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from shapely import MultiPoint, box, voronoi_polygons

from aggregator.proposals.zones import propose_zones

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
Propose = Callable[..., tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]]
COSSAYE = (46.7722, 3.4817)
TREVOL = (46.6281, 3.3061)

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
        row |= {"devices": 9, "failing": 8, "device_days": 12, "tests": 40}
        row |= {"votes_outdoor": 9, "failing_outdoor": 8, "votes_vehicle": 0, "failing_vehicle": 0, "claimed": True}
        row |= {"first_day": date(2026, 3, 2), "last_day": date(2026, 8, 14)}
        if verdict in ("confirmed", "unclaimed_service"):
            row |= {"failing_outdoor": 0, "failing": 0}
        return row | changes

    return build


@pytest.fixture(scope="session")
def around() -> Callable[[float, float, int], list[int]]:
    """Hexagons within some rings of a place."""
    return lambda latitude, longitude, rings: sorted(h3.grid_disk(h3.latlng_to_cell(latitude, longitude, 8), rings))


@pytest.fixture(scope="session")
def claims_on() -> Callable[..., pd.DataFrame]:
    """Claims of one operator on some hexagons, whole or in part."""

    def build(cells: list[int], operator: str = "20801", share: float = 1.0, **changes: object) -> pd.DataFrame:
        columns = {"operator": operator, "technology": "4G", "usage": "data", "level": "", "declared_share": share}
        return pd.DataFrame({"h3_r8": cells, **columns, "bounded": True} | changes)

    return build


@pytest.fixture(scope="session")
def people(around: Around) -> pd.Series:
    cells = sorted({*around(*COSSAYE, 14), *around(*TREVOL, 8)})
    return pd.Series(np.linspace(5.0, 15.0, len(cells)), index=pd.Index(cells, name="h3_r8"))


@pytest.fixture(scope="session")
def claims(people: pd.Series, claims_on: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Three operators that declare everything, as far as anybody lives."""
    cells = people.index.tolist()
    return pd.concat([claims_on(cells, operator) for operator in ("20801", "20815", "20820")], ignore_index=True)


@pytest.fixture(scope="session")
def propose(communes: gpd.GeoDataFrame, people: pd.Series, claims: pd.DataFrame) -> Propose:
    """``propose_zones`` on the territory; whatever is given takes the place of its own. Two zones unless told."""

    def build(verdicts: pd.DataFrame, **changes: Any) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        named = {"communes": communes, "people": people, "claims": claims, "count": 2} | changes
        return propose_zones(verdicts, named.pop("communes"), **named)

    return build


@pytest.fixture(scope="session")
def verdicts(verdict_row: Row, around: Around, people: pd.Series) -> pd.DataFrame:
    strong = [verdict_row(cell, "contradicted", "strong") for cell in around(*COSSAYE, 1)]
    ring = sorted({*around(*COSSAYE, 2)} - {*around(*COSSAYE, 1)})
    moderate = [verdict_row(cell, "suspected", operator="20820") for cell in ring]
    far = [verdict_row(cell, "contradicted", "moderate") for cell in around(*TREVOL, 1)]
    told = {(row["h3_r8"], row["operator"]) for row in (*strong, *moderate, *far)}
    fine = [
        verdict_row(cell, "confirmed", operator=operator)
        for cell in people.index[::2]
        for operator in ("20801", "20815", "20820")
        if (cell, operator) not in told
    ]
    return pd.DataFrame([*strong, *moderate, *far, *fine])

"""A data directory as aggregation leaves it: communes, a ledger of volunteers and one field team, verdicts, sources."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

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
    ("58264", "Saint-Léger-des-Vignes", 1900, 46.8411, 3.4511),
    ("58296", "Toury-Lurcy", 400, 46.7258, 3.4606),
]
COSSAYE = (46.7722, 3.4817)
DECIZE = (46.8289, 3.4622)
LUCENAY = (46.7022, 3.4836)
FIRST_DAY = date(2026, 5, 4)

LedgerRows = Callable[..., list[dict[str, object]]]


def cell_at(place: tuple[float, float]) -> int:
    """The hexagon of a place, as the parent of its resolution 9 cell."""
    return h3.cell_to_parent(h3.latlng_to_cell(*place, 9), 8)


def ledger_rows(
    hexagon: int,
    devices: list[str],
    *,
    failing: int = 0,
    operator: str = "20801",
    technology: str = "4G",
    tier: str = "volunteer",
    context: str = "outdoor",
    days: int = 2,
    tests: int = 3,
) -> list[dict[str, object]]:
    """Rows of ``devices`` in a hexagon, the first ``failing`` of which fail every test of service."""
    cells = sorted(h3.cell_to_children(hexagon, 9))
    rows = []
    for number, device in enumerate(devices):
        for day in range(days):
            failed = tests if number < failing else 0
            row: dict[str, object] = {"h3_r9": cells[number % 7], "operator": operator, "technology": technology}
            row |= {"device_token": device, "tier": tier, "context": context}
            row |= {"day": FIRST_DAY + timedelta(days=11 * day + number)}
            row |= {"tested_service": tests, "failed_service": failed, "tested_3": tests, "failed_3": failed}
            row |= {"tested_8": 0, "failed_8": 0, "tested_30": 0, "failed_30": 0}
            rows.append(row)
    return rows


def verdict_rows(hexagon: int, verdict: str, strength: str = "", **changes: object) -> list[dict[str, object]]:
    """The verdict on service and on 3 Mbit/s, in the columns of the table of verdicts."""
    row: dict[str, object] = {"h3_r8": hexagon, "operator": "20801", "technology": "4G", "evidence": "crowd"}
    row |= {"devices": 8, "failing": 8, "device_days": 16, "tests": 48}
    row |= {"first_day": FIRST_DAY, "last_day": FIRST_DAY + timedelta(days=18)}
    row |= {"claimed": verdict != "unclaimed_service", "declared_share": 0.98765, "edge": False}
    row |= {"p": 3.6841e-8, "p_withdrawn": 0.00022599, "withdrawn": 3}
    row |= {"verdict": verdict, "strength": strength, "conflict": ""}
    row |= {"rule": "-".join(filter(None, [verdict, strength, "1"])), **changes}
    return [row | {"threshold": threshold} for threshold in ("service", "3")]


def devices(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{index:031x}" for index in range(number)]


def voronoi_communes() -> gpd.GeoDataFrame:
    table = pd.DataFrame(PLACES, columns=["insee_com", "name", "population", "latitude", "longitude"])
    table["insee_dep"] = table["insee_com"].str[:2]
    table["outline_kind"] = "voronoi"
    centres = gpd.points_from_xy(table["longitude"], table["latitude"])
    frame = box(3.36, 46.66, 3.62, 46.88)
    cells = voronoi_polygons(MultiPoint(list(centres)), extend_to=frame).geoms
    outlines = [next(cell for cell in cells if cell.contains(centre)).intersection(frame) for centre in centres]
    return gpd.GeoDataFrame(table, geometry=outlines, crs="EPSG:4326")


def build_data(data: Path) -> Path:
    """Write a whole data directory: a dead zone near Cossaye, service at Decize, poor hexagons, a survey at Lucenay."""
    ledger: list[dict[str, object]] = []
    verdicts: list[dict[str, object]] = []
    capable: set[str] = set()

    def add(hexagon: int, tokens: list[str], verdict: str, strength: str = "", **changes: object) -> None:
        ledger.extend(ledger_rows(hexagon, tokens, **changes))  # type: ignore[arg-type]
        capable.update(tokens)
        named = {name: changes[name] for name in ("operator",) if name in changes}
        survey = {"evidence": "survey"} if changes.get("tier") == "field_team" else {}
        counts = {"devices": len(tokens), "failing": changes.get("failing", 0), "device_days": 2 * len(tokens)}
        verdicts.extend(verdict_rows(hexagon, verdict, strength, **counts, **named, **survey))

    hole = sorted(h3.grid_disk(cell_at(COSSAYE), 1))
    for number, hexagon in enumerate(hole):
        add(hexagon, devices(f"{number}", 8), "contradicted", "strong" if number < 4 else "moderate", failing=8)
    for hexagon in sorted({*h3.grid_disk(cell_at(COSSAYE), 2)} - {*hole}):
        add(hexagon, devices("8", 5), "suspected", failing=3)
    town = sorted(h3.grid_disk(cell_at(DECIZE), 2))
    for hexagon in town:
        add(hexagon, devices("9", 27), "confirmed")
        add(hexagon, devices("a", 6), "confirmed", operator="20820")
    for hexagon in sorted({*h3.grid_disk(cell_at(DECIZE), 3)} - {*town}):
        add(hexagon, devices("b", 6), "unclaimed_service", operator="20820")
        add(hexagon, devices("c", 7), "insufficient", failing=2)
    for number, hexagon in enumerate(sorted({*h3.grid_disk(cell_at(COSSAYE), 4)} - {*h3.grid_disk(hole[0], 3)})):
        add(hexagon, devices(f"d{number % 5}", 1 + number % 4), "suspected", failing=1, operator="20815")
    add(cell_at(LUCENAY), devices("e", 1), "contradicted", "strong", failing=1, tier="field_team")
    add(cell_at(LUCENAY), devices("f", 5), "insufficient", failing=1)
    ledger.extend(ledger_rows(hole[0], devices("0", 8), technology="5G", failing=8))

    for room in ("evidence", "judgement", "territory", "claims"):
        (data / room).mkdir(parents=True)
    pd.DataFrame(ledger).to_parquet(data / "evidence/ledger.parquet")
    ranks = pd.DataFrame({"device_token": sorted(capable)}).assign(best_rank=3)
    ranks.to_parquet(data / "evidence/capability.parquet")
    pd.DataFrame(verdicts).to_parquet(data / "judgement/verdicts.parquet")
    voronoi_communes().to_parquet(data / "territory/communes.parquet")
    source = {"file": "2026_T3_couv_Metropole_OF_4G_data.gpkg", "sha256": "0" * 64, "quarter": "2026_T3"}
    source |= {"operator": "20801", "technology": "4G", "usage": "data"}
    source |= {"source": "Arcep, Mon réseau mobile", "licence": "Licence Ouverte 2.0"}
    (data / "claims/sources.json").write_text(json.dumps([source]), encoding="utf-8")
    return data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared and only read, except for the releases published into it."""
    return build_data(tmp_path_factory.mktemp("maille") / "data")

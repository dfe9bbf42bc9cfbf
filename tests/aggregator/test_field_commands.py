"""`maille territory import roads`, `corridors` and `missions`, one after the other, as a project team runs them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h3.api import basic_int as h3
from shapely import LineString
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.evidence.claims_table import CLAIM_KEYS, replace_claims
from aggregator.evidence.ledger import CAPABILITY, LEDGER
from aggregator.evidence.territory import import_communes
from aggregator.judgement.basis import record_basis
from aggregator.judgement.comparison import VERDICTS, write_verdicts
from client_sdk.messages import use_language

CENTRE = (46.80, 3.47)
LAST_DAY = date(2026, 8, 14)


def verdict(cell: int, said: str, strength: str = "") -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(VERDICTS.names)
    row |= {"h3_r8": cell, "operator": "20801", "technology": "4G", "threshold": "service", "evidence": "crowd"}
    row |= {name: 0 for name in VERDICTS.names if VERDICTS.field(name).type == pa.int64() and row[name] is None}
    row |= {"votes_outdoor": 4, "failing_outdoor": 3, "devices": 4, "failing": 3, "claimed": True, "edge": False}
    return row | {"first_day": LAST_DAY, "last_day": LAST_DAY, "verdict": said, "strength": strength, "rule": "r-1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    use_language("en")
    folder = tmp_path / "data"
    centres = tmp_path / "centres.csv"
    centres.write_text(
        "insee_com,name,population,latitude,longitude\n58001,Alluy,400,46.80,3.47\n58002,Biches,90,46.85,3.6\n"
    )
    import_communes(centres, folder / "territory")
    near = sorted(h3.grid_disk(h3.latlng_to_cell(*CENTRE, 8), 3))
    said = [verdict(near[0], "contradicted", "strong"), *(verdict(cell, "suspected") for cell in near[1:20])]
    write_verdicts(pd.DataFrame([*said, *(verdict(cell, "confirmed") for cell in near[20:])]), folder / "judgement")
    replace_claims(folder / "claims", pd.DataFrame(columns=[*CLAIM_KEYS, "declared_share"], dtype=float), [])
    (folder / "evidence").mkdir()
    pq.write_table(LEDGER.empty_table(), folder / "evidence/ledger.parquet")
    pq.write_table(CAPABILITY.empty_table(), folder / "evidence/capability.parquet")
    record_basis(folder, LAST_DAY, 365)
    return folder


def told(*words: object) -> dict[str, Any]:
    result = CliRunner().invoke(commands, [*map(str, words), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.output)
    return answer


def test_from_a_layer_of_roads_to_what_a_mission_settled(data: Path, tmp_path: Path) -> None:
    ways = [LineString([(3.40, 46.79), (3.55, 46.81)]), LineString([(3.47, 46.75), (3.47, 46.85)])]
    layer = tmp_path / "roads.gpkg"
    table = gpd.GeoDataFrame({"numero": ["D978", "D10"], "importance": ["2", "4"]}, geometry=ways, crs=4326)
    table.to_file(layer, engine="pyogrio")
    imported = told("territory", "import", "roads", layer, "--data", data)
    assert (imported["lines"], imported["kind_column"]) == (2, "importance")

    along = told("corridors", "roads", "--name", "D978", "--data", data)
    assert [line["name"] for line in along["lines"]] == ["D978"]
    assert along["lines"][0]["suspected_km"] > 1
    assert along["lines"][0]["speed_kmh"] == 90
    assert all(Path(file).with_suffix(".png").exists() for file in along["strips"])
    of_file = told("corridors", layer, "--kind", "railways", "--strips", 0, "--data", data, "--out", tmp_path / "rail")
    assert (len(of_file["lines"]), of_file["lines"][0]["speed_kmh"]) == (2, 160)
    assert (tmp_path / "rail" / "corridors.gpkg").exists()

    plan = told("missions", "--hours", 3, "--from", "46.80,3.47", "--data", data)
    assert plan["points"] == 12 * plan["hexagons"] > 0
    assert all(day["minutes"] <= 180 for day in plan["days"])
    assert set(plan["files"]) == {"gpx", "geojson", "sheet"}
    report = told("missions", "report", "--data", data)
    assert (report["mission"], report["settled"], report["questions"]) == (plan["mission"], 0, plan["hexagons"])
    again = told("missions", "--hours", 3, "--from", "46.80,3.47", "--data", data)
    assert again["mission"] == plan["mission"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("corridors", "railways"), "territory import railways FILE` first"),
        (("corridors", "nowhere.gpkg"), "no such file, expected roads, railways or a file"),
        (("missions", "--from", "Decize"), "got 'Decize', expected LAT,LON"),
        (("missions",), "expected LAT,LON"),
        (("missions", "report"), "there are: none"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], said: str, data: Path) -> None:
    result = CliRunner().invoke(commands, [*words, "--data", str(data)])
    assert result.exit_code == 1
    assert said in str(result.exception)

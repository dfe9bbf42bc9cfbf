import csv
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely import box
from typer.testing import CliRunner

from aggregator.commands.coverage import coverage
from aggregator.evidence.claims_table import ClaimSource, replace_claims
from aggregator.evidence.declared_statistics import commune_hexagons, published_shape, statistics
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, outlines, projected
from aggregator.evidence.population import import_population
from aggregator.evidence.territory import people_by_hexagon
from client_sdk.messages import use_language

WEST, SOUTH = 740_000, 6_655_000
SQUARES = [box(WEST + 6_000 * column, SOUTH, WEST + 6_000 * (column + 1), SOUTH + 6_000) for column in range(2)]
COMMUNES = gpd.GeoDataFrame(
    {
        "insee_com": ["58001", "89002"],
        "name": ["Ouest", "Est"],
        "population": [400, 1_000],
        "insee_dep": ["58", "89"],
        "latitude": 47.0,
        "longitude": 3.5,
        "outline_kind": "official",
    },
    geometry=[projected(square, LAMBERT_93, WGS_84) for square in SQUARES],
    crs=WGS_84,
)
CELLS = covering(COMMUNES.geometry)


def claims_of(level: str, share: float, *, bounded: bool = False, cells: Any = CELLS) -> pd.DataFrame:
    subject = {"operator": "20801", "technology": "4G", "usage": "data", "level": level}
    return pd.DataFrame({"h3_r8": cells, "declared_share": share}).assign(**subject, bounded=bounded)


def test_hexagons_of_communes_hold_their_surface_and_people() -> None:
    held = commune_hexagons(COMMUNES)
    sums = held.groupby("insee_com")[["area_km2", "people"]].sum()
    assert sums["people"].tolist() == pytest.approx([400, 1_000])
    # Lambert-93 shows this place 0.1 % too small; the surface here is the true one
    assert sums["area_km2"].tolist() == pytest.approx([36, 36], rel=3e-3)
    even = people_by_hexagon(COMMUNES)
    assert held.groupby("h3_r8")["people"].sum().to_numpy() == pytest.approx(even.to_numpy(), rel=1e-3)
    finer = commune_hexagons(COMMUNES, pd.Series(3.0, index=pd.Index(CELLS[:10])))
    assert finer["people"].sum() == pytest.approx(30)


def test_levels_add_up_to_what_is_declared_and_the_rest_is_not_covered() -> None:
    claims = pd.concat([claims_of("TBC", 0.25), claims_of("CL", 0.5)])
    by_commune = statistics(claims, commune_hexagons(COMMUNES), "commune")
    assert by_commune["commune"].tolist() == ["58001", "89002"]
    share = by_commune["declared_km2"] / by_commune["surface_km2"]
    assert share.to_numpy() == pytest.approx(0.75)
    assert by_commune["tbc_people"].tolist() == pytest.approx([100, 250])
    shape = published_shape(by_commune, "commune")
    assert shape[["couv_nc", "couv_cl", "couv_tbc", "pop_nc", "pop_declared"]].iloc[0].tolist() == [25, 50, 25, 25, 75]
    whole = statistics(claims, commune_hexagons(COMMUNES), "region")
    assert whole["region"].tolist() == ["27"]
    assert whole["people"].tolist() == pytest.approx([1_400])


def test_where_nothing_is_known_nothing_is_said() -> None:
    shapes = outlines(CELLS, LAMBERT_93)
    west = CELLS[shapely.within(shapes, SQUARES[0])]
    found = statistics(claims_of("", 1.0, bounded=True, cells=west), commune_hexagons(COMMUNES), "departement")
    assert found["departement"].tolist() == ["58"]
    expected_km2 = shapely.area(shapes[np.isin(CELLS, west)]).sum() / 1e6
    assert found["surface_km2"].iloc[0] == pytest.approx(expected_km2, rel=3e-3)
    assert found["declared_km2"].tolist() == pytest.approx(found["surface_km2"].tolist())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    use_language("en")
    territory = tmp_path / "territory"
    territory.mkdir()
    COMMUNES.to_parquet(territory / "communes.parquet")
    source = ClaimSource(
        operator="20801", technology="4G", usage="data", quarter="2026_T1", file="f", file_sha256="0" * 64,
        source="Arcep", licence="L", bounded=True,
    )  # fmt: skip
    rows = pd.concat([claims_of("TBC", 0.25), claims_of("CL", 0.5)]).drop(columns="bounded")
    replace_claims(tmp_path / "claims", rows, [source], known=CELLS)
    return tmp_path


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(coverage, [str(argument) for argument in arguments])


def test_show_by_place_as_table_json_and_csv(data: Path) -> None:
    text = run("show", "--data", data, "--by", "commune")
    assert "58001 20801 4G data: declared 27.0 km² (75.0 %), 300 people (75.0 %)" in " ".join(text.output.split())
    answer = json.loads(run("show", "--data", data, "--by", "territory", "--json").output)
    assert answer["territory"][0]["declared_people"] == pytest.approx(1_050)
    assert answer["percent"][0]["couv_nc"] == 25
    run("show", "--data", data, "--by", "commune", "--csv", data / "out.csv", "--operator", "20801")
    rows = list(csv.DictReader((data / "out.csv").read_text().splitlines(), delimiter=";"))
    assert rows[1]["mcc_mnc"] == "20801"
    assert (rows[1]["commune"], rows[1]["couv_nc"], rows[1]["couv_cl"]) == ("89002", "25.0", "50.0")
    assert "TBC" in run("show", "--data", data, "--by", "departement").output
    assert "Nothing" in run("show", "--data", data, "--by", "commune", "--operator", "20820").output


def test_show_of_a_territory_tells_that_territory_alone(data: Path) -> None:
    every = json.loads(run("show", "--data", data, "--by", "commune", "--json").output)["commune"]
    nievre = json.loads(run("show", "--data", data, "--by", "commune", "--departement", "58", "--json").output)
    # its communes are whole, hexagons on the border included
    assert len(every) == 2
    (west,) = nievre["commune"]
    assert west["commune"] == every[0]["commune"] == "58001"
    for name in ("surface_km2", "declared_km2", "people"):
        assert west[name] == pytest.approx(every[0][name], rel=1e-3)
    pyogrio.write_dataframe(
        gpd.GeoDataFrame(geometry=[SQUARES[1].buffer(-1_500)], crs=LAMBERT_93), data / "part.geojson", layer="part"
    )
    part = run("show", "--data", data, "--by", "commune", "--outline", data / "part.geojson", "--json").output
    (east,) = json.loads(part)["commune"]
    assert (east["commune"], east["surface_km2"]) == ("89002", pytest.approx(9.0, abs=1.5))
    assert east["people"] == pytest.approx(1_000 * east["surface_km2"] / 36, rel=0.01)
    whole, half, inner = (
        json.loads(run("show", "--data", data, *words, "--json").output)["sources"][0]
        for words in ((), ("--departement", "89"), ("--outline", data / "part.geojson"))
    )
    assert half["declared_km2"] == pytest.approx(0.75 * 36, abs=3)
    assert inner["declared_km2"] == pytest.approx(0.75 * east["surface_km2"], abs=0.1)
    assert half["hexagons_claimed"] < 0.6 * whole["hexagons_claimed"]
    unknown = run("show", "--data", data, "--departement", "21").exception
    assert "--departement 21: no commune imported" in str(unknown)


def test_people_of_a_grid_count_where_one_was_imported_and_the_answer_says_so(data: Path) -> None:
    spread = json.loads(run("show", "--data", data, "--by", "commune", "--json").output)
    assert spread["people_source"] == "communes, spread evenly over their area"
    assert "those of the communes, spread evenly" in run("show", "--data", data, "--by", "commune").output
    shapes = outlines(CELLS, LAMBERT_93)
    west, east = (CELLS[shapely.within(shapes, square)][:4] for square in SQUARES)
    grid = pd.DataFrame({"h3_r8": [*west, *east], "population": [90] * 4 + [10] * 4})
    grid.to_csv(data / "grid.csv", index=False)
    import_population(data / "grid.csv", data / "territory")
    found = json.loads(run("show", "--data", data, "--by", "commune", "--json").output)
    assert found["people_source"] == "grid grid.csv"
    assert [(row["commune"], row["people"]) for row in found["commune"]] == [("58001", 360), ("89002", 40)]
    assert [row["declared_people"] for row in found["commune"]] == pytest.approx([270, 30])
    use_language("fr")
    assert "Habitants : ceux du carroyage grid.csv." in run("show", "--data", data, "--by", "commune").output


@pytest.mark.parametrize("scale", [1, 100, 36, 4_711])
def test_differences_from_published_statistics_whatever_their_unit(data: Path, scale: float) -> None:
    measures = [f"{what}_{level}" for what in ("couv", "pop") for level in ("nc", "cl", "bc", "tbc")]
    header = ";".join(f'"{name}"' for name in ("techno", "mcc_mnc", "commune", *measures))
    shares = {"58001": (0.25, 0.5, 0.0, 0.25), "89002": (0.35, 0.4, 0.0, 0.25)}
    lines = []
    for commune, parts in shares.items():
        numbers = [f"{part * scale:g}".replace(".", ",") for part in (*parts, *parts)]
        lines.append(";".join(['"4G"', '"20801"', f'"{commune}"', *numbers]))
    file = data / "published.csv"
    file.write_text("\n".join([header, *lines, '"4G";"20815";"58001";1;0;0;0;1;0;0;0']))
    found = json.loads(run("show", "--data", data, "--against", file, "--json").output)["differences"]
    assert [(row["commune"], row["measure"]) for row in found[:6]] == [
        ("89002", measure) for measure in ("couv_cl", "couv_declared", "couv_nc", "pop_cl", "pop_declared", "pop_nc")
    ]
    assert [row["difference"] for row in found[:3]] == pytest.approx([10, 10, -10], abs=0.02)
    assert all(row["difference"] == pytest.approx(0, abs=0.02) for row in found[6:])
    text = run("show", "--data", data, "--against", file).output
    assert "89002 20801 4G couv_cl: ours 50.00 %, published 40.00 % (+10.00)" in text


def test_published_statistics_of_another_shape_are_refused(data: Path) -> None:
    (data / "other.csv").write_text("techno;mcc_mnc;couv_nc\n4G;20801;1\n")
    assert "expected" in str(run("show", "--data", data, "--against", data / "other.csv").exception)


def test_one_file_that_cannot_be_read_does_not_stop_the_others(data: Path) -> None:
    good = data / "2026_T1_couv_Metropole_FREE_4G_data.gpkg"
    frame = gpd.GeoDataFrame(geometry=[SQUARES[0]], crs=LAMBERT_93)
    pyogrio.write_dataframe(frame, good, dataset_options={"VERSION": "1.3"})
    bad = data / "bad.gpkg"
    bad.write_bytes(b"no")
    result = run("import", bad, good, "--data", data, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert [source["operator"] for source in answer["sources"]] == ["20815"]
    assert list(answer["refused"]) == [str(bad)]
    assert "bad.gpkg: not a map that can be read" in result.stderr
    given = ["--operator", "26201", "--technology", "5G", "--crs", "EPSG:2154", "--source", "S", "--quarter", "2025_T1"]
    result = run("import", good, "--data", data, "--json", *given)
    (source,) = json.loads(result.stdout)["sources"]
    assert (source["operator"], source["technology"], source["source"], source["quarter"]) == (
        "26201", "5G", "S", "2025_T1",
    )  # fmt: skip

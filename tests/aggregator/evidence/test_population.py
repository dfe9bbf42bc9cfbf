import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from h3.api import basic_int as h3
from pyproj import Transformer
from shapely import Point, box

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import covering, outlines
from aggregator.evidence.population import import_population, population_source, read_population
from aggregator.evidence.territory import import_communes, people_by_hexagon, read_communes, read_people

PLACE = (47.05, 3.55)


def hexagon_of(latitude: float, longitude: float) -> int:
    return int(h3.cell_to_parent(h3.latlng_to_cell(latitude, longitude, 9), 8))


def square_of(latitude: float, longitude: float) -> str:
    """Id of INSEE's 200 m square around a place."""
    east, north = Transformer.from_crs(4326, 3035, always_xy=True).transform(longitude, latitude)
    return f"CRS3035RES200mN{int(north // 200) * 200}E{int(east // 200) * 200}"


@pytest.fixture
def territory(tmp_path: Path) -> Path:
    """A commune of 1,000 people, about 15 by 11 km."""
    shape = gpd.GeoDataFrame({"code": ["58001"], "nom": ["A"]}, geometry=[box(3.5, 47.0, 3.7, 47.1)], crs=4326)
    shape.to_file(tmp_path / "communes.geojson")
    (tmp_path / "p.csv").write_text("COM;PMUN\n58001;1000\n")
    import_communes(tmp_path / "communes.geojson", tmp_path, population=tmp_path / "p.csv")
    return tmp_path


@pytest.mark.parametrize("column", ["idcar_200m", "lcog_geo"])
def test_insee_squares_go_to_the_hexagon_of_their_middle(territory: Path, column: str) -> None:
    near, far = (47.05, 3.55), (47.08, 3.65)
    rows = [(square_of(*near), "12.5"), (square_of(*near), "0"), (square_of(*far), "7"), (square_of(45.0, 3.0), "99")]
    (territory / "g.csv").write_text(f"{column},ind\n" + "".join(f"{a},{b}\n" for a, b in rows))
    summary = import_population(territory / "g.csv", territory)
    assert (summary.cells, summary.left_out, summary.people, summary.hexagons) == (3, 1, 20, 2)
    assert summary.people_of_communes == 1000
    grid = read_population(territory)
    assert grid is not None
    assert grid.set_index("h3_r8")["people"].to_dict() == {hexagon_of(*near): 12.5, hexagon_of(*far): 7.0}
    assert grid.set_index("h3_r8").loc[hexagon_of(*near), ["latitude", "longitude"]].tolist() == pytest.approx(
        near, abs=0.003
    )
    people = read_people(territory, read_communes(territory))
    assert people.sum() == pytest.approx(19.5)
    assert population_source(territory) == "grid g.csv"
    assert json.loads((territory / "population.json").read_text())["people"] == 20


def test_without_a_grid_people_are_spread_over_communes_and_it_says_so(territory: Path) -> None:
    communes = read_communes(territory)
    assert read_population(territory) is None
    assert read_people(territory, communes).equals(people_by_hexagon(communes))
    assert "spread evenly" in population_source(territory)


def test_hexagons_points_and_polygons_with_a_count_are_read(territory: Path) -> None:
    cell = hexagon_of(*PLACE)
    (shape,) = outlines(pd.Series([cell]).to_numpy(), 4326)
    hexagons = gpd.GeoDataFrame({"h3": [h3.int_to_str(cell)], "population": [40.0]}, geometry=[shape], crs=4326)
    hexagons.to_crs(3857).to_file(territory / "kontur.gpkg")
    point = gpd.GeoDataFrame({"Pop": [40]}, geometry=[Point(*reversed(h3.cell_to_latlng(cell)))], crs=4326)
    point.to_crs(2154).to_file(territory / "points.gpkg")
    (territory / "t.csv").write_text("latitude;longitude;people\n{:.6f};{:.6f};40\n".format(*h3.cell_to_latlng(cell)))
    for name in ("kontur.gpkg", "points.gpkg", "t.csv"):
        import_population(territory / name, territory)
        grid = read_population(territory)
        assert grid is not None
        assert (grid["h3_r8"].tolist(), grid["people"].tolist()) == ([cell], [40.0])
    gpd.GeoDataFrame({"ind": [120]}, geometry=[box(3.55, 47.03, 3.6, 47.06)], crs=4326).to_file(territory / "a.gpkg")
    assert import_population(territory / "a.gpkg", territory).people == 120
    grid = read_population(territory)
    assert grid is not None
    assert set(grid["h3_r8"]) <= set(covering([box(3.55, 47.03, 3.6, 47.06)]).tolist())
    assert len(grid) > 15


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("idcar_200m;men\nCRS3035RES200mN2029800E4252400;3\n", "has no column of people, expected one of ind"),
        ("idcar_200m;ind\nN2029800;3\n", "idcar_200m is 'N2029800', expected one like CRS3035RES200m"),
        ("idcar_200m;ind\nCRS3035RES200mN2029800E4252400;-3\n", "line 2: ind is '-3', expected a number from 0 on"),
        ("name;ind\nA;3\n", "says nowhere where people live, expected a column idcar_200m"),
        ("latitude;longitude;ind\nx;3.5;3\n", "has no latitude and longitude"),
        ("latitude;longitude;ind\n40;3.5;3\n", "nobody lives in the territory's communes"),
    ],
)
def test_a_file_without_people_or_places_is_refused(text: str, message: str, territory: Path) -> None:
    (territory / "bad.csv").write_text(text)
    with pytest.raises(EvidenceError, match=message):
        import_population(territory / "bad.csv", territory)

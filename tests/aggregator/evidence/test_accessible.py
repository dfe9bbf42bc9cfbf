"""What is declared where a road passes or people live decides, hand-computed; whatever makes up the map."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import LineString, Polygon, box
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.evidence.accessible import (
    PLACE_RESOLUTION,
    Accessible,
    outdated_sources,
    read_accessible,
)
from aggregator.evidence.claims import import_coverage, read_claim_sources, read_claims
from aggregator.evidence.declared_area import DeclaredArea, Plane
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, outlines, projected
from aggregator.evidence.layout import parse_layout, read_layout
from aggregator.evidence.lines import import_roads
from aggregator.evidence.population import import_population
from aggregator.evidence.squares import Grid
from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import DeclaredCoverage

HEXAGON = h3.cell_to_parent(h3.latlng_to_cell(47.0, 3.5, 9), 8)
CELLS = np.array([HEXAGON])
(SHAPE,) = outlines(CELLS, LAMBERT_93)
WEST, SOUTH, EAST, NORTH = (float(bound) for bound in SHAPE.bounds)
X, Y = SHAPE.centroid.x, SHAPE.centroid.y
DECLARATION = {"operateur": 20801, "date": "2024-09-30", "techno": "4G", "usage": "data", "dept": "58"}
NAME = "2024_T3_couv_Metropole_OF_4G_data"
CONSTANTS = Constants()


def side(west_m: float, east_m: float) -> Polygon:
    """What lies between two distances east of the hexagon's middle."""
    return box(X + west_m, SOUTH - 100, X + east_m, NORTH + 100)


def road(east_m: float) -> LineString:
    """600 m from south to north, well inside the hexagon."""
    return LineString([(X + east_m, Y - 300), (X + east_m, Y + 300)])


def roads_of(folder: Path, *lines: LineString) -> Path:
    file = folder / "roads.gpkg"
    gpd.GeoDataFrame({"ref": [f"D{n}" for n in range(len(lines))]}, geometry=list(lines), crs=LAMBERT_93).to_file(file)
    import_roads(file, folder / "territory")
    return file


def map_of(folder: Path, **levels: Polygon) -> Path:
    file = folder / f"{NAME}.gpkg"
    rows = [{**DECLARATION, "niveau": level} for level in levels]
    gpd.GeoDataFrame(rows, geometry=list(levels.values()), crs=LAMBERT_93).to_file(file, layer=NAME)
    return file


def imported(folder: Path, file: Path, within: Any = CELLS) -> pd.DataFrame:
    accessible = read_accessible(folder / "territory")
    import_coverage(file, folder / "claims", read_layout("arcep"), within=within, accessible=accessible)
    return read_claims(folder / "claims")


def share(claims: pd.DataFrame) -> float:
    return float(DeclaredCoverage(claims, CONSTANTS).shares("20801", "4G", CELLS)[0])


# The road 200 m from the middle, the border of the declaration 30 m from it: each side of the border has a road or not.
@pytest.mark.parametrize(
    ("declared", "area_claimed", "road_at_m", "expected"),
    [
        (side(-30, 900), True, -200, 0.0),
        (side(-900, -30), False, -200, 1.0),
        (side(-900, -30), False, 200, 0.0),
        (side(-30, 900), True, 200, 1.0),
    ],
)
@pytest.mark.parametrize("within", [CELLS, None])
def test_the_road_decides_and_not_the_area(
    tmp_path: Path, declared: Polygon, area_claimed: bool, road_at_m: float, expected: float, within: Any
) -> None:
    file = map_of(tmp_path, CL=declared)
    before = share(imported(tmp_path, file, within))
    exact = shapely.area(shapely.intersection(SHAPE, declared)) / shapely.area(SHAPE)
    assert before == pytest.approx(exact, abs=1e-3)
    assert (before >= CONSTANTS.claimed_share) is area_claimed
    roads_of(tmp_path, road(road_at_m))
    assert share(imported(tmp_path, file, within)) == expected


def test_a_place_counts_once_by_its_best_level_and_people_beside_roads(tmp_path: Path) -> None:
    twice = [road(-200), road(-196), road(200)]
    roads_of(tmp_path, *twice)
    middle = projected(np.array([shapely.Point(X, Y + 150), shapely.Point(X, Y - 150)]), LAMBERT_93, WGS_84)
    people = pd.DataFrame({"longitude": shapely.get_x(middle), "latitude": shapely.get_y(middle), "people": [3, 4]})
    people.to_csv(tmp_path / "people.csv", index=False)
    import_population(tmp_path / "people.csv", tmp_path / "territory")
    accessible = read_accessible(tmp_path / "territory")
    assert accessible is not None
    # every place by hand, from a point of each road every metre
    metres = [shapely.Point(line.coords[0][0], line.coords[0][1] + step) for line in twice for step in range(601)]
    along = shapely.get_coordinates(projected(np.array(metres), LAMBERT_93, WGS_84))
    by_road = {h3.latlng_to_cell(y, x, PLACE_RESOLUTION) for x, y in along.tolist()}
    inhabited = {h3.latlng_to_cell(point.y, point.x, PLACE_RESOLUTION) for point in middle}
    assert set(accessible.places.tolist()) <= by_road | inhabited
    assert inhabited <= set(accessible.places.tolist())
    assert len(by_road - set(accessible.places.tolist())) <= 2, "corners that a road cuts by less than a step"
    flat = projected(shapely.points(accessible.longitudes, accessible.latitudes), WGS_84, LAMBERT_93)
    assert shapely.distance(flat, shapely.MultiLineString(twice)).max() <= 205
    own = np.array([h3.cell_to_parent(place, 8) == HEXAGON for place in accessible.places.tolist()])
    best, weaker = side(-900, -100), side(-900, 100)
    claims = imported(tmp_path, map_of(tmp_path, CL=weaker, TBC=best)).set_index("level")["accessible_share"]
    in_best, in_any = (shapely.contains(shape, flat[own]).mean() for shape in (best, weaker))
    assert 0 < in_best < in_any < 1
    assert claims.to_dict() == pytest.approx({"TBC": in_best, "CL": in_any - in_best}, abs=1e-4)


def test_without_roads_or_people_nothing_changes(tmp_path: Path) -> None:
    file = map_of(tmp_path, CL=side(-900, 100))
    claims = imported(tmp_path, file)
    assert claims["accessible_share"].isna().all()
    assert {source.roads_sha256 for source in read_claim_sources(tmp_path / "claims")} == {""}
    elsewhere = roads_of(tmp_path, road(20_000))
    again = imported(tmp_path, file)
    pd.testing.assert_frame_equal(claims, again)
    assert elsewhere.exists()
    assert not DeclaredCoverage(again, CONSTANTS).accessible("20801", "4G", CELLS).any()


def test_roads_that_come_after_ask_for_the_maps_again_and_then_the_order_does_not_matter(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    file, layer = map_of(tmp_path, CL=side(-30, 900)), roads_of(tmp_path, road(-200))

    def told(*arguments: str | Path) -> str:
        answer = CliRunner().invoke(commands, [str(one) for one in arguments])
        assert answer.exit_code == 0, answer.output
        return " ".join(answer.stderr.split())

    assert "by its share of the whole hexagon" in told("coverage", "import", file, "--data", first)
    assert file.name in told("territory", "import", "roads", layer, "--data", first)
    assert len(outdated_sources(first)) == 1
    warned = told("aggregate", "--no-archive", "--data", first)
    assert warned.count(f"run `maille coverage import` again on: {file.name}") == 1
    assert told("coverage", "import", file, "--data", first) == ""
    assert told("aggregate", "--no-archive", "--data", first) == ""
    assert told("territory", "import", "roads", layer, "--data", other) == ""
    told("coverage", "import", file, "--data", other)
    assert outdated_sources(first) == []
    for name in ("claims.parquet", "sources.json"):
        assert (first / "claims" / name).read_bytes() == (other / "claims" / name).read_bytes()
    (source,) = read_claim_sources(first / "claims")
    assert source.roads_sha256 == sha256_of(first / "territory" / "roads.parquet")
    assert source.inhabited_sha256 == ""


def test_a_source_that_does_not_speak_of_the_places_leaves_the_share_of_what_it_speaks_of(tmp_path: Path) -> None:
    """A file that says where nothing is covered, and of the rest nothing."""
    layout = parse_layout(
        "test",
        """
        absent = "unknown"
        operator = "20801"
        technology = "4G"
        usage = "data"
        [level]
        column = "covered"
        values = { yes = "CL" }
        others = "skip"
        """,
    )
    file = tmp_path / "areas.gpkg"
    gpd.GeoDataFrame({"covered": ["yes"]}, geometry=[side(-100, 900)], crs=LAMBERT_93).to_file(file)
    for at_m, expected in ((200, 1.0), (-200, np.nan)):
        roads_of(tmp_path, road(at_m))
        accessible = read_accessible(tmp_path / "territory")
        import_coverage(file, tmp_path / "claims", layout, within=CELLS, accessible=accessible)
        claims = read_claims(tmp_path / "claims")
        assert claims["accessible_share"].to_numpy() == pytest.approx([expected], nan_ok=True)
        assert share(claims) == 1.0


def _squares(area: DeclaredArea, inside: Any) -> None:
    grid = Grid(WEST - 50, SOUTH - 50, 50.0, 50.0)
    row, column = np.nonzero(inside)
    area.add_squares("CL", grid, column, row)


def _polygons(area: DeclaredArea, inside: Any) -> None:
    area.add_polygons("CL", _boxes(inside))


def _slanted(area: DeclaredArea, inside: Any) -> None:
    """The same ground by triangles, which are no raster."""
    for first in (0, 1):
        corners = shapely.get_coordinates(_boxes(inside)).reshape(-1, 5, 2)
        rings = corners[:, [0, 1, 2, 0]] if first else corners[:, [2, 3, 0, 2]]
        area.add_polygons("CL", np.asarray(shapely.polygons(rings)))


def _boxes(inside: Any) -> Shapes:
    row, column = np.nonzero(inside)
    x, y = WEST - 50 + column * 50, SOUTH - 50 + row * 50
    return np.asarray(shapely.box(x, y, x + 50, y + 50))


@pytest.mark.parametrize("add", [_squares, _polygons, _slanted])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0.05, 1.0), count=st.integers(1, 60))
def test_shares_are_those_of_the_points_and_between_0_and_1(
    add: Callable[[DeclaredArea, Any], None], seed: int, density: float, count: int
) -> None:
    random = np.random.default_rng(seed)
    inside = random.random((30, 30)) < density
    inside[0, 0] = True
    points = np.column_stack([random.uniform(WEST, EAST, count), random.uniform(SOUTH, NORTH, count)])
    flat = projected(shapely.points(points), LAMBERT_93, WGS_84)
    longitudes, latitudes = shapely.get_x(flat), shapely.get_y(flat)
    places = [
        h3.latlng_to_cell(y, x, PLACE_RESOLUTION) for x, y in zip(longitudes.tolist(), latitudes.tolist(), strict=True)
    ]
    accessible = Accessible(np.array(places, dtype=np.int64), longitudes, latitudes)
    area = DeclaredArea(Plane.over(CRS.from_epsg(LAMBERT_93), CELLS, accessible))
    add(area, inside)
    shares, known = area.shares(("CL",))
    own = np.array([h3.cell_to_parent(place, 8) == HEXAGON for place in places])
    column, row = np.floor((points[own] - (WEST - 50, SOUTH - 50)) / 50).astype(int).T
    found = shares.loc[shares["h3_r8"] == HEXAGON, ["declared_share", "accessible_share"]]
    assert ((found.fillna(0) >= 0) & (found.fillna(0) <= 1 + 1e-9)).to_numpy().all()
    covered = inside[row, column]
    if own.any() and len(found):
        assert found["accessible_share"].tolist() == pytest.approx([covered.mean()])
        assert known.set_index("h3_r8").loc[HEXAGON, "known_accessible_share"] == pytest.approx(covered.mean())


@pytest.mark.parametrize("resolution", [7, 9, 10, 11])
def test_h3_cells_of_any_resolution_hold_places(resolution: int) -> None:
    points = [h3.cell_to_latlng(cell) for cell in h3.cell_to_children(HEXAGON, PLACE_RESOLUTION)]
    latitudes, longitudes = np.array(points).T
    places = np.array(h3.cell_to_children(HEXAGON, PLACE_RESOLUTION), dtype=np.int64)
    area = DeclaredArea(Plane.over(CRS.from_epsg(WGS_84), CELLS, Accessible(places, longitudes, latitudes)))
    held = [
        h3.cell_to_parent(place, resolution) if resolution <= PLACE_RESOLUTION else h3.latlng_to_cell(*at, resolution)
        for place, at in zip(places.tolist(), points, strict=True)
    ]
    area.add_cells("CL", np.array(sorted(set(held[:20])), dtype=np.int64))
    shares, _ = area.shares(("CL",))
    own = shares[shares["h3_r8"] == HEXAGON]
    assert own["accessible_share"].tolist() == pytest.approx([np.isin(held, held[:20]).mean()])

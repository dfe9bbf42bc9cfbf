"""Lines of any layer become named roads and railways, and every metre of them belongs to one hexagon."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, outlines, projected
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.evidence.lines import import_lines, read_lines, road_km_by_hexagon

DECIZE = (740_000.0, 6_640_000.0)

steps = st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=1, max_size=25)


def line(*metres: tuple[float, float]) -> LineString:
    """A line in Lambert-93, metres from Decize."""
    return LineString([(DECIZE[0] + x, DECIZE[1] + y) for x, y in metres])


def layer(path: Path, columns: dict[str, list[str | None]], shapes: list[shapely.Geometry], epsg: int = 2154) -> Path:
    table = gpd.GeoDataFrame(columns, geometry=shapes, crs=LAMBERT_93).to_crs(epsg)
    table.to_file(path, engine="pyogrio")
    return path


@settings(max_examples=40, deadline=None)
@given(drawn=st.lists(steps, min_size=1, max_size=4))
def test_the_stretches_of_a_line_follow_each_other_and_add_up_to_it(drawn: list[list[tuple[int, int]]]) -> None:
    lines = np.empty(len(drawn), dtype=object)
    lines[:] = [line(*np.cumsum([(0, 0), *way], axis=0).tolist()) for way in drawn]
    cuts = cut_by_hexagons(lines)
    for position, whole in enumerate(lines):
        own = cuts[cuts["line"] == position]
        if whole.length == 0:
            assert own.empty
            continue
        assert own["start_m"].iloc[0] == 0
        assert own["end_m"].iloc[-1] == pytest.approx(whole.length, abs=1e-6)
        assert own["start_m"].iloc[1:].to_numpy() == pytest.approx(own["end_m"].iloc[:-1].to_numpy(), abs=1e-6)
        assert (own["end_m"] > own["start_m"]).all()
        assert own.length.to_numpy() == pytest.approx((own["end_m"] - own["start_m"]).to_numpy(), abs=1e-6)
        beside = shapely.length(shapely.difference(own.geometry.to_numpy(), outlines(_cells(own), LAMBERT_93)))
        assert beside.max() < 1e-6


def test_road_km_by_hexagon_are_those_of_the_hexagons_outlines() -> None:
    roads = gpd.GeoDataFrame(
        {"name": ["N7", "D1", "D2"], "kind": ["main", "other", "other"]},
        geometry=[line((0, 0), (5000, 1200)), line((0, 0), (900, -4000)), line((10, 10), (60, 10))],
        crs=LAMBERT_93,
    ).to_crs(WGS_84)
    km = road_km_by_hexagon(roads).set_index("h3_r8")
    flat = projected(roads.geometry.to_numpy(), WGS_84, LAMBERT_93)
    cells = covering(roads.to_crs(LAMBERT_93).buffer(50).to_crs(WGS_84))
    for kind in ("main", "other"):
        own = flat[(roads["kind"] == kind).to_numpy()]
        shares = [shapely.length(shapely.intersection(own, hexagon)).sum() / 1000 for hexagon in outlines(cells, 2154)]
        expected = {cell: share for cell, share in zip(cells.tolist(), shares, strict=True) if share > 0}
        found = km.loc[km[f"{kind}_km"] > 0, f"{kind}_km"].to_dict()
        assert found == pytest.approx(expected, abs=1e-9)
    assert km.index.is_monotonic_increasing


def test_no_road_gives_no_hexagon() -> None:
    empty = gpd.GeoDataFrame({"name": [], "kind": []}, geometry=[], crs=WGS_84)
    assert list(road_km_by_hexagon(empty).columns) == ["h3_r8", "main_km", "other_km"]
    assert road_km_by_hexagon(empty).empty


def test_roads_of_the_bd_topo_are_known_by_number_and_importance(tmp_path: Path) -> None:
    file = layer(
        tmp_path / "troncons.gpkg",
        {
            "nature": ["Route à 1 chaussée", "Route à 1 chaussée", "Sentier", "Route empierrée"],
            "importance": ["2", "5", "6", "5"],
            "cpx_numero": ["D978", None, None, None],
            "nom_1_gauche": ["GRANDE RUE", None, None, None],
        },
        [line((0, 0), (1000, 0)), line((0, 0), (0, 500)), line((0, 0), (0, 90)), line((9, 0), (9, 200))],
    )
    summary = import_lines(file, tmp_path / "territory", "roads")
    assert (summary.lines, summary.left_out, summary.unnamed, summary.kind_column) == (3, 1, 2, "importance")
    assert (summary.km, summary.main_km) == (1.7, 1.0)
    roads = read_lines(tmp_path / "territory", "roads")
    assert roads is not None
    assert roads.crs.to_epsg() == WGS_84
    assert sorted(zip(roads["name"], roads["kind"], strict=True)) == [("", "other"), ("", "other"), ("D978", "main")]
    assert read_lines(tmp_path / "territory", "railways") is None


@pytest.mark.parametrize(("suffix", "epsg"), [(".geojson", 4326), (".shp", 2154), (".gpkg", 3857)])
def test_the_same_openstreetmap_roads_from_any_format_and_reference_system(
    suffix: str, epsg: int, tmp_path: Path
) -> None:
    both = MultiLineString([line((0, 0), (800, 0)), line((800, 50), (1600, 50))])
    file = layer(
        tmp_path / f"roads{suffix}",
        {"highway": ["trunk_link", "residential", "path", "residential"], "name": ["N 151", "", "x", ""]},
        [both, line((0, 0), (300, 0)), line((0, 0), (7, 7)), line((300, 0), (0, 0))],
        epsg,
    )
    summary = import_lines(file, tmp_path, "roads")
    assert (summary.lines, summary.left_out, summary.main_km) == (3, 1, 1.6)
    assert summary.km == pytest.approx(1.9, abs=0.05), "the same way drawn twice counts once"


def test_railways_leave_out_yards_and_closed_lines(tmp_path: Path) -> None:
    file = layer(
        tmp_path / "rail.gpkg",
        {
            "railway": ["rail", "rail", "disused"],
            "service": [None, "yard", None],
            "ligne": ["Étoile", "Dépôt", "Vieux"],
        },
        [line((0, 0), (1000, 0)), line((0, 9), (400, 9)), line((0, 40), (900, 40))],
    )
    import_lines(file, tmp_path, "railways", name_column="ligne")
    railways = read_lines(tmp_path, "railways")
    assert railways is not None
    assert railways[["name", "kind"]].to_numpy().tolist() == [["Étoile", "rail"]]


def test_what_is_no_layer_of_lines_is_named(tmp_path: Path) -> None:
    points = layer(tmp_path / "points.gpkg", {"name": ["a"]}, [Point(DECIZE)])
    with pytest.raises(EvidenceError, match=r"points\.gpkg: holds no line"):
        import_lines(points, tmp_path, "roads")
    lines = layer(tmp_path / "lines.gpkg", {"title": ["a"]}, [line((0, 0), (9, 9))])
    with pytest.raises(EvidenceError, match=r"lines\.gpkg: has no column nom, it has title"):
        import_lines(lines, tmp_path, "roads", name_column="nom")
    (tmp_path / "text.gpkg").write_text("no database")
    with pytest.raises(EvidenceError, match=r"text\.gpkg: not a file of lines"):
        import_lines(tmp_path / "text.gpkg", tmp_path, "roads")
    assert read_lines(tmp_path, "roads") is None


def _cells(cuts: gpd.GeoDataFrame) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return cuts["h3_r8"].to_numpy(np.int64)

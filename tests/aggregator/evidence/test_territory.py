import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, outlines
from aggregator.evidence.territory import (
    commune_of,
    import_communes,
    import_sites,
    people_by_hexagon,
    read_communes,
    read_sites,
)

NIEVRE = Path(__file__).parents[3] / "examples/nievre/communes.csv"
HEADER = "insee_com,name,population,latitude,longitude\n"


def centres(path: Path, *rows: str) -> Path:
    file = path / "communes.csv"
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return file


def outlines_file(path: Path, *features: tuple[str, str, shapely.Polygon]) -> Path:
    file = path / "outlines.geojson"
    file.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"code": code, "nom": name},
                        "geometry": json.loads(shapely.to_geojson(shape)),
                    }
                    for code, name, shape in features
                ],
            }
        ),
        encoding="utf-8",
    )
    return file


places = st.tuples(st.integers(0, 400), st.integers(0, 400))


@settings(max_examples=15, deadline=None)
@given(grid=st.lists(places, min_size=1, max_size=25, unique=True))
def test_voronoi_cells_cover_without_overlap_and_each_holds_its_centre(
    grid: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("voronoi")
    rows = [f"{58001 + i},C{i},{10 * i},{46.8 + y / 1000},{3.2 + x / 1000}" for i, (x, y) in enumerate(grid)]
    import_communes(centres(path, *rows), path)
    communes = read_communes(path)
    flat = communes.geometry.to_crs(LAMBERT_93)
    assert flat.area.sum() == pytest.approx(flat.union_all().area, rel=1e-6)
    hull = shapely.buffer(gpd.points_from_xy(communes["longitude"], communes["latitude"], crs=4326).to_crs(2154), 2_900)
    assert flat.union_all().buffer(1).contains(shapely.union_all(hull))
    assert (commune_of(communes, communes["latitude"], communes["longitude"]) == np.arange(len(communes))).all()
    assert people_by_hexagon(communes).sum() == pytest.approx(communes["population"].sum())


def test_the_demonstration_territory_is_read(tmp_path: Path) -> None:
    import_communes(NIEVRE, tmp_path)
    communes = read_communes(tmp_path)
    assert set(communes["outline_kind"]) == {"voronoi"}
    assert set(communes["insee_dep"]) == {"58"}
    people = people_by_hexagon(communes)
    assert people.index.dtype == np.int64
    assert people.index.is_monotonic_increasing
    assert people.sum() == pytest.approx(communes["population"].sum())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["58001,A,10,47.0,3.5", "58001,B,10,47.1,3.5"], "58001 comes twice"),
        (["58001,A,10,47.0,3.5", "58002,B,10,47.0,3.5"], "58001, 58002 share a centre"),
        (["58001,A,many,47.0,3.5"], "line 2: population is 'many'"),
        (["58001,A,10,470,3.5"], "line 2: latitude is '470'"),
    ],
)
def test_centres_that_make_no_sense_are_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        import_communes(centres(tmp_path, *rows), tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("insee_com,name\n58001,A\n")
    with pytest.raises(EvidenceError, match="has no column population, latitude, longitude"):
        import_communes(tmp_path / "c.csv", tmp_path)


def test_official_outlines_join_their_people_and_parts_of_one_code_are_one_commune(tmp_path: Path) -> None:
    file = outlines_file(
        tmp_path,
        ("01002", "Bourg", box(3.5, 47.0, 3.6, 47.1)),
        ("01001", "Ville", box(3.4, 47.0, 3.5, 47.1)),
        ("01002", "Bourg", box(3.6, 47.0, 3.7, 47.1)),
        ("97101", "Abymes", box(-61.5, 16.2, -61.4, 16.3)),
    )
    population = tmp_path / "population.csv"
    population.write_bytes(
        "Région;COM;PMUN\nFranche-Comté;01001;1000\nx;01002;300\nx;01002;40\nx;01999;7\n".encode("latin-1")
    )
    summary = import_communes(file, tmp_path, population=population)
    communes = read_communes(tmp_path)
    assert communes["insee_com"].tolist() == ["01001", "01002", "97101"]
    assert communes["population"].tolist() == [1000, 340, 0]
    assert communes["insee_dep"].tolist() == ["01", "01", "971"]
    assert set(communes["outline_kind"]) == {"official"}
    assert (summary.communes, summary.people, summary.merged) == (3, 1340, ("01002",))
    assert (summary.without_population, summary.without_outline, summary.people_without_outline) == (
        ("97101",),
        ("01999",),
        7,
    )
    assert commune_of(communes, [47.05, 47.05, 10.0], [3.45, 3.65, 3.5]).tolist() == [0, 1, -1]


def test_people_are_spread_by_area(tmp_path: Path) -> None:
    file = outlines_file(tmp_path, ("58001", "A", box(3.5, 47.0, 3.7, 47.1)))
    (tmp_path / "p.csv").write_text("COM;PMUN\n58001;1000\n")
    import_communes(file, tmp_path, population=tmp_path / "p.csv")
    people = people_by_hexagon(read_communes(tmp_path))
    assert people.sum() == pytest.approx(1000)
    commune = read_communes(tmp_path).geometry.to_crs(LAMBERT_93).iloc[0]
    shapes = outlines(people.index.to_numpy(np.int64), LAMBERT_93)
    shared = shapely.area(shapely.intersection(shapes, commune)) / commune.area
    assert people.to_numpy() == pytest.approx(1000 * shared, abs=1e-6)


def test_communes_must_be_imported_first(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no communes yet"):
        read_communes(tmp_path)


def test_sites_are_read_with_either_header(tmp_path: Path) -> None:
    assert read_sites(tmp_path) is None
    new = tmp_path / "new.csv"
    new.write_text(
        "code_op;nom_op;num_site;latitude;longitude;site_2g;site_3g;site_4g;site_5g;insee_dep\n"
        "20820;Bouygues;B1;47,5;3,5;1;0;1;0;58\n20802;Orange;O1;47.5;3.5;1;1;1;1;58\n20815;Free;F1;;;1;1;1;1;58\n"
    )
    summary = import_sites(new, tmp_path)
    sites = read_sites(tmp_path)
    assert sites is not None
    assert (summary.sites, summary.left_out) == (2, 1)
    assert sites.drop(columns="geometry").to_numpy().tolist() == [
        ["20801", "O1", True, True, True, True],
        ["20820", "B1", True, False, True, False],
    ]
    assert (sites.geometry.x.iloc[0], sites.geometry.y.iloc[0]) == (3.5, 47.5)
    old = tmp_path / "old.csv"
    old.write_text("Operateur;X;Y;2G;3G;4G\nSFR;737947;6655443;1;1;0\n")
    import_sites(old, tmp_path)
    sites = read_sites(tmp_path)
    assert sites is not None
    assert sites["operator"].tolist() == ["20810"]
    assert sites.geometry.x.iloc[0] == pytest.approx(3.5, abs=0.01)
    assert sites.geometry.y.iloc[0] == pytest.approx(47.0, abs=0.01)
    assert sites.iloc[0][["has_3g", "has_4g", "has_5g"]].tolist() == [True, False, False]


def test_sites_of_an_unknown_operator_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("code_op;latitude;longitude\nXX;47;3\n")
    with pytest.raises(EvidenceError, match="line 2: operator is 'XX'"):
        import_sites(tmp_path / "s.csv", tmp_path)

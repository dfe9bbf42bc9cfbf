import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import py7zr
import pyogrio
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from aggregator.evidence.claims import import_arcep, import_grid, read_claim_sources, read_claims
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, outlines, projected

CENTRE = h3.latlng_to_cell(47.0, 3.5, 8)
DISK = np.array(sorted(h3.str_to_int(cell) for cell in h3.grid_disk(CENTRE, 3)))
SHAPES = outlines(DISK, LAMBERT_93)
WEST, SOUTH, EAST, NORTH = shapely.total_bounds(SHAPES)
NAME = "2024_T3_couv_Metropole_OF_4G_data"
COLUMNS = {
    "operateur": 20801,
    "operateur_commercial": "Orange",
    "operateur_infra": "Orange",
    "date": "2024-09-30",
    "techno": "4G",
    "usage": "data",
    "niveau": "CL",
    "dept": "58",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(*features: tuple[Polygon | MultiPolygon, dict[str, Any]], name: str = NAME, custom: bool = False) -> Path:
        rows = [{**COLUMNS, **change} for _, change in features]
        frame = gpd.GeoDataFrame(
            rows, geometry=[shapely.multipolygons(shapely.get_parts(shape)) for shape, _ in features], crs=LAMBERT_93
        )
        file = tmp_path / f"{name}.gpkg"
        pyogrio.write_dataframe(
            frame, file, layer=name, layer_options={"GEOMETRY_NAME": "geom"}, dataset_options={"VERSION": "1.3"}
        )
        if custom:
            declare_custom_system(file)
        return file

    return run


def declare_custom_system(file: Path) -> None:
    """What recent files of Arcep do: a spatial reference system of their own, organisation NONE."""
    with sqlite3.connect(file) as database:
        definition = 'LOCAL_CS["unknown",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
        database.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES ('unnamed', 100000, 'NONE', 100000, ?, NULL)", [definition]
        )
        database.execute("UPDATE gpkg_contents SET srs_id = 100000")
        database.execute("UPDATE gpkg_geometry_columns SET srs_id = 100000")
    database.close()


def shares(claims: Path) -> dict[int, float]:
    table = read_claims(claims)
    return dict(zip(table["h3_r8"], table["declared_share"], strict=True))


@pytest.mark.parametrize("custom", [False, True])
def test_shares_are_exact_whatever_system_the_file_declares(write: Write, tmp_path: Path, custom: bool) -> None:
    blob = shapely.buffer(shapely.Point((WEST + EAST) / 2, (SOUTH + NORTH) / 2), 1_800, quad_segs=400)
    import_arcep(write((blob, {}), custom=custom), tmp_path / "claims")
    exact = shapely.area(shapely.intersection(SHAPES, blob)) / shapely.area(SHAPES)
    expected = {int(cell): share for cell, share in zip(DISK, exact.round(4), strict=True) if share > 0}
    assert shares(tmp_path / "claims") == pytest.approx(expected, abs=1e-4)


def test_overlapping_polygons_count_once_and_a_place_counts_for_its_best_level(write: Write, tmp_path: Path) -> None:
    half = box(WEST - 9, SOUTH - 9, (WEST + EAST) / 2, NORTH + 9)
    whole = box(WEST - 9, SOUTH - 9, EAST + 9, NORTH + 9)
    import_arcep(write((whole, {}), (half, {}), (half, {"niveau": "TBC"}), (half, {"niveau": None})), tmp_path / "c")
    table = read_claims(tmp_path / "c")
    inside = table[table["h3_r8"].isin(DISK)].pivot(index="h3_r8", columns="level", values="declared_share").fillna(0.0)
    west = shapely.area(shapely.intersection(SHAPES, half)) / shapely.area(SHAPES)
    assert inside["TBC"].to_numpy() == pytest.approx(west, abs=1e-4)
    assert inside["CL"].to_numpy() == pytest.approx(1 - west, abs=1e-4)
    assert list(inside.columns) == ["CL", "TBC"]


def test_within_a_territory_border_hexagons_keep_their_share_and_the_rest_is_unknown(
    write: Write, tmp_path: Path
) -> None:
    half = box(WEST, SOUTH, (WEST + EAST) / 2, NORTH)
    file = write((half, {}))
    territory = projected(box(WEST + 900, SOUTH + 900, EAST - 900, NORTH - 900), LAMBERT_93, WGS_84)
    import_arcep(file, tmp_path / "whole")
    import_arcep(file, tmp_path / "clipped", within=territory)
    whole, clipped = shares(tmp_path / "whole"), shares(tmp_path / "clipped")
    assert set(clipped) == set(covering([territory]).tolist())
    assert clipped == {cell: whole.get(cell, 0.0) for cell in clipped}
    assert 0.0 in clipped.values()
    assert read_claims(tmp_path / "clipped")["bounded"].all()
    assert not read_claims(tmp_path / "whole")["bounded"].any()


def test_an_operator_that_covers_nothing_of_the_territory_declares_zero(write: Write, tmp_path: Path) -> None:
    file = write((box(WEST, SOUTH, EAST, NORTH), {}))
    elsewhere = box(5.0, 48.0, 5.05, 48.05)
    sources = import_arcep(file, tmp_path / "claims", within=elsewhere)
    assert [(source.operator, source.technology, source.usage) for source in sources] == [("20801", "4G", "data")]
    assert set(shares(tmp_path / "claims").values()) == {0.0}


def test_a_file_without_a_polygon_declares_zero_in_the_territory(tmp_path: Path) -> None:
    file = tmp_path / f"{NAME}.gpkg"
    frame = gpd.GeoDataFrame({"operateur": [20801]}, geometry=[box(WEST, SOUTH, EAST, NORTH)], crs=LAMBERT_93)
    pyogrio.write_dataframe(frame.iloc[:0], file, layer=NAME, geometry_type="MultiPolygon")
    sources = import_arcep(file, tmp_path / "claims", within=box(5.0, 48.0, 5.05, 48.05))
    assert [(source.operator, source.technology, source.usage) for source in sources] == [("20801", "4G", "data")]
    assert set(shares(tmp_path / "claims").values()) == {0.0}


@pytest.mark.parametrize(
    ("shape", "crs", "message"),
    [
        (box(3.4, 46.9, 3.6, 47.1), WGS_84, "looks like degrees, expected metres of EPSG:2154"),
        (box(0, 0, 900_000, 900_000), LAMBERT_93, "expected coordinates of EPSG:2154"),
        (shapely.Point(700_000, 6_600_000), LAMBERT_93, "its geometries are Point, expected Polygon"),
    ],
)
def test_a_file_that_speaks_of_no_place_here_is_refused_and_earlier_claims_stay(
    write: Write, tmp_path: Path, shape: shapely.Geometry, crs: int, message: str
) -> None:
    territory = projected(box(WEST + 900, SOUTH + 900, EAST - 900, NORTH - 900), LAMBERT_93, WGS_84)
    import_arcep(write((box(WEST, SOUTH, EAST, NORTH), {})), tmp_path / "claims", within=territory)
    before = read_claims(tmp_path / "claims"), read_claim_sources(tmp_path / "claims")
    wrong = tmp_path / f"{NAME}_wrong.gpkg"
    pyogrio.write_dataframe(gpd.GeoDataFrame([COLUMNS], geometry=[shape], crs=crs), wrong)
    with pytest.raises(EvidenceError, match=message):
        import_arcep(wrong, tmp_path / "claims", within=territory)
    pd.testing.assert_frame_equal(read_claims(tmp_path / "claims"), before[0])
    assert read_claim_sources(tmp_path / "claims") == before[1]


def test_a_7z_archive_is_the_file_it_holds(write: Write, tmp_path: Path) -> None:
    file = write((box(WEST, SOUTH, EAST, NORTH), {}))
    packed = tmp_path / f"{NAME}.gpkg.7z"
    with py7zr.SevenZipFile(packed, "w") as archive:
        archive.write(file, file.name)
    import_arcep(file, tmp_path / "plain")
    (source,) = import_arcep(packed, tmp_path / "packed")
    pd.testing.assert_frame_equal(read_claims(tmp_path / "plain"), read_claims(tmp_path / "packed"))
    assert (source.file, source.file_sha256, source.quarter) == (packed.name, sha256_of(packed), "2024_T3")
    assert read_claim_sources(tmp_path / "packed") == [source]


@pytest.mark.parametrize(
    ("code", "operator"),
    [("OF", "20801"), ("SFR0", "20810"), ("SFR", "20810"), ("FREE", "20815"), ("BOUY", "20820"), ("BYT", "20820")],
)
def test_what_the_columns_lack_the_name_says(write: Write, tmp_path: Path, code: str, operator: str) -> None:
    absent = {"operateur": None, "techno": None, "usage": None, "niveau": None}
    file = write((box(WEST, SOUTH, EAST, NORTH), absent), name=f"2025_T2_couv_Metropole_{code}_5G_data")
    (source,) = import_arcep(file, tmp_path / "claims")
    assert (source.operator, source.technology, source.usage, source.quarter) == (operator, "5G", "data", "2025_T2")
    assert set(read_claims(tmp_path / "claims")["level"]) == {""}


def test_importing_again_replaces_and_others_stay(write: Write, tmp_path: Path) -> None:
    everything, half = box(WEST, SOUTH, EAST, NORTH), box(WEST, SOUTH, (WEST + EAST) / 2, NORTH)
    claims = tmp_path / "claims"
    import_arcep(write((everything, {}), (everything, {"operateur": 20815})), claims)
    import_arcep(write((half, {}), name="2025_T1_couv_Metropole_OF_4G_data"), claims)
    sums = read_claims(claims).groupby("operator")["declared_share"].sum()
    assert sums["20801"] == pytest.approx(sums["20815"] / 2, rel=0.02)
    assert [(source.operator, source.quarter) for source in read_claim_sources(claims)] == [
        ("20801", "2025_T1"),
        ("20815", "2024_T3"),
    ]


def test_progress_ends_at_one(write: Write, tmp_path: Path) -> None:
    seen: list[float] = []
    import_arcep(
        write((box(WEST, SOUTH, EAST, NORTH), {})), tmp_path / "c", progress=lambda _, fraction: seen.append(fraction)
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [({"techno": "6G"}, "techno is '6G'"), ({"usage": "tv"}, "usage is 'tv'"), ({"operateur": 7}, "operateur is 7")],
)
def test_a_file_of_another_layout_is_refused_by_name(
    write: Write, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(EvidenceError, match=message):
        import_arcep(write((box(WEST, SOUTH, EAST, NORTH), change)), tmp_path / "claims")
    assert read_claims(tmp_path / "claims").empty


def test_files_that_are_not_coverage_are_refused(tmp_path: Path) -> None:
    for name in ("a.gpkg", "a.gpkg.7z"):
        (tmp_path / name).write_bytes(b"not at all")
        with pytest.raises(EvidenceError, match=name):
            import_arcep(tmp_path / name, tmp_path / "claims")
    with pytest.raises(EvidenceError, match="no such file"):
        import_arcep(tmp_path / "absent.gpkg", tmp_path / "claims")


def grid_of(tmp_path: Path, value: Callable[[int, int], int]) -> Path:
    lines = ["id,gsm_out,lte,nr_dss,nr_nsa_sa,nr_gesamt"]
    squares = itertools.product(range(58735, 58775), range(4900, 4940))
    lines.extend(f"100mN{north}E{east},3,{value(north, east)},0,0,0" for north, east in squares)
    file = tmp_path / "grid.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_grid_speaks_only_where_it_counts_all_operators_or_none(tmp_path: Path) -> None:
    file = grid_of(tmp_path, lambda north, east: 3 if east < 4910 else 0 if east < 4930 else 2)
    sources = import_grid(file, tmp_path / "claims", quarter="2024_T1")
    assert len(sources) == 9
    table = read_claims(tmp_path / "claims").query("operator == '26202'")
    gsm, lte, nr = (table[table["technology"] == technology] for technology in ("2G", "4G", "5G"))
    assert gsm["declared_share"].eq(1).all()
    assert nr["declared_share"].eq(0).all()
    assert len(lte) < len(gsm)
    assert {0.0, 1.0} < set(lte["declared_share"])
    border = lte[(lte["declared_share"] > 0) & (lte["declared_share"] < 1)]
    shapes = outlines(border["h3_r8"].to_numpy(np.int64), 25832)
    west = 490_000, 5_873_500, 491_000, 5_877_500
    known = 490_000, 5_873_500, 493_000, 5_877_500
    covered, all_known = (shapely.area(shapely.intersection(shapes, box(*bounds))) for bounds in (west, known))
    assert border["declared_share"].to_numpy() == pytest.approx(covered / all_known, abs=1e-4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("100mN58735E4942,3,4,0,0,0", "lte is 4"),
        ("oops,3,3,0,0,0", "id is 'oops'"),
        ("", "no column gsm_out; it has a, b"),
    ],
)
def test_a_grid_of_another_layout_is_refused(tmp_path: Path, line: str, message: str) -> None:
    header = "id,gsm_out,lte,nr_dss,nr_nsa_sa,nr_gesamt\n" if line else "a,b\n1,2\n"
    (tmp_path / "grid.csv").write_text(header + line)
    with pytest.raises(EvidenceError, match=message):
        import_grid(tmp_path / "grid.csv", tmp_path / "claims")

"""Files of other layouts: older ones of Arcep's, overseas, and other countries', written here in their shape."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely import Polygon, box

from aggregator.evidence.claims import import_arcep, import_coverage, read_claim_sources, read_claims
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, outlines, projected
from aggregator.evidence.layout import parse_layout, read_layout, shipped_layouts
from aggregator.evidence.quarters import quarter_of

NEVERS, LINZ, SAINT_DENIS, DENVER = (47.0, 3.5), (48.3, 14.3), (-21.1, 55.5), (39.7, -105.3)


def around(place: tuple[float, float], system: int, metres: float = 2_500) -> Polygon:
    """A square around a place, in a reference system."""
    x, y = (round(value, -2) for value in projected(shapely.Point(place[::-1]), WGS_84, system).coords[0])
    return box(x - metres, y - metres, x + metres, y + metres)


def written(file: Path, shapes: list[Any], system: int | None, layer: str | None = None, **columns: Any) -> Path:
    frame = gpd.GeoDataFrame(columns, index=range(len(shapes)), geometry=shapes, crs=system)
    options = {"VERSION": "1.3"} if file.suffix == ".gpkg" else {}
    pyogrio.write_dataframe(frame, file, layer=layer, dataset_options=options, append=file.exists())
    return file


def covered_km2(claims: Path) -> "pd.Series[float]":
    """Surface by operator, technology, usage, level."""
    table = read_claims(claims)
    sizes = [h3.cell_area(h3.int_to_str(cell), unit="km^2") for cell in table["h3_r8"]]
    surface: pd.Series[float] = (
        (table["declared_share"] * sizes)
        .groupby([table[name] for name in ("operator", "technology", "usage", "level")])
        .sum()
    )
    return surface[surface > 0]


def test_every_shipped_layout_is_read_and_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "coverage-layouts.md").read_text()
    assert {"arcep", "bnetza-grid", "bnetza-areas", "rtr-grid", "fcc-hexagons", "fcc-areas"} == set(shipped_layouts())
    for name in shipped_layouts():
        assert read_layout(name).source
        assert f"`{name}`" in text


@pytest.mark.parametrize(
    ("columns", "level"),
    [
        ({"OPERATEUR": "20815", "TECHNO": "4G", "USAGE": "DATA", "NIVEAU": "tbc"}, "TBC"),
        ({"operateur": "FREE", "techno": "LTE", "usage": "Data", "niveau": "Très bonne couverture"}, "TBC"),
        ({"operateur": 20815.0, "techno": "4g", "usage": "data", "niveau": "Couverture limitée"}, "CL"),
        ({"operateur": 20815, "niveau": "Bonne Couverture"}, "BC"),
        ({"date": "30/06/2019"}, ""),
    ],
)
def test_older_spellings_of_arcep(tmp_path: Path, columns: dict[str, Any], level: str) -> None:
    file = written(tmp_path / "couv_Metropole_FREE_4G_data.shp", [around(NEVERS, LAMBERT_93)], LAMBERT_93, **columns)
    (source,) = import_arcep(file, tmp_path / "claims")
    assert (source.operator, source.technology, source.usage, source.features) == ("20815", "4G", "data", 1)
    assert source.quarter == ("2019_T2" if "date" in columns else "")
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx({("20815", "4G", "data", level): 25.0}, rel=0.01)


@pytest.mark.parametrize(("technology", "usage"), [("2G", "voix"), ("2G3G", "voix"), ("3G", "data"), ("5G", "data")])
def test_technologies_and_usages_by_the_file_s_name(tmp_path: Path, technology: str, usage: str) -> None:
    name = f"2018_T4_couv_Metropole_BYT_{technology}_{usage}"
    file = written(tmp_path / f"{name}.gpkg", [around(NEVERS, LAMBERT_93)], LAMBERT_93)
    (source,) = import_arcep(file, tmp_path / "claims")
    assert (source.operator, source.technology, source.usage) == ("20820", technology, usage)
    assert (source.quarter, source.layer) == ("2018_T4", name)


def test_several_layers_third_dimension_and_broken_rings(tmp_path: Path) -> None:
    square = around(NEVERS, LAMBERT_93)
    west, south, east, north = square.bounds
    bow_tie = Polygon([(west, south), (east, north), (east, south), (west, north)])
    file = tmp_path / "2024_T2_couv_Metropole_OF_4G_data.gpkg"
    written(file, [shapely.force_3d(shapely.affinity.translate(square, 20_000), 12.0)], LAMBERT_93, "TBC", niveau="TBC")
    written(file, [bow_tie], LAMBERT_93, "CL", niveau="CL")
    (source,) = import_arcep(file, tmp_path / "claims")
    assert (source.layer, source.features) == ("TBC, CL", 2)
    expected = {("20801", "4G", "data", "TBC"): 25.0, ("20801", "4G", "data", "CL"): 12.5}
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx(expected, rel=0.01)


def test_overseas_files_are_in_their_own_system_by_name_and_refused_without(tmp_path: Path) -> None:
    file = written(tmp_path / "2024_T4_couv_974_SRR_4G_data.gpkg", [around(SAINT_DENIS, 2975)], 2975, operateur="64702")
    import_arcep(file, tmp_path / "claims")
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx({("64702", "4G", "data", ""): 25.0}, rel=0.01)
    nameless = tmp_path / "couverture.gpkg"
    shutil.copy(file, nameless)
    with pytest.raises(EvidenceError, match=r"expected coordinates of EPSG:2154 .*--crs"):
        import_arcep(nameless, tmp_path / "claims")


def test_an_archive_s_name_says_what_its_member_s_does_not(tmp_path: Path) -> None:
    inner = written(tmp_path / "couverture.gpkg", [around(NEVERS, LAMBERT_93)], LAMBERT_93)
    packed = tmp_path / "2024_T3_couv_Metropole_OF_4G_data.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(inner, "folder/couverture.gpkg")
    (source,) = import_arcep(packed, tmp_path / "claims")
    assert (source.operator, source.technology, source.quarter, source.file) == ("20801", "4G", "2024_T3", packed.name)


def test_constants_read_any_polygons_without_a_layout(tmp_path: Path) -> None:
    file = written(tmp_path / "telekom.geojson", [projected(around((52.5, 13.4), 25833), 25833, WGS_84)], WGS_84)
    plain = parse_layout("none", "").with_constants(operator="26201", technology="4G", source="S", licence="L")
    (source,) = import_coverage(file, tmp_path / "claims", plain)
    assert (source.source, source.licence, source.bounded) == ("S", "L", False)
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx({("26201", "4G", "data", ""): 25.0}, rel=0.01)
    with pytest.raises(EvidenceError, match="neither its columns nor its name say the operator"):
        import_coverage(file, tmp_path / "claims", parse_layout("none", 'technology = "4G"'))


def test_a_file_without_a_system_wants_one_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        file = written(tmp_path / "bipt.shp", [around((50.8, 4.4), 31370)], None)
    plain = parse_layout("none", "").with_constants(operator="20601", technology="4G")
    with pytest.raises(EvidenceError, match="declares no reference system; say it with --crs"):
        import_coverage(file, tmp_path / "claims", plain)
    import_coverage(file, tmp_path / "claims", plain.with_constants(crs="EPSG:31370"))
    assert covered_km2(tmp_path / "claims").sum() == pytest.approx(25.0, rel=0.01)


def test_austrian_squares_become_claims_where_a_rate_is_promised(tmp_path: Path) -> None:
    west, south, _, _ = around(LINZ, 3035).bounds
    rows = ["operator;reference;license;rfc_date;raster;dl_normal;ul_normal;dl_max;ul_max"]
    for north in range(50):
        for east in range(50):
            name = f"100mN{int(south) // 100 + north}E{int(west) // 100 + east}"
            rows.append(f"A1TA;F7/16;CCBY4.0;2020-12-26;{name};55000000;1;{250_000_000 if east < 25 else 0};1")
            rows.append(f"LIWEST;F7/16;CCBY4.0;2020-12-26;{name};55000000;1;250000000;1")
    file = tmp_path / "A1TA_raster.csv"
    file.write_text("\n".join(rows))
    (source,) = import_coverage(file, tmp_path / "claims", read_layout("rtr-grid"))
    assert (source.operator, source.technology, source.quarter, source.features) == ("23201", "5G", "2020_T4", 1_250)
    table = read_claims(tmp_path / "claims")
    shapes = outlines(table["h3_r8"].to_numpy(np.int64), 3035)
    covered = box(west, south, west + 2_500, south + 5_000)
    exact = shapely.area(shapely.intersection(shapes, covered)) / shapely.area(shapes)
    assert table["declared_share"].to_numpy() == pytest.approx(exact, abs=1e-4)


def test_squares_by_coordinates_and_a_signal_in_steps(tmp_path: Path) -> None:
    west, south, _, _ = around((53.3, -8.0), 29903).bounds
    x, y = np.meshgrid(west + 50 + 100 * np.arange(50), south + 50 + 100 * np.arange(50))
    dbm = np.where(x < west + 1_000, -80.5, np.where(x < west + 3_000, -100.0, -130.0))
    table = pd.DataFrame({"X": x.ravel(), "Y": y.ravel(), "rsrp": dbm.ravel()})
    file = tmp_path / "Vodafone_LTE.csv"
    table.to_csv(file, sep=";", decimal=",", index=False)
    layout = parse_layout(
        "comreg",
        """
        crs = "EPSG:29903"
        levels = ["good", "fair"]
        [operator]
        file = "^([A-Za-z]+)_"
        values = { vodafone = "27201" }
        [technology]
        file = "_([A-Z]+)"
        values = { LTE = "4G" }
        [level]
        column = "RSRP"
        steps = [[-95, "good"], [-110, "fair"]]
        [place]
        x = "x"
        y = "y"
        side = 100
        """,
    )
    import_coverage(file, tmp_path / "claims", layout)
    expected = {("27201", "4G", "data", "good"): 5.0, ("27201", "4G", "data", "fair"): 10.0}
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx(expected, rel=0.01)


def test_american_hexagons_by_their_index_and_polygons_by_their_brand(tmp_path: Path) -> None:
    parent = h3.latlng_to_cell(*DENVER, 8)
    children = sorted(h3.cell_to_children(parent, 9))
    rows = [("T-Mobile", 400, 5, cell) for cell in children] + [("T-Mobile", 500, 35, cell) for cell in children[:3]]
    rows += [("T-Mobile", 500, 7, cell) for cell in children[:5]] + [("Another", 400, 5, children[0])]
    brands, technologies, rates, cells = zip(*rows, strict=True)
    shapes = [Polygon([(lon, lat) for lat, lon in h3.cell_to_boundary(cell)]) for cell in cells]
    named = {"brandname": brands, "technology": technologies, "mindown": rates}
    hexagons = written(tmp_path / "hex.shp", shapes, WGS_84, h3_res9_id=cells, **named)
    import_coverage(hexagons, tmp_path / "claims", read_layout("fcc-hexagons"))
    table = read_claims(tmp_path / "claims").set_index(["operator", "technology", "level"])["declared_share"]
    assert table.to_dict() == pytest.approx(
        {
            ("310260", "4G", "5/1"): 1.0,
            ("310260", "5G", "35/3"): round(3 / 7, 4),
            ("310260", "5G", "7/1"): round(2 / 7, 4),
        }
    )
    areas = written(tmp_path / "areas.gpkg", shapes, WGS_84, **named)
    import_coverage(areas, tmp_path / "polygons", read_layout("fcc-areas"))
    polygons = read_claims(tmp_path / "polygons").groupby(["operator", "technology", "level"])["declared_share"].sum()
    assert polygons["310260", "4G", "5/1"] == pytest.approx(1.0, abs=0.01)
    assert polygons["310260", "5G", "7/1"] == pytest.approx(2 / 7, abs=0.01)


def test_german_areas_speak_where_they_count_all_operators_or_none(tmp_path: Path) -> None:
    all_of_them = around((53.1, 8.8), 25832)
    some, none = (shapely.affinity.translate(all_of_them, shift) for shift in (5_000, 10_000))
    file = written(
        tmp_path / "202401_Geodaten.gpkg", [all_of_them, some, none], 25832, mobilesBB_AnzahlMNB=[3, 2, 0], BL="04"
    )
    sources = import_coverage(file, tmp_path / "claims", read_layout("bnetza-areas"))
    assert [source.operator for source in sources] == ["26201", "26202", "26203"]
    table = read_claims(tmp_path / "claims").query("operator == '26203'")
    shapes = outlines(table["h3_r8"].to_numpy(np.int64), 25832)
    covered, known = (
        shapely.area(shapely.intersection(shapes, shape))
        for shape in (all_of_them, shapely.union_all([all_of_them, none]))
    )
    assert table["declared_share"].to_numpy() == pytest.approx(covered / known, abs=1e-4)
    assert (known / shapely.area(shapes)).min() >= 0.5
    assert {0.0, 1.0} <= set(table["declared_share"])


def test_conditions_choose_rows_and_layers(tmp_path: Path) -> None:
    file = tmp_path / "operators.gpkg"
    square = around(NEVERS, LAMBERT_93)
    there = shapely.affinity.translate(square, 30_000)
    written(file, [square, there], LAMBERT_93, "20801 outdoor", env=["Outdoor", "INDOOR"], dbm=[-90, -90])
    written(file, [square, there], LAMBERT_93, "20820 outdoor", env="outdoor", dbm=[-120, -90])
    written(file, [square], LAMBERT_93, "ignored", env="outdoor", dbm=-90)
    layout = parse_layout(
        "x",
        """
        layers = "outdoor"
        technology = "4G"
        operator = { layer = '^(\\d{5}) ' }
        where = { env = ["outdoor"], dbm = { at_least = -100 } }
        """,
    )
    import_coverage(file, tmp_path / "claims", layout)
    expected = {("20801", "4G", "data", ""): 25.0, ("20820", "4G", "data", ""): 25.0}
    assert covered_km2(tmp_path / "claims").to_dict() == pytest.approx(expected, rel=0.01)
    assert [source.features for source in read_claim_sources(tmp_path / "claims")] == [1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("operator = [", "not a layout"),
        ("colour = 1", "colour"),
        ("[operator]\ncolum = 'x'", "colum"),
        ("operator = { file = 'x' }", "x has no group"),
        ("absent = 'perhaps'", "absent is 'perhaps'"),
        ("[place]\nx = 'x'\nside = 5", "expected both"),
        ("[place]\nsquare = 'id'", "place.side is missing"),
    ],
)
def test_a_layout_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        parse_layout("mine.toml", text)


@pytest.mark.parametrize(
    ("date", "quarter"),
    [
        ("2024-12-31", "2024_T4"),
        ("31/12/2024", "2024_T4"),
        ("20240331", "2024_T1"),
        ("2019-06-30T00:00:00", "2019_T2"),
        ("2018_T3", "2018_T3"),
        ("2023T1", "2023_T1"),
        ("06/2022", "2022_T2"),
        ("yesterday", ""),
    ],
)
def test_quarters_of_dates(date: str, quarter: str) -> None:
    assert quarter_of(date) == quarter

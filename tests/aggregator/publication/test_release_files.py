"""The files of a release open in what people read them with, say what they hold, and draw themselves in QGIS."""

import csv
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import rdflib
import shapely
from h3.api import basic_int as h3
from rdflib.namespace import DCAT, DCTERMS

from aggregator.judgement.basis import record_basis
from aggregator.publication import api, palette
from aggregator.publication.columns import TABLES
from aggregator.publication.descriptions import columns_of
from aggregator.publication.errors import PublicationError
from aggregator.publication.exporting import FIELD_NAMES, LAYERS, export, read_layer
from aggregator.publication.layers import write_geoparquet
from aggregator.publication.origin import Origin, write_origin
from aggregator.publication.release import publish
from aggregator.publication.styles import styles_of

Build = Callable[[Path, pd.DataFrame], Path]
PUBLISHER = {"name": "Département de la Nièvre", "url": "https://nievre.fr/"}


@pytest.fixture(scope="module")
def release(
    build_data: Build, ledger: pd.DataFrame, hexagon: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    data = build_data(tmp_path_factory.mktemp("files") / "data", ledger)
    named = {"technology": "4G", "usage": "data", "level": "", "bounded": True, "accessible_share": np.nan}
    unvisited = min(h3.grid_ring(hexagon["hole"], 40))
    shares = {hexagon["hole"]: 1.0, hexagon["town"]: 0.2, hexagon["lonely"]: 0.0, unvisited: 1.0}
    rows = [
        {"h3_r8": cell, "operator": operator, "declared_share": share, **named}
        for cell, share in shares.items()
        for operator in ("20801", "20820")
    ]
    pd.DataFrame(rows).to_parquet(data / "claims/claims.parquet", index=False)
    write_origin(data, Origin(publisher=PUBLISHER, attributions=("Relevés : la Nièvre",)))
    record_basis(data, pd.Timestamp(ledger["day"].max()).date(), 365)
    return publish(data)


@pytest.fixture(scope="module")
def package(release: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((release / "datapackage.json").read_text(encoding="utf-8"))
    return found


def test_gdal_of_debian_opens_every_file_without_a_word(release: Path, tmp_path: Path) -> None:
    files = [file for file in sorted(release.iterdir()) if file.suffix in (".gpkg", ".geojson")]
    assert len(files) >= 4
    for file in [*files, *export(release, tmp_path, "geopackage")]:
        told = subprocess.run(["ogrinfo", "-al", "-so", str(file)], capture_output=True, text=True, check=True)
        assert (told.stderr, "FAILURE" in told.stdout) == ("", False), file.name


def test_geoparquet_is_of_version_1_1_and_opens_without_a_warning(release: Path) -> None:
    for name in ("hexagons", "claims"):
        file = release / f"{name}.parquet"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = gpd.read_parquet(file)
            counted = duckdb.sql(f"select count(*), count(geometry) from '{file}'").fetchall()
        assert counted == [(len(table), len(table))]
        geo = json.loads(pq.read_schema(file).metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        assert (geo["version"], column["encoding"], column["geometry_types"]) == ("1.1.0", "WKB", ["Polygon"])
        assert column["crs"]["id"] == {"authority": "EPSG", "code": 4326}
        assert column["bbox"] == pytest.approx(table.total_bounds.tolist())
        assert set(geo) == {"version", "primary_column", "columns"}


def test_every_table_of_a_release_is_described(release: Path) -> None:
    tables = {file.name for file in release.iterdir() if file.suffix in (".csv", ".parquet", ".gpkg")}
    assert [name for name in sorted(tables) if not any(table.is_in(name) for table in TABLES.values())] == []
    for table in TABLES.values():
        for name in columns_of(release, table.name):
            column = table.column(name)
            assert column.en, name
            assert column.fr, name
            assert len(column.short) <= 10 or not table.geometry, name
    for file in (release / name for name in tables if name.endswith(".gpkg")):
        layers = [name for name, _ in pyogrio.list_layers(file) if name != "layer_styles"]
        assert layers
        for layer in layers:
            assert file.name in TABLES[layer].files
            assert list(pyogrio.read_info(file, layer=layer)["fields"]) == columns_of(release, layer)


def test_a_column_that_nobody_described_is_refused() -> None:
    with pytest.raises(PublicationError, match="hexagons: column mood has no description"):
        TABLES["hexagons"].column("mood")
    assert TABLES["zones"].column("op_20815").en.endswith("operator 20815")


def test_frictionless_finds_the_package_and_its_tables_valid(release: Path) -> None:
    told = subprocess.run(
        [
            Path(sys.executable).with_name("frictionless"),
            "validate",
            "--json",
            "--limit-rows",
            "300",
            "datapackage.json",
        ],
        cwd=release,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(told.stdout)
    assert [task["errors"] for task in report["tasks"] if not task["valid"]] == []
    assert report["valid"]
    read = {task["name"] for task in report["tasks"] if task["stats"].get("rows")}
    tables = {"hexagons-parquet", "claims-parquet", "places-parquet", "dcc-poi-csv", "observatory-csv"}
    assert tables | {"observatory-communes-58-csv"} == read


def test_the_package_says_what_each_file_is(release: Path, package: dict[str, list[dict[str, object]]]) -> None:
    listed = {str(resource["path"]): resource for resource in package["resources"]}
    beside = {"datapackage.json", "dcat.jsonld", "manifest.json"}
    assert set(listed) == {file.name for file in release.iterdir() if file.is_file()} - beside
    for path, resource in listed.items():
        assert resource["hash"] == f"sha256:{sha256((release / path).read_bytes()).hexdigest()}"
    layers = {layer["name"] for layer in listed["zones.gpkg"]["layers"]}  # type: ignore[attr-defined]
    assert layers == {"zones", "points", "components"}
    assert package["contributors"] == [{"title": PUBLISHER["name"], "role": "publisher"}]
    assert release.name in str(package["citation"])


def test_the_manifest_tells_kind_size_and_digest_of_every_other_file(release: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    listed = {one["path"]: one for one in manifest["files"]}
    assert listed["hexagons.gpkg"]["media_type"] == "application/geopackage+sqlite3"
    assert "application/octet-stream" not in {one["media_type"] for one in listed.values()}
    served = {ending: kind.split(";")[0] for ending, kind in api.CONTENT_TYPES.items()}
    for path, one in listed.items():
        if Path(path).suffix in served:
            assert one["media_type"] == served[Path(path).suffix]
        assert one["bytes"] == (release / path).stat().st_size
    assert "Relevés : la Nièvre" in manifest["attributions"]
    assert PUBLISHER["name"] in manifest["citation"]["fr"]


def test_catalogues_find_one_dataset_whose_distributions_are_the_files(release: Path) -> None:
    place = "https://exemple.fr/releases/x/"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ConjunctiveGraph is deprecated", DeprecationWarning)  # its parser's own
        graph = rdflib.Graph().parse(release / "dcat.jsonld", format="json-ld", publicID=f"{place}dcat.jsonld")
    (dataset,) = graph.subjects(rdflib.RDF.type, DCAT.Dataset)
    assert {title.language for title in graph.objects(dataset, DCTERMS.title)} == {"fr", "en"}  # type: ignore[attr-defined]
    for needed in (DCTERMS.description, DCTERMS.publisher, DCTERMS.temporal, DCTERMS.spatial, DCTERMS.identifier):
        assert list(graph.objects(dataset, needed)), needed
    addresses = set()
    for distribution in graph.objects(dataset, DCAT.distribution):
        (address,) = graph.objects(distribution, DCAT.downloadURL)
        file = release / str(address).removeprefix(place)
        addresses.add(file.name)
        assert [int(size) for size in graph.objects(distribution, DCAT.byteSize)] == [file.stat().st_size]
        (checksum,) = graph.objects(distribution, rdflib.URIRef("http://spdx.org/rdf/terms#checksum"))
        (value,) = graph.objects(checksum, rdflib.URIRef("http://spdx.org/rdf/terms#checksumValue"))
        assert bytes.fromhex(str(value)) == sha256(file.read_bytes()).digest()
        assert list(graph.objects(distribution, DCTERMS.license))
    assert addresses == {file.name for file in release.iterdir() if file.is_file()} - {"dcat.jsonld", "manifest.json"}


def test_the_catalogue_says_where_anything_is_measured_or_declared(release: Path) -> None:
    measured, declared = (gpd.read_parquet(release / f"{name}.parquet").total_bounds for name in ("hexagons", "claims"))
    box_of_both = [*np.minimum(measured, declared)[:2].tolist(), *np.maximum(measured, declared)[2:].tolist()]
    assert box_of_both != measured.tolist()
    entry = json.loads((release / "dcat.jsonld").read_text(encoding="utf-8"))
    (box,) = [one["dcat:bbox"]["@value"] for one in entry["dct:spatial"] if "dcat:bbox" in one]
    assert shapely.from_wkt(box).bounds == pytest.approx(tuple(box_of_both), abs=1e-6)


def test_geojson_has_booleans_where_the_table_has(release: Path) -> None:
    table = gpd.read_parquet(release / "hexagons.parquet")
    features = json.loads((release / "hexagons.geojson").read_text(encoding="utf-8"))["features"]
    for column in ("remainder", "claimed", "edge"):
        expected = [None if pd.isna(value) else bool(value) for value in table[column]]
        assert [repr(one["properties"][column]) for one in features] == [repr(value) for value in expected], column
        assert True in expected
    assert [one["properties"]["devices"] for one in features] == [
        None if pd.isna(value) else int(value) for value in table["devices"]
    ]


def test_the_columns_list_every_value_of_the_observatory(release: Path) -> None:
    table = TABLES["observatory"]
    files = [file for file in release.iterdir() if table.is_in(file.name)]
    rows = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in files])
    for name in ("kind", "measure", "indicator", "unit"):
        found = set(rows[name])
        assert found - set(table.column(name).values) == set(), name
        assert len(found) >= 2, name


def test_a_key_is_never_missing_and_degrees_have_one_unit() -> None:
    may_be_empty = {("claims", "level"), ("observatory", "operator"), ("observatory", "technology")}
    keys = {(table.name, name): table.column(name).required for table in TABLES.values() for name in table.key}
    assert {place for place, required in keys.items() if not required} == may_be_empty
    degrees = {
        column.unit for table in TABLES.values() for column in table.columns if column.name in ("latitude", "longitude")
    }
    assert degrees == {"deg"}


def test_the_codebook_tells_every_column_in_both_languages(release: Path) -> None:
    text = (release / "codebook.md").read_text(encoding="utf-8")
    french, english = text.split("# Codebook")
    for table in TABLES.values():
        for name in columns_of(release, table.name):
            assert f"| `{name}` |" in french
            assert f"| `{name}` |" in english
            assert table.column(name).fr in french
            assert table.column(name).en in english
    assert "5 appareils de volontaires" in french
    for indicator in TABLES["observatory"].column("indicator").values:
        assert f"`{indicator}`" in french
        assert f"`{indicator}`" in english


def styles(file: Path) -> list[dict[str, object]]:
    with sqlite3.connect(file) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("select * from layer_styles order by id")]


def test_each_layer_opens_coloured_in_qgis(release: Path, tmp_path: Path) -> None:
    (everything,) = export(release, tmp_path, "geopackage")
    assert {name for name, kind in pyogrio.list_layers(everything) if kind} == set(LAYERS)
    for file in (release / "hexagons.gpkg", release / "zones.gpkg", everything):
        found = styles(file)
        layers = {name for name, kind in pyogrio.list_layers(file) if kind}
        assert {row["f_table_name"] for row in found if row["useAsDefault"]} == layers
        assert all(row["f_geometry_column"] == "geom" for row in found)
        for row in found:
            tree = ET.fromstring(str(row["styleQML"]).split("\n", 1)[1])
            rules = [rule for rule in tree.iter("rule") if rule.get("symbol")]
            drawn = [symbol.get("name") for symbol in tree.findall("renderer-v2/symbols/symbol")]
            assert [rule.get("symbol") for rule in rules] == drawn  # QGIS gives each symbol to one rule
            ET.fromstring(str(row["styleSLD"]))
    default = next(row for row in styles(release / "hexagons.gpkg") if row["useAsDefault"])
    tree = ET.fromstring(str(default["styleQML"]).split("\n", 1)[1])
    groups = tree.findall("renderer-v2/rules/rule")
    assert [group.get("checkstate") for group in groups] == [None, "0"]
    table = gpd.read_parquet(release / "hexagons.parquet")
    expressions = [str(groups[0].get("filter"))] + [str(rule.get("filter")) for rule in groups[0]]
    own, *parts = (
        len(duckdb.sql(f"select h3 from '{release / 'hexagons.parquet'}' where {' and '.join(some)}").fetchall())
        for some in ([expressions[0]], *([expressions[0], one] for one in expressions[1:]))
    )
    subject = (table["operator"] == "20801") & (table["threshold"] == "service") & (table["technology"] == "4G")
    remainders = (subject & (table["evidence"] == "crowd") & table["remainder"]).sum()
    assert own - remainders == sum(parts) > 0


def test_what_a_survey_concludes_is_drawn_above_the_volunteers() -> None:
    rows = [("20801", "crowd", "service", "confirmed"), ("20820", "survey", "service", "contradicted")]
    rows += [("20820", "survey", "8", "insufficient")]
    table = pd.DataFrame(rows, columns=["operator", "evidence", "threshold", "verdict"])
    table = table.assign(technology="4G", operator_name="O")
    service, rate = styles_of("hexagons", table)
    groups = ET.fromstring(service.qml.split("\n", 1)[1]).findall("renderer-v2/rules/rule")
    told = [(str(group.get("filter"))[:20], "'survey'" in str(group.get("filter")), len(group)) for group in groups]
    of = ["\"operator\" = '20801'", "\"operator\" = '20820'"]
    assert told == [(of[0], False, 6), (of[0], True, 5), (of[1], False, 6), (of[1], True, 5)]
    assert [group.get("checkstate") for group in groups] == [None, None, "0", "0"]
    assert not any("insufficient" in str(rule.get("filter")) for rule in groups[1])
    assert "survey" not in rate.qml


def test_desktop_and_web_map_have_the_same_colours() -> None:
    sheet = (Path(api.__file__).with_name("web") / "colours.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z]+): (?:light-dark\()?(#[0-9a-f]{6})", sheet))
    for look in palette.VERDICTS:
        verdict = dict(look.where)["verdict"]
        assert colours[verdict.removesuffix("_service")] == look.colour
    assert colours["declared"] == palette.CLAIMED


def test_a_shapefile_names_its_fields_and_says_what_they_are(release: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in release.iterdir() if file.is_file()}
    export(release, tmp_path, "shapefile")
    with (tmp_path / FIELD_NAMES).open(encoding="utf-8-sig", newline="") as lines:
        named = list(csv.DictReader(lines, delimiter=";"))
    for name in LAYERS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read = pyogrio.read_dataframe(tmp_path / f"{name}.shp")
        source = read_layer(release, name)
        fields = {row["champ"]: row["colonne"] for row in named if row["fichier"] == f"{name}.shp" and row["champ"]}
        assert [column for column in read.columns if column != "geometry"] == list(fields)
        assert (tmp_path / f"{name}.cpg").read_text() == "UTF-8"
        assert (tmp_path / f"{name}.prj").stat().st_size > 0
        # rings of a shapefile turn the other way, and it knows no multipolygon of one part
        parts, own = read.explode().geometry.normalize(), source.explode().geometry.normalize()
        assert parts.geom_equals_exact(own, 1e-6).all()
        for field, column in fields.items():
            kind = TABLES[name].column(column).kind
            expected = source[column].fillna("") if kind == "string" else source[column].astype("float64")
            found = read[field].fillna("") if kind == "string" else read[field].astype("float64")
            if kind == "string":
                assert found.tolist() == expected.tolist(), field
            else:
                assert np.allclose(found, expected, equal_nan=True, rtol=1e-9), field
    left_out = {row["colonne"] for row in named if not row["champ"]}
    assert left_out == {"sentence_fr", "sentence_en", "undeclared", "verdicts"}
    assert {file: file.read_bytes() for file in release.iterdir() if file.is_file()} == before


def test_a_p_too_small_for_a_shapefile_is_not_zero_there(release: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(release, tmp_path / "release")
    table = gpd.read_parquet(copy / "hexagons.parquet")
    at = table.index[table["p"].notna()][:2]
    table.loc[at, "p"] = [1.5e-16, 0.031]
    write_geoparquet(table, copy / "hexagons.parquet")
    export(copy, tmp_path / "out", "shapefile")
    read = pyogrio.read_dataframe(tmp_path / "out/hexagons.shp")["p"]
    assert read[at].tolist() == [1e-15, 0.031]
    assert read.isna().tolist() == table["p"].isna().tolist()


def test_french_csv_is_what_a_french_spreadsheet_reads(release: Path, tmp_path: Path) -> None:
    export(release, tmp_path, "csv-fr")
    raw = (tmp_path / "hexagons.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfh3;")
    read = pd.read_csv(tmp_path / "hexagons.csv", sep=";", decimal=",", encoding="utf-8-sig", dtype={"operator": str})
    source = read_layer(release, "hexagons")
    assert np.allclose(read["p"], source["p"].astype("float64"), equal_nan=True)
    assert read["devices"].astype("Int64").equals(source["devices"])
    assert read["operator"].tolist() == source["operator"].tolist()
    assert read["remainder"].tolist() == source["remainder"].astype(int).tolist()
    assert "accessible_share" in (tmp_path / "claims.csv").read_text(encoding="utf-8-sig").splitlines()[0]


def test_french_csv_has_the_releases_own_tables_to_the_last_digit(release: Path, tmp_path: Path) -> None:
    written = export(release, tmp_path, "csv-fr")
    tables = {file.name for file in release.glob("*.csv")}
    assert {"dcc_poi.csv", "observatory.csv"} < tables < {file.name for file in written}
    for name in sorted(tables):
        own = pd.read_csv(
            release / name, sep=None, engine="python", dtype="str", keep_default_na=False, encoding="utf-8"
        )
        raw = (tmp_path / name).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        assert raw.count(b"\r\n") == raw.count(b"\n") == len(own) + 1
        read = pd.read_csv(tmp_path / name, sep=";", dtype="str", keep_default_na=False, encoding="utf-8-sig")
        assert read.columns.tolist() == own.columns.tolist()
        for column in own:
            decimals = column in ("value", "percent", "x_lambert_93", "y_lambert_93", "latitude", "longitude")
            expected = own[column].replace("NA", "")
            assert read[column].tolist() == (expected.str.replace(".", ",") if decimals else expected).tolist(), column
    with (tmp_path / FIELD_NAMES).open(encoding="utf-8-sig", newline="") as lines:
        named = list(csv.DictReader(lines, delimiter=";"))
    for file in written[:-1]:
        header = file.read_text(encoding="utf-8-sig").splitlines()[0].split(";")
        assert [row["champ"] for row in named if row["fichier"] == file.name] == header
    assert all(row["sens"] for row in named)


def test_exporting_what_is_no_release_says_so(tmp_path: Path) -> None:
    with pytest.raises(PublicationError, match=r"hexagons\.parquet"):
        export(tmp_path, tmp_path / "out", "csv-fr")

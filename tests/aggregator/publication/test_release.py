import csv
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb
import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from h3.api import basic_int as h3
from shapely import box

from aggregator.evidence.dcc import import_dcc, read_dcc
from aggregator.evidence.hexagons import parent
from aggregator.evidence.outline import territory_of
from aggregator.judgement.basis import record_basis
from aggregator.judgement.rules import RULES
from aggregator.judgement.trust import TRUST_RULES
from aggregator.proposals.parameters import ZoneParameters
from aggregator.publication.dcc import DCC_COLUMNS
from aggregator.publication.departements import DEPARTEMENTS, departement_text
from aggregator.publication.errors import PublicationError
from aggregator.publication.hexagons import COLUMNS
from aggregator.publication.origin import Origin, write_origin
from aggregator.publication.release import publish
from aggregator.publication.verifying import verify
from client_sdk.errors import MailleError
from collector.plausibility import rules as plausibility

Build = Callable[[Path, pd.DataFrame], Path]
ARCEP_HEADER = (
    "id_point;num_arrete;date_publication_arrete;id_dossier;nom_dossier;nb_sites_dossier;code_insee;nom_commune;"
    "departement;insee_dep;region;x_lambert_93;y_lambert_93;20801;20810;20815;20820;origine_zone;origine_coordonnees;"
    "num_zone_arrete;nom_point_arrete;identifiant_site;lien_arrete"
)


PACKAGES = {"hexagons.gpkg": ["hexagons"], "zones.gpkg": ["zones", "points", "components"]}


@pytest.fixture(scope="module")
def release(data: Path) -> Path:
    return publish(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_the_same_inputs_give_the_same_bytes(build_data: Build, ledger: pd.DataFrame, tmp_path: Path) -> None:
    one, other = (publish(build_data(tmp_path / name, ledger)) for name in ("one", "other"))
    assert one.name == other.name
    first, second = contents(one), contents(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert {"hexagons.parquet", "hexagons.gpkg", "zones.gpkg", "dcc_poi.csv", "manifest.json"} <= first.keys()


def test_the_name_is_the_last_day_and_a_hash_of_inputs_and_parameters(
    build_data: Build, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    data = build_data(tmp_path / "data", ledger)
    plain = publish(data)
    assert re.fullmatch(r"2026-06-13-[0-9a-f]{10}", plain.name)
    assert json.loads((data / "releases/latest.json").read_text()) == {"release": plain.name}
    before = contents(plain)
    assert publish(data) == plain
    assert contents(plain) == before
    other = publish(data, zones=ZoneParameters(count=1))
    assert other.name != plain.name
    assert json.loads((data / "releases/latest.json").read_text()) == {"release": other.name}
    assert json.loads((other / "manifest.json").read_text())["previous"] == plain.name
    assert publish(data, zones=ZoneParameters(count=1)) == other
    assert sorted(path.name for path in (data / "releases").iterdir()) == sorted(
        [plain.name, other.name, "latest.json"]
    )


def test_a_zone_keeps_its_id_in_the_next_release(
    build_data: Build, ledger: pd.DataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    data = build_data(tmp_path / "data", ledger)
    first = gpd.read_file(publish(data, audience="team") / "zones.geojson")
    shutil.move(data / "team-releases", tmp_path / "releases")
    south, _ = h3.cell_to_latlng(hexagon["hole"])
    fewer = ledger[[h3.cell_to_latlng(cell)[0] > south - 0.005 for cell in ledger["h3_r9"]]]
    later = build_data(tmp_path / "later", fewer)
    shutil.move(tmp_path / "releases", later / "team-releases")
    second = gpd.read_file(publish(later, audience="team") / "zones.geojson")
    assert first["latitude"].iloc[0] != second["latitude"].iloc[0]
    assert first["zone_id"].iloc[0] == second["zone_id"].iloc[0]


def test_hexagons_have_their_columns_and_open_everywhere(release: Path) -> None:
    table = gpd.read_parquet(release / "hexagons.parquet")
    assert list(table.columns) == [*COLUMNS, "geometry"]
    assert table.crs.to_epsg() == 4326
    assert table["remainder"].tolist() == (table["resolution"] < 8).tolist()
    assert set(table.loc[table["remainder"], "verdict"]) == {""}
    package = gpd.read_file(release / "hexagons.gpkg", layer="hexagons")
    assert len(package) == len(table) == len(gpd.read_file(release / "hexagons.geojson"))
    assert package["verdict_fr"].tolist() == table["verdict_fr"].tolist()
    assert package.geometry.geom_equals_exact(table.geometry, 1e-9).all()
    counted = duckdb.sql(f"select h3, verdict from read_parquet('{release / 'hexagons.parquet'}')").fetchall()
    assert counted == list(zip(table["h3"], table["verdict"], strict=True))
    columns = {"h3", "verdict", "p", "declared_share", "first_month"}
    assert columns <= set(json.loads((release / "hexagons.geojson").read_text())["features"][0]["properties"])


def test_geopackages_are_of_a_version_that_older_readers_know(release: Path) -> None:
    for name, layers in PACKAGES.items():
        with sqlite3.connect(release / name) as package:
            assert package.execute("pragma user_version").fetchone() == (10300,)
            changes = package.execute("select distinct last_change from gpkg_contents").fetchall()
        package.close()
        assert changes == [("2026-06-13T00:00:00.000Z",)]
        assert pyogrio.list_layers(release / name)[:, 0].tolist() == [*layers, "layer_styles"]
    ogrinfo = shutil.which("ogrinfo")
    assert ogrinfo, "ogrinfo is missing: apt-get install gdal-bin"
    for name in ("hexagons.gpkg", "zones.gpkg", "zones.geojson", "hexagons.geojson"):
        done = subprocess.run([ogrinfo, "-so", "-al", release / name], capture_output=True, text=True, check=True)
        assert done.stderr == ""


def test_zones_are_in_lambert_93(release: Path) -> None:
    zones = gpd.read_file(release / "zones.gpkg", layer="zones")
    points = gpd.read_file(release / "zones.gpkg", layer="points")
    assert zones.crs.to_epsg() == points.crs.to_epsg() == 2154
    assert zones["name"].iloc[0] == "Cossaye"
    assert zones[["first_month", "last_month"]].iloc[0].tolist() == ["2026-04", "2026-06"]
    assert zones.geometry.iloc[0].contains(points.geometry.iloc[0])
    assert set(points["zone_id"]) == set(zones.loc[zones["operators_missing"] > 0, "zone_id"])


def test_the_dcc_file_has_the_columns_of_arceps_and_their_dialect(release: Path) -> None:
    text = (release / "dcc_poi.csv").read_text(encoding="utf-8")
    header, *lines = text.splitlines()
    assert header.startswith(";".join(f'"{name}"' for name in ARCEP_HEADER.split(";")))
    assert ARCEP_HEADER.split(";") == DCC_COLUMNS
    assert lines
    assert all(re.fullmatch(r'(NA|"([^"]|"")*")(;(NA|"([^"]|"")*"))*', line) for line in lines)
    row = next(csv.DictReader(text.splitlines(), delimiter=";"))
    assert row["nom_commune"] == "COSSAYE"
    assert (row["departement"], row["insee_dep"], row["region"]) == ("NIÈVRE", "58", "BOURGOGNE-FRANCHE-COMTÉ")
    assert (row["20801"], row["20810"], row["20815"], row["20820"]) == ("1", "0", "0", "0")
    assert (row["x_lambert_93"], row["y_lambert_93"]) == ("736756.8", "6630342.3")
    assert (row["num_arrete"], row["origine_zone"], row["lien_arrete"]) == ("NA", "Maille", "NA")
    assert (row["classe_preuve"], row["technologie"], row["publication"]) == ("A", "4G", release.name)
    assert (row["site_le_plus_proche_m"], row["site_le_plus_proche_zone_m"], row["dcc_a_proximite"]) == (
        "NA",
        "NA",
        "0",
    )
    assert (release / row["dossier_pdf"]).is_file()


def test_the_dcc_file_is_read_as_arceps_are(release: Path, tmp_path: Path) -> None:
    read = import_dcc(release / "dcc_poi.csv", tmp_path)
    every = gpd.read_file(release / "zones.gpkg", layer="points")
    points = every[every[[name for name in every if name.startswith("op_")]].any(axis=1)]
    assert (read.kind, read.decided, read.left_out) == ("points", len(every), 0)
    assert len(points) == len(every) > 0
    known = read_dcc(tmp_path)
    assert known is not None
    assert sorted(known["dossier"]) == sorted(points["zone_id"])
    places = sorted(zip(known.to_crs(2154).geometry.x.round(1), known.to_crs(2154).geometry.y.round(1), strict=True))
    assert places == sorted(zip(points["x_lambert_93"], points["y_lambert_93"], strict=True))


def test_departements_are_named_as_the_dcc_files_and_as_people_do() -> None:
    assert all(re.fullmatch(r"[A-ZÀ-Ý]+(?:[-' ][A-ZÀ-Ý]+)*", name) for name, _ in DEPARTEMENTS.values())
    assert len(DEPARTEMENTS) == 96
    assert departement_text("21") == "Côte-d’Or (21), Bourgogne-Franche-Comté"
    assert departement_text("63") == "Puy-de-Dôme (63), Auvergne-Rhône-Alpes"
    assert departement_text("44") == "Loire-Atlantique (44), Pays de la Loire"
    assert departement_text("987") == "987"


def test_no_device_and_no_exact_day_leaves(release: Path, ledger: pd.DataFrame) -> None:
    tokens = set(ledger["device_token"])
    for name, content in contents(release).items():
        assert not [token for token in tokens if token.encode() in content], name
        if not name.endswith((".gpkg", ".parquet")):
            days = set(re.findall(r"20\d\d-\d\d-\d\d", content.decode(errors="replace")))
            assert days <= {"2026-06-13"}, name


def test_the_manifest_says_what_the_release_is_made_of(release: Path, data: Path) -> None:
    told = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    listed = {file["path"]: file["sha256"] for file in told["files"]}
    found = {name: sha256(content).hexdigest() for name, content in contents(release).items()}
    assert listed == {name: digest for name, digest in found.items() if name != "manifest.json"}
    ledger = {
        "path": "evidence/ledger.parquet",
        "sha256": sha256((data / "evidence/ledger.parquet").read_bytes()).hexdigest(),
    }
    assert ledger in told["inputs"]
    assert told["licence"]["spdx"] == "etalab-2.0"
    assert "Arcep, Mon réseau mobile (Licence Ouverte 2.0)" in told["attributions"]
    assert any("Voronoi" in line for line in told["attributions"])
    for member, rules in (("rules", RULES), ("trust_rules", TRUST_RULES), ("plausibility_rules", plausibility.RULES)):
        assert [(rule["id"], rule["version"]) for rule in told[member]] == [(rule.id, rule.version) for rule in rules]
    assert all(rule.get("reason") or rule["reason_fr"] for rule in [*told["rules"], *told["plausibility_rules"]])
    assert told["parameters"]["constants"]["vehicle_loss_db"] == 6.0
    assert told["parameters"]["zones"]["weights"]["main_road_km"] == 20.0
    assert (told["k"], told["audience"], told["synthetic"]) == (5, "public", False)
    assert told["demand_model"]["id"] == "empirical-bayes-2"
    for language in ("fr", "en"):
        assert "50 km²" in " ".join(told["limits"][language])
        assert "5" in told["not_included"][language]


def test_the_index_lists_the_layers_that_tiles_have(release: Path) -> None:
    index = json.loads((release / "map/index.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in index["operators"]] == ["Orange", "Bouygues Telecom"]
    assert index["thresholds"] == ["service", "3", "8"]
    published = pd.read_parquet(release / "hexagons.parquet")
    published = published[~published["remainder"]]
    key = ["operator", "technology", "threshold"]
    hexagons = published.groupby(key)["h3"].nunique().to_dict()
    assert {tuple(layer[name] for name in key): layer["hexagons"] for layer in index["layers"]} == hexagons
    for layer in index["layers"]:
        assert sum(layer["verdicts"].values()) == layer["hexagons"]
    assert index["claims"] == []  # this territory has none
    communes = json.loads((release / "map/communes.json").read_text(encoding="utf-8"))
    assert ["58095", "Decize", 5200, 46.8289, 3.4622] in communes


def test_the_teams_release_is_elsewhere_and_says_so(data: Path) -> None:
    team = publish(data, audience="team")
    assert team.parent == data / "team-releases"
    assert json.loads((team / "manifest.json").read_text())["warning"]["fr"].startswith("Réservé")
    assert json.loads((team / "map/index.json").read_text())["audience"] == "team"
    devices = gpd.read_parquet(team / "hexagons.parquet")["devices"]
    assert (devices[devices > 1] >= 3).all()
    for table in ("hexagons.geojson", "zones.geojson"):
        assert set(gpd.read_file(team / table)["notice"]) == {"project team only (équipe-projet seule)"}
    assert "project team only" in (team / "dcc_poi.csv").read_text(encoding="utf-8")
    assert (devices < 5).any()


def test_zones_of_the_public_rest_on_what_the_public_sees(
    build_data: Build, rows_in: Callable[..., list[dict[str, object]]], hexagon: dict[str, int], tmp_path: Path
) -> None:
    working = rows_in(hexagon["town"], list("abcd"), 0, "20801")
    four = pd.DataFrame([*rows_in(hexagon["hole"], list("abcd"), 4, "20801"), *working])
    data = build_data(tmp_path / "data", four)
    assert len(gpd.read_file(publish(data) / "zones.geojson")) == 0
    assert len(gpd.read_file(publish(data, audience="team") / "zones.geojson")) == 1


def test_a_failure_leaves_no_half_release(build_data: Build, ledger: pd.DataFrame, tmp_path: Path) -> None:
    data = build_data(tmp_path / "data", ledger)
    good = publish(data)
    (data / "claims/sources.json").write_text("[", encoding="utf-8")
    with pytest.raises(PublicationError, match=r"sources\.json: is not JSON"):
        publish(data)
    assert sorted(path.name for path in (data / "releases").iterdir()) == [good.name, "latest.json"]
    assert json.loads((data / "releases/latest.json").read_text()) == {"release": good.name}


def test_figures_and_verdicts_of_two_states_are_never_mixed(
    build_data: Build, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    data = build_data(tmp_path / "data", ledger)
    ledger.iloc[:-1].to_parquet(data / "evidence/ledger.parquet", index=False)
    with pytest.raises(MailleError, match=r"ledger\.parquet: changed since the verdicts were made; run"):
        publish(data)
    assert not (data / "releases").exists()


def test_generated_data_stay_so_whoever_publishes_them(build_data: Build, ledger: pd.DataFrame, tmp_path: Path) -> None:
    data = build_data(tmp_path / "data", ledger)
    write_origin(data, Origin(synthetic=True, label={"en": "made up", "fr": "inventé"}, attributions=("a seed",)))
    release = publish(data)
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["synthetic"], manifest["synthetic_label"]["fr"]) == (True, "inventé")
    assert "a seed" in manifest["attributions"]
    assert set(gpd.read_parquet(release / "hexagons.parquet")["notice"]) == {"synthetic data (données synthétiques)"}
    (data / "origin.json").write_text("{", encoding="utf-8")
    with pytest.raises(PublicationError, match=r"origin\.json: cannot be read"):
        publish(data)


def test_a_window_without_a_test_publishes_nothing(build_data: Build, ledger: pd.DataFrame, tmp_path: Path) -> None:
    data = build_data(tmp_path / "data", ledger)
    good = publish(data)
    record_basis(data, date(2020, 1, 1), 365)
    with pytest.raises(PublicationError, match="no test in the window"):
        publish(data)
    assert json.loads((data / "releases/latest.json").read_text()) == {"release": good.name}


def test_a_low_rate_contradicts_no_map(release: Path) -> None:
    rows = gpd.read_parquet(release / "hexagons.parquet").query("threshold != 'service' and verdict != ''")
    assert len(rows)
    assert not rows["verdict_fr"].str.contains("contredite").any()
    service = gpd.read_parquet(release / "hexagons.parquet").query("threshold == 'service'")
    assert "contredite" in set(service["verdict_fr"])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PublicationError, match=r"ledger\.parquet: missing"):
        publish(tmp_path)


def test_every_verdict_says_in_words_what_its_columns_say(release: Path) -> None:
    table = gpd.read_parquet(release / "hexagons.parquet")
    judged = table[table["judged_devices"].notna()]
    assert len(judged)
    assert (judged[["sentence_fr", "sentence_en"]] != "").all(axis=None)
    assert (table.loc[table["remainder"], "sentence_fr"] == "").all()
    strong = judged[(judged["strength"] == "strong") & (judged["threshold"] == "service")].iloc[0]
    assert f"{strong['judged_failing']:.0f}" in strong["sentence_en"]
    assert f"{strong['judged_devices']:.0f}" in strong["sentence_en"]


def test_what_was_measured_indoors_changes_nothing(
    build_data: Build, ledger: pd.DataFrame, rows_in: Callable[..., list[dict[str, object]]], tmp_path: Path
) -> None:
    inside = [
        row
        for context in ("indoor", "unknown")
        for row in rows_in(
            int(h3.cell_to_parent(ledger["h3_r9"].iloc[0], 8)), list("vwxyz"), 5, "20801", context=context
        )
    ]
    data = build_data(tmp_path / "data", pd.concat([ledger, pd.DataFrame(inside)], ignore_index=True))
    table = gpd.read_parquet(publish(data) / "hexagons.parquet")
    plain = gpd.read_parquet(publish(build_data(tmp_path / "plain", ledger)) / "hexagons.parquet")
    assert table.equals(plain)


def test_a_territory_is_all_that_is_published(build_data: Build, ledger: pd.DataFrame, tmp_path: Path) -> None:
    data = build_data(tmp_path / "data", ledger)
    outline = tmp_path / "south.geojson"
    gpd.GeoSeries([box(3.3, 46.6, 3.7, 46.76)], crs=4326).to_file(outline)
    territory = territory_of(data, None, outline)
    assert territory is not None
    release = publish(data, territory=territory)
    table = gpd.read_parquet(release / "hexagons.parquet")
    hexagons = table.loc[table["resolution"] == 8, "h3"].map(h3.str_to_int)
    assert set(hexagons) <= set(territory.cells.tolist())
    assert 0 < len(set(hexagons)) < len(set(parent(ledger["h3_r9"], 8)))
    told = json.loads((release / "manifest.json").read_text(encoding="utf-8"))["parameters"]["territory"]
    assert (told["outline"], told["hexagons"]) == ("south.geojson", len(territory.cells))
    assert verify(release, data).holds

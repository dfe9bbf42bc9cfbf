"""Every file of a team's release says that it is the team's, read as people read it; none of the public's does."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from h3.api import basic_int as h3
from pmtiles.reader import MmapSource, Reader
from pypdf import PdfReader

from aggregator.proposals.mission_plan import Mission, MissionParameters, named, write_plan
from aggregator.proposals.missions import plan_mission
from aggregator.publication.marking import mark_json
from aggregator.publication.release import publish
from aggregator.publication.team_words import TEAM_ONLY
from aggregator.publication.verifying import verify

MARK = "project team only"


def planned(place: tuple[float, float]) -> Mission:
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(*place, 8), 1))
    table = {"people": 30.0, "main_km": 0.0, "other_km": 0.0, "reason": "suspected", "operators": "20801"}
    table |= {"expected_contradicted": 0.4, "demand": 30.0, "value": 30.0}
    key = {"operator": "20801", "technology": "4G", "threshold": "service", "evidence": "crowd", "strength": ""}
    verdicts = pd.DataFrame({"h3_r8": cells, **key, "verdict": "suspected", "last_day": date(2026, 8, 14)})
    worth = pd.DataFrame(table, index=pd.Index(cells, name="h3_r8"))
    return named(plan_mission(worth, verdicts, MissionParameters(latitude=46.83, longitude=3.46)), "2026-06-13")


@pytest.fixture(scope="module")
def workplace(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a planned mission."""
    copy = tmp_path_factory.mktemp("marks") / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("releases", "team-releases", "publication"))
    mission = planned((46.80, 3.47))
    (copy / "missions" / mission.mission_id).mkdir(parents=True)
    write_plan(mission, copy / "missions" / mission.mission_id)
    return copy


@pytest.fixture(scope="module")
def team(workplace: Path) -> Path:
    return publish(workplace, audience="team")


def column(table: pd.DataFrame, name: str = "notice") -> bool:
    """Whether every row bears the mark; a table without rows still has the column."""
    return name in table and bool(table[name].fillna("").str.contains(MARK).all())


def geopackage(file: Path) -> bool:
    layers = [name for name, _ in pyogrio.list_layers(file) if name != "layer_styles"]
    return bool(layers) and all(column(gpd.read_file(file, layer=layer)) for layer in layers)


def json_members(file: Path) -> bool:
    members = json.loads(file.read_text(encoding="utf-8"))
    return isinstance(members, dict) and TEAM_ONLY in (members.get("notice"), members.get("warning"))


def text(file: Path) -> bool:
    told = file.read_text(encoding="utf-8")
    return all(words in told for words in TEAM_ONLY.values())


def rows(file: Path) -> bool:
    if file.name == "dcc_poi.csv":
        return column(pd.read_csv(file, sep=";", dtype=str), "avertissement")
    return column(pd.read_csv(file, dtype=str))


def pages(file: Path) -> bool:
    told = [" ".join(page.extract_text().split()) for page in PdfReader(file).pages]
    return all("équipe projet" in page or "équipe-projet" in page for page in told)


def archive(file: Path) -> bool:
    with file.open("rb") as source:
        return MARK in Reader(MmapSource(source)).metadata()["description"]


READ: dict[str, Callable[[Path], bool]] = {
    ".csv": rows,
    ".geojson": json_members,
    ".gpkg": geopackage,
    ".json": json_members,
    ".jsonld": json_members,
    ".md": text,
    ".parquet": lambda file: column(pd.read_parquet(file)),
    ".pdf": pages,
    ".pmtiles": archive,
    ".txt": text,
}
"""How a file of each kind says whose it is. A new kind of file has to say it too: add it here."""

NO_ROOM = {
    "map/communes.json": "a list of communes, which everybody knows",
    "tiles/": "drawn by the page alone, which has a banner",
}
"""Files, or what their path begins with, that say nothing, and why that is right."""


def test_every_file_of_the_teams_release_is_marked(team: Path) -> None:
    files = sorted(path for path in team.rglob("*") if path.is_file())
    assert {"hexagons.gpkg", "dcc_poi.csv", "manifest.json", "missions.geojson"} <= {file.name for file in files}
    names = [file.relative_to(team).as_posix() for file in files]
    unmarked = [
        name
        for name, file in zip(names, files, strict=True)
        if not name.startswith(tuple(NO_ROOM)) and not READ[file.suffix](file)
    ]
    assert unmarked == []


def test_the_teams_data_package_names_its_resources_as_the_profile_allows(team: Path) -> None:
    resources = json.loads((team / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    names = [one["name"] for one in resources]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[-a-z0-9._/]+", name)] == []
    (text,) = (one for one in resources if one["path"].endswith(".txt"))
    assert text["mediatype"] == "text/plain"


def test_no_file_of_the_publics_is(workplace: Path) -> None:
    release = publish(workplace)
    files = sorted(path for path in release.rglob("*") if path.is_file())
    assert "missions.geojson" not in {file.name for file in files}
    for file in files:
        assert all(words.encode() not in file.read_bytes() for words in (MARK, *TEAM_ONLY.values())), file


def test_missions_are_the_teams_alone_and_their_plans_are_inputs(workplace: Path, team: Path) -> None:
    layer = gpd.read_file(team / "map/missions.geojson")
    assert set(layer["type"]) == {"hexagon", "tour", "point"}
    plan = planned((46.80, 3.47))
    assert len(layer[layer["type"] == "hexagon"]) == len(plan.stops) > 0
    assert (len(layer[layer["type"] == "tour"]), len(layer[layer["type"] == "point"])) == (2, len(plan.points))
    stop = layer[layer["type"] == "hexagon"].iloc[0]
    assert (stop["reason_en"], stop["reason_fr"]) == ("to be checked on the spot", "à vérifier sur place")
    latitude, longitude = h3.cell_to_latlng(int(stop["h3"], 16))
    assert stop.geometry.contains(shapely.Point(longitude, latitude))
    assert json.loads((team / "map/index.json").read_text())["missions"] == "missions.geojson"
    (file,) = sorted((workplace / "missions").glob("*/plan.json"))
    named_inputs = {one["path"] for one in json.loads((team / "manifest.json").read_text())["inputs"]}
    assert file.relative_to(workplace).as_posix() in named_inputs
    assert verify(team, workplace).holds
    public = publish(workplace)
    second = planned((46.76, 3.50))
    (workplace / "missions" / second.mission_id).mkdir()
    write_plan(second, workplace / "missions" / second.mission_id)
    assert publish(workplace) == public, "a mission changes nothing of what the public sees"
    later = publish(workplace, audience="team")
    assert later != team
    assert len(set(gpd.read_file(later / "map/missions.geojson")["mission"])) == 2
    assert not verify(team, workplace).holds
    shutil.rmtree(workplace / "missions" / second.mission_id)


@pytest.mark.parametrize("text", ["{}", "{\n}\n", '{"a":1}\n', ' { "a": {"notice": 3}}', '{"type":"x","b":[]}'])
def test_a_mark_leaves_the_rest_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "some.geojson"
    file.write_text(text)
    mark_json(tmp_path)
    assert json.loads(file.read_text()) == {"notice": TEAM_ONLY} | json.loads(text)
    marked = file.read_bytes()
    mark_json(tmp_path)
    assert file.read_bytes() == marked


def test_a_list_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    mark_json(tmp_path)
    assert (tmp_path / "list.json").read_text() == "[1]"

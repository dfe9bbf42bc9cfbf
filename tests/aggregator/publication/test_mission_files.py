"""Files of a mission: GPX that other programs open, GeoJSON for a GIS, a sheet that says what to do."""

import json
import re
from datetime import date
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pytest
from h3.api import basic_int as h3

from aggregator.proposals.mission_plan import Mission, MissionParameters
from aggregator.proposals.missions import plan_mission
from aggregator.publication.mission_files import GPX, gpx_of, write_mission_files
from aggregator.publication.origin import Origin, synthetic_text
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.messages import Language, use_language

START = {"latitude": 46.83, "longitude": 3.46}
ORDER = ["name", "desc", "type"]  # as the schema of GPX 1.1 wants the elements of a waypoint


@pytest.fixture(scope="module")
def mission() -> Mission:
    use_language("en")
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(46.80, 3.47, 8), 2))
    table = {"people": 30.0, "main_km": 0.0, "other_km": 0.0, "reason": "suspected", "operators": "20801 20815"}
    table |= {"expected_contradicted": 0.4, "demand": 30.0, "value": 30.0}
    key = {"operator": "20801", "technology": "4G", "threshold": "service", "evidence": "crowd", "strength": ""}
    verdicts = pd.DataFrame({"h3_r8": cells, **key, "verdict": "suspected", "last_day": date(2026, 8, 14)})
    worth = pd.DataFrame(table, index=pd.Index(cells, name="h3_r8"))
    return plan_mission(worth, verdicts, MissionParameters(**START, hours=4.0))


def test_the_gpx_is_well_formed_and_its_routes_begin_and_end_at_the_start(mission: Mission) -> None:
    use_language("en")
    root = ET.fromstring(gpx_of(mission))
    assert root.tag == f"{{{GPX}}}gpx"
    assert root.attrib == {"version": "1.1", "creator": "maille"}
    kinds = [child.tag.removeprefix(f"{{{GPX}}}") for child in root]
    assert kinds == ["metadata", *["wpt"] * len(mission.points), "rte", "rte"]
    waypoints = root.findall(f"{{{GPX}}}wpt")
    assert [point.findtext(f"{{{GPX}}}name") for point in waypoints] == mission.points["point"].tolist()
    for point in waypoints:
        inside = [child.tag.removeprefix(f"{{{GPX}}}") for child in point]
        assert inside == sorted(inside, key=ORDER.index)
        assert -90 <= float(point.attrib["lat"]) <= 90
    for day, route in enumerate(root.findall(f"{{{GPX}}}rte"), start=1):
        places = [(float(one.attrib["lat"]), float(one.attrib["lon"])) for one in route.findall(f"{{{GPX}}}rtept")]
        assert places[0] == places[-1] == (START["latitude"], START["longitude"])
        assert len(places) == (mission.points["day"] == day).sum() + 2


def test_the_files_are_the_same_again_and_a_gis_reads_them(mission: Mission, tmp_path: Path) -> None:
    use_language("en")
    files = write_mission_files(mission, tmp_path / "one")
    again = write_mission_files(mission, tmp_path / "two")
    assert {kind: file.read_bytes() for kind, file in files.items()} == {
        kind: file.read_bytes() for kind, file in again.items()
    }
    features = json.loads(files["geojson"].read_text())["features"]
    kinds = [feature["properties"]["type"] for feature in features]
    assert kinds == ["hexagon"] * len(mission.stops) + ["tour"] * 2 + ["point"] * len(mission.points)
    waypoints = gpd.read_file(files["gpx"], layer="waypoints", engine="pyogrio")
    assert waypoints["name"].tolist() == mission.points["point"].tolist()
    assert len(gpd.read_file(files["gpx"], layer="routes", engine="pyogrio")) == 2


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_file_says_that_it_is_for_the_team_alone(mission: Mission, language: Language, tmp_path: Path) -> None:
    use_language(language)
    files = write_mission_files(mission, tmp_path)
    use_language("en")
    assert ET.parse(files["gpx"]).findtext(f"{{{GPX}}}metadata/{{{GPX}}}desc") == TEAM_ONLY[language]
    features = json.loads(files["geojson"].read_text(encoding="utf-8"))["features"]
    assert {feature["properties"]["notice"] for feature in features} == {TEAM_ONLY[language]}
    spoken = {"fr": "Réservé à l’équipe-projet", "en": "For the project team alone"}
    assert spoken[language] in files["sheet"].read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_file_says_that_its_data_were_made_up(mission: Mission, language: Language, tmp_path: Path) -> None:
    use_language(language)
    told = synthetic_text(Origin(synthetic=True, label={"fr": "INVENTÉ <ici>", "en": "INVENTED <here>"}))
    named, measured = synthetic_text(Origin(synthetic=True)), synthetic_text(Origin())
    made, real = (
        write_mission_files(mission, tmp_path / name, synthetic=text) for name, text in (("a", told), ("b", measured))
    )
    use_language("en")
    assert measured == ""
    assert (told, named) == {
        "fr": ("INVENTÉ <ici>", "Données synthétiques."),
        "en": ("INVENTED <here>", "Synthetic data."),
    }[language]
    for kind, written in (("gpx", escape(told)), ("geojson", told), ("sheet", escape(told))):
        assert written in made[kind].read_text(encoding="utf-8")
        assert written not in real[kind].read_text(encoding="utf-8")
    features = json.loads(made["geojson"].read_text(encoding="utf-8"))["features"]
    assert {feature["properties"]["notice"] for feature in features} == {f"{TEAM_ONLY[language]} {told}"}


class Texts(HTMLParser):
    """Text of every element, and tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.code: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "code":
            self.code.append(data)


@pytest.mark.parametrize(("language", "words"), [("fr", "Que faire"), ("en", "What to do")])
def test_the_sheet_names_every_point_and_commands_that_exist(
    mission: Mission, language: str, words: str, tmp_path: Path
) -> None:
    import typer.main

    from client_sdk.cli import build

    use_language("fr" if language == "fr" else "en")
    sheet = write_mission_files(mission, tmp_path)["sheet"].read_text()
    use_language("en")
    parser = Texts()
    parser.feed(re.sub(r"<(circle|rect|line|polyline)[^>]*/>", "", sheet).replace("<!doctype html>", ""))
    assert parser.open == []
    assert words in sheet
    for point in mission.points.to_dict("records"):
        assert f"{point['latitude']:.6f}, {point['longitude']:.6f}" in sheet
    assert len(parser.code) == 6
    for command in parser.code:
        program, *rest = command.split()
        assert program == "maille"
        found = typer.main.get_command(build(rest[0]))
        while rest and hasattr(found, "commands"):
            found = found.commands[rest.pop(0)]
        options = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options
    assert "http" not in sheet.replace('xmlns="http://www.w3.org/2000/svg"', ""), "nothing is fetched"

"""The report of a survey: figures that can be computed by hand, files that other programs read, a map that shows it."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from client_sdk.commands.survey_report import told
from client_sdk.messages import _current, use_language
from client_sdk.outbox.surveys import SurveyEvent, SurveyRecord, SurveySample
from client_sdk.sample import FIELDS
from client_sdk.survey.report import Spread, SurveyReport, build, distance_m
from client_sdk.survey.report_map import class_of, draw, looks

START_MS = 1_795_162_000_000
RECORD = SurveyRecord(
    "0198c8a2-5d2b-7c3e-8f10-2a6b1c9d4e5f", {"campaign": "Morvan"}, START_MS, START_MS, START_MS + 90_000
)
METRES_PER_DEGREE = 111_195.08


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(_current)
    use_language("en")
    yield
    _current[:] = before


def sample(
    second: int, metres_north: float | None, state: str = "pending", modem: str = "a", **fields: Any
) -> SurveySample:
    place = {} if metres_north is None else {"latitude": 47.0 + metres_north / METRES_PER_DEGREE, "longitude": 3.5}
    values: dict[str, Any] = {
        "id": f"0198c8a2-5d2b-7c3e-8f10-{second:012d}",
        "seq": second,
        "kind": "signal",
        "measured_at": f"2026-11-20T08:{second // 60:02d}:{second % 60:02d}.000Z",
        "duration_ms": 10_000,
        "sim_plmn": "20801",
        "service_state": "in_service",
        "rat": "lte",
        **place,
    }
    return SurveySample(modem, values | fields, state)  # type: ignore[arg-type]


LOST = {"service_state": "no_service", "kind": "service", "rat": None}
TEST = {"kind": "throughput", "outcome": "ok", "download_bps": 7.4e6, "download_bytes": 9_000_000, "upload_bps": 1e6,
        "upload_bytes": 1_000_000}  # fmt: skip
SAMPLES = [
    sample(0, 0, "sent", lte_rsrp_dbm=-90.0),
    sample(10, 300, "sent", lte_rsrp_dbm=-100.0, rtt_median_ms=40.0, outcome="ok", kind="latency"),
    sample(20, 600, lte_rsrp_dbm=-110.0, **TEST),
    sample(30, 900, lte_rsrp_dbm=-120.0),
    sample(40, 1200, **LOST),
    sample(50, None, **LOST),
    sample(60, 1500, outcome="no_data", kind="latency"),
    SurveySample("a", None, "sent"),
]
EVENTS = [
    SurveyEvent(START_MS, "started", ""),
    SurveyEvent(START_MS + 20_000, "paused", "by hand"),
    SurveyEvent(START_MS + 30_000, "resumed", ""),
    SurveyEvent(START_MS + 90_000, "stopped", ""),
]


@pytest.fixture
def report() -> SurveyReport:
    return build(RECORD, SAMPLES, EVENTS)


def test_figures_are_those_of_the_samples(report: SurveyReport) -> None:
    (modem,) = report.modems
    assert modem.operator == "Orange"
    assert modem.metres == pytest.approx(1500, rel=1e-3)
    assert modem.recorded_ms == 70_000
    assert modem.state_ms == {"in_service": 40_000, "no_service": 20_000, "no_data": 10_000}
    assert modem.share_in_service == pytest.approx(4 / 7)
    assert modem.strength_dbm == Spread(-120.0, -105.0, -90.0, 4)
    assert modem.download_bps == Spread(7.4e6, 7.4e6, 7.4e6, 1)
    assert modem.rtt_ms == Spread(40.0, 40.0, 40.0, 1)
    assert (modem.tests, modem.used_bytes) == (1, 10_000_000)
    assert modem.samples == {"pending": 5, "sent": 2}
    assert (report.forgotten, report.unlocated, len(report.features)) == (1, 1, 6)
    (silence,) = report.silences
    assert (silence.from_ms, silence.to_ms, silence.kind, silence.detail) == (
        START_MS + 20_000,
        START_MS + 30_000,
        "paused",
        "by hand",
    )


def test_modems_are_told_apart_and_positions_far_apart_in_time_are_not_joined() -> None:
    two = build(RECORD, [*SAMPLES[:2], sample(0, 0, modem="b", sim_plmn="20815"), sample(200, 5000)], EVENTS)
    assert [(modem.modem, modem.operator) for modem in two.modems] == [("a", "Orange"), ("b", "Free Mobile")]
    assert two.modems[0].metres == pytest.approx(300, rel=1e-3)
    tracks = [feature for feature in two.geojson()["features"] if feature["properties"].get("track")]
    assert [len(track["geometry"]["coordinates"]) for track in tracks] == [1]


def test_the_spread_of_many_values_leaves_out_the_extremes() -> None:
    assert Spread.of(range(101)) == Spread(5.0, 50, 95.0, 101)
    assert Spread.of([]) is None


def test_distances_are_those_of_the_sphere() -> None:
    assert distance_m((3.5, 47.0), (3.5, 48.0)) == pytest.approx(111_195, abs=1)
    assert distance_m((179.9, 0.0), (-179.9, 0.0)) == pytest.approx(22_239, abs=1)


def test_geojson_is_in_order_and_complete(report: SurveyReport) -> None:
    found = json.loads(json.dumps(report.geojson()))
    points = [feature for feature in found["features"] if feature["geometry"]["type"] == "Point"]
    (track,) = [feature for feature in found["features"] if feature["geometry"]["type"] == "MultiLineString"]
    assert len(points) == 6
    assert points[0]["geometry"]["coordinates"] == [3.5, 47.0]
    assert points[2]["properties"]["download_bps"] == 7.4e6
    assert [len(line) for line in track["geometry"]["coordinates"]] == [6]


def test_csv_has_the_fields_names(report: SurveyReport) -> None:
    rows = list(csv.DictReader(io.StringIO(report.csv())))
    assert len(rows) == 6
    assert set(rows[0]) <= {"modem", "sent", *FIELDS}
    assert (rows[2]["download_bps"], rows[2]["sent"]) == ("7400000.0", "pending")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"service_state": "in_service", "lte_rsrp_dbm": -95.0}, "strong"),
        ({"service_state": "in_service", "lte_rsrp_dbm": -95.1}, "fair"),
        ({"service_state": "in_service", "nr_ss_rsrp_dbm": -115.0}, "weak"),
        ({"service_state": "in_service", "lte_rsrp_dbm": -115.1}, "very_weak"),
        ({"service_state": "in_service"}, "served"),
        ({"service_state": "in_service", "outcome": "no_data", "lte_rsrp_dbm": -80.0}, "no_data"),
        ({"service_state": "no_service"}, "no_service"),
        ({"service_state": "limited"}, "no_service"),
        ({"service_state": "unknown"}, "other"),
        ({"service_state": "unknown", "outcome": "ok"}, "served"),
    ],
)
def test_each_sample_has_its_class(fields: dict[str, Any], expected: str) -> None:
    assert class_of(fields) == expected


def test_the_map_shows_every_sample_its_rates_and_only_the_classes_there(report: SurveyReport) -> None:
    root = ET.fromstring(draw(report))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join("".join(element.itertext()) for element in root)
    assert "Morvan" in text
    assert "7.4 Mbit/s" in text
    assert "Orange" in text
    assert re.search(r"\b[125]0* k?m\b", text)  # the scale
    legend = {look.label for look in looks().values()}
    shown = {label for label in legend if label in text}
    assert len(shown) == 6
    groups = [element for element in root if element.tag.endswith("}g")]
    assert len(groups) == len(report.features) + len(shown)
    places = [re.findall(r"-?[\d.]+", group.attrib["transform"]) for group in groups]
    assert all(0 <= float(x) <= 1000 and 0 <= float(y) <= 700 for x, y in places)


def test_shapes_alone_tell_the_classes_apart() -> None:
    assert len({look.shape for look in looks().values()}) == len(looks())


@pytest.mark.parametrize("samples", [[], [sample(0, None)], [sample(0, 0)]])
def test_a_survey_with_next_to_nothing_is_drawn_too(samples: list[SurveySample]) -> None:
    report = build(RECORD, samples, [])
    assert ET.fromstring(draw(report)) is not None
    assert told(report)


def test_the_command_writes_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    from client_sdk.commands.survey_report import command
    from client_sdk.outbox.queue import Outbox
    from client_sdk.outbox.surveys import Surveys
    from client_sdk.sample import Sample, new_sample_id

    monkeypatch.setenv("MAILLE_HOME", str(tmp_path / "home"))
    with Outbox(tmp_path / "home" / "outbox.sqlite") as outbox:
        surveys = Surveys(outbox)
        survey = surveys.begin({"campaign": "Morvan"}, START_MS)
        kept = Sample(
            id=new_sample_id(),
            seq=0,
            kind="signal",
            measured_at="2026-11-20T08:00:00.000Z",
            latitude=47.0,
            longitude=3.5,
        )
        outbox.add([kept], survey=survey, modem="a")
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, [survey[:20], "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert {Path(path).suffix for path in answer["files"]} == {".svg", ".geojson", ".csv"}
    assert all(Path(path).stat().st_size > 0 for path in answer["files"])
    assert (answer["located"], answer["ended_at"]) == (1, None)
    assert CliRunner().invoke(app, ["nonesuch"]).exit_code != 0

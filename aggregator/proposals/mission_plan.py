"""The plan of a mission, and its file: what a field team takes along, and what its report is held against."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from aggregator.evidence.whole_file import replacing
from aggregator.proposals.mission_points import APART_M
from aggregator.proposals.mission_values import VISIT_POINTS, ValueWeights
from client_sdk.errors import MailleError
from client_sdk.messages import tr

FOLDER = "missions"
"""In the data directory, with a directory for each mission."""

FILE = "plan.json"

STOPS = [
    *("stop", "h3_r8", "commune", "latitude", "longitude", "reason", "operators"),
    *("people", "demand", "expected_contradicted", "value"),
]
POINTS = ["point", "day", "stop", "minute", "latitude", "longitude", "x", "y", "ground", "commune"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionParameters:
    """How a mission is planned; times and speeds are ours, and on the careful side.

    Attributes:
        latitude, longitude: where each day begins and ends, in degrees.
        hours: of a day, from leaving to being back.
        technology, threshold: whose verdicts are in question.
        points, days: outdoor points in each hexagon, on so many days: enough for the survey rule to settle the question
            either way.
        apart_m: between two points of a hexagon, at least.
        minutes_per_point: to stop, get out, measure once with every phone, and note.
        drive_kmh: mean speed between hexagons, on country roads.
        local_kmh: the same between the points of a hexagon.
        detour: way by road for one of distance.
        most_hexagons: in a tour; the two stages were tried with 60.
        weights: of people, roads and zones of class C.
    """

    latitude: float
    longitude: float
    hours: float = 6.0
    technology: str = "4G"
    threshold: str = "service"
    points: int = VISIT_POINTS
    days: int = 2
    apart_m: float = APART_M
    minutes_per_point: float = 5.0
    drive_kmh: float = 50.0
    local_kmh: float = 20.0
    detour: float = 1.3
    most_hexagons: int = 60
    weights: ValueWeights = field(default_factory=ValueWeights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A plan.

    Attributes:
        mission_id: the end of the data and a digest of the plan: the same plan has the same.
        parameters: of the plan.
        stops: hexagons in the order of the first day: ``stop`` (from 1), ``h3_r8``, ``commune``, ``latitude``,
            ``longitude``, ``reason``, ``operators``, ``people``, ``demand``, ``expected_contradicted``, ``value``.
        points: in the order of each day's tour: ``point`` (name), ``day``, ``stop``, ``minute`` (of arrival),
            ``latitude``, ``longitude``, ``x``, ``y`` (EPSG:2154), ``ground``, ``commune``.
        days: of each, ``day``, ``minutes``, ``km``.
        before: verdicts of the stops when planned: ``h3_r8, operator, verdict, strength, evidence``.
        considered: hexagons worth a visit, reachable or not.
    """

    mission_id: str
    parameters: MissionParameters
    stops: pd.DataFrame
    points: pd.DataFrame
    days: pd.DataFrame
    before: pd.DataFrame
    considered: int


def members_of(mission: Mission) -> dict[str, Any]:
    """The plan in JSON's types; hexagons as the text of their index."""
    tables = {}
    for name in ("stops", "points", "days", "before"):
        table: pd.DataFrame = getattr(mission, name)
        if "h3_r8" in table:
            table = table.assign(h3_r8=[f"{cell:x}" for cell in table["h3_r8"]])
        tables[name] = json.loads(table.to_json(orient="records", double_precision=6))
    return {
        "mission_id": mission.mission_id,
        "parameters": asdict(mission.parameters),
        "considered": mission.considered,
    } | tables


def mission_of(members: dict[str, Any]) -> Mission:
    """The plan that :func:`members_of` told."""
    parameters = {**members["parameters"], "weights": ValueWeights(**members["parameters"]["weights"])}
    tables = {name: pd.DataFrame(members[name]) for name in ("stops", "points", "days", "before")}
    for name in ("stops", "before"):
        if len(tables[name]):
            tables[name]["h3_r8"] = [int(cell, 16) for cell in tables[name]["h3_r8"]]
    return Mission(
        mission_id=members["mission_id"],
        parameters=MissionParameters(**parameters),
        considered=members["considered"],
        **tables,
    )


def named(mission: Mission, last_day: object) -> Mission:
    """The plan with its id: the last day of the data and a digest of all it says."""
    digest = hashlib.sha256(json.dumps(members_of(mission), sort_keys=True).encode()).hexdigest()
    return replace(mission, mission_id=f"{last_day}-{digest[:8]}")


def write_plan(mission: Mission, into: Path) -> None:
    """Write ``plan.json`` into a directory."""
    with replacing(into / FILE) as partial:
        partial.write_text(json.dumps(members_of(mission), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_plan(folder: Path) -> Mission:
    """The plan in a mission's directory.

    Raises:
        MailleError: there is none, or it is not what ``write_plan`` wrote.
    """
    file = folder / FILE
    try:
        return mission_of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise MailleError(
            tr(f"{file}: no plan of a mission ({error})", f"{file} : pas de plan de mission ({error})")
        ) from error

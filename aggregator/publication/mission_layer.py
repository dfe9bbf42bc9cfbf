"""Planned missions as one layer of the team's map: which hexagons, on which day, in which order, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from aggregator.evidence.hexagons import WGS_84, outlines
from aggregator.proposals.mission_plan import FILE as PLAN
from aggregator.proposals.mission_plan import FOLDER, Mission, read_plan
from aggregator.publication.layers import geometry_json, write_features
from aggregator.publication.mission_files import DECIMALS, way_of
from aggregator.publication.mission_sheet import REASON_TEXTS

FILE = "missions.geojson"
_STOP = ["stop", "commune", "reason", "operators", "people", "value"]
_POINT = ["point", "day", "stop", "minute", "commune", "ground"]
_DAY = ["day", "minutes", "km"]


def mission_inputs(data: Path) -> list[str]:
    """Plans in a data directory, by their path in it."""
    return [file.relative_to(data).as_posix() for file in sorted((data / FOLDER).glob(f"*/{PLAN}"))]


def read_missions(data: Path) -> list[Mission]:
    """Missions that were planned, by id.

    Raises:
        MailleError: a plan cannot be read.
    """
    return [read_plan((data / name).parent) for name in mission_inputs(data)]


def write_mission_layer(missions: Sequence[Mission], file: Path) -> None:
    """Write hexagons, tours and points of missions as GeoJSON; ``type`` tells which, texts are in both languages."""
    write_features([feature for mission in missions for feature in _features(mission)], file)


def _features(mission: Mission) -> list[dict[str, Any]]:
    about = {"mission": mission.mission_id, "technology": mission.parameters.technology}
    about |= {"threshold": mission.parameters.threshold}
    shapes = outlines(mission.stops["h3_r8"].to_numpy(np.int64), WGS_84)
    features = []
    for stop, shape in zip(mission.stops.to_dict("records"), shapes, strict=True):
        english, french = REASON_TEXTS[stop["reason"]]
        told = {"type": "hexagon", **about, "h3": f"{stop['h3_r8']:x}", **{name: stop[name] for name in _STOP}}
        features.append(_feature(told | {"reason_en": english, "reason_fr": french}, shape))
    for day in mission.days.to_dict("records"):
        told = {"type": "tour", **about, **{name: day[name] for name in _DAY}}
        features.append(_feature(told, shapely.LineString(way_of(mission, day["day"]))))
    for point in mission.points.to_dict("records"):
        told = {"type": "point", **about, **{name: point[name] for name in _POINT}}
        features.append(_feature(told, shapely.Point(point["longitude"], point["latitude"])))
    return features


def _feature(properties: dict[str, Any], shape: shapely.Geometry) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry_json(shape, DECIMALS)}

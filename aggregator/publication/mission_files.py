"""A mission for a phone's map (GPX 1.1, which OsmAnd and Organic Maps open) and for a GIS (GeoJSON)."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import WGS_84, outlines
from aggregator.proposals.mission_plan import Mission
from aggregator.publication.layers import geometry_json, write_features
from aggregator.publication.mission_sheet import ground_text, reason_text, write_sheet
from aggregator.publication.team_words import team_only
from client_sdk.messages import tr
from client_sdk.operators import operator_name

GPX = "http://www.topografix.com/GPX/1/1"
DECIMALS = 6


def write_mission_files(
    mission: Mission,
    into: Path,
    *,
    roads: gpd.GeoDataFrame | None = None,
    communes: gpd.GeoDataFrame | None = None,
    synthetic: str = "",
) -> dict[str, Path]:
    """Write ``mission.gpx``, ``mission.geojson`` and ``sheet.html`` into a directory; their paths by kind.

    Args:
        mission: the plan.
        into: directory; files of the same names are replaced.
        roads: lines in EPSG:4326 for the map on the sheet, if any are known.
        communes: outlines in EPSG:4326 for it.
        synthetic: what each file says of generated data.
    """
    into.mkdir(parents=True, exist_ok=True)
    files = {"gpx": into / "mission.gpx", "geojson": into / "mission.geojson", "sheet": into / "sheet.html"}
    files["gpx"].write_bytes(gpx_of(mission, synthetic))
    _write_geojson(mission, files["geojson"], synthetic)
    write_sheet(mission, files["sheet"], roads=roads, communes=communes, synthetic=synthetic)
    return files


def gpx_of(mission: Mission, synthetic: str = "") -> bytes:
    """Waypoints of every point, and one route for each day, from the start and back to it."""
    ET.register_namespace("", GPX)
    root = ET.Element(f"{{{GPX}}}gpx", version="1.1", creator="maille")
    about = ET.SubElement(root, f"{{{GPX}}}metadata")
    ET.SubElement(about, f"{{{GPX}}}name").text = mission.mission_id
    ET.SubElement(about, f"{{{GPX}}}desc").text = _notice(synthetic)
    for point in mission.points.to_dict("records"):
        _waypoint(root, "wpt", point, f"{point['commune']} – {ground_text(point['ground'])}".removeprefix(" – "))
    start = {"point": _start(), "latitude": mission.parameters.latitude, "longitude": mission.parameters.longitude}
    for day in mission.days["day"]:
        route = ET.SubElement(root, f"{{{GPX}}}rte")
        ET.SubElement(route, f"{{{GPX}}}name").text = _day(day, mission)
        ET.SubElement(route, f"{{{GPX}}}number").text = str(day)
        for point in [start, *mission.points[mission.points["day"] == day].to_dict("records"), start]:
            _waypoint(route, "rtept", point, "")
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _waypoint(above: ET.Element, tag: str, point: dict[Any, Any], description: str) -> None:
    where = {"lat": f"{point['latitude']:.6f}", "lon": f"{point['longitude']:.6f}"}
    element = ET.SubElement(above, f"{{{GPX}}}{tag}", where)
    ET.SubElement(element, f"{{{GPX}}}name").text = str(point["point"])
    if description:
        ET.SubElement(element, f"{{{GPX}}}desc").text = description
        ET.SubElement(element, f"{{{GPX}}}type").text = tr(f"day {point['day']}", f"jour {point['day']}")


def _notice(synthetic: str) -> str:
    return " ".join(filter(None, [team_only(), synthetic]))


def _write_geojson(mission: Mission, file: Path, synthetic: str) -> None:
    features, about = [], {"mission": mission.mission_id, "notice": _notice(synthetic)}
    for stop, outline in zip(
        mission.stops.to_dict("records"), outlines(mission.stops["h3_r8"].to_numpy(np.int64), WGS_84), strict=True
    ):
        told = {
            "type": "hexagon",
            **about,
            **{name: stop[name] for name in ("stop", "commune", "reason", "people", "demand", "value")},
            "reason_text": reason_text(stop["reason"]),
            "operators": stop["operators"],
            "operator_names": ", ".join(map(operator_name, stop["operators"].split())),
            "h3": f"{stop['h3_r8']:x}",
        }
        features.append({"type": "Feature", "properties": told, "geometry": geometry_json(outline, DECIMALS)})
    for day in mission.days.to_dict("records"):
        told = {"type": "tour", **about, "name": _day(day["day"], mission)}
        told |= {name: day[name] for name in ("day", "minutes", "km")}
        way = shapely.LineString(way_of(mission, day["day"]))
        features.append({"type": "Feature", "properties": told, "geometry": geometry_json(way, DECIMALS)})
    columns = ["point", "day", "stop", "minute", "commune", "ground"]
    for point in mission.points.to_dict("records"):
        told = {"type": "point", **about, **{name: point[name] for name in columns}}
        where = shapely.Point(point["longitude"], point["latitude"])
        features.append({"type": "Feature", "properties": told, "geometry": geometry_json(where, DECIMALS)})
    write_features(features, file)


def way_of(mission: Mission, day: int) -> list[tuple[float, float]]:
    """Longitude and latitude of a day's start, points and end, in order."""
    own: pd.DataFrame = mission.points[mission.points["day"] == day]
    start = (mission.parameters.longitude, mission.parameters.latitude)
    return [start, *zip(own["longitude"], own["latitude"], strict=True), start]


def _day(day: int, mission: Mission) -> str:
    return tr(f"{mission.mission_id}, day {day}", f"{mission.mission_id}, jour {day}")


def _start() -> str:
    return tr("start", "départ")

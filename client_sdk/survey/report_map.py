"""The map of a survey as SVG: each sample where it was taken, in colours and shapes that black and white keep apart.

There is no base map, so that it can be drawn in the field without a network. The projection is equirectangular about
the middle latitude: within 100 km its distances are right to less than 1 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from client_sdk.messages import kilometres, tr
from client_sdk.survey.report import EARTH_RADIUS_M, SurveyReport, instant, state_of, strength_of, tracks_of

WIDTH, HEIGHT, MARGIN, LEGEND_WIDTH = 1000, 700, 40, 250

_METRES_PER_DEGREE = math.pi * EARTH_RADIUS_M / 180


@dataclass(frozen=True, slots=True)
class Look:
    """How a class of samples is drawn; colours of Okabe and Ito, told apart by those who see few."""

    colour: str
    shape: str
    label: str


def looks() -> dict[str, Look]:
    """The classes, from good to bad."""
    return {
        "strong": Look("#0072B2", "circle", tr("strong: −95 dBm or more", "fort : −95 dBm ou plus")),
        "fair": Look("#56B4E9", "square", tr("fair: −105 to −95 dBm", "moyen : −105 à −95 dBm")),
        "weak": Look("#E69F00", "triangle", tr("weak: −115 to −105 dBm", "faible : −115 à −105 dBm")),
        "very_weak": Look("#D55E00", "diamond", tr("very weak: below −115 dBm", "très faible : sous −115 dBm")),
        "served": Look("#009E73", "ring", tr("in service, strength unknown", "réseau présent, niveau inconnu")),
        "no_data": Look("#CC79A7", "plus", tr("registered, no data", "réseau présent, sans données")),
        "no_service": Look("#000000", "cross", tr("no service", "pas de réseau")),
        "other": Look("#999999", "dot", tr("nothing said of service", "service non établi")),
    }


def class_of(fields: dict[str, Any]) -> str:
    """Class of a sample; the limits of strength are those of the live view, and no verdict uses them."""
    state, dbm = state_of(fields), strength_of(fields)
    if state == "no_data":
        return "no_data"
    if state in ("no_service", "limited"):
        return "no_service"
    if state != "in_service" and fields.get("outcome") != "ok":
        return "other"
    if dbm is None:
        return "served"
    return "strong" if dbm >= -95 else "fair" if dbm >= -105 else "weak" if dbm >= -115 else "very_weak"


def draw(report: SurveyReport) -> str:
    """The map as SVG text; without a located sample it says so."""
    svg = ET.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        attrib={"font-family": "sans-serif", "font-size": "13"},
    )  # fmt: skip
    title = report.record.options.get("campaign") or tr("Survey", "Relevé")
    name = f"{title}, {instant(report.record.started_ms)[:16].replace('T', ' ')} UTC"
    ET.SubElement(svg, "title").text = name
    _add(svg, "rect", width=WIDTH, height=HEIGHT, fill="#ffffff")
    _text(svg, MARGIN, 26, name, size=17, weight="bold")
    points = [feature["geometry"]["coordinates"] for feature in report.features]
    if not points:
        _text(svg, MARGIN, 60, tr("No sample has a position.", "Aucun relevé n’a de position."))
    else:
        for number, modem in enumerate(report.modems):
            box = _box(number, len(report.modems))
            frame = Frame.around(points, box)
            own = [feature for feature in report.features if (feature["properties"]["modem"] or "") == modem.modem]
            if len(report.modems) > 1:
                _text(svg, box[0], box[1] - 4, modem.operator, weight="bold")
            _tracks(svg, tracks_of(own), frame)
            _samples(svg, own, frame)
        _scale_bar(svg, frame)
        _north(svg)
    _legend(svg, report)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """From degrees to the drawing, whose y goes down; equirectangular about the middle latitude."""

    west: float
    north: float
    metres_per_degree_east: float
    pixels_per_metre: float
    left: float
    top: float

    @classmethod
    def around(cls, points: Sequence[Sequence[float]], box: tuple[float, float, float, float]) -> "Frame":
        """Everything, in the middle of a box given by its left, top, width and height."""
        longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
        west, east, south, north = min(longitudes), max(longitudes), min(latitudes), max(latitudes)
        east_scale = _METRES_PER_DEGREE * math.cos(math.radians((south + north) / 2))
        across_m = max((east - west) * east_scale, 200.0)
        along_m = max((north - south) * _METRES_PER_DEGREE, 200.0)
        box_left, box_top, room_x, room_y = box
        scale = min(room_x / across_m, room_y / along_m)
        left = box_left + (room_x - (east - west) * east_scale * scale) / 2
        top = box_top + (room_y - (north - south) * _METRES_PER_DEGREE * scale) / 2
        return cls(west, north, east_scale, scale, left, top)

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a position is drawn, to a tenth of a pixel."""
        x = self.left + (longitude - self.west) * self.metres_per_degree_east * self.pixels_per_metre
        y = self.top + (self.north - latitude) * _METRES_PER_DEGREE * self.pixels_per_metre
        return round(x, 1), round(y, 1)


def _box(number: int, count: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of one of several maps beside each other: one for each modem."""
    columns = min(count, 2)
    rows = math.ceil(count / columns)
    width = (WIDTH - LEGEND_WIDTH - 2 * MARGIN - columns * MARGIN) / columns
    height = (HEIGHT - 2.5 * MARGIN - rows * MARGIN / 2) / rows
    column, row = number % columns, number // columns
    return MARGIN + column * (width + MARGIN), 1.5 * MARGIN + row * (height + MARGIN / 2), width, height


def _tracks(svg: ET.Element, tracks: Sequence[dict[str, Any]], frame: Frame) -> None:
    for feature in tracks:
        for line in feature["geometry"]["coordinates"]:
            places = " ".join(f"{x},{y}" for x, y in (frame.place(*point) for point in line))
            _add(svg, "polyline", points=places, fill="none", stroke="#cccccc", stroke_width=2)


def _samples(svg: ET.Element, features: Sequence[dict[str, Any]], frame: Frame) -> None:
    known = looks()
    order = list(known)
    # what is worst is drawn last, so that nothing hides it
    for feature in sorted(features, key=lambda one: order.index(class_of(one["properties"]))):
        properties = feature["properties"]
        x, y = frame.place(*feature["geometry"]["coordinates"])
        group = _shape(svg, known[class_of(properties)], x, y)
        ET.SubElement(group, "title").text = _caption(properties)
    for feature in features:
        properties = feature["properties"]
        x, y = frame.place(*feature["geometry"]["coordinates"])
        if properties.get("kind") == "throughput" and "download_bps" in properties:
            bound = "≥ " if properties.get("download_lower_bound") else ""
            _text(svg, x + 8, y - 6, f"{bound}{properties['download_bps'] / 1e6:.1f} Mbit/s", size=11, halo=True)


def _caption(properties: dict[str, Any]) -> str:
    dbm = strength_of(properties)
    parts = (
        properties["measured_at"][11:19],
        properties.get("modem"),
        properties.get("rat"),
        None if dbm is None else f"{dbm:.0f} dBm",
        state_of(properties),
    )
    return " · ".join(str(part) for part in parts if part)


def _shape(svg: ET.Element, look: Look, x: float, y: float) -> ET.Element:
    r = 5.0
    group = _add(svg, "g", transform=f"translate({x} {y})")
    outline = {"fill": look.colour, "stroke": "#ffffff", "stroke_width": 0.8}
    stroke = {"stroke": look.colour, "stroke_width": 3, "fill": "none"}
    match look.shape:
        case "circle":
            _add(group, "circle", r=r, **outline)
        case "dot":
            _add(group, "circle", r=2.5, **outline)
        case "ring":
            _add(group, "circle", r=r, fill="#ffffff", stroke=look.colour, stroke_width=2.5)
        case "square":
            _add(group, "rect", x=-r, y=-r, width=2 * r, height=2 * r, **outline)
        case "triangle":
            _add(group, "path", d=f"M0 {-r - 1}L{r + 1} {r}L{-r - 1} {r}Z", **outline)
        case "diamond":
            _add(group, "path", d=f"M0 {-r - 1}L{r + 1} 0L0 {r + 1}L{-r - 1} 0Z", **outline)
        case "plus":
            _add(group, "path", d=f"M0 {-r - 1}V{r + 1}M{-r - 1} 0H{r + 1}", **stroke)
        case _:
            _add(group, "path", d=f"M{-r} {-r}L{r} {r}M{-r} {r}L{r} {-r}", **stroke)
    return group


def _scale_bar(svg: ET.Element, frame: Frame) -> None:
    longest_m = 180 / frame.pixels_per_metre
    power = 10 ** math.floor(math.log10(longest_m))
    metres = next(step * power for step in (5, 2, 1) if step * power <= longest_m)
    length, y = metres * frame.pixels_per_metre, HEIGHT - 30
    _add(svg, "path", d=f"M{MARGIN} {y - 5}V{y}H{MARGIN + length:.1f}V{y - 5}", fill="none", stroke="#000000")
    _text(svg, MARGIN, y + 17, f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.0f} km")


def _north(svg: ET.Element) -> None:
    x, y = WIDTH - LEGEND_WIDTH - MARGIN, HEIGHT - 60
    _add(svg, "path", d=f"M{x} {y}L{x + 7} {y + 22}L{x} {y + 16}L{x - 7} {y + 22}Z", fill="#000000")
    _text(svg, x - 5, y + 38, "N", weight="bold")


def _legend(svg: ET.Element, report: SurveyReport) -> None:
    x, y = WIDTH - LEGEND_WIDTH, 60
    used = {class_of(feature["properties"]) for feature in report.features}
    for name, look in looks().items():
        if name in used:
            _shape(svg, look, x, y - 4)
            _text(svg, x + 16, y, look.label)
            y += 24
    y += 12
    for modem in report.modems:
        share = modem.share_in_service
        _text(svg, x, y, modem.operator, weight="bold")
        known = tr("nothing known of service", "service inconnu")
        served = known if share is None else tr(f"in service {share:.0%} of the time", f"réseau {share:.0%} du temps")
        _text(svg, x, y + 18, f"{kilometres(modem.metres)}, {served}", size=12)
        y += 46
    note = tr("A diary of one device, without any verdict.", "Journal d’un appareil, sans aucun verdict.")
    _text(svg, x, HEIGHT - 13, note, size=10)


def _add(parent: ET.Element, tag: str, **attributes: object) -> ET.Element:
    named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
    return ET.SubElement(parent, tag, named)


def _text(
    parent: ET.Element, x: float, y: float, text: str, *, size: int = 13, weight: str = "", halo: bool = False
) -> None:
    element = _add(parent, "text", x=x, y=y, font_size=size, **({"font_weight": weight} if weight else {}))
    if halo:
        element.attrib |= {"stroke": "#ffffff", "stroke-width": "3", "paint-order": "stroke"}
    element.text = text

"""The map of a device's own places as SVG: no base map, no network, and signs beside the colours."""

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from client_sdk.messages import tr
from client_sdk.mine.account import Hexagon, Point
from client_sdk.mine.changes import Changes, Near, Place
from client_sdk.mine.words import said_names
from client_sdk.operators import operator_name
from client_sdk.survey.report_map import Frame

WIDTH, LEAST_HEIGHT, MOST_HEIGHT, MARGIN = 420, 200, 520, 16
"""Ours: near a phone's width, where texts are then as high as they say."""

SMALLEST_PX = 5.0
"""Ours: hexagons drawn smaller than this are shown by a dot."""

LOOKS = {
    "contradicted-strong": ("#d55e00", "✕"),
    "contradicted-moderate": ("#e98b4b", "✕"),
    "suspected": ("#e69f00", "?"),
    "insufficient": ("#8b95a1", "…"),
    "unclaimed_service": ("#009e73", "+"),
    "confirmed": ("#0072b2", "✓"),
    "unpublished": ("#cfd6dd", ""),
    "later": ("#e4e8ec", ""),
    "uncounted": ("#f0f2f4", ""),
}
"""What is said of a hexagon → its colour (Okabe and Ito) and sign; where operators differ, the first of these."""


def draw(hexagons: Sequence[Hexagon], changes: Changes | None) -> str:
    """The map as SVG text; empty without a hexagon.

    Args:
        hexagons: where the device measured.
        changes: what a release says of them; None where none is known.
    """
    if not hexagons:
        return ""
    near = changes.near if changes else ()
    points = [point for hexagon in hexagons for point in hexagon.outline] + [place.centre for place in near]
    height = _height(points)
    frame = Frame.around(points, (MARGIN, MARGIN, WIDTH - 2 * MARGIN, height - 3 * MARGIN))
    label = tr(
        f"Map of the {len(hexagons)} hexagons where this device measured, and of {len(near)} where it could go next",
        f"Carte des {len(hexagons)} hexagones où cet appareil a mesuré, et de {len(near)} où il pourrait aller ensuite",
    )
    svg = ET.Element("svg", viewBox=f"0 0 {WIDTH} {height}", role="img", attrib={"aria-label": label})
    ET.SubElement(svg, "rect", width=str(WIDTH), height=str(height), attrib={"class": "ground"})
    places: dict[str, list[Place]] = {}
    for place in changes.places if changes else ():
        places.setdefault(place.hexagon.h3, []).append(place)
    for hexagon in hexagons:
        _own(svg, hexagon, places.get(hexagon.h3, []), frame)
    for number, there in enumerate(near, start=1):
        _next(svg, number, there, hexagons, frame)
    _scale_bar(svg, frame, height)
    return ET.tostring(svg, encoding="unicode")


def said_of(places: Sequence[Place]) -> str | None:
    """What is shown of a hexagon; None where nothing is said of it."""
    said = {place.said for place in places}
    return next((name for name in LOOKS if name in said), None)


def _height(points: Sequence[Point]) -> int:
    """As tall as the places are, within bounds: a phone's screen is upright."""
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    middle = math.radians((min(latitudes) + max(latitudes)) / 2)
    across = max((max(longitudes) - min(longitudes)) * math.cos(middle), 1e-6)
    tall = (WIDTH - 2 * MARGIN) * (max(latitudes) - min(latitudes)) / across + 3 * MARGIN
    return round(min(max(tall, LEAST_HEIGHT), MOST_HEIGHT))


def said_of_next(place: Near) -> list[str]:
    """What is said of a place to go to, by operator."""
    names = said_names()
    return [f"{operator_name(operator)}{tr(': ', ' : ')}{names[said]}" for operator, said in place.said.items()]


def _own(svg: ET.Element, hexagon: Hexagon, places: Sequence[Place], frame: Frame) -> None:
    said = said_of(places)
    colour, sign = LOOKS[said] if said else ("#7aa6c2", "")
    corners = [frame.place(*point) for point in hexagon.outline]
    x, y = frame.place(*hexagon.centre)
    if _size_px(corners) < SMALLEST_PX:
        shape = ET.SubElement(svg, "circle", cx=str(x), cy=str(y), r=str(SMALLEST_PX / 2), fill=colour)
        sign = ""
    else:
        shape = ET.SubElement(svg, "polygon", points=_text_of(corners), fill=colour)
    shape.set("class", "own")
    names = said_names()
    lines = [f"{hexagon.samples} {tr('samples', 'relevés')}"]
    lines += [f"{operator_name(place.operator)}{tr(': ', ' : ')}{names[place.said]}" for place in places]
    ET.SubElement(shape, "title").text = "\n".join(lines)
    if sign and _size_px(corners) >= 2 * SMALLEST_PX:
        look = {"class": f"sign {said}"}
        text = ET.SubElement(svg, "text", x=str(x), y=str(round(y + 4, 1)), attrib=look)
        text.text = sign


def _next(svg: ET.Element, number: int, place: Near, hexagons: Sequence[Hexagon], frame: Frame) -> None:
    # hexagons near each other have all but the same shape, and a phone has no library for their outlines
    like = min(hexagons, key=lambda one: math.dist(one.centre, place.centre))
    east, north = place.centre[0] - like.centre[0], place.centre[1] - like.centre[1]
    corners = [frame.place(longitude + east, latitude + north) for longitude, latitude in like.outline]
    x, y = frame.place(*place.centre)
    shape = ET.SubElement(svg, "polygon", points=_text_of(corners), attrib={"class": "next"})
    ET.SubElement(shape, "title").text = f"{number}. {', '.join(said_of_next(place))}"
    text = ET.SubElement(svg, "text", x=str(x), y=str(round(y + 4, 1)), attrib={"class": "number"})
    text.text = str(number)


def _scale_bar(svg: ET.Element, frame: Frame, height: int) -> None:
    longest_m = 110 / frame.pixels_per_metre
    power = 10 ** math.floor(math.log10(longest_m))
    metres = next(step * power for step in (5, 2, 1) if step * power <= longest_m)
    y = height - 10
    way = f"M{MARGIN} {y - 5}V{y}H{MARGIN + metres * frame.pixels_per_metre:.1f}V{y - 5}"
    ET.SubElement(svg, "path", d=way, attrib={"class": "bar"})
    text = ET.SubElement(svg, "text", x=str(MARGIN + 4), y=str(y - 7), attrib={"class": "km"})
    text.text = f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.0f} km"


def _size_px(corners: Sequence[Point]) -> float:
    return max(x for x, _ in corners) - min(x for x, _ in corners)


def _text_of(corners: Sequence[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in corners)

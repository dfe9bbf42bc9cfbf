"""Styles as OGC writes them (SLD 1.0): for GeoServer and others that read no QML."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from aggregator.publication.palette import Look

SLD, OGC = "http://www.opengis.net/sld", "http://www.opengis.net/ogc"


def sld(layer: str, looks: Sequence[Look], geometry: str, all_of: Sequence[tuple[str, str]] = ()) -> str:
    """The style of a layer.

    Args:
        layer: its name.
        looks: lines of the legend.
        geometry: ``Polygon`` or ``Point``.
        all_of: columns and values that every row drawn has.
    """
    ET.register_namespace("sld", SLD)
    ET.register_namespace("ogc", OGC)
    root = ET.Element(f"{{{SLD}}}StyledLayerDescriptor", {"version": "1.0.0"})
    named = _add(root, "NamedLayer")
    _add(named, "Name", layer)
    style = _add(named, "UserStyle")
    _add(style, "Title", layer)
    rules = _add(style, "FeatureTypeStyle")
    for look in looks:
        rule = _add(rules, "Rule")
        _add(rule, "Title", look.label)
        if conditions := [*all_of, *look.where]:
            _add_filter(rule, conditions)
        _add_symbolizer(rule, look, geometry)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _add_filter(rule: ET.Element, conditions: Sequence[tuple[str, str]]) -> None:
    parent = ET.SubElement(rule, f"{{{OGC}}}Filter")
    if len(conditions) > 1:
        parent = ET.SubElement(parent, f"{{{OGC}}}And")
    for column, value in conditions:
        equal = ET.SubElement(parent, f"{{{OGC}}}PropertyIsEqualTo")
        ET.SubElement(equal, f"{{{OGC}}}PropertyName").text = column
        ET.SubElement(equal, f"{{{OGC}}}Literal").text = value


def _add_symbolizer(rule: ET.Element, look: Look, geometry: str) -> None:
    symbolizer = _add(rule, f"{geometry}Symbolizer")
    parent = symbolizer
    if geometry == "Point":
        graphic = _add(symbolizer, "Graphic")
        parent = _add(graphic, "Mark")
        _add(parent, "WellKnownName", "circle")
    fill = _add(parent, "Fill")
    _add(fill, "CssParameter", look.colour).set("name", "fill")
    _add(fill, "CssParameter", f"{look.opacity:g}").set("name", "fill-opacity")
    stroke = _add(parent, "Stroke")
    _add(stroke, "CssParameter", "#ffffff" if geometry == "Point" else look.colour).set("name", "stroke")
    _add(stroke, "CssParameter", "2" if look.opacity == 0 else "0.4").set("name", "stroke-width")
    if geometry == "Point":
        _add(graphic, "Size", "10")


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    element = ET.SubElement(parent, f"{{{SLD}}}{name}")
    element.text = text
    return element

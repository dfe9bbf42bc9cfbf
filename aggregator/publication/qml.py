"""Styles as QGIS writes them (QML): a tree of rules, each with its symbol.

The structure is that of QGIS 3.22 and later; see ``QgsRuleBasedRenderer`` and ``QgsSymbolLayerUtils`` in its sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from aggregator.publication.palette import Pattern

Geometry = Literal["Polygon", "Point"]
QGIS_VERSION = "3.22.16"
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
PLACED = {
    "Polygon": {"placement": "1", "priority": "8"},
    "Point": {"placement": "0", "dist": "1.5", "distUnits": "MM", "priority": "5"},
}
"""Names stand in the middle of polygons, and around points."""
CATEGORIES = "Symbology|Labeling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the legend.

    Attributes:
        label: of the legend.
        filter: expression of QGIS; empty for all rows.
        colour: ``#rrggbb``; empty for a group of other rules.
        opacity: of the fill, 0 to 1.
        pattern: drawn over the fill.
        line_mm: width of the outline.
        shown: whether its box is ticked.
        rules: inside a group.
    """

    label: str
    filter: str = ""
    colour: str = ""
    opacity: float = 1.0
    pattern: Pattern = ""
    line_mm: float = 0.1
    shown: bool = True
    rules: "tuple[Rule, ...]" = ()


def qml(rules: Sequence[Rule], geometry: Geometry, label_field: str = "") -> str:
    """The style of a layer.

    Args:
        rules: of the legend, in its order.
        geometry: of the layer.
        label_field: column written on the map; empty for none.
    """
    root = ET.Element("qgis", {"version": QGIS_VERSION, "styleCategories": CATEGORIES})
    if label_field:
        root.set("labelsEnabled", "1")
    renderer = ET.SubElement(
        root, "renderer-v2", {"type": "RuleRenderer", "symbollevels": "0", "forceraster": "0", "enableorderby": "0"}
    )
    tree = ET.SubElement(renderer, "rules", {"key": "{root}"})
    symbols = ET.SubElement(renderer, "symbols")
    _add_rules(tree, symbols, rules, geometry, "")
    if label_field:
        _add_labels(root, label_field, geometry)
    ET.SubElement(root, "layerGeometryType").text = "2" if geometry == "Polygon" else "0"
    ET.indent(root, " ")
    return DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _add_rules(tree: ET.Element, symbols: ET.Element, rules: Sequence[Rule], geometry: Geometry, above: str) -> None:
    for number, rule in enumerate(rules):
        key = f"{above}{number}"
        members = {"key": f"{{rule-{key}}}", "label": rule.label}
        members |= {"filter": rule.filter} if rule.filter else {}
        members |= {} if rule.shown else {"checkstate": "0"}
        if rule.colour:
            members["symbol"] = str(len(symbols))
            _add_symbol(symbols, str(len(symbols)), rule, geometry)
        own = ET.SubElement(tree, "rule", members)
        _add_rules(own, symbols, rule.rules, geometry, f"{key}.")


def _add_symbol(parent: ET.Element, name: str, rule: Rule, geometry: Geometry) -> None:
    kind = "fill" if geometry == "Polygon" else "marker"
    symbol = _symbol(parent, name, kind)
    if geometry == "Point":
        look = {"name": "circle", "color": _rgba(rule.colour, rule.opacity), "size": "3", "size_unit": "MM"}
        look |= {"outline_color": "255,255,255,255", "outline_width": "0.4", "outline_width_unit": "MM"}
        _layer(symbol, "SimpleMarker", look)
        return
    fill = {"color": _rgba(rule.colour, rule.opacity), "style": "solid" if rule.opacity else "no"}
    line = {"outline_color": _rgba(rule.colour, 1.0), "outline_width": f"{rule.line_mm:g}"}
    _layer(symbol, "SimpleFill", {**fill, **line, "outline_style": "solid", "outline_width_unit": "MM"})
    angles = {"hatch": ("45",), "cross": ("45", "135")}.get(rule.pattern, ())
    for angle in angles:
        hatch = _layer(symbol, "LinePatternFill", {"angle": angle, "distance": "1.6", "distance_unit": "MM"})
        line_symbol = _symbol(hatch, f"@{name}@{len(symbol) - 1}", "line")
        width = "0.5" if len(angles) == 1 else "0.25"
        look = {"line_color": _rgba(rule.colour, 1.0), "line_width": width, "line_width_unit": "MM"}
        _layer(line_symbol, "SimpleLine", {**look, "line_style": "solid"})
    if rule.pattern == "dots":
        dots = _layer(
            symbol,
            "PointPatternFill",
            {"distance_x": "1.6", "distance_y": "1.6", "displacement_x": "0.8", "displacement_y": "0"},
        )
        marker = _symbol(dots, f"@{name}@{len(symbol) - 1}", "marker")
        look = {"name": "circle", "color": _rgba(rule.colour, 1.0), "size": "0.7", "outline_style": "no"}
        _layer(marker, "SimpleMarker", look)


def _symbol(parent: ET.Element, name: str, kind: str) -> ET.Element:
    members = {"type": kind, "name": name, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"}
    return ET.SubElement(parent, "symbol", members)


def _layer(symbol: ET.Element, kind: str, look: dict[str, str]) -> ET.Element:
    layer = ET.SubElement(symbol, "layer", {"class": kind, "enabled": "1", "pass": "0", "locked": "0"})
    options = ET.SubElement(layer, "Option", {"type": "Map"})
    for name, value in look.items():
        ET.SubElement(options, "Option", {"type": "QString", "name": name, "value": value})
    return layer


def _add_labels(root: ET.Element, field: str, geometry: Geometry) -> None:
    labeling = ET.SubElement(root, "labeling", {"type": "simple"})
    settings = ET.SubElement(labeling, "settings", {"calloutType": "simple"})
    style = {"fieldName": field, "isExpression": "0", "fontSize": "9", "fontSizeUnit": "Point"}
    text = ET.SubElement(settings, "text-style", {**style, "textColor": "32,38,46,255", "textOpacity": "1"})
    halo = {"bufferDraw": "1", "bufferSize": "1", "bufferSizeUnits": "MM", "bufferColor": "255,255,255,255"}
    ET.SubElement(text, "text-buffer", {**halo, "bufferOpacity": "1"})
    ET.SubElement(settings, "placement", PLACED[geometry])
    ET.SubElement(settings, "rendering", {"drawLabels": "1", "obstacle": "1"})


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"{red},{green},{blue},{round(opacity * 255)}"

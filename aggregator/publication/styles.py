"""How QGIS draws each layer of a release at once: styles that travel inside the GeoPackage or the database.

Layers of hexagons have a row for every operator: each is a group of the legend, of which the first is ticked. Where a
field team concluded, an operator has a second group, drawn above with thick outlines: what a survey concludes prevails
over the volunteers. Other technologies and thresholds are styles of their own, chosen in QGIS by layer properties,
style, load from database.
"""

from dataclasses import dataclass

import pandas as pd

from aggregator.publication.palette import CLAIMED, CLASSES, COMPONENT, POINTS, VERDICTS, Look
from aggregator.publication.qml import Rule, qml
from aggregator.publication.sld import sld

FIRST = ("4G", "service")
"""What is drawn where nobody chose: what zones are about."""
CONCLUDED = tuple(look for look in VERDICTS if ("verdict", "insufficient") not in look.where)
"""Of a survey; without a conclusion it would hide what volunteers found."""
DEPTHS = (
    ("déclarée sur la moitié ou plus", '"declared_share" >= 0.5', 0.55),
    ("déclarée sur moins de la moitié", '"declared_share" > 0 AND "declared_share" < 0.5', 0.25),
    ("non déclarée", '"declared_share" = 0', 0.05),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One style of one layer.

    Attributes:
        layer, name, description: of which, and what people read.
        default: whether the layer opens with it.
        qml, sld: the style itself.
    """

    layer: str
    name: str
    description: str
    default: bool
    qml: str
    sld: str


def styles_of(layer: str, table: pd.DataFrame) -> list[Style]:
    """Every style of a layer, by what its rows are about, the default first; none where it has none of ours."""
    made = {"hexagons": _hexagons, "claims": _claims}.get(layer)
    if made:
        return made(table)
    looks = {"zones": CLASSES, "points": POINTS, "components": (COMPONENT,)}.get(layer)
    if looks is None:
        return []
    geometry = "Point" if layer == "points" else "Polygon"
    width = 0.7 if layer == "zones" else 0.2
    rules = [_rule(look, line_mm=width) for look in looks]
    label = {"zones": "name", "points": "name"}.get(layer, "")
    names = {"zones": "classes de preuve", "points": "points d’intérêt", "components": "hexagones signalés"}
    drawn = {"qml": qml(rules, "Point" if layer == "points" else "Polygon", label), "sld": sld(layer, looks, geometry)}
    return [Style(layer=layer, name=names[layer], description="Maille", default=True, **drawn)]


def _hexagons(table: pd.DataFrame) -> list[Style]:
    surveys = table[(table["evidence"] == "survey") & ~table["verdict"].isin(["insufficient", ""])]
    seen, surveyed = (
        set(rows[["technology", "threshold"]].astype("str").itertuples(index=False, name=None))
        for rows in (table, surveys)
    )
    operators = _operators(table)
    styles = []
    for technology, threshold in sorted({*seen, FIRST}, key=lambda subject: (subject != FIRST, subject)):
        subject = {"technology": technology, "threshold": threshold, "evidence": "crowd"}
        words = technology if threshold == "service" else f"{technology}, {threshold} Mbit/s"
        evidence = [("crowd", "", [_rule(look) for look in VERDICTS])]
        if (technology, threshold) in surveyed:
            evidence.append(("survey", ", équipe de terrain", [_rule(look, line_mm=0.6) for look in CONCLUDED]))
        groups = [
            Rule(
                label=f"{name} – {words}{who}",
                filter=_expression({"operator": operator, **subject, "evidence": kind}),
                shown=number == 0,
                rules=tuple(rules),
            )
            for number, (operator, name) in enumerate(operators)
            for kind, who, rules in evidence
        ]
        all_of = [*([("operator", operators[0][0])] if operators else []), *subject.items()]
        styles.append(
            Style(
                layer="hexagons",
                name=f"verdicts {words}",
                description=f"Verdicts, {words} ; un groupe par opérateur, le premier coché",
                default=(technology, threshold) == FIRST,
                qml=qml(groups, "Polygon"),
                sld=sld("hexagons", VERDICTS, "Polygon", all_of),
            )
        )
    return styles


def _claims(table: pd.DataFrame) -> list[Style]:
    seen = set(table[["technology", "usage"]].astype("str").drop_duplicates().itertuples(index=False, name=None))
    first = (FIRST[0], "data")
    operators = _operators(table)
    styles = []
    for technology, usage in sorted({*seen, first}, key=lambda subject: (subject != first, subject)):
        subject = {"technology": technology, "usage": usage}
        words = f"{technology} {'données' if usage == 'data' else usage}"
        groups = [
            Rule(
                label=f"{name} – {words}",
                filter=_expression({"operator": operator, **subject}),
                shown=number == 0,
                rules=tuple(
                    Rule(label=label, filter=where, colour=CLAIMED, opacity=opacity) for label, where, opacity in DEPTHS
                ),
            )
            for number, (operator, name) in enumerate(operators)
        ]
        all_of = [*([("operator", operators[0][0])] if operators else []), *subject.items()]
        styles.append(
            Style(
                layer="claims",
                name=f"déclaré {words}",
                description=f"Couverture déclarée, {words} ; un groupe par opérateur, le premier coché",
                default=(technology, usage) == first,
                qml=qml(groups, "Polygon"),
                sld=sld("claims", (Look("couverture déclarée", (), CLAIMED, 0.4),), "Polygon", all_of),
            )
        )
    return styles


def _operators(table: pd.DataFrame) -> list[tuple[str, str]]:
    named = table[["operator", "operator_name"]].astype("str").drop_duplicates()
    return sorted(named.itertuples(index=False, name=None))


def _rule(look: Look, line_mm: float = 0.1) -> Rule:
    return Rule(
        label=look.label,
        filter=_expression(dict(look.where)),
        colour=look.colour,
        opacity=look.opacity,
        pattern=look.pattern,
        line_mm=line_mm,
    )


def _expression(members: dict[str, str]) -> str:
    return " AND ".join(f"\"{name}\" = '{value}'" for name, value in members.items())

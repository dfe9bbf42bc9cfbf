"""How a file of declared coverage is to be read: a small TOML file, several of which come with Maille.

A layout says where the operator, the technology, the usage and the level of a row are found, which rows count, and how
a row says where. ``docs/coverage-layouts.md`` describes every key; ``layouts/`` holds examples.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from aggregator.evidence.errors import EvidenceError
from client_sdk.messages import tr

SHIPPED = files("aggregator.evidence") / "layouts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where a value comes from: a column, else the name of the layer, else that of the file, else a constant.

    Attributes:
        column: name, in any case. layer, file: pattern whose first group is the value.
        value: constant.
        values: what is written (in any case, accents or not) → what it means; what is not listed stays as it is.
        steps: lower bounds, highest first, and what a number from there on means; below all, the row does not count.
        others: ``skip`` leaves out rows whose value is not listed in ``values``.
    """

    column: str = ""
    layer: str = ""
    file: str = ""
    value: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[tuple[float, str], ...] = ()
    others: str = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a row must hold to count: one of ``among`` (as ``Rule.values`` compares) or a number within bounds."""

    column: str
    among: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one row declares.

    Attributes:
        counted: column whose number counts the ``operators`` that cover the place. It names them where it is all of
            them or none; in between nothing is known.
        where: all must hold; a row that does not is no claim.
    """

    operator: Rule
    technology: Rule
    usage: Rule
    level: Rule
    counted: str = ""
    operators: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How a row says where: by its geometry where all is empty.

    Attributes:
        h3: column of an H3 cell.
        square: column of a square's name, which ``pattern`` takes apart into groups ``north`` and ``east``, the
            south-west corner in units of ``unit_m``.
        x, y: columns of coordinates, of the square's ``anchor``: ``centre`` or ``south-west``.
        side: of a square, in the units of the reference system.
    """

    h3: str = ""
    square: str = ""
    pattern: str = r"\D*\d*k?m?N(?P<north>\d+)E(?P<east>\d+)"
    unit_m: float = 0.0
    x: str = ""
    y: str = ""
    anchor: str = "centre"
    side: float = 0.0

    @property
    def by_geometry(self) -> bool:
        """Whether no column says where."""
        return not (self.h3 or self.square or self.x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file is to be read.

    Attributes:
        system: coordinate reference system, whatever the file declares; empty: what it declares.
        zones: pattern in a file's name → reference system, before ``system``.
        layers: pattern of the layers that are read.
        absent: what a place without a row means: ``uncovered``, or ``unknown``.
        levels: best first.
        day: column of the date, where the file's name has no quarter.
    """

    name: str
    source: str = ""
    licence: str = ""
    system: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)
    layers: str = ""
    absent: str = "uncovered"
    levels: tuple[str, ...] = ()
    day: str = ""
    quarter: str = ""
    place: Place = Place()
    claims: tuple[Claim, ...] = ()

    @property
    def columns(self) -> set[str]:
        """Names of all columns read, in lower case."""
        named = {self.day, self.place.h3, self.place.square, self.place.x, self.place.y}
        for claim in self.claims:
            named |= {rule.column for rule in (claim.operator, claim.technology, claim.usage, claim.level)}
            named |= {claim.counted, *(condition.column for condition in claim.where)}
        return {name.lower() for name in named if name}

    def with_constants(self, **given: str | None) -> "Layout":
        """With some of operator, technology, usage, level, crs, source, licence and quarter said by the caller."""
        said = {key: value for key, value in given.items() if value}
        claims = self.claims
        for key in ("operator", "technology", "usage", "level"):
            if key in said:
                changed: dict[str, Any] = {key: Rule(value=said[key])}
                claims = tuple(replace(claim, **changed) for claim in claims)
        if "operator" in said:
            claims = tuple(replace(claim, counted="", operators=()) for claim in claims)
        plain: dict[str, Any] = {key: said[key] for key in ("source", "licence", "quarter") if key in said}
        if "crs" in said:
            plain |= {"system": said["crs"], "zones": {}}
        return replace(self, claims=claims, **plain)


def folded(text: str) -> str:
    """A text as it is compared: without case, accents or double spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().split())


def shipped_layouts() -> list[str]:
    """Names of the layouts that come with Maille."""
    return sorted(Path(entry.name).stem for entry in SHIPPED.iterdir() if entry.name.endswith(".toml"))


def read_layout(named: str) -> Layout:
    """A layout that comes with Maille, by its name, or one in a file.

    Raises:
        EvidenceError: there is none of that name, or it is not a layout.
    """
    if named in shipped_layouts():
        return parse_layout(named, (SHIPPED / f"{named}.toml").read_text(encoding="utf-8"))
    try:
        return parse_layout(Path(named).name, Path(named).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(shipped_layouts())
        raise EvidenceError(
            tr(
                f"{named}: no such layout, expected a TOML file or one of {known} ({error})",
                f"{named} : format inconnu ; attendu : un fichier TOML, ou un parmi {known} ({error})",
            )
        ) from error


def parse_layout(name: str, text: str) -> Layout:
    """A layout from its TOML.

    Raises:
        EvidenceError: not TOML, or a key is unknown or holds another kind of value.
    """
    try:
        table = tomllib.loads(text)
        shared = {key: table.pop(key) for key in list(table) if key in _CLAIM_KEYS}
        claims = tuple(_claim({**shared, **one}) for one in table.pop("claims", [{}]))
        place = Place(**table.pop("place", {}))
        system = table.pop("crs", "")
        table["levels"] = tuple(table.get("levels", ()))
        layout = Layout(name=name, system=system, place=place, claims=claims, **table)
        _check(layout)
    except (tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError, re.error) as error:
        raise EvidenceError(
            tr(f"{name}: not a layout of coverage files ({error})", f"{name} : format de couverture invalide ({error})")
        ) from error
    return layout


_CLAIM_KEYS = ("operator", "technology", "usage", "level", "counted", "where")


def _claim(table: dict[str, Any]) -> Claim:
    counted = table.get("counted", {})
    if unknown := set(table) - set(_CLAIM_KEYS):
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    return Claim(
        operator=_rule(table.get("operator", "")),
        technology=_rule(table.get("technology", "")),
        usage=_rule(table.get("usage", "data")),
        level=_rule(table.get("level", "")),
        counted=counted.get("column", ""),
        operators=tuple(counted.get("operators", ())),
        where=tuple(_condition(column, wanted) for column, wanted in table.get("where", {}).items()),
    )


def _rule(said: Any) -> Rule:
    if not isinstance(said, dict):
        return Rule(value=str(said))
    values = {folded(str(written)): str(means) for written, means in said.get("values", {}).items()}
    steps = tuple(sorted(((float(bound), str(means)) for bound, means in said.get("steps", ())), reverse=True))
    rule = Rule(**{**said, "values": values, "steps": steps})
    for pattern in (rule.file, rule.layer):
        if pattern and re.compile(pattern).groups < 1:
            raise ValueError(f"{pattern} has no group")
    if rule.others not in ("keep", "skip"):
        raise ValueError(f"others is {rule.others!r}, expected keep or skip")
    return rule


def _condition(column: str, wanted: Any) -> Condition:
    if isinstance(wanted, dict):
        return Condition(column=column, **wanted)
    among = wanted if isinstance(wanted, list) else [wanted]
    return Condition(column=column, among=tuple(folded(str(value)) for value in among))


def _check(layout: Layout) -> None:
    place = layout.place
    if layout.absent not in ("uncovered", "unknown"):
        raise ValueError(f"absent is {layout.absent!r}, expected uncovered or unknown")
    if place.anchor not in ("centre", "south-west"):
        raise ValueError(f"anchor is {place.anchor!r}, expected centre or south-west")
    if (place.square or place.x) and not place.side > 0:
        raise ValueError("place.side is missing, expected the side of a square")
    if bool(place.x) != bool(place.y):
        raise ValueError("place has one of x and y, expected both")
    if place.square and not {"north", "east"} <= set(re.compile(place.pattern).groupindex):
        raise ValueError("place.pattern lacks the groups north and east")

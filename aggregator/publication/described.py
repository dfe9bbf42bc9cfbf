"""How a column and a table are described: type, unit, meaning in two languages, what values may be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

import pandas as pd

from aggregator.publication.errors import PublicationError

Kind = Literal["string", "integer", "number", "boolean"]
PLMN_PREFIX = "op_"
"""Of columns that a table has once for each operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        name: as in the files.
        kind: its type.
        en, fr: what it means.
        unit: of its values; empty where there is none.
        required: never missing. A text is never missing where it may be empty.
        least, most: bounds of a number.
        values: all that it may be; none for anything.
        pattern: regular expression that every text matches.
        short: name in a shapefile, at most 10 characters; empty where it is left out there, being too long.
    """

    name: str
    kind: Kind
    en: str
    fr: str
    unit: str = ""
    required: bool = False
    least: float | None = None
    most: float | None = None
    values: tuple[str, ...] = ()
    pattern: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a release.

    Attributes:
        name: of the layer.
        en, fr: what one row is.
        columns: in their order; one named ``op_`` stands for as many as there are operators.
        key: columns that no two rows have the same.
        geometry: of a row, ``Polygon``, ``MultiPolygon`` or ``Point``; empty for none.
        epsg: of the geometry.
        files: of a release that hold it; ``*`` stands for anything.
    """

    name: str
    en: str
    fr: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: Literal["Polygon", "MultiPolygon", "Point", ""] = ""
    epsg: int = 0
    files: tuple[str, ...]

    def is_in(self, path: str) -> bool:
        """Whether a file holds it."""
        return any(fnmatchcase(path, pattern) for pattern in self.files)

    def column(self, name: str) -> Column:
        """The description of a column.

        Raises:
            PublicationError: there is none.
        """
        known = {column.name: column for column in self.columns}
        if name in known:
            return known[name]
        if name.startswith(PLMN_PREFIX) and PLMN_PREFIX in known:
            plmn = name.removeprefix(PLMN_PREFIX)
            family = known[PLMN_PREFIX]
            return replace(family, name=name, short=name, en=f"{family.en} {plmn}", fr=f"{family.fr} {plmn}")
        raise PublicationError(f"{self.name}: column {name} has no description, expected one in publication/columns.py")


def flagged(row: "Mapping[Any, Any] | pd.Series[Any]") -> list[str]:
    """Operators (PLMN) whose column ``op_<PLMN>`` is 1 in a row, sorted."""
    asked = (str(name) for name, flag in row.items() if str(name).startswith(PLMN_PREFIX) and flag == 1)
    return sorted(name.removeprefix(PLMN_PREFIX) for name in asked)


def text(
    name: str, en: str, fr: str, *values: str, required: bool = False, short: str | None = None, pattern: str = ""
) -> Column:
    """A text, empty where there is nothing to say; ``values`` are all it may be."""
    own = name if short is None else short
    return Column(name=name, kind="string", en=en, fr=fr, values=values, required=required, pattern=pattern, short=own)


def count(name: str, en: str, fr: str, *, required: bool = False, short: str = "", unit: str = "") -> Column:
    """A whole number of something."""
    own = short or name
    return Column(name=name, kind="integer", en=en, fr=fr, least=0, required=required, short=own, unit=unit)


def number(
    name: str,
    en: str,
    fr: str,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    required: bool = False,
    short: str = "",
) -> Column:
    """A figure with decimals."""
    return Column(
        name=name,
        kind="number",
        en=en,
        fr=fr,
        unit=unit,
        least=least,
        most=most,
        required=required,
        short=short or name,
    )


def share(name: str, en: str, fr: str, *, required: bool = False, short: str = "") -> Column:
    """From 0 to 1."""
    return number(name, en, fr, unit="1", least=0, most=1, required=required, short=short)


def flag(name: str, en: str, fr: str, *, required: bool = False, short: str = "") -> Column:
    """True or false."""
    return Column(name=name, kind="boolean", en=en, fr=fr, required=required, short=short or name)

"""What the columns of a collection mean, as JSON Schema, and how a request chooses rows by their values."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from aggregator.publication.columns import TABLES
from aggregator.publication.columns_places import PLMN
from aggregator.publication.described import Column, Kind
from aggregator.publication.errors import PublicationError
from aggregator.publication.reading.asked import Parameter, QueryError, codes

INSEE = {"insee_com": r"(\d{2}|2[AB])\d{3}", "insee_dep": r"(\d{2}|2[AB]|9[78]\d)"}
"""Forms of INSEE's codes: in Corsica with a letter; of départements overseas with three digits."""
EXPECTED = {
    "operator": "MCC and MNC, such as 20801",
    "insee_com": "INSEE codes of communes, such as 58095",
    "insee_dep": "INSEE codes of départements, such as 58 or 05",
    "h3": "the index of an H3 cell of the release, such as 881f94aa11fffff",
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def described(collection: str, schema: pa.Schema) -> tuple[Column, ...]:
    """The description of each column, its type as it is stored.

    Args:
        collection: name of the table.
        schema: of its rows; those of hexagons and claims have the columns of their commune beside their own.
    """
    return tuple(_described(collection, field.name, _kind(field.type)) for field in schema)


def _described(collection: str, name: str, kind: Kind) -> Column:
    for table in (collection, "places"):
        try:
            found = TABLES[table].column(name)
        except PublicationError:
            continue
        # empty outside all communes
        return replace(found, kind=kind, pattern=f"^({INSEE[name]})?$" if name in INSEE else found.pattern)
    # a release of another version than this one
    return Column(name=name, kind=kind, en=name, fr=name)


def _kind(stored: pa.DataType) -> Kind:
    if pa.types.is_boolean(stored):
        return "boolean"
    if pa.types.is_integer(stored):
        return "integer"
    return "number" if pa.types.is_floating(stored) else "string"


def schema_of(column: Column) -> dict[str, Any]:
    """JSON Schema of what a column says where it says something."""
    told: dict[str, Any] = {"type": column.kind, "description": meaning(column)}
    if column.values:
        told["enum"] = list(column.values)
    if column.pattern:
        told["pattern"] = column.pattern
    for bound, value in (("minimum", column.least), ("maximum", column.most)):
        if value is not None:
            told[bound] = int(value) if column.kind == "integer" else value
    return told


def meaning(column: Column) -> str:
    """In words, with the unit where there is one."""
    return column.en + (f", in {column.unit}" if column.unit not in ("", "1") else "")


def filters(columns: Sequence[Column]) -> list[Parameter]:
    """One parameter for each column: only rows with that value, or with one of several codes."""
    return [_filter(column) for column in columns]


def _filter(column: Column) -> Parameter:
    told = f"Only rows with this value: {meaning(column)}."
    if column.kind == "string" and (column.values or column.pattern):
        expected = EXPECTED.get(column.name, "")
        several = f"Only rows with this value, or one of several with commas between: {meaning(column)}."
        return codes(column.name, several, values=column.values, pattern=column.pattern, expected=expected)

    def read(text: str) -> list[Any]:
        if column.kind == "string":
            return [text]
        if column.kind == "boolean" and text in _BOOLEANS:
            return [_BOOLEANS[text]]
        if column.kind == "integer" and re.fullmatch(r"[+-]?\d{1,18}", text):
            return [int(text)]
        if column.kind == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
            return [float(text)]
        expected = {"boolean": "true or false, or 1 or 0", "integer": "a whole number", "number": "a number"}
        raise QueryError(column.name, text, expected[column.kind])

    schema = schema_of(column)
    schema.pop("description")
    return Parameter(column.name, told, schema, read)


OPERATORS = codes("operator", "MCC and MNC, such as 20801.", pattern=PLMN.pattern, expected=EXPECTED["operator"])
COMMUNES, DEPARTEMENTS = (
    codes(
        name,
        f"{EXPECTED[column]}: hexagons whose centre lies there.",
        pattern=f"^{INSEE[column]}$",
        expected=EXPECTED[column],
    )
    for name, column in (("commune", "insee_com"), ("departement", "insee_dep"))
)

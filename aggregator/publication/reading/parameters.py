"""The parameters of each address, which also describe themselves in OpenAPI."""

import re
from typing import Any

import h3
import pyarrow as pa

from aggregator.evidence.ledger import TECHNOLOGIES, THRESHOLDS
from aggregator.publication.reading.answers import FORMATS
from aggregator.publication.reading.asked import LIMIT, OFFSET, Parameter, QueryError, choice, whole, words
from aggregator.publication.reading.crs import BBOX, BBOX_CRS, CRS
from aggregator.publication.reading.documents import schema_of
from aggregator.publication.reading.times import EXPECTED, read_interval

FORM = choice("f", "Format of the answer; by default what Accept prefers, else json.", list(FORMATS))
CRS_OF_ITEM = CRS
DATETIME = Parameter(
    "datetime",
    f"Only what has a day then, by its months or quarter: {EXPECTED}. What has no day at all is left out.",
    {"type": "string"},
    read_interval,
)
ITEMS = [FORM, LIMIT, OFFSET, BBOX, BBOX_CRS, CRS, DATETIME]

ROW_FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
VERDICTS = ("contradicted", "suspected", "confirmed", "unclaimed_service", "insufficient")
EVIDENCE = ("crowd", "survey")


def of_columns(schema: pa.Schema) -> list[Parameter]:
    """One for each column: only rows with that value."""
    return [_equal(field.name, field.type) for field in schema]


def _equal(name: str, kind: pa.DataType) -> Parameter:
    schema = schema_of(kind)

    def read(text: str) -> Any:
        if schema["type"] == "string":
            return text
        if schema["type"] == "boolean" and text in ("true", "false"):
            return text == "true"
        if schema["type"] == "integer" and re.fullmatch(r"[+-]?\d{1,18}", text):
            return int(text)
        if schema["type"] == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
            return float(text)
        expected = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}[schema["type"]]
        raise QueryError(name, text, expected)

    return Parameter(name, f"Only rows whose {name} is this.", schema, read)


def _known(name: str, description: str, values: tuple[str, ...] | list[str]) -> Parameter:
    """Some of a few words."""

    def read(text: str) -> list[str]:
        found = text.split(",")
        if wrong := [word for word in found if word not in values]:
            raise QueryError(name, wrong[0], f"one or several of {', '.join(values)}, with commas between")
        return found

    schema = {"type": "array", "items": {"type": "string", "enum": list(values)}}
    return Parameter(name, description, schema, read, several=True)


def _cell(text: str) -> str:
    if not h3.is_valid_cell(text):
        raise QueryError("h3", text, "the index of an H3 cell, such as 881f94aa11fffff")
    return str(text)


RELEASE = Parameter("release", "Name of a release; by default the latest.", {"type": "string"}, str)
ROWS = [
    RELEASE,
    choice("format", "Format of the answer.", list(ROW_FORMATS)),
    BBOX,
    words("commune", "INSEE codes of communes: hexagons whose centre lies there."),
    words("departement", "Codes of départements: hexagons whose centre lies there."),
    Parameter("h3", "What lies in this H3 cell, of any resolution, or around it.", {"type": "string"}, _cell),
    words("operator", "MCC and MNC, such as 20801."),
    _known("technology", "Technologies.", list(TECHNOLOGIES)),
    _known("threshold", "service, or Mbit/s of download.", list(THRESHOLDS)),
    _known("verdict", "Verdicts.", VERDICTS),
    _known("evidence", "Volunteers (crowd) or field teams (survey).", EVIDENCE),
    words("columns", "Only these columns, in this order."),
    whole("limit", "Rows at most; by default all of them.", 1, default=0),
    OFFSET,
]

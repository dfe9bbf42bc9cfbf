"""The parameters of each address, which also describe themselves in OpenAPI."""

from dataclasses import replace

import h3

from aggregator.evidence.ledger import TECHNOLOGIES, THRESHOLDS
from aggregator.publication.reading.answers import FORMATS
from aggregator.publication.reading.asked import LIMIT, OFFSET, Parameter, QueryError, choice, codes, whole, words
from aggregator.publication.reading.crs import BBOX, BBOX_CRS, BOX, CRS
from aggregator.publication.reading.properties import COMMUNES, DEPARTEMENTS, OPERATORS
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


def _cell(text: str) -> str:
    if not h3.is_valid_cell(text):
        raise QueryError("h3", text, "the index of an H3 cell, such as 881f94aa11fffff")
    return str(text)


def _release(text: str) -> str:
    if not text:
        raise QueryError("release", text, "the name of a release; without the parameter, the latest answers")
    return text


RELEASE = Parameter("release", "Name of a release; by default the latest.", {"type": "string"}, _release)
ROWS = [
    RELEASE,
    choice("format", "Format of the answer.", list(ROW_FORMATS)),
    replace(BBOX, description=f"{BOX} in degrees (CRS84)."),
    COMMUNES,
    DEPARTEMENTS,
    Parameter("h3", "What lies in this H3 cell, of any resolution, or around it.", {"type": "string"}, _cell),
    OPERATORS,
    codes("technology", "Technologies.", values=list(TECHNOLOGIES)),
    codes("threshold", "service, or Mbit/s of download.", values=list(THRESHOLDS)),
    codes("verdict", "Verdicts.", values=VERDICTS),
    codes("evidence", "Volunteers (crowd) or field teams (survey).", values=EVIDENCE),
    words("columns", "Only these columns, in this order."),
    whole("limit", "Rows at most; by default all of them.", 1),
    OFFSET,
]

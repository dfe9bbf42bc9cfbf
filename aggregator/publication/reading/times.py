"""Days on which rows were measured or declared, and what the parameter ``datetime`` asks for."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aggregator.publication.reading.asked import QueryError

Days = NDArray[np.datetime64]
Rows = NDArray[np.int64]

_QUARTER = re.compile(r"(\d{4})_T([1-4])")
_MONTH = re.compile(r"\d{4}-\d{2}")
_FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")
EXPECTED = "a date or date-time of RFC 3339, or two with / between, .. or nothing for an open end"


@dataclass(frozen=True, slots=True)
class Interval:
    """From a day to a day, both included; None where it is open."""

    first: np.datetime64 | None
    last: np.datetime64 | None


@dataclass(frozen=True, slots=True)
class Times:
    """First and last day of each row (n,), NaT where nothing is known."""

    first: Days
    last: Days

    def meet(self, asked: Interval, rows: Rows) -> NDArray[np.bool_]:
        """Whether rows have a day in an interval; those without any day have none."""
        first, last = self.first[rows], self.last[rows]
        met = ~np.isnat(first)
        if asked.first is not None:
            met &= last >= asked.first
        if asked.last is not None:
            met &= first <= asked.last
        return met

    def extent(self) -> tuple[str | None, str | None]:
        """First and last of all days; None and None where there are none."""
        known = ~np.isnat(self.first)
        return (str(self.first[known].min()), str(self.last[known].max())) if known.any() else (None, None)


def times_of(table: pa.Table, columns: list[str]) -> Times:
    """Days that the months (``2026-03``) or quarters (``2026_T1``) in some columns span, row by row."""
    firsts, lasts = zip(*(_days(table[name]) for name in columns), strict=True)
    return Times(np.fmin.reduce(firsts), np.fmax.reduce(lasts))


def _days(column: pa.ChunkedArray) -> tuple[Days, Days]:
    codes = column.combine_chunks()
    if not pa.types.is_dictionary(codes.type):
        codes = codes.dictionary_encode()
    spans = [_span(text) for text in codes.dictionary.to_pylist()]
    nothing = np.datetime64("NaT", "D")
    first, last = (
        (np.array([*side, nothing], dtype="datetime64[D]") for side in zip(*spans, strict=True))
        if spans
        else (
            np.array([nothing]),
            np.array([nothing]),
        )
    )
    numbers = codes.indices.fill_null(len(spans)).to_numpy(zero_copy_only=False)
    return first[numbers], last[numbers]


def _span(text: str | None) -> tuple[np.datetime64, np.datetime64]:
    quarter = _QUARTER.fullmatch(text or "")
    if quarter:
        period = pd.Period(f"{quarter[1]}Q{quarter[2]}", freq="Q")
    elif _MONTH.fullmatch(text or ""):
        period = pd.Period(text, freq="M")
    else:
        return np.datetime64("NaT", "D"), np.datetime64("NaT", "D")
    return np.datetime64(period.start_time.date(), "D"), np.datetime64(period.end_time.date(), "D")


def read_interval(text: str) -> Interval:
    """What ``datetime`` says: an instant, or an interval that may be open on one side.

    Raises:
        QueryError: it is neither.
    """
    first, slash, last = text.partition("/")
    if not slash:
        day = _day(text, text)
        return Interval(day, day)
    start, end = (None if side in ("", "..") else _day(side, text) for side in (first, last))
    if (start is None and end is None) or (start is not None and end is not None and start > end):
        raise QueryError("datetime", text, EXPECTED + ", the first not after the last")
    return Interval(start, end)


def _day(text: str, given: str) -> np.datetime64:
    try:
        if _FULL_DATE.fullmatch(text):
            return np.datetime64(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date(), "D")
        if _DATE_TIME.fullmatch(text):
            moment = datetime.fromisoformat(text.upper())
            return np.datetime64(moment.astimezone(UTC).date(), "D")
    except (ValueError, OverflowError):
        pass
    raise QueryError("datetime", given, EXPECTED)

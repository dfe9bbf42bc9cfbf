"""The quarter of a declaration: in a file's name, or by the last of its dates."""

import re
from typing import Any

import pandas as pd

_QUARTER = re.compile(r"(?<!\d)(\d{4})[-_ ]?[TQ]([1-4])(?!\d)")
_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m", "%m/%Y")


def quarter_in(name: str) -> str:
    """Quarter in a name as ``2024_T3``, or empty."""
    found = _QUARTER.search(name)
    return f"{found[1]}_T{found[2]}" if found else ""


def quarter_of(written: str) -> str:
    """Quarter of a date in any of the usual formats, or of a written quarter; empty for anything else."""
    if named := quarter_in(written):
        return named
    day = re.sub(r"[T ]\d{1,2}:.*$", "", written.strip())
    for form in _FORMATS:
        try:
            date = pd.to_datetime(day, format=form)
        except (ValueError, OverflowError):
            continue
        return f"{date.year}_T{date.quarter}"
    return ""


class Days:
    """The dates of a file's rows, of which the last quarter counts."""

    def __init__(self) -> None:
        """No date yet."""
        self.quarter = ""
        self._seen: set[str] = set()

    def add(self, values: "pd.Series[Any] | None") -> None:
        """Take the dates of a column; None: there is no such column."""
        for value in values.dropna().unique() if values is not None else ():
            if (written := str(value)) not in self._seen:
                self._seen.add(written)
                self.quarter = max(self.quarter, quarter_of(written))

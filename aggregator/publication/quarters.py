"""Calendar quarters: published counts are of one fixed quarter, never of a window that moves."""

from datetime import date, timedelta

import pandas as pd


def quarters_of(days: pd.Series) -> pd.Series:
    """``2026_T2`` for any day of April to June 2026, in Arcep's manner."""
    named: pd.Series = (days.dt.year.astype("str") + "_T" + days.dt.quarter.astype("str")).astype("str")
    return named


def counted_quarter(first_day: date, last_day: date) -> str:
    """The quarter whose counts a release shows.

    The last one that is complete on the last day of data, so that what is counted once need not be counted again; while
    none is, the one of the last day.

    Args:
        first_day: first day of volunteers' data.
        last_day: last day of data.
    """
    current = pd.Period(last_day, freq="Q")
    complete = current if current.end_time.date() == last_day else current - 1
    chosen = complete if pd.Period(first_day, freq="Q") <= complete else current
    return f"{chosen.year}_T{chosen.quarter}"


def four_quarters(last_day: date) -> int:
    """Days from the first of the four quarters that end with the last day's to the last day."""
    first = (pd.Period(last_day, freq="Q") - 3).start_time.date()
    return (last_day - first).days + 1


def quarter_of(day: date) -> str:
    """Quarter of one day."""
    return f"{day.year}_T{(day.month + 2) // 3}"


def window_start(last_day: date, window_days: int) -> date:
    """First day of a window."""
    return last_day - timedelta(days=window_days - 1)

"""Numbers, operators and periods as French and English people write them."""

from datetime import date
from typing import Literal

from client_sdk.dates import MONTHS
from client_sdk.messages import Language
from client_sdk.operators import operator_name

Dates = Literal["month", "day"]

_SMALL: dict[Language, tuple[str, ...]] = {"fr": ("zéro", "un", "deux", "trois"), "en": ("zero", "one", "two", "three")}
_NARROW_SPACE = "\u202f"
EXACT_UP_TO = 20
STEP_ABOVE = 5
"""Ours: published counts above 20 are rounded to 5, so that one device more or less seldom shows."""


def whole(number: int, language: Language) -> str:
    """``1 234`` in French, with the narrow space that never breaks; ``1,234`` in English."""
    text = f"{number:,}"
    return text.replace(",", _NARROW_SPACE) if language == "fr" else text


def rounded(number: int) -> int:
    """As a count is published: up to :data:`EXACT_UP_TO` as it is, a larger one to the nearest :data:`STEP_ABOVE`."""
    return number if number <= EXACT_UP_TO else (number + STEP_ABOVE // 2) // STEP_ABOVE * STEP_ABOVE


def about(number: int, language: Language) -> str:
    """A count as it is published, with ``environ`` or ``about`` before one that is rounded."""
    word = {"fr": "environ", "en": "about"}[language]
    return f"{word} {whole(rounded(number), language)}" if number > EXACT_UP_TO else whole(number, language)


def decimal(number: float, language: Language, decimals: int = 1) -> str:
    """A number with the decimal sign of the language; no decimals where they are all zero."""
    text = f"{number:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if language == "en":
        return text
    return text.replace(",", _NARROW_SPACE).replace(".", ",")


def small(number: int, language: Language) -> str:
    """A number up to three in letters, larger ones in digits."""
    words = _SMALL[language]
    return words[number] if 0 <= number < len(words) else whole(number, language)


def operator_words(operator: str, language: Language) -> tuple[str, str]:
    """An operator's name, and the same after "of": ``d’Orange``, ``de l’opérateur 26207``, ``of Orange``."""
    name = operator_name(operator)
    if name == operator:
        return (
            (f"l’opérateur {name}", f"de l’opérateur {name}")
            if language == "fr"
            else (f"operator {name}", f"of operator {name}")
        )
    if language == "en":
        return name, f"of {name}"
    return name, f"d’{name}" if name[0] in "AEIOUYÉÈ" else f"de {name}"


def moment(day: str, language: Language, *, year: bool = True) -> str:
    """``2026-03`` as ``mars 2026``, ``2026-03-01`` as ``1er mars 2026``."""
    parts = [int(part) for part in day.split("-")]
    words = [MONTHS[language][parts[1] - 1]]
    if len(parts) == 3:
        words.insert(0, "1er" if parts[2] == 1 and language == "fr" else str(parts[2]))
    if year:
        words.append(str(parts[0]))
    return " ".join(words)


def period(first: str, last: str, language: Language) -> str:
    """From the first to the last day or month: ``entre mars et août 2026``, ``en mars 2026``, ``le 3 mars 2026``."""
    whole_months = len(first) == len("2026-03")
    if first == last:
        preposition = {"fr": "en" if whole_months else "le", "en": "in" if whole_months else "on"}[language]
        return f"{preposition} {moment(first, language)}"
    start = moment(first, language, year=first[:4] != last[:4])
    end = moment(last, language)
    if language == "en":
        return f"between {start} and {end}"
    return f"entre {start} et {end}" if whole_months else f"entre le {start} et le {end}"


def day_text(day: object, dates: Dates) -> str:
    """A day, or a month, as ``2026-03-01`` or ``2026-03``; empty where there is none.

    Args:
        day: a date, a timestamp, or an ISO text that begins with a year and a month.
        dates: ``month`` drops the day.

    Raises:
        ValueError: it is no such thing.
    """
    if day is None or day != day:  # NaN and NaT differ from themselves
        return ""
    text = str(day)[:10]
    if not text:
        return ""
    try:
        date.fromisoformat(text if len(text) == len("2026-03-01") else f"{text}-01")
    except ValueError as error:
        raise ValueError(f"day is {day!r}, expected a date such as 2026-03-01 or a month such as 2026-03") from error
    return text[:7] if dates == "month" else text

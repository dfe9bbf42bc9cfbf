"""The language that people read: both texts stand side by side where they are used, and this picks one."""

import os
from datetime import UTC, datetime
from typing import Literal

Language = Literal["en", "fr"]

_current: list[Language] = []


def language_of_environment() -> Language:
    """French where the locale says so (``LC_ALL``, ``LC_MESSAGES``, ``LANG``, in that order), English elsewhere."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def use_language(language: Language) -> None:
    """Choose the language of every later message."""
    _current[:] = [language]


def current_language() -> Language:
    """The one chosen, else that of the environment."""
    return _current[0] if _current else language_of_environment()


def tr(english: str, french: str) -> str:
    """One of the two texts, in the current language."""
    return french if current_language() == "fr" else english


def counted(count: int, english: str, french: str) -> str:
    """``2 rows left out``: a count, and its words, in which each ``(s)`` stands for the plural.

    French has a plural from 2 on, English for all but 1.
    """
    plural = "s" if count > 1 or (count == 0 and tr("s", "")) else ""
    return f"{count} {tr(english, french).replace('(s)', plural)}"


def rounded(value: float, decimals: int = 1, sign: str = "") -> str:
    """A number with so many decimals, and the decimal sign of the language; ``sign`` may be ``+``."""
    text = f"{value:{sign}.{decimals}f}"
    return tr(text, text.replace(".", ","))


def kilometres(metres: float) -> str:
    """A distance on the road, with the decimal sign of the language."""
    return f"{rounded(metres / 1000)} km"


def minute_text(instant: datetime) -> str:
    """An aware instant to the minute, in UTC, as people write it."""
    utc = instant.astimezone(UTC)
    return tr(f"{utc:%Y-%m-%d %H:%M} UTC", f"{utc:%d/%m/%Y} à {utc:%H:%M} UTC")


def tier_name(tier: str) -> str:
    """What a device is to a collector, in words; one of a later version as it is called there."""
    return {"volunteer": tr("volunteer", "bénévole"), "field_team": tr("field team", "équipe de terrain")}.get(
        tier, tier
    )

"""The language that people read: both texts stand side by side where they are used, and this picks one."""

import os
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


def tr(english: str, french: str) -> str:
    """One of the two texts, in the current language."""
    return french if (_current[0] if _current else language_of_environment()) == "fr" else english


def kilometres(metres: float) -> str:
    """A distance on the road, with the decimal sign of the language."""
    text = f"{metres / 1000:.1f} km"
    return tr(text, text.replace(".", ","))


def tier_name(tier: str) -> str:
    """What a device is to a collector, in words; one of a later version as it is called there."""
    return {"volunteer": tr("volunteer", "bénévole"), "field_team": tr("field team", "équipe de terrain")}.get(
        tier, tier
    )

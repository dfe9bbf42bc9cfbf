"""Days and months as people read them, in the current language."""

from client_sdk.messages import Language, tr

MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
}


def month_text(month: str) -> str:
    """``2026-11`` as ``November 2026``."""
    year, number = month.split("-")
    name = int(number) - 1
    return f"{tr(MONTHS['en'][name], MONTHS['fr'][name])} {year}"


def day_text(day: str) -> str:
    """``2026-11-01`` as ``1 November 2026``, ``1er novembre 2026``."""
    number = int(day[8:10])
    return f"{tr(str(number), '1er' if number == 1 else str(number))} {month_text(day[:7])}"


def span_text(first: str, last: str) -> str:
    """From one ISO date to another: ``from 1 to …``, ``du … au …``; ``on …``, ``le …`` where both are the same."""
    start, end = day_text(first), day_text(last)
    if first == last:
        return tr(f"on {start}", f"le {start}")
    return tr(f"from {start} to {end}", f"du {start} au {end}")

"""What a request asks for: parameters known by name, each with how it is read and described."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_LIMIT = 1_000
LARGEST_LIMIT = 10_000
"""Ours: a page of 10,000 hexagons is 10 MB of GeoJSON; a larger limit is answered with as many."""
LONGEST_OFFSET = 2**31 - 1


class QueryError(Exception):
    """A parameter that cannot be answered.

    Attributes:
        name, value: as given. expected: what would have been right.
    """

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}: got {value!r}, expected {expected}")
        self.name, self.value, self.expected = name, value, expected


class AbsentError(Exception):
    """What was asked for does not exist."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that may stand in a query.

    Attributes:
        name: as it is written.
        description: for people.
        schema: of OpenAPI 3.0.
        read: its value from its text; raises :class:`QueryError`.
        several: whether it is a list, separated by commas.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    several: bool = False


def read_query(query: Iterable[tuple[str, str]], known: Sequence[Parameter]) -> dict[str, Any]:
    """The values asked for, by name.

    Raises:
        QueryError: a name is unknown or comes twice, or a value is not one of its kind.
    """
    by_name = {parameter.name: parameter for parameter in known}
    found: dict[str, Any] = {}
    for name, text in query:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else "/openapi.json describes them"
            raise QueryError(name, text, f"a parameter of this address; {hint}")
        if name in found:
            raise QueryError(name, text, "the parameter once")
        if "\x00" in text:
            raise QueryError(name, text, "text without control characters")
        found[name] = by_name[name].read(text)
    return found


def choice(name: str, description: str, values: Sequence[str]) -> Parameter:
    """One of some words."""

    def read(text: str) -> str:
        if text not in values:
            raise QueryError(name, text, f"one of {', '.join(values)}")
        return text

    return Parameter(name, description, {"type": "string", "enum": list(values)}, read)


def whole(
    name: str, description: str, least: int, *, default: int | None = None, largest: int | None = None
) -> Parameter:
    """A whole number; more than ``largest`` counts as that."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
            raise QueryError(name, text, f"a whole number of {least} or more")
        return min(int(text), largest if largest is not None else LONGEST_OFFSET)

    bounds = {"minimum": least, "maximum": largest, "default": default}
    schema = {"type": "integer", **{key: value for key, value in bounds.items() if value is not None}}
    return Parameter(name, description, schema, read)


def words(name: str, description: str) -> Parameter:
    """One text or several, separated by commas."""

    def read(text: str) -> list[str]:
        found = text.split(",")
        if not all(found):
            raise QueryError(name, text, "one text or several with commas between")
        return found

    return Parameter(name, description, {"type": "array", "items": {"type": "string"}}, read, several=True)


def codes(
    name: str, description: str, *, values: Sequence[str] = (), pattern: str = "", expected: str = ""
) -> Parameter:
    """One code or several, separated by commas.

    Args:
        name: of the parameter.
        description: for people.
        values: all codes there are; none where they have a form.
        pattern: regular expression of their form.
        expected: what a refusal calls them.
    """
    listed = ", ".join(filter(None, values))
    wanted = expected or (f"one or several of {listed}, with commas between" if values else f"the form {pattern}")

    def read(text: str) -> list[str]:
        found = text.split(",")
        for code in found:
            if (values and code not in values) or (pattern and not re.fullmatch(pattern, code)):
                raise QueryError(name, code, wanted)
        return found

    item = {"type": "string"} | ({"enum": list(values)} if values else {}) | ({"pattern": pattern} if pattern else {})
    return Parameter(name, description, {"type": "array", "items": item, "minItems": 1}, read, several=True)


def numbers(name: str, text: str, counts: Sequence[int], expected: str) -> list[float]:
    """Finite numbers separated by commas."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise QueryError(name, text, expected) from error
    if len(found) not in counts or not all(map(math.isfinite, found)) or "_" in text:
        raise QueryError(name, text, expected)
    return found


LIMIT = whole(
    "limit",
    f"Rows of one answer, {LARGEST_LIMIT} at most; a larger number counts as that.",
    1,
    default=DEFAULT_LIMIT,
    largest=LARGEST_LIMIT,
)
OFFSET = whole("offset", "Rows left out before the first one of the answer.", 0, default=0)

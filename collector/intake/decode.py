"""One line of an envelope → a sample, or the reason why not; whatever the line holds, nothing is raised."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from client_sdk.bounds import described, is_clean_text, is_uuid7
from client_sdk.errors import SampleError
from client_sdk.sample import FIELDS, Sample
from client_sdk.signing.envelope import MAX_LINE_BYTES

_SAMPLE = TypeAdapter(Sample)
_UNKNOWN_FIELD = frozenset({"unexpected_keyword_argument", "extra_forbidden"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRefusal:
    """Why a line is no sample.

    Attributes:
        rule: ``line-size``, ``line-utf8``, ``line-json``, ``sample-field`` or ``sample-law``.
        message: for the person: field, value and expectation.
        field: name of the field concerned, where there is one.
        sample_id: where it could be read.
    """

    rule: str
    message: str
    field: str | None = None
    sample_id: str | None = None


def decode_line(line: bytes) -> Sample | LineRefusal:
    """Read one line strictly: JSON object, known fields, their types and bounds, the laws between them.

    The last of duplicate members counts.
    """
    if len(line) > MAX_LINE_BYTES:
        return LineRefusal(rule="line-size", message=f"line: {len(line)} bytes, expected at most {MAX_LINE_BYTES}")
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return LineRefusal(rule="line-utf8", message=f"line: byte {error.start + 1} is not UTF-8")
    try:
        return _SAMPLE.validate_json(line)
    except ValidationError as error:
        return _refusal(error.errors(include_url=False)[0], line)


def _refusal(detail: ErrorDetails, line: bytes) -> LineRefusal:
    """The first thing Pydantic found, told in our words."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "json_invalid":
        return LineRefusal(rule="line-json", message=f"line: is not a JSON text ({context['error']})")
    if kind == "dataclass_type":
        return LineRefusal(rule="line-json", message="line: expected a JSON object")
    broken_law = context.get("error")
    if isinstance(broken_law, SampleError):
        return _told("sample-law", broken_law, line)
    name = str(detail["loc"][0])
    if kind in _UNKNOWN_FIELD:
        shown = name if 0 < len(name) <= 64 and is_clean_text(name) else None
        message = f"{shown or ascii(name[:64])}: unknown field, expected one of those of the protocol"
        return LineRefusal(rule="sample-field", message=message, field=shown, sample_id=_sample_id(line))
    if kind == "missing":
        message = f"{name}: missing, expected {described(FIELDS[name])}"
        return LineRefusal(rule="sample-field", message=message, field=name, sample_id=_sample_id(line))
    return _told("sample-field", SampleError(name, detail["input"], described(FIELDS[name])), line)


def _told(rule: str, error: SampleError, line: bytes) -> LineRefusal:
    return LineRefusal(rule=rule, message=str(error), field=error.field, sample_id=_sample_id(line))


def _sample_id(line: bytes) -> str | None:
    """The id of a line that is a JSON object but no sample, if it has a proper one."""
    members: dict[str, Any] = from_json(line)
    value = members.get("id")
    return value if isinstance(value, str) and is_uuid7(value) else None

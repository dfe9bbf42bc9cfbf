"""One line of an envelope → a sample, or the reason why not; whatever the line holds, nothing is raised."""

from dataclasses import MISSING, dataclass, fields
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin

from annotated_types import Predicate
from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from typing_extensions import TypedDict

from client_sdk.bounds import PATTERNS, described, is_clean_text, is_utc_instant, is_uuid7
from client_sdk.errors import SampleError
from client_sdk.sample import FIELDS, Sample, of_members
from client_sdk.signing.envelope import MAX_LINE_BYTES


def _checked(annotation: Any) -> Any:
    """The same bounds, patterns in place of predicates: for those Pydantic would call Python seven times a line."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return Annotated[_checked(inner), *(_native(item) for item in metadata)]
    if origin in (Union, UnionType):
        return reduce(or_, (_checked(choice) for choice in get_args(annotation)))
    return annotation


def _native(item: Any) -> Any:
    if not isinstance(item, Predicate) or item.func is is_utc_instant:  # no pattern knows how long a month is
        return item
    return StringConstraints(pattern=PATTERNS[item.func])


_REQUIRED = frozenset(field.name for field in fields(Sample) if field.default is MISSING)


def _adapter() -> TypeAdapter[dict[str, Any]]:
    bounds = {name: _checked(annotation) for name, annotation in FIELDS.items()}
    fields_of: Any = TypedDict  # a class whose fields are only known now
    members = fields_of(
        "Members", {name: bounds[name] if name in _REQUIRED else NotRequired[bounds[name]] for name in bounds}
    )
    members.__pydantic_config__ = Sample.__pydantic_config__
    return TypeAdapter(members)


_MEMBERS = _adapter()
"""A line's members, those that are present alone: quicker by half than all the fields of a :class:`Sample`."""


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
        return of_members(_MEMBERS.validate_json(line))
    except ValidationError as error:
        return _refusal(error.errors(include_url=False)[0], line)
    except SampleError as error:
        return _told("sample-law", error, line)


def _refusal(detail: ErrorDetails, line: bytes) -> LineRefusal:
    """The first thing Pydantic found, told in our words."""
    kind = detail["type"]
    if kind == "json_invalid":
        return LineRefusal(rule="line-json", message=f"line: is not a JSON text ({detail['ctx']['error']})")
    if kind == "dict_type":
        return LineRefusal(rule="line-json", message="line: expected a JSON object")
    name = str(detail["loc"][0])
    if kind == "extra_forbidden":
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

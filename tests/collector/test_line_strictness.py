"""A line is a sample or is refused with its rule, its field and a message; the phone and the server agree on which."""

import json
import math
import random
from dataclasses import replace
from typing import Any, Literal, get_args

import pytest
from annotated_types import Ge, Le
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from client_sdk.errors import SampleError
from client_sdk.sample import FIELDS, Sample, check, encode, new_sample_id
from collector.intake.decode import LineRefusal, decode_line

ID = "0198c8a2-5d2b-7c3e-8f10-2a6b1c9d4e5f"
GOOD = (
    f'{{"id":"{ID}","seq":1,"kind":"signal","measured_at":"2026-11-23T16:34:00.123Z",'
    '"latitude":47.2,"longitude":3.9,"sim_plmn":"20801"}'
)


def line(name: str, json_text: str) -> bytes:
    """A good line whose member ``name`` is replaced by the last of duplicates."""
    return f'{GOOD[:-1]},"{name}":{json_text}}}'.encode()


FIELD_REFUSALS: dict[str, tuple[str, str, str]] = {
    # name: (field, value as JSON text, beginning of the message)
    "NaN": ("accuracy_m", "NaN", "accuracy_m: got NaN, expected number"),
    "Infinity": ("accuracy_m", "Infinity", "accuracy_m: got Infinity, expected number"),
    "minus Infinity": ("accuracy_m", "-Infinity", "accuracy_m: got -Infinity, expected number"),
    "1e999": ("accuracy_m", "1e999", "accuracy_m: got Infinity, expected number"),
    "NaN for an integer": ("seq", "NaN", "seq: got NaN, expected integer"),
    "1e999 for an integer": ("seq", "1e999", "seq: got Infinity, expected integer"),
    "unknown key": ("rsrp", "-95", "rsrp: unknown field"),
    "IMEI": ("imei", '"490154203237518"', "imei: unknown field"),
    "key of Python": ("__class__", "1", "__class__: unknown field"),
    "bool for a number": ("accuracy_m", "true", "accuracy_m: got true, expected number"),
    "bool for an integer": ("seq", "true", "seq: got true, expected integer"),
    "number for a bool": ("roaming", "1", "roaming: got 1, expected true or false"),
    "text for a bool": ("roaming", '"true"', "roaming: got “true”, expected true or false"),
    "text for a number": ("lte_rsrp_dbm", '"-95"', "lte_rsrp_dbm: got “-95”, expected number"),
    "text for an integer": ("seq", '"1"', "seq: got “1”, expected integer"),
    "number for a text": ("sim_plmn", "20801", "sim_plmn: got 20801, expected text, MCC and MNC"),
    "fraction for an integer": ("lte_pci", "1.5", "lte_pci: got 1.5, expected integer"),
    "float for an integer": ("lte_pci", "1.0", "lte_pci: got 1.0, expected integer"),
    "exponent for an integer": ("lte_pci", "1e2", "lte_pci: got 100.0, expected integer"),
    "escaped NUL": ("client", r'"a\u0000b"', r"client: got “a\u0000b”, expected text"),
    "escaped escape": ("client", r'"\u001b[31m"', r"client: got “\u001b[31m”, expected text"),
    "DEL": ("client", r'"\u007f"', r"client: got “\u007f”, expected text"),
    "C1 control": ("client", '"\u0085"', r"client: got “\u0085”, expected text"),
    "bidi override": ("client", '"\u202egpj"', r"client: got “\u202egpj”, expected text"),
    "escaped bidi isolate": ("client", r'"\u2066"', r"client: got “\u2066”, expected text"),
    "zero width space": ("client", '"a\u200bb"', r"client: got “a\u200bb”, expected text"),
    "byte order mark": ("client", '"\ufeff"', r"client: got “\ufeff”, expected text"),
    "tag character": ("client", '"\U000e0041"', r"client: got “\udb40\udc41”, expected text"),
    "line separator": ("client", '"\u2028"', r"client: got “\u2028”, expected text"),
    "no-break space": ("client", '"a\u00a0b"', r"client: got “a\u00a0b”, expected text"),
    "private use": ("client", '"\ue000"', r"client: got “\ue000”, expected text"),
    "empty text": ("client", '""', "client: got “”, expected text"),
    "long text": ("client", f'"{"x" * 65}"', "client: got “xxx"),
    "30 digits": ("seq", "9" * 30, f"seq: got {'9' * 30}, expected integer"),
    "30 digits for a number": ("accuracy_m", "9" * 30, "accuracy_m: got "),
    "2^53": ("seq", str(2**53), f"seq: got {2**53}, expected integer"),
    "negative": ("seq", "-1", "seq: got -1, expected integer"),
    "below": ("latitude", "-90.0001", "latitude: got -90.0001, expected number, ≥ -90, ≤ 90"),
    "above": ("latitude", "90.0001", "latitude: got 90.0001, expected number, ≥ -90, ≤ 90"),
    "a list": ("client", "[]", "client: got [], expected text"),
    "an object": ("seq", "{}", "seq: got {}, expected integer"),
    "null where it is needed": ("seq", "null", "seq: got nothing, expected integer"),
    "another kind": ("kind", '"voice"', "kind: got “voice”, expected"),
    "UUIDv4": ("id", '"0198c8a2-5d2b-4c3e-8f10-2a6b1c9d4e5f"', "id: got “0198"),
    "UUID in capitals": ("id", f'"{ID.upper()}"', "id: got “0198"),
    "no UTC": ("measured_at", '"2026-11-23T16:34:00.123+01:00"', "measured_at: got “2026"),
    "no milliseconds": ("measured_at", '"2026-11-23T16:34:00Z"', "measured_at: got “2026"),
    "leap second": ("measured_at", '"2026-12-31T23:59:60.000Z"', "measured_at: got “2026"),
    "no such day": ("measured_at", '"2026-02-30T00:00:00.000Z"', "measured_at: got “2026"),
    "short PLMN": ("sim_plmn", '"2081"', "sim_plmn: got “2081”"),
    "PLMN in other digits": ("sim_plmn", '"٢٠٨٠١"', "sim_plmn: got “٢٠٨٠١”"),
}


@pytest.mark.parametrize("name", FIELD_REFUSALS)
def test_a_field_that_breaks_its_bounds_is_named(name: str) -> None:
    field, json_text, message = FIELD_REFUSALS[name]

    refusal = decode_line(line(field, json_text))

    assert isinstance(refusal, LineRefusal)
    assert (refusal.rule, refusal.field) == ("sample-field", field)
    assert refusal.message.startswith(message)
    assert refusal.message.isprintable()
    assert len(refusal.message) < 300
    assert refusal.sample_id == (None if field == "id" else ID)


LINE_REFUSALS: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "line-json", "line: is not a JSON text"),
    "blank": (b"   ", "line-json", "line: is not a JSON text"),
    "truncated": (GOOD[:-20].encode(), "line-json", "line: is not a JSON text"),
    "two objects": (GOOD.encode() * 2, "line-json", "line: is not a JSON text"),
    "trailing comma": (GOOD[:-1].encode() + b",}", "line-json", "line: is not a JSON text"),
    "comment": (GOOD.encode() + b"//", "line-json", "line: is not a JSON text"),
    "single quotes": (GOOD.replace('"', "'").encode(), "line-json", "line: is not a JSON text"),
    "a number": (b"12", "line-json", "line: expected a JSON object"),
    "a list": (b"[]", "line-json", "line: expected a JSON object"),
    "null": (b"null", "line-json", "line: expected a JSON object"),
    "NaN alone": (b"NaN", "line-json", "line: expected a JSON object"),
    "raw NUL": (line("client", '"a\0b"'), "line-json", "line: is not a JSON text"),
    "raw tab": (line("client", '"a\tb"'), "line-json", "line: is not a JSON text"),
    "half a surrogate pair": (line("client", r'"\ud83d"'), "line-json", "line: is not a JSON text"),
    "deep lists": (line("client", "[" * 6000 + "]" * 6000), "line-json", "line: is not a JSON text"),
    "deep objects": (line("client", '{"a":' * 2000 + "1" + "}" * 2000), "line-json", "line: is not a JSON text"),
    "deep alone": (b"[" * 16_000, "line-json", "line: is not a JSON text"),
    "5000 digits": (line("seq", "9" * 5000), "line-json", "line: is not a JSON text"),
    "leading zero": (line("seq", "01"), "line-json", "line: is not a JSON text"),
    "plus sign": (line("seq", "+1"), "line-json", "line: is not a JSON text"),
    "hexadecimal": (line("seq", "0x1"), "line-json", "line: is not a JSON text"),
    "underscore": (line("seq", "1_000"), "line-json", "line: is not a JSON text"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "line-json", "line: is not a JSON text"),
    "truncated UTF-8": (GOOD[:-2].encode() + b"\xe2\x82", "line-utf8", "line: byte "),
    "overlong UTF-8": (line("client", '"?"').replace(b"?", b"\xc0\xaf"), "line-utf8", "line: byte "),
    "surrogate in UTF-8": (line("client", '"?"').replace(b"?", b"\xed\xa0\x80"), "line-utf8", "line: byte "),
    "latin-1": (line("client", '"é"').replace(b"\xc3\xa9", b"\xe9"), "line-utf8", "line: byte "),
    "UTF-16": (GOOD.encode("utf-16"), "line-utf8", "line: byte 1 "),
}


@pytest.mark.parametrize("name", LINE_REFUSALS)
def test_a_line_that_is_no_json_object_is_refused(name: str) -> None:
    text, rule, message = LINE_REFUSALS[name]

    refusal = decode_line(text)

    assert isinstance(refusal, LineRefusal)
    assert (refusal.rule, refusal.field, refusal.sample_id) == (rule, None, None)
    assert refusal.message.startswith(message)
    assert refusal.message.isprintable()


LAWS: dict[str, tuple[dict[str, Any], str]] = {
    "half a position": ({"longitude": None}, "longitude"),
    "the other half": ({"latitude": None}, "latitude"),
    "service without a state": ({"kind": "service"}, "service_state"),
    "throughput without an outcome": ({"kind": "throughput"}, "outcome"),
    "latency without an outcome": ({"kind": "latency"}, "outcome"),
    "web without an outcome": ({"kind": "web"}, "outcome"),
    "web without its result": ({"kind": "web", "outcome": "ok"}, "web_loaded_10s"),
    "a technology without service": ({"service_state": "no_service", "rat": "lte"}, "rat"),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_broken_law_names_the_field(name: str) -> None:
    change, field = LAWS[name]

    refusal = decode_line(json.dumps(json.loads(GOOD) | change).encode())

    assert isinstance(refusal, LineRefusal)
    assert (refusal.rule, refusal.field, refusal.sample_id) == ("sample-law", field, ID)
    assert refusal.message.startswith(f"{field}: got ")


@pytest.mark.parametrize("name", ["id", "seq", "kind", "measured_at"])
def test_a_missing_field_is_named(name: str) -> None:
    members = json.loads(GOOD)
    del members[name]

    refusal = decode_line(json.dumps(members).encode())

    assert isinstance(refusal, LineRefusal)
    assert (refusal.rule, refusal.field) == ("sample-field", name)
    assert refusal.message.startswith(f"{name}: missing, expected ")


def test_the_last_of_duplicate_members_counts() -> None:
    sample = decode_line(line("seq", "7"))
    assert isinstance(sample, Sample)
    assert sample.seq == 7

    overridden = decode_line(GOOD.replace('"seq":1', '"seq":"wrong","seq":1').encode())
    assert isinstance(overridden, Sample)

    refusal = decode_line(line("seq", '"wrong"'))
    assert isinstance(refusal, LineRefusal)
    assert refusal.field == "seq"


def test_the_last_duplicate_id_names_the_refused_line() -> None:
    first = GOOD.replace(ID, "0198c8a2-5d2b-7c3e-8f10-ffffffffffff")

    refusal = decode_line(f'{first[:-1]},"id":"{ID}","seq":-1}}'.encode())

    assert isinstance(refusal, LineRefusal)
    assert refusal.sample_id == ID


def test_what_strictness_leaves_free() -> None:
    spaced = decode_line(b" " + line("accuracy_m", "5 ") + b"\r")
    absent = decode_line(line("client", "null"))
    accented = decode_line(line("client", r'"\u00e9t\u00e9 \ud83d\ude00"'))

    assert isinstance(spaced, Sample)
    assert spaced.accuracy_m == 5
    assert isinstance(absent, Sample)
    assert absent.client is None
    assert isinstance(accented, Sample)
    assert accented.client == "été 😀"


# -- laws over all fields

ADAPTER = TypeAdapter(Sample)


def bounds_of(annotation: Any) -> tuple[set[Any], list[Any], list[Any]]:
    """Types, literal values and bounds of an annotation."""
    types: set[Any] = set()
    literals: list[Any] = []
    bounds: list[Any] = []
    if annotation is None or annotation is type(None):
        return {None}, [], []
    if isinstance(annotation, type):
        return {annotation}, [], []
    if type(annotation) is type(Literal["a"]):
        return set(), list(get_args(annotation)), []
    for part in get_args(annotation):
        if isinstance(part, Ge | Le) or callable(getattr(part, "func", None)):
            bounds.append(part)
        elif isinstance(part, type) or get_args(part) or part is None:
            inner = bounds_of(part)
            types |= inner[0]
            literals += inner[1]
            bounds += inner[2]
    return types, literals, bounds


CLEAN = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=64)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "is_uuid7": st.integers(0, 2**48 - 1).map(new_sample_id),
    "is_utc_instant": st.datetimes().map(lambda at: f"{at.isoformat(timespec='milliseconds')}Z"),
    "is_plmn": st.from_regex(r"[0-9]{5,6}", fullmatch=True),
    "is_sha256_hex": st.binary(min_size=32, max_size=32).map(bytes.hex),
    "is_clean_text": CLEAN,
    "is_bucket_list": st.lists(st.integers(0, 10**12 - 1), min_size=1, max_size=39).map(
        lambda counts: " ".join(map(str, counts))
    ),
}


def valid(annotation: Any) -> st.SearchStrategy[Any]:
    types, literals, bounds = bounds_of(annotation)
    low = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    high = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    choices: list[st.SearchStrategy[Any]] = [st.sampled_from(literals)] if literals else []
    if None in types:
        choices.append(st.none())
    if bool in types:
        choices.append(st.booleans())
    if int in types:
        choices.append(st.integers(low, high))
    if float in types:
        choices += [st.floats(low, high, allow_nan=False), st.integers(math.ceil(low), math.floor(high))]
    if str in types:
        name = next(bound.func.__name__ for bound in bounds if callable(getattr(bound, "func", None)))
        choices.append(SPECIAL[name])
    return st.one_of(choices)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**31), 10**31),
    st.integers(-200, 200),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=70),
    st.sampled_from(
        ["", "20801", "2080١", "\ud800", "-95", "2026-11-23T16:34:00.123Z", "2026-11-23T24:00:00.000Z", ID]
    ),
    st.sampled_from(
        ["lte", "nsa", "ok", "service", "no_service", "True", "unknown", "outdoor", "gnss", "strong", "web"]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.sampled_from(
        [
            value
            for low in (-156, -43, 0, 503, 65_533, 2**28 - 2, 2**36 - 1)
            for value in (low - 1, low, low + 1, low + 0.5)
        ]
    ),
)
"""Values of every type, near the bounds and far from them."""


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Any sample that keeps its bounds and laws, with any of its fields present."""
    seed = draw(st.integers(0, 2**32))
    chosen = set(random.Random(seed).sample(list(FIELDS), draw(st.integers(0, len(FIELDS)))))
    chosen |= {"id", "seq", "kind", "measured_at"}
    values = {name: draw(valid(FIELDS[name])) for name in FIELDS if name in chosen}
    if (values.get("latitude") is None) != (values.get("longitude") is None):
        values |= {"latitude": None, "longitude": None}
    if values["kind"] == "service" and values.get("service_state", "unknown") == "unknown":
        values["service_state"] = "in_service"
    if values["kind"] in ("throughput", "latency", "web") and values.get("outcome") is None:
        values["outcome"] = "timeout"
    if values["kind"] == "web" and values["outcome"] == "ok" and values.get("web_loaded_10s") is None:
        values["web_loaded_10s"] = False
    if values.get("service_state") == "no_service":
        values.pop("rat", None)
    return Sample(**values)


@settings(max_examples=150, deadline=None)
@given(samples())
def test_what_is_encoded_decodes_to_the_same_sample(sample: Sample) -> None:
    check(sample)
    text = encode(sample)

    assert b"\n" not in text
    assert decode_line(text) == sample
    assert ADAPTER.validate_json(text) == sample


def phone_accepts(name: str, value: Any) -> bool:
    try:
        check(replace(BASE, **{name: value}))
    except SampleError:
        return False
    return True


def server_accepts(name: str, value: Any) -> bool:
    try:
        ADAPTER.validate_json(json.dumps(json.loads(GOOD) | {name: value}))
    except ValidationError:
        return False
    return True


BASE = Sample(**json.loads(GOOD))


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_phone_and_the_server_agree_on_every_field(name: str, data: st.DataObject) -> None:
    value = data.draw(st.one_of(ODD, valid(FIELDS[name])))

    assert phone_accepts(name, value) == server_accepts(name, value)

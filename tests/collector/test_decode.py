"""What a line may hold: each departure is refused with the rule and the field that it breaks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.sample import FIELDS, Sample, encode
from collector.intake.decode import LineRefusal, decode_line

ID = "01a20c82-e10c-7cbf-b223-2b31c3430743"
VALID: dict[str, Any] = {"id": ID, "seq": 7, "kind": "signal", "measured_at": "2026-11-20T08:00:00.000Z"}
START = json.dumps(VALID).encode()[:-1] + b","


def refused(line: bytes) -> LineRefusal:
    decoded = decode_line(line)
    assert isinstance(decoded, LineRefusal), decoded
    return decoded


def test_a_sample_comes_back_as_it_was() -> None:
    sample = Sample(**VALID, latitude=47.1, longitude=3.2, roaming=False, client="relevé ✓", lte_eci=2**28 - 2)
    assert decode_line(encode(sample)) == sample


@pytest.mark.parametrize(
    ("member", "field"),
    [
        (b'"latitude":NaN,"longitude":3', "latitude"),
        (b'"latitude":Infinity,"longitude":3', "latitude"),
        (b'"latitude":3,"longitude":-Infinity', "longitude"),
        (b'"speed_mps":1e999', "speed_mps"),
        (b'"speed_mps":1' + b"0" * 400, "speed_mps"),
        (b'"speed_mps":true', "speed_mps"),
        (b'"speed_mps":"3"', "speed_mps"),
        (b'"speed_mps":[3]', "speed_mps"),
        (b'"lte_tac":true', "lte_tac"),
        (b'"lte_tac":"3"', "lte_tac"),
        (b'"lte_tac":3.0', "lte_tac"),
        (b'"lte_tac":1e2', "lte_tac"),
        (b'"lte_tac":' + b"9" * 30, "lte_tac"),
        (b'"lte_tac":-1', "lte_tac"),
        (b'"roaming":1', "roaming"),
        (b'"roaming":"true"', "roaming"),
        (b'"rat":"5g"', "rat"),
        (b'"rat":4', "rat"),
        (b'"client":""', "client"),
        (b'"client":"' + b"x" * 65 + b'"', "client"),
        (b'"client":"a\\u0000b"', "client"),
        (b'"client":"a\\u001bb"', "client"),
        (b'"client":"a\\u202eb"', "client"),
        (b'"client":"a\\u200bb"', "client"),
        (b'"client":{"a":1}', "client"),
        (b'"sim_plmn":"2080"', "sim_plmn"),
        (b'"sim_plmn":20801', "sim_plmn"),
        (b'"seq":null', "seq"),
        (b'"measured_at":"2026-11-20T08:00:00Z"', "measured_at"),
        (b'"measured_at":"2026-11-20T09:00:00.000+01:00"', "measured_at"),
        (b'"measured_at":1795161600', "measured_at"),
        (b'"surprise":1', "surprise"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(member: bytes, field: str) -> None:
    refusal = refused(START + member + b"}")
    assert (refusal.rule, refusal.field, refusal.sample_id) == ("sample-field", field, ID)
    assert refusal.message.startswith(f"{field}: ")
    assert "expected" in refusal.message
    assert len(refusal.message) < 300


@pytest.mark.parametrize("name", ["id", "seq", "kind", "measured_at"])
def test_a_missing_field_is_named(name: str) -> None:
    line = json.dumps({key: value for key, value in VALID.items() if key != name}).encode()
    refusal = refused(line)
    assert (refusal.rule, refusal.field) == ("sample-field", name)
    assert refusal.sample_id == (None if name == "id" else ID)
    assert "missing" in refusal.message


def test_an_improper_id_is_not_repeated_as_the_id() -> None:
    refusal = refused(json.dumps(VALID | {"id": "A" * 36}).encode())
    assert (refusal.rule, refusal.field, refusal.sample_id) == ("sample-field", "id", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latitude": 47.0}, "longitude"),
        ({"longitude": 3.0}, "latitude"),
        ({"kind": "service"}, "service_state"),
        ({"kind": "latency"}, "outcome"),
        ({"service_state": "no_service", "rat": "lte"}, "rat"),
    ],
)
def test_a_broken_law_names_its_field(change: dict[str, Any], field: str) -> None:
    refusal = refused(json.dumps(VALID | change).encode())
    assert (refusal.rule, refusal.field, refusal.sample_id) == ("sample-law", field, ID)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"{",
        START,
        START + b'"client":"a',
        START + b'"latitude":' + b"[" * 5000 + b"]" * 5000 + b"}",
        START + b'"surprise":' + b'{"a":' * 2500 + b"1" + b"}" * 2500 + b"}",
        START + b'"seq":' + b"9" * 5000 + b"}",
        START + b'"client":"\\ud800"}',
        START + b'"client":"a\x00b"}',
        b"\xef\xbb\xbf" + encode(Sample(**VALID)),
        encode(Sample(**VALID)) + b"{}",
        b"[]",
        b'"text"',
        b"null",
        b"12",
    ],
)
def test_a_line_that_is_no_json_object(line: bytes) -> None:
    refusal = refused(line)
    assert (refusal.rule, refusal.field, refusal.sample_id) == ("line-json", None, None)
    assert refusal.message.startswith("line: ")


@pytest.mark.parametrize("bad", [b"\xc3", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf0\x9f\x92"])
def test_a_line_that_is_not_utf8(bad: bytes) -> None:
    refusal = refused(START + b'"client":"a' + bad + b'"}')
    assert refusal.rule == "line-utf8"
    assert str(len(START) + 12) in refusal.message


def test_of_duplicate_members_the_last_one_counts() -> None:
    sample = decode_line(START + b'"lte_tac":"wrong","lte_tac":5,"seq":8}')
    assert isinstance(sample, Sample)
    assert (sample.lte_tac, sample.seq) == (5, 8)
    assert refused(START + b'"lte_tac":5,"lte_tac":"wrong"}').field == "lte_tac"
    assert refused(START + b'"lte_tac":-5,"id":"01a20c82-e10c-7cbf-b223-000000000000"}').sample_id == (
        "01a20c82-e10c-7cbf-b223-000000000000"
    )


def test_a_hostile_field_name_is_told_without_its_characters() -> None:
    refusal = refused(START + b'"a\\u202e\\u0000' + b"x" * 500 + b'":1}')
    assert (refusal.rule, refusal.field) == ("sample-field", None)
    assert refusal.message.isprintable()
    assert len(refusal.message) < 200


@given(st.binary(max_size=300))
def test_no_bytes_raise(line: bytes) -> None:
    assert isinstance(decode_line(line), LineRefusal)


@given(
    st.dictionaries(
        st.sampled_from(sorted(FIELDS)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ),
    )
)
def test_no_object_raises_and_what_passes_keeps_every_bound(members: dict[str, Any]) -> None:
    from client_sdk.sample import check

    decoded = decode_line(json.dumps(VALID | members).encode())
    if isinstance(decoded, Sample):
        check(decoded)
    else:
        assert decoded.rule in ("sample-field", "sample-law", "line-json")


def test_an_unknown_field_without_a_name_is_told_too() -> None:
    refusal = refused(START + b'"":1}')
    assert (refusal.rule, refusal.field) == ("sample-field", None)
    assert refusal.message.startswith("'': unknown field")

"""Readers of foreign bytes keep their promises on anything: bytes, mutated vectors, mutated JSON."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk.sample import FIELDS
from fuzzing.readers import READERS, read_envelope, read_line, read_statement, seeds

ROOT = Path(__file__).parent.parent.parent
SAMPLE: dict[str, Any] = json.loads(seeds("line")[0])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(), max_size=80)  # half surrogate pairs too
    | st.sampled_from(["\0", "\x1b[2J", "‮", "​", "", " ", "\U0001f600", "a" * 5_000, 10**400, 1e308])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """A seed of which some stretches were cut out, doubled, flipped or replaced."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = bytes(data[start:end])
        flipped = bytes(byte ^ draw(st.integers(1, 255)) for byte in piece[:1]) + piece[1:]
        data[start:end] = draw(st.sampled_from([b"", piece * 2, flipped]) | st.binary(max_size=8))
    return bytes(data)


@st.composite
def json_texts(draw: st.DrawFn, names: list[str], start: dict[str, Any]) -> bytes:
    """An object's text with members changed, dropped, repeated, and white space anywhere."""
    members = list(start.items())
    for name, value in draw(st.lists(st.tuples(st.sampled_from(names) | st.text(max_size=70), VALUES), max_size=4)):
        members.insert(draw(st.integers(0, len(members))), (name, value))
    for _ in range(draw(st.integers(0, 2))):
        members.pop(draw(st.integers(0, len(members) - 1)))
    space = draw(st.sampled_from(["", " ", "\t", "\r"]))
    text = ",".join(f"{space}{json.dumps(name)}:{space}{json.dumps(value)}" for name, value in members)
    return f"{{{text}{space}}}".encode()


def of_seeds(name: str) -> st.SearchStrategy[bytes]:
    return st.sampled_from(seeds(name)).flatmap(mutated)


@settings(max_examples=150)
@given(st.binary(max_size=400) | of_seeds("line") | json_texts(list(FIELDS), SAMPLE))
def test_any_line_is_a_sample_or_a_refusal_that_can_be_told(line: bytes) -> None:
    read_line(line)


@settings(max_examples=150)
@given(
    st.binary(max_size=400)
    | of_seeds("envelope")
    | st.binary(max_size=400).map(lambda rest: b"b" + gzip.compress(rest))
)
def test_any_envelope_opens_or_is_refused(data: bytes) -> None:
    read_envelope(data)


HEADER = {"alg": "Ed25519", "kid": "1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y", "typ": "maille-receipt"}
RECEIPT = {
    "envelope_sha256": "0" * 64,
    "received_at": "2026-11-23T17:02:11.482Z",
    "verdicts": [{"line": 1, "verdict": "stored"}],
}
MEMBERS = [*HEADER, *RECEIPT, "jwk", "crit", "b64", "crv", "kty", "x"]


@settings(max_examples=150)
@given(st.binary(max_size=200) | of_seeds("statement") | json_texts(MEMBERS, HEADER) | json_texts(MEMBERS, RECEIPT))
def test_any_statement_holds_or_is_refused(data: bytes) -> None:
    read_statement(data)


@pytest.mark.parametrize("name", READERS)
def test_the_seeds_themselves_are_read(name: str) -> None:
    read: Callable[[bytes], None] = READERS[name]
    assert len(seeds(name)) >= 3
    for seed in seeds(name):
        read(seed)


def test_a_reader_that_breaks_its_promise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzzing import readers

    def careless(line: bytes) -> Any:
        return readers.LineRefusal(rule="line-json", message=line.decode("utf-8", "surrogateescape"))

    monkeypatch.setattr(readers, "decode_line", careless)
    with pytest.raises(UnicodeEncodeError):
        read_line(b"\xff")


def test_the_script_says_what_it_can_do() -> None:
    done = subprocess.run([ROOT / "scripts" / "fuzz", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "|".join(READERS) in done.stdout
    assert subprocess.run([ROOT / "scripts" / "fuzz"], capture_output=True, check=False).returncode == 2

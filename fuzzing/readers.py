"""What every reader of foreign bytes promises, one function each: it takes any bytes, and fails if a promise is broken.

The only exceptions that may leave a reader are those it declares; whatever it says can be told over HTTP.
"""

import base64
import contextlib
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from client_sdk.bounds import is_uuid7
from client_sdk.errors import DeviceKeyError, EnvelopeError, ReceiptError
from client_sdk.sample import FIELDS, check, encode
from client_sdk.signing.base64url import decode_base64url, encode_base64url
from client_sdk.signing.envelope import MAX_LINES, MAX_TEXT_BYTES, open_envelope
from client_sdk.signing.jws import JwsError, read_object, sign_compact, sign_detached, verify_compact, verify_detached
from client_sdk.signing.keys import SigningKey, VerifyingKey, is_thumbprint
from client_sdk.signing.receipt import open_receipt
from collector.errors import PROBLEMS
from collector.intake.accept import h3_cell
from collector.intake.decode import LineRefusal, decode_line

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
KEY = SigningKey.from_seed(bytes(range(32)))  # the device of the golden vectors
LINE_RULES = {"line-size", "line-utf8", "line-json", "sample-field", "sample-law"}


def read_envelope(data: bytes) -> None:
    """An envelope: the body as it is, a text to be compressed, or a signature, by the first byte."""
    kind, rest = data[:1], data[1:]
    if kind == b"b":
        _opened(rest, sign_detached(rest, KEY, "maille-envelope"))
    elif kind == b"t":
        body = gzip.compress(rest, compresslevel=1, mtime=0)
        lines = _opened(body, sign_detached(body, KEY, "maille-envelope"))
        assert lines is None or b"\n".join(lines) == rest.removesuffix(b"\n")
    else:
        body = base64.b64decode((GOLDEN / "envelope.base64").read_bytes())
        lines = _opened(body, rest.decode("latin-1"))
        assert lines is None or len(lines) == 3


def read_line(data: bytes) -> None:
    """A line: a sample that the phone accepts too and that comes back the same, or a refusal that can be told."""
    found = decode_line(data)
    if isinstance(found, LineRefusal):
        assert found.rule in LINE_RULES
        assert found.field is None or (0 < len(found.field) <= 64 and found.field.isprintable())
        assert found.sample_id is None or is_uuid7(found.sample_id)
        assert found.message
        assert len(found.message) < 1_000, len(found.message)
        json.dumps([found.message, found.field], ensure_ascii=False).encode()
    else:
        check(found)
        assert decode_line(encode(found)) == found
        assert (h3_cell(found) is None) == (found.latitude is None)


def read_statement(data: bytes) -> None:
    """A statement: its text as it came, and the same bytes as payload and as header, properly signed."""
    text = data.decode("latin-1")
    receipt = {"envelope_sha256": "0" * 64}
    for statement in (text, sign_compact(data, KEY, "maille-receipt"), _signed_header(data)):
        for typ in ("maille-receipt", "maille-enrolment"):
            try:
                payload, _ = verify_compact(statement, _find, typ)
            except JwsError as error:
                _told(error)
            else:
                read = encode_base64url(payload)
                assert statement.split(".")[1] == read
        try:
            open_receipt(statement, KEY.public, receipt["envelope_sha256"])
        except ReceiptError as error:
            str(error).encode()
        try:
            verify_detached(statement, data, _find, "maille-envelope")
        except JwsError as error:
            _told(error)
    _read_parts(data, text)


READERS: dict[str, Callable[[bytes], None]] = {
    "envelope": read_envelope,
    "line": read_line,
    "statement": read_statement,
}
"""Name → reader."""


def seeds(name: str) -> list[bytes]:
    """Inputs to begin with: the golden vectors."""
    lines = [(GOLDEN / "sample.ndjson").read_bytes().strip(), *(GOLDEN / "envelope.ndjson").read_bytes().splitlines()]
    if name == "line":
        return lines
    if name == "envelope":
        body = base64.b64decode((GOLDEN / "envelope.base64").read_bytes())
        return [b"b" + body, b"t" + b"\n".join(lines), b"s" + (GOLDEN / "envelope.jws").read_bytes().strip()]
    statements = [path.read_bytes().strip() for path in sorted(GOLDEN.glob("*.jws"))]
    payloads = [decode_base64url(text.decode().split(".")[1]) for text in statements]
    headers = [decode_base64url(text.decode().split(".")[0]) for text in statements]
    return [*statements, *filter(None, payloads), *headers]


def words(name: str) -> list[str]:
    """Words of the language that a reader reads."""
    if name == "line":
        return [f'"{field}":' for field in FIELDS] + ["null", "true", "1e999", "-0.0", "\\u0000", "\\ud800", '"":{}']
    header = ['"alg":"Ed25519"', '"EdDSA"', '"none"', '"b64":false', '"crit":["b64"]', '"kid":', '"typ":"maille-']
    return [*header, '"jwk":', '"verdicts":[', '"line":1', '"sample_id":', "..", "\x1f\x8b\x08", "\n"]


def _opened(body: bytes, signature: str) -> tuple[bytes, ...] | None:
    try:
        opened = open_envelope(body, signature, _find)
    except EnvelopeError as error:
        _told(error)
        return None
    assert 1 <= len(opened.lines) <= MAX_LINES
    assert sum(map(len, opened.lines)) <= MAX_TEXT_BYTES
    assert opened.device == KEY.public.thumbprint
    return opened.lines


def _signed_header(header: bytes) -> str:
    text = f"{encode_base64url(header)}.e30"
    return f"{text}.{encode_base64url(KEY.sign(text.encode()))}"


def _find(thumbprint: str) -> VerifyingKey | None:
    assert is_thumbprint(thumbprint), "a name that is none reaches the database"
    return KEY.public if thumbprint == KEY.public.thumbprint else None


def _told(error: JwsError | EnvelopeError) -> None:
    assert error.rule in PROBLEMS, error.rule
    assert len(str(error)) < 3_000


def _read_parts(data: bytes, text: str) -> None:
    members: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        members = read_object(data, "payload")
    for jwk in (members, members.get("jwk"), {"kty": "OKP", "crv": "Ed25519", "x": text}):
        try:
            key = VerifyingKey.from_jwk(jwk)
        except DeviceKeyError:
            continue
        assert VerifyingKey.from_jwk(key.jwk).thumbprint == key.thumbprint
    with contextlib.suppress(ValueError):
        assert encode_base64url(decode_base64url(text)) == text

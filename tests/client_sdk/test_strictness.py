"""What must be refused is refused, before anything is decompressed, with a message that names the culprit."""

import base64
import gzip
import hashlib
import hmac
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from client_sdk.errors import EnvelopeError, ReceiptError
from client_sdk.signing.base64url import encode_base64url
from client_sdk.signing.envelope import MAX_LINE_BYTES, MAX_LINES, MAX_TEXT_BYTES, TYPE, open_envelope, seal
from client_sdk.signing.jws import JwsError, sign_compact, sign_detached, verify_compact, verify_detached
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import Receipt, open_receipt, sign_receipt

DEVICE = SigningKey.from_seed(b"d" * 32)
OTHER = SigningKey.from_seed(b"o" * 32)
FIND = {key.public.thumbprint: key.public for key in (DEVICE, OTHER)}.get
LINE = b'{"id":"0198c8a2"}\n'
SHA256 = "0" * 64


def gzipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


BOMB = gzipped(bytes(64 * 1024 * 1024))
"""64 kB that hold 64 MiB."""

BODIES: dict[str, tuple[bytes, str, str]] = {
    "not gzip": (b"{}\n", "envelope-gzip", "envelope: is not gzip"),
    "zlib instead of gzip": (zlib.compress(LINE), "envelope-gzip", "envelope: is not gzip"),
    "no byte": (b"", "envelope-gzip", "envelope: gzip stream is cut short"),
    "truncated": (gzipped(LINE * 50)[:-9], "envelope-gzip", "envelope: gzip stream is cut short"),
    "truncated in the checksum": (gzipped(LINE)[:-1], "envelope-gzip", "envelope: gzip stream is cut short"),
    "wrong checksum": (gzipped(LINE)[:-8] + bytes(8), "envelope-gzip", "envelope: is not gzip"),
    "bytes after": (gzipped(LINE) + b"\0", "envelope-gzip", "envelope: bytes follow the end"),
    "second member": (gzipped(LINE) + gzipped(LINE), "envelope-gzip", "envelope: bytes follow the end"),
    "bomb": (BOMB, "envelope-text-size", f"envelope: holds more than {MAX_TEXT_BYTES} bytes"),
    "empty": (gzipped(b""), "envelope-lines", "envelope: 0 samples, expected 1 to 500"),
    "only a line feed": (gzipped(b"\n"), "envelope-lines", "envelope: 0 samples"),
    "too many lines": (gzipped(b"{}\n" * (MAX_LINES + 1)), "envelope-lines", "envelope: 501 samples"),
    "nothing but line feeds": (
        gzipped(b"\n" * MAX_TEXT_BYTES),
        "envelope-lines",
        f"envelope: {MAX_TEXT_BYTES} samples",
    ),
    "body too large": (bytes(1024 * 1024 + 1), "envelope-size", "envelope: 1048577 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_signed_body_that_is_no_envelope_is_refused(name: str) -> None:
    body, rule, message = BODIES[name]

    with pytest.raises(EnvelopeError, match=message) as refused:
        open_envelope(body, sign_detached(body, DEVICE, TYPE), FIND)

    assert refused.value.rule == rule


@pytest.mark.parametrize("name", BODIES)
def test_without_a_signature_the_body_is_not_looked_into(name: str) -> None:
    body, rule, _ = BODIES[name]

    with pytest.raises(EnvelopeError) as refused:
        open_envelope(body, sign_detached(b"another", DEVICE, TYPE), FIND)

    assert refused.value.rule == ("envelope-size" if rule == "envelope-size" else "jws-signature")


@pytest.mark.parametrize(("signed", "limit"), [(False, 1024 * 1024), (True, 6 * MAX_TEXT_BYTES)])
def test_a_bomb_takes_bounded_memory_and_none_when_unsigned(signed: bool, limit: int) -> None:
    signature = sign_detached(BOMB if signed else b"", DEVICE, TYPE)
    tracemalloc.start()
    try:
        with pytest.raises(EnvelopeError):
            open_envelope(BOMB, signature, FIND)
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([], "envelope-lines"),
        ([b"{}"] * (MAX_LINES + 1), "envelope-lines"),
        ([b" " * (MAX_LINE_BYTES + 1)], "line-size"),
        ([b" " * MAX_LINE_BYTES] * 300, "envelope-text-size"),
    ],
)
def test_what_would_be_refused_is_not_sealed(lines: list[bytes], rule: str) -> None:
    with pytest.raises(EnvelopeError) as refused:
        seal(lines, DEVICE)

    assert refused.value.rule == rule


def test_the_largest_envelope_opens_whole() -> None:
    lines = [b" " * 8_000] * MAX_LINES

    opened = open_envelope(*_parts(lines), FIND)

    assert opened.lines == tuple(lines)
    assert opened.device == DEVICE.public.thumbprint


def test_a_line_too_long_does_not_keep_the_others_from_being_read() -> None:
    lines = (b"{}", b" " * (MAX_LINE_BYTES + 1), b"[]")
    body = gzipped(b"\n".join(lines))

    assert open_envelope(body, sign_detached(body, DEVICE, TYPE), FIND).lines == lines


def test_a_last_line_without_a_line_feed_counts() -> None:
    body = gzipped(b"{}\n[]")

    assert open_envelope(body, sign_detached(body, DEVICE, TYPE), FIND).lines == (b"{}", b"[]")


def _parts(lines: list[bytes]) -> tuple[bytes, str]:
    envelope = seal(lines, DEVICE)
    return envelope.body, envelope.signature


# -- attacks on the signature

GOOD: dict[str, Any] = {
    "alg": "Ed25519",
    "b64": False,
    "crit": ["b64"],
    "kid": DEVICE.public.thumbprint,
    "typ": TYPE,
}
BODY = gzipped(b"{}\n")


def signed(header: str | dict[str, Any], key: SigningKey = DEVICE, payload: bytes = BODY) -> str:
    text = encode_base64url((header if isinstance(header, str) else json.dumps(header)).encode())
    return f"{text}..{encode_base64url(key.sign(text.encode() + b'.' + payload))}"


def hs256_with_the_public_key() -> str:
    text = encode_base64url(json.dumps(GOOD | {"alg": "HS256"}).encode())
    secret = base64.urlsafe_b64decode(DEVICE.public.jwk["x"] + "=")
    return f"{text}..{encode_base64url(hmac.digest(secret, text.encode() + b'.' + BODY, 'sha256'))}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


UNKNOWN = SigningKey.from_seed(b"u" * 32)
ATTACKS: dict[str, tuple[Callable[[], str], str, str]] = {
    "alg none, unsigned": (
        lambda: encode_base64url(json.dumps(GOOD | {"alg": "none"}).encode()) + "..",
        "jws-algorithm",
        "alg: got 'none'",
    ),
    "alg none": (lambda: signed(GOOD | {"alg": "none"}), "jws-algorithm", "alg: got 'none'"),
    "alg missing": (lambda: signed(without("alg")), "jws-algorithm", "alg: got None"),
    "alg in lower case": (lambda: signed(GOOD | {"alg": "ed25519"}), "jws-algorithm", "alg: got 'ed25519'"),
    "alg a list": (lambda: signed(GOOD | {"alg": ["Ed25519"]}), "jws-algorithm", "alg: got"),
    "HS256 with the public key": (hs256_with_the_public_key, "jws-algorithm", "alg: got 'HS256'"),
    "embedded jwk": (lambda: signed(GOOD | {"jwk": UNKNOWN.public.jwk}, UNKNOWN), "jws-header", "jwk: not a header"),
    "jku": (lambda: signed(GOOD | {"jku": "https://example.org"}), "jws-header", "jku: not a header"),
    "crit names more": (lambda: signed(GOOD | {"crit": ["b64", "exp"], "exp": 1}), "jws-critical", "crit, b64"),
    "crit missing": (lambda: signed(without("crit")), "jws-critical", "crit, b64"),
    "b64 missing": (lambda: signed(without("b64")), "jws-critical", "crit, b64"),
    "b64 true": (lambda: signed(GOOD | {"b64": True}), "jws-critical", "crit, b64"),
    "b64 zero": (lambda: signed(GOOD | {"b64": 0}), "jws-critical", "crit, b64"),
    "kid of another device": (lambda: signed(GOOD | {"kid": OTHER.public.thumbprint}), "jws-signature", "signature"),
    "signed by another device": (lambda: signed(GOOD, OTHER), "jws-signature", "signature: does not match"),
    "unknown device": (lambda: signed(GOOD | {"kid": UNKNOWN.public.thumbprint}, UNKNOWN), "jws-unknown-key", "kid: "),
    "kid missing": (lambda: signed(without("kid")), "jws-header", "kid: expected the thumbprint"),
    "kid a number": (lambda: signed(GOOD | {"kid": 1}), "jws-header", "kid: expected the thumbprint"),
    "kid with NUL": (lambda: signed(GOOD | {"kid": "\0" * 43}), "jws-header", "kid: expected the thumbprint"),
    "kid half a surrogate": (lambda: signed(GOOD | {"kid": "\ud800"}), "jws-header", "kid: expected the thumbprint"),
    "typ of a receipt": (lambda: signed(GOOD | {"typ": "maille-receipt"}), "jws-type", "typ: got 'maille-receipt'"),
    "typ missing": (lambda: signed(without("typ")), "jws-type", "typ: got None"),
    "another body": (lambda: signed(GOOD, payload=BODY + b"\0"), "jws-signature", "signature: does not match"),
    "payload attached": (lambda: sign_compact(BODY, DEVICE, TYPE), "jws-malformed", "signature: expected a detached"),
    "two parts": (lambda: signed(GOOD).replace("..", "."), "jws-malformed", "signature: expected three parts"),
    "padding": (lambda: signed(GOOD) + "=", "jws-malformed", "signature: not canonical base64url"),
    "signature cut": (lambda: signed(GOOD)[:-2], "jws-signature", "signature: does not match"),
    "no signature": (lambda: signed(GOOD).rpartition(".")[0] + ".", "jws-signature", "signature: does not match"),
    "not ASCII": (lambda: signed(GOOD) + "é", "jws-malformed", "signature: expected three parts"),
    "empty": (lambda: "", "jws-malformed", "signature: expected three parts"),
    "header a list": (lambda: signed("[]"), "jws-malformed", "signature: header: expected a JSON object"),
    "header with NaN": (lambda: signed('{"alg":NaN}'), "jws-malformed", "signature: header: is not a JSON text"),
    "header with 1e999": (lambda: signed('{"alg":1e999}'), "jws-malformed", "signature: header: is not a JSON text"),
    "header not UTF-8": (lambda: "_w.." + "A" * 86, "jws-malformed", "signature: header: is not a JSON text"),
    "header nested deeply": (lambda: signed("[" * 700), "jws-malformed", "signature: header"),
    "header long": (lambda: signed(GOOD | {"pad": "x" * 2000}), "jws-malformed", "signature: header longer"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_on_the_signature_are_refused(name: str) -> None:
    attack, rule, message = ATTACKS[name]

    with pytest.raises(EnvelopeError) as refused:
        open_envelope(BODY, attack(), FIND)

    assert refused.value.rule == rule
    assert str(refused.value).startswith(message)


def test_the_older_name_of_the_algorithm_is_accepted() -> None:
    assert open_envelope(BODY, signed(GOOD | {"alg": "EdDSA"}), FIND).lines == (b"{}",)


def test_every_changed_bit_of_body_and_signature_is_noticed() -> None:
    signature = signed(GOOD)
    raw = base64.urlsafe_b64decode(signature.rpartition(".")[2] + "==")
    for bit in range(8 * len(BODY)):
        changed = bytearray(BODY)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JwsError):
            verify_detached(signature, bytes(changed), FIND, TYPE)
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JwsError):
            verify_detached(f"{signature.rpartition('.')[0]}.{encode_base64url(changed)}", BODY, FIND, TYPE)


@pytest.mark.parametrize("typ", ["maille-enrolment", "maille-envelope", "maille-measurement"])
def test_what_has_another_type_is_no_receipt(typ: str) -> None:
    payload = json.dumps({"envelope_sha256": SHA256, "received_at": "2026-11-23T17:02:11.482Z", "verdicts": []})

    with pytest.raises(ReceiptError, match="receipt: typ: got"):
        open_receipt(sign_compact(payload.encode(), DEVICE, typ), DEVICE.public, SHA256)


@pytest.mark.parametrize("typ", ["maille-receipt", "maille-envelope", "maille-measurement"])
def test_what_has_another_type_is_no_enrolment(typ: str) -> None:
    with pytest.raises(JwsError) as refused:
        verify_compact(sign_compact(b"{}", DEVICE, typ), FIND, "maille-enrolment")

    assert refused.value.rule == "jws-type"


def test_a_detached_header_is_refused_where_the_payload_is_attached() -> None:
    header = encode_base64url(json.dumps(GOOD | {"typ": "maille-receipt"}).encode())
    text = f"{header}.{encode_base64url(b'{}')}"

    with pytest.raises(JwsError) as refused:
        verify_compact(f"{text}.{encode_base64url(DEVICE.sign(text.encode()))}", FIND, "maille-receipt")

    assert refused.value.rule == "jws-critical"


RECEIPT = Receipt(envelope_sha256=SHA256, received_at="2026-11-23T17:02:11.482Z", verdicts=())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"envelope_sha256": "1" * 64}, "about another envelope"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"received_at": 3}, "malformed"),
        ({"verdicts": None}, "malformed"),
        ({"verdicts": [3]}, "malformed"),
        ({"verdicts": [{"line": True, "verdict": "stored"}]}, "malformed"),
        ({"verdicts": [{"line": 0, "verdict": "stored"}]}, "malformed"),
        ({"verdicts": [{"line": 1, "verdict": "lost"}]}, "malformed"),
        ({"verdicts": [{"line": 1, "verdict": "stored", "sample_id": 3}]}, "malformed"),
        ({"verdicts": [{"line": 1, "verdict": "rejected", "message": ["x"]}]}, "malformed"),
    ],
)
def test_a_signed_receipt_that_says_nonsense_is_refused(change: dict[str, Any], message: str) -> None:
    good = {"envelope_sha256": SHA256, "received_at": RECEIPT.received_at, "verdicts": []}

    with pytest.raises(ReceiptError, match=message):
        open_receipt(sign_compact(json.dumps(good | change).encode(), DEVICE, "maille-receipt"), DEVICE.public, SHA256)


def test_a_receipt_of_another_collector_is_refused() -> None:
    with pytest.raises(ReceiptError, match="is not a known key"):
        open_receipt(sign_receipt(RECEIPT, OTHER), DEVICE.public, SHA256)


# -- duplicate members: the last one counts


def test_the_last_of_duplicate_header_members_counts() -> None:
    good = json.dumps(GOOD)[1:]

    assert open_envelope(BODY, signed('{"alg":"none",' + good), FIND).lines == (b"{}",)
    with pytest.raises(EnvelopeError, match="alg: got 'none'"):
        open_envelope(BODY, signed("{" + good[:-1] + ',"alg":"none"}'), FIND)


def test_the_last_of_duplicate_payload_members_counts() -> None:
    payload = (
        f'{{"envelope_sha256":"{"1" * 64}","envelope_sha256":"{SHA256}",'
        '"received_at":"2026-11-23T17:02:11.482Z","verdicts":[]}'
    )

    assert open_receipt(sign_compact(payload.encode(), DEVICE, "maille-receipt"), DEVICE.public, SHA256) == RECEIPT


def test_the_identity_of_an_envelope_is_the_digest_of_its_body() -> None:
    envelope = seal([b"{}"], DEVICE)

    assert envelope.sha256 == hashlib.sha256(envelope.body).hexdigest()
    assert seal([b"{}"], DEVICE) == envelope

"""Tampered envelopes: none is stored, and each is refused with its own reason."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from client_sdk.sample import Sample, encode
from client_sdk.signing.base64url import decode_base64url, encode_base64url
from client_sdk.signing.envelope import CONTENT_TYPE, Envelope
from client_sdk.signing.jws import sign_detached
from client_sdk.signing.keys import SigningKey
from collector.storage.tables import devices, envelopes, samples

Attempt = tuple[bytes, str]


def signed(key: SigningKey, header: dict[str, Any], body: bytes) -> Attempt:
    text = encode_base64url(json.dumps(header).encode())
    return body, f"{text}..{encode_base64url(key.sign(text.encode() + b'.' + body))}"


def with_header(phone: Any, good: Envelope, **changes: Any) -> Attempt:
    """The good body, properly signed under a header that was changed."""
    header = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": phone.key.public.thumbprint}
    header |= {"typ": "maille-envelope"} | changes
    return signed(phone.key, {name: value for name, value in header.items() if value is not None}, good.body)


def sealed(phone: Any, body: bytes) -> Attempt:
    """A body that was never an envelope, properly signed."""
    return body, sign_detached(body, phone.key, "maille-envelope")


def flip(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def parts(good: Envelope) -> list[str]:
    return good.signature.split(".")


def with_signature(good: Envelope, change: Callable[[bytes], bytes]) -> Attempt:
    header, _, signature = parts(good)
    return good.body, f"{header}..{encode_base64url(change(decode_base64url(signature)))}"


def not_canonical(text: str) -> str:
    """Another text of the same 64 bytes: the unused bits of the last character are set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


# name → (attempt from phone and a good envelope of its own, status, rule, part of the detail)
CASES: dict[str, tuple[Callable[[Any, Envelope], Attempt], int, str, str]] = {
    "a bit of the body flipped": (
        lambda phone, good: (flip(good.body), good.signature),
        *(403, "jws-signature", "does not match"),
    ),
    "a bit of the signature flipped": (
        lambda phone, good: with_signature(good, flip),
        *(403, "jws-signature", "does not match"),
    ),
    "a signature cut short": (
        lambda phone, good: with_signature(good, lambda raw: raw[:63]),
        *(403, "jws-signature", "does not match"),
    ),
    "the body cut short after signing": (
        lambda phone, good: (good.body[:-9], good.signature),
        *(403, "jws-signature", "does not match"),
    ),
    "a body recompressed on the way": (
        lambda phone, good: (gzip.compress(gzip.decompress(good.body), 1), good.signature),
        *(403, "jws-signature", "does not match"),
    ),
    "another envelope's signature": (
        lambda phone, good: (good.body, phone.seal([b"{}"]).signature),
        *(403, "jws-signature", "does not match"),
    ),
    "a stranger's signature under this device's name": (
        lambda phone, good: signed(SigningKey.generate(), json.loads(decode_base64url(parts(good)[0])), good.body),
        *(403, "jws-signature", "does not match"),
    ),
    "a stranger": (
        lambda phone, good: (good.body, sign_detached(good.body, SigningKey.generate(), "maille-envelope")),
        *(401, "jws-unknown-key", "not an enrolled device"),
    ),
    "no algorithm": (
        lambda phone, good: with_header(phone, good, alg="none"),
        *(400, "jws-algorithm", "'none'"),
    ),
    "a symmetric algorithm": (
        lambda phone, good: with_header(phone, good, alg="HS256"),
        *(400, "jws-algorithm", "'HS256'"),
    ),
    "the type of a receipt": (
        lambda phone, good: with_header(phone, good, typ="maille-receipt"),
        *(400, "jws-type", "maille-receipt"),
    ),
    "no key named": (
        lambda phone, good: with_header(phone, good, kid=None),
        *(400, "jws-header", "kid"),
    ),
    "a key of its own in the header": (
        lambda phone, good: with_header(phone, good, jwk=phone.key.public.jwk),
        *(400, "jws-header", "jwk"),
    ),
    "no critical header": (
        lambda phone, good: with_header(phone, good, crit=None),
        *(400, "jws-critical", "crit"),
    ),
    "a payload said to be encoded": (
        lambda phone, good: with_header(phone, good, b64=True),
        *(400, "jws-critical", "b64"),
    ),
    "an unknown critical header": (
        lambda phone, good: with_header(phone, good, crit=["b64", "exp"]),
        *(400, "jws-critical", "crit"),
    ),
    "an attached payload": (
        lambda phone, good: (good.body, ".".join([parts(good)[0], "e30", parts(good)[2]])),
        *(400, "jws-malformed", "detached"),
    ),
    "two parts": (
        lambda phone, good: (good.body, ".".join(parts(good)[1:])),
        *(400, "jws-malformed", "three parts"),
    ),
    "padding": (
        lambda phone, good: (good.body, good.signature + "=="),
        *(400, "jws-malformed", "base64url"),
    ),
    "a second spelling of the signature": (
        lambda phone, good: (good.body, not_canonical(good.signature)),
        *(400, "jws-malformed", "canonical"),
    ),
    "a header that is not JSON": (
        lambda phone, good: (good.body, "e30h.." + parts(good)[2]),
        *(400, "jws-malformed", "JSON"),
    ),
    "a header of two kilobytes": (
        lambda phone, good: with_header(phone, good, kid="x" * 2048),
        *(400, "jws-malformed", "longer than"),
    ),
    "no gzip": (
        lambda phone, good: sealed(phone, gzip.decompress(good.body)),
        *(400, "envelope-gzip", "not gzip"),
    ),
    "gzip cut short before signing": (
        lambda phone, good: sealed(phone, good.body[:-9]),
        *(400, "envelope-gzip", "cut short"),
    ),
    "bytes after the gzip stream": (
        lambda phone, good: sealed(phone, good.body + b"more"),
        *(400, "envelope-gzip", "follow the end"),
    ),
    "a second gzip stream": (
        lambda phone, good: sealed(phone, good.body * 2),
        *(400, "envelope-gzip", "follow the end"),
    ),
    "a wrong checksum of the text": (
        lambda phone, good: sealed(phone, good.body[:-8] + bytes(8)),
        *(400, "envelope-gzip", "not gzip"),
    ),
    "a gzip bomb": (
        lambda phone, good: sealed(phone, gzip.compress(b" " * 100_000_000)),
        *(413, "envelope-text-size", "4194304"),
    ),
    "no samples": (
        lambda phone, good: sealed(phone, gzip.compress(b"")),
        *(400, "envelope-lines", "0 samples"),
    ),
    "501 samples": (
        lambda phone, good: sealed(phone, gzip.compress(b"{}\n" * 501)),
        *(400, "envelope-lines", "501 samples"),
    ),
    "four million line feeds": (
        lambda phone, good: sealed(phone, gzip.compress(b"\n" * 4 * 1024 * 1024)),
        *(400, "envelope-lines", "4194304 samples"),
    ),
    "a body of more than a megabyte": (
        lambda phone, good: (b"x" * (1024 * 1024 + 1), good.signature),
        *(413, "body-size", "1048576"),
    ),
}


def stored(collector: Any) -> int:
    with collector.store.engine.connect() as connection:
        return sum(connection.scalar(select(func.count()).select_from(table)) for table in (envelopes, samples))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:maille:problem:{problem['rule']}"
    return answer.status_code, problem["rule"]


def test_each_is_refused_with_its_reason_and_none_is_stored(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    assert len(CASES) >= 20
    phone = phone_of(collector)
    good = phone.seal([encode(make_sample())])
    for name, (attempt, status, rule, reason) in CASES.items():
        body, signature = attempt(phone, good)
        answer = phone.post(Envelope(body, signature))
        assert refusal(answer) == (status, rule), name
        assert reason in answer.json()["detail"], name
    assert stored(collector) == 0
    assert phone.receipt(good).verdicts[0].verdict == "stored"


def test_a_good_envelope_under_wrong_headers_is_refused(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone = phone_of(collector)
    good = phone.seal([encode(make_sample())])
    signature = ("Maille-Signature", good.signature)
    content_type = ("Content-Type", CONTENT_TYPE)
    for headers, expected in [
        ([content_type], (400, "signature-missing")),
        ([content_type, signature, signature], (400, "signature-missing")),
        ([signature], (415, "content-type")),
        ([signature, ("Content-Type", "application/json")], (415, "content-type")),
        ([signature, content_type, ("Content-Encoding", "gzip")], (415, "content-encoding")),
        ([signature, content_type, ("Content-Encoding", "identity")], (415, "content-encoding")),
    ]:
        answer = phone.http.post("/v1/envelopes", content=good.body, headers=headers)
        assert refusal(answer) == expected, headers
    assert stored(collector) == 0


def test_a_body_without_announced_length_is_bounded_while_it_streams(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    headers = {"Content-Type": CONTENT_TYPE, "Maille-Signature": "a..b"}
    for megabytes in (2, 3, 20):
        chunks = iter([b"x" * 65_536] * 16 * megabytes)
        answer = phone.http.post("/v1/envelopes", content=chunks, headers=headers)
        assert refusal(answer) == (413, "body-size"), megabytes


def test_a_device_revoked_since_is_refused(collector: Any, phone_of: Any, make_sample: Callable[..., Sample]) -> None:
    from datetime import UTC, datetime

    phone = phone_of(collector)
    good = phone.seal([encode(make_sample())])
    with collector.store.engine.begin() as connection:
        connection.execute(update(devices).values(revoked_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert refusal(phone.post(good)) == (401, "device-revoked")
    assert stored(collector) == 0


@pytest.mark.parametrize("member", ["alg", "kid"])
def test_of_duplicate_header_members_the_last_one_counts(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample], member: str
) -> None:
    phone = phone_of(collector)
    body = phone.seal([encode(make_sample())]).body
    header = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": phone.key.public.thumbprint}
    text = json.dumps(header | {"typ": "maille-envelope"}).replace("{", f'{{"{member}":"none",', 1)
    encoded = encode_base64url(text.encode())
    signature = f"{encoded}..{encode_base64url(phone.key.sign(encoded.encode() + b'.' + body))}"
    assert phone.receipt(Envelope(body, signature)).verdicts[0].verdict == "stored"

"""JSON Web Signatures as Maille uses them (RFC 7515, 7797, 8037, 9864): Ed25519 only, header checked before use.

A duplicate member of a header counts once, with its last value, as RFC 7515 §4 allows and as every JSON text of the
protocol is read.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from client_sdk.signing.base64url import decode_base64url, encode_base64url
from client_sdk.signing.keys import SigningKey, VerifyingKey, is_thumbprint

MAX_HEADER_CHARACTERS = 1024
"""Ours: a header of this protocol takes 150 characters."""

FindKey = Callable[[str], VerifyingKey | None]
"""From a key's thumbprint to the key, or None where it is unknown."""


class JwsError(ValueError):
    """The signature must not be trusted; ``rule`` says why (``jws-malformed``, ``jws-algorithm``, …)."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def sign_compact(payload: bytes, key: SigningKey, typ: str) -> str:
    """Compact JWS ``header.payload.signature``."""
    signing_input = f"{_header(key, typ)}.{encode_base64url(payload)}"
    return f"{signing_input}.{encode_base64url(key.sign(signing_input.encode('ascii')))}"


def sign_detached(payload: bytes, key: SigningKey, typ: str) -> str:
    """JWS ``header..signature`` whose payload travels beside it, unencoded (RFC 7515 app. F, RFC 7797)."""
    header = _header(key, typ, b64=False, crit=["b64"])
    return f"{header}..{encode_base64url(key.sign(header.encode('ascii') + b'.' + payload))}"


def verify_compact(jws: str, find_key: FindKey, typ: str) -> tuple[bytes, VerifyingKey]:
    """Payload and signer of a compact JWS.

    Raises:
        JwsError: malformed, another type, algorithm or signer, or the signature does not hold.
    """
    header_text, payload_text, signature = _split(jws)
    key = _key_of(_read_header(header_text, typ, detached=False), find_key)
    payload = _decoded(payload_text, "payload")
    if not key.verifies(signature, f"{header_text}.{payload_text}".encode("ascii")):
        raise JwsError("jws-signature", "signature: does not match the payload and the key")
    return payload, key


def verify_detached(jws: str, payload: bytes, find_key: FindKey, typ: str) -> VerifyingKey:
    """Signer of a detached JWS over ``payload``.

    Raises:
        JwsError: as :func:`verify_compact`.
    """
    header_text, payload_text, signature = _split(jws)
    if payload_text:
        raise JwsError("jws-malformed", "signature: expected a detached payload, “header..signature”")
    key = _key_of(_read_header(header_text, typ, detached=True), find_key)
    if not key.verifies(signature, header_text.encode("ascii") + b"." + payload):
        raise JwsError("jws-signature", "signature: does not match the body and the key")
    return key


def read_object(text: bytes, what: str) -> dict[str, Any]:
    """A JSON object; the last of duplicate members counts.

    Raises:
        ValueError: not UTF-8, not JSON, not an object, nested too deeply, or a number that is not finite.
    """
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what}: is not a JSON text") from error
    if not isinstance(value, dict):
        raise ValueError(f"{what}: expected a JSON object")
    return value


def _header(key: SigningKey, typ: str, **more: object) -> str:
    members = {"alg": "Ed25519", **more, "kid": key.public.thumbprint, "typ": typ}
    return encode_base64url(json.dumps(members, separators=(",", ":")).encode())


def _split(jws: str) -> tuple[str, str, bytes]:
    parts = jws.split(".")
    if len(parts) != 3 or not jws.isascii():
        raise JwsError("jws-malformed", "signature: expected three parts separated by dots")
    if len(parts[0]) > MAX_HEADER_CHARACTERS:
        raise JwsError("jws-malformed", f"signature: header longer than {MAX_HEADER_CHARACTERS} characters")
    return parts[0], parts[1], _decoded(parts[2], "signature")


def _read_header(text: str, typ: str, *, detached: bool) -> dict[str, Any]:
    try:
        header = read_object(_decoded(text, "header"), "header")
    except ValueError as error:
        raise JwsError("jws-malformed", f"signature: {error}") from error
    if header.get("alg") not in ("Ed25519", "EdDSA"):
        raise JwsError("jws-algorithm", f"alg: got {header.get('alg')!r}, expected “Ed25519”")
    if header.get("typ") != typ:
        raise JwsError("jws-type", f"typ: got {header.get('typ')!r}, expected “{typ}”")
    expected = {"b64": False, "crit": ["b64"]} if detached else {}
    given = {name: header[name] for name in ("b64", "crit") if name in header}
    if given != expected or not isinstance(given.get("b64", False), bool):  # 0 == False
        raise JwsError("jws-critical", f"crit, b64: expected {json.dumps(expected) if expected else 'neither of them'}")
    unknown = sorted(set(header) - {"alg", "typ", "kid", "b64", "crit"})
    if unknown:
        raise JwsError("jws-header", f"{ascii(unknown[0][:64])[1:-1]}: not a header member of this protocol")
    return header


def _key_of(header: dict[str, Any], find_key: FindKey) -> VerifyingKey:
    kid = header.get("kid")
    # nothing but a thumbprint reaches the database, which would stumble over NUL or half a surrogate pair
    if not isinstance(kid, str) or not is_thumbprint(kid):
        raise JwsError("jws-header", "kid: expected the thumbprint of the signing key, 43 characters of base64url")
    key = find_key(kid)
    if key is None or key.thumbprint != kid:
        raise JwsError("jws-unknown-key", f"kid: {kid!r} is not a known key")
    return key


def _decoded(text: str, what: str) -> bytes:
    try:
        return decode_base64url(text)
    except ValueError as error:
        raise JwsError("jws-malformed", f"{what}: {error}") from error


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is beyond what a double can hold")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")

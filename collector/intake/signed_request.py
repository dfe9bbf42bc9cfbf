"""Requests that a device signs about itself: made for this collector, and now."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from client_sdk.bounds import is_utc_instant
from client_sdk.errors import DeviceKeyError
from client_sdk.signing.base64url import decode_base64url
from client_sdk.signing.jws import FindKey, read_object, verify_compact
from client_sdk.signing.keys import VerifyingKey
from collector.errors import RequestError

MAX_DEVICE_REQUEST_BYTES = 8 * 1024
CLOCK_TOLERANCE = timedelta(minutes=15)
"""Ours: phones without network time are minutes off, not hours."""


def read_device_request(
    jws: bytes, typ: str, find_key: FindKey | None, collector: str, now: datetime
) -> tuple[dict[str, Any], VerifyingKey]:
    """What a device asks for, and the key that signed it.

    Args:
        jws: compact JWS.
        typ: that it must have.
        find_key: from thumbprint to key; None where the request itself carries the key that it is signed with.
        collector: thumbprint of this collector.
        now: instant of reception.

    Raises:
        JwsError: the signature does not hold.
        RequestError: ``device-request``.
    """
    text = jws.decode("ascii", errors="replace").strip()
    payload, key = verify_compact(text, find_key or (lambda _: _key_inside(text)), typ)
    members = _read(payload)
    if trouble := addressed_wrongly(members, collector, now):
        raise RequestError("device-request", trouble)
    return members, key


def addressed_wrongly(members: Mapping[str, Any], collector: str, now: datetime) -> str | None:
    """Why a request is not for this collector, or not for now; None where it is for both."""
    if members.get("collector") != collector:
        return "collector: expected this collector's thumbprint; if its key changed, enrol again to follow it"
    requested_at = members.get("requested_at")
    if not isinstance(requested_at, str) or not is_utc_instant(requested_at):
        return f"requested_at: expected {is_utc_instant.__doc__}"
    if abs(datetime.fromisoformat(requested_at) - now) > CLOCK_TOLERANCE:
        return f"requested_at: got {requested_at}, expected within 15 minutes of this collector's clock"
    return None


def _key_inside(jws: str) -> VerifyingKey:
    """The key that the still unverified payload names; the signature must then hold with it."""
    try:
        return VerifyingKey.from_jwk(_read(decode_base64url(jws.split(".")[1])).get("jwk"))
    except (ValueError, DeviceKeyError) as error:
        raise RequestError("device-request", f"payload: {error}") from error


def _read(payload: bytes) -> dict[str, Any]:
    try:
        return read_object(payload, "payload")
    except ValueError as error:
        raise RequestError("device-request", str(error)) from error

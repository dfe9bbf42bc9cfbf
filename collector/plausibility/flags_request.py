"""A device's signed request for its own flags: made for this collector, and now."""

from datetime import datetime, timedelta
from typing import Any

from client_sdk.bounds import is_utc_instant
from client_sdk.signing.jws import read_object, verify_compact
from client_sdk.signing.statement_types import FLAGS_REQUEST
from collector.errors import RequestError
from collector.intake.devices import find_enrolled_key
from collector.plausibility.device_page import device_page
from collector.storage.store import Store

MAX_REQUEST_BYTES = 4 * 1024
CLOCK_TOLERANCE = timedelta(minutes=15)
"""Ours: phones without network time are minutes off, not hours."""


def requested_page(jws: bytes, store: Store, collector: str, now: datetime) -> dict[str, Any]:
    """The page of the device that signed the request.

    Args:
        jws: compact JWS of type ``maille-flags-request``.
        store: where the device's samples are.
        collector: this collector's thumbprint.
        now: instant of reception.

    Raises:
        DeviceError: the device is unknown or revoked.
        JwsError: the signature does not hold.
        RequestError: ``device-request``: made for another collector, or not now.
    """
    text = jws.decode("ascii", errors="replace").strip()
    payload, key = verify_compact(text, lambda thumbprint: find_enrolled_key(store, thumbprint), FLAGS_REQUEST)
    try:
        members = read_object(payload, "payload")
    except ValueError as error:
        raise RequestError("device-request", str(error)) from error
    if members.get("collector") != collector:
        raise RequestError("device-request", "collector: expected this collector's thumbprint")
    requested_at = members.get("requested_at")
    if not isinstance(requested_at, str) or not is_utc_instant(requested_at):
        raise RequestError("device-request", f"requested_at: expected {is_utc_instant.__doc__}")
    if abs(datetime.fromisoformat(requested_at) - now) > CLOCK_TOLERANCE:
        raise RequestError(
            "device-request", f"requested_at: got {requested_at}, expected within 15 minutes of this collector's clock"
        )
    return device_page(store, key.thumbprint)

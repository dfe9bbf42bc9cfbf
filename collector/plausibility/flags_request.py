"""A device's signed request for its own flags."""

from datetime import datetime
from typing import Any

from client_sdk.signing.statement_types import FLAGS_REQUEST
from collector.intake.devices import find_any_key
from collector.intake.signed_request import read_device_request
from collector.plausibility.device_page import device_page
from collector.storage.store import Store


def requested_page(jws: bytes, store: Store, collector: str, now: datetime) -> dict[str, Any]:
    """The page of the device that signed the request.

    Args:
        jws: compact JWS of type ``maille-flags-request``.
        store: where the device's samples are.
        collector: this collector's thumbprint.
        now: instant of reception.

    Raises:
        DeviceError: the device is unknown.
        JwsError: the signature does not hold.
        RequestError: ``device-request``: made for another collector, or not now.
    """
    _, key = read_device_request(jws, FLAGS_REQUEST, lambda thumbprint: find_any_key(store, thumbprint), collector, now)
    return device_page(store, key.thumbprint)

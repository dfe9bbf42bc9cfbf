"""A device changes its key: the old one signs for the new one, and the new one proves that it is held."""

from datetime import datetime
from typing import Any

from client_sdk.errors import DeviceKeyError
from client_sdk.signing.jws import JwsError, read_object, verify_compact
from client_sdk.signing.keys import VerifyingKey
from client_sdk.signing.statement_types import ROTATION, ROTATION_PROOF
from collector.errors import RequestError
from collector.intake.devices import Enrolment, find_any_key
from collector.intake.signed_request import read_device_request
from collector.storage.devices import rotate_device
from collector.storage.store import Store


def rotate(jws: bytes, store: Store, collector: str, now: datetime) -> Enrolment:
    """Let the key inside take the place of the one that signed; the same again changes nothing.

    Args:
        jws: compact JWS of type ``maille-rotation``.
        store: where devices are kept.
        collector: thumbprint of this collector.
        now: instant of reception.

    Raises:
        DeviceError: the device is unknown or revoked, or its key was replaced by another.
        JwsError: the signature does not hold.
        RequestError: ``device-request`` or ``rotation-key``.
    """
    members, old = read_device_request(
        jws, ROTATION, lambda thumbprint: find_any_key(store, thumbprint), collector, now
    )
    return Enrolment(*rotate_device(store, old.thumbprint, _proven(members, old, collector), now))


def _proven(members: dict[str, Any], old: VerifyingKey, collector: str) -> VerifyingKey:
    """The new key, once it has signed that it takes the old one's place here."""
    try:
        new = VerifyingKey.from_jwk(members.get("jwk"))
        payload, _ = verify_compact(str(members.get("proof")), {new.thumbprint: new}.get, ROTATION_PROOF)
        proof = read_object(payload, "proof")
    except DeviceKeyError as error:
        raise RequestError("rotation-key", str(error)) from error
    except (JwsError, ValueError) as error:
        raise RequestError("rotation-key", f"proof: {error}") from error
    if (proof.get("device"), proof.get("collector")) != (old.thumbprint, collector):
        raise RequestError("rotation-key", "proof: expected one over the old key's thumbprint and this collector's")
    return new

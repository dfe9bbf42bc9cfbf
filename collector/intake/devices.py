"""Enrolment and invitations: which devices may send, and in which tier."""

import hashlib
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from client_sdk.bounds import check_value, is_utc_instant
from client_sdk.errors import DeviceKeyError
from client_sdk.sample import Text
from client_sdk.signing.base64url import decode_base64url
from client_sdk.signing.jws import read_object, verify_compact
from client_sdk.signing.keys import VerifyingKey
from client_sdk.signing.statement_types import ENROLMENT
from collector.errors import DeviceError, EnrolmentError
from collector.storage.devices import check_welcome, enrol_device, find_device, find_keys, unknown_device
from collector.storage.invitations import add_invitation
from collector.storage.records import Device, Invitation
from collector.storage.store import Store

MAX_ENROLMENT_BYTES = 8 * 1024
_MEMBERS = {"jwk", "collector", "privacy_notice_version", "invitation", "key_created_at"}
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another; 24 of them carry 118 bits


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolled device, and whether this request added it."""

    device: Device
    added: bool


def enrol(
    jws: bytes,
    store: Store,
    collector_thumbprint: str,
    notice_version: str,
    now: datetime,
    counted: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Enrolment:
    """Enrol the device that signed the request with the key inside it, which proves that it has the private half.

    Args:
        jws: compact JWS of type ``maille-enrolment``.
        store: where devices are kept.
        collector_thumbprint: this collector's; the request must name it, so that it serves nowhere else.
        notice_version: of the privacy notice in force.
        now: instant of reception.
        counted: entered around the adding of a volunteer's device; it may refuse.

    Raises:
        BusyError: too many new devices, or the database cannot take it.
        EnrolmentError: the payload, key, collector, privacy notice or invitation cannot be accepted; nothing changed.
        JwsError: the signature does not hold.
        DeviceError: the device was revoked, or has a newer key.
    """
    text = jws.decode("ascii", errors="replace").strip()
    payload, key = verify_compact(text, lambda _: _key_inside(text), ENROLMENT)
    members = _members(payload)
    if members["collector"] != collector_thumbprint:
        raise EnrolmentError(
            "enrolment-collector",
            f"collector: got “{_shown(members['collector'])}”, expected this collector's thumbprint",
        )
    if members["privacy_notice_version"] != notice_version:
        raise EnrolmentError(
            "enrolment-privacy-notice",
            f"privacy_notice_version: got “{_shown(members['privacy_notice_version'])}”, "
            f"expected “{notice_version}”, the notice in force",
        )
    code = members.get("invitation")
    digest = None if code is None else invitation_digest(code)
    created_at = members.get("key_created_at")
    key_created_at = None if created_at is None else datetime.fromisoformat(created_at)
    # an invitation bounds the devices that use it by itself
    is_newcomer = digest is None and find_device(store, key.thumbprint) is None
    with counted() if is_newcomer else nullcontext():
        return Enrolment(*enrol_device(store, key, notice_version, digest, now, key_created_at))


def find_enrolled_key(store: Store, thumbprint: str, now: datetime) -> VerifyingKey:
    """The present public key of an enrolled device.

    Raises:
        DeviceError: it is unknown, revoked or replaced.
    """
    device = _known_device(store, thumbprint)
    check_welcome(device, now)
    return VerifyingKey.from_jwk(device.jwk)


def find_any_key(store: Store, thumbprint: str) -> VerifyingKey:
    """A public key that was enrolled, whatever became of it.

    Raises:
        DeviceError: it is unknown.
    """
    return VerifyingKey.from_jwk(_known_device(store, thumbprint).jwk)


def find_own_keys(store: Store, thumbprint: str) -> tuple[Device, ...]:
    """Every key of a device, for the holder of the latest; a revoked device is still its owner's.

    Raises:
        DeviceError: the key is unknown, or was replaced.
    """
    keys = find_keys(store, thumbprint)
    if not keys:
        raise unknown_device(thumbprint)
    if keys[-1].thumbprint != thumbprint:
        raise DeviceError("device-replaced", "kid: the device has a newer key")
    return keys


def _known_device(store: Store, thumbprint: str) -> Device:
    device = find_device(store, thumbprint)
    if device is None:
        raise unknown_device(thumbprint)
    return device


def invite(store: Store, label: str, devices: int, valid: timedelta, now: datetime) -> tuple[str, Invitation]:
    """Make an invitation; the code is returned once and kept only as a digest.

    Args:
        store: where it is kept.
        label: which team or campaign, 1 to 64 characters.
        devices: how many devices may use it.
        valid: for how long.
        now: from when.

    Raises:
        SampleError: the label is empty, too long or holds control characters.
    """
    check_value("label", label, Text)
    code = "-".join("".join(secrets.choice(_CODE_LETTERS) for _ in range(6)) for _ in range(4))
    invitation = Invitation(
        code_sha256=invitation_digest(code), label=label, devices=devices, created_at=now, expires_at=now + valid
    )
    add_invitation(store, invitation)
    return code, invitation


def invitation_digest(code: str) -> str:
    """Hexadecimal SHA-256 of a code, after dropping what people add when they type: case, spaces, dashes."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).lower().encode("utf-8", "replace")).hexdigest()


def _key_inside(jws: str) -> VerifyingKey:
    """The key that the still unverified payload names; the signature must then hold with it."""
    try:
        payload = decode_base64url(jws.split(".")[1])
    except ValueError as error:
        raise EnrolmentError("enrolment-payload", f"payload: {error}") from error
    try:
        return VerifyingKey.from_jwk(_members(payload)["jwk"])
    except DeviceKeyError as error:
        raise EnrolmentError("enrolment-key", str(error)) from error


def _members(payload: bytes) -> dict[str, Any]:
    try:
        members = read_object(payload, "payload")
    except ValueError as error:
        raise EnrolmentError("enrolment-payload", str(error)) from error
    if unknown := sorted(set(members) - _MEMBERS):
        raise EnrolmentError("enrolment-payload", f"{_shown(unknown[0])}: not a member of an enrolment")
    if "jwk" not in members:
        raise EnrolmentError("enrolment-payload", "jwk: missing, expected the device's public key")
    for name in ("collector", "privacy_notice_version"):
        if not isinstance(members.get(name), str):
            raise EnrolmentError("enrolment-payload", f"{name}: expected text")
    if not isinstance(members.get("invitation"), str | None):
        raise EnrolmentError("enrolment-payload", "invitation: expected text")
    created_at = members.get("key_created_at")
    if created_at is not None and not (isinstance(created_at, str) and is_utc_instant(created_at)):
        raise EnrolmentError("enrolment-payload", f"key_created_at: expected {is_utc_instant.__doc__}")
    return members


def _shown(text: str) -> str:
    return ascii(text[:64])[1:-1]

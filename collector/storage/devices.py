"""Devices and invitations in the database: which keys may send, and in which tier."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from client_sdk.bounds import instant_text
from collector.errors import DeviceError, EnrolmentError
from collector.storage.records import Device, Invitation
from collector.storage.tables import devices, invitations

if TYPE_CHECKING:
    from datetime import datetime

    from client_sdk.signing.keys import VerifyingKey
    from collector.storage.store import Store


def find_device(store: Store, thumbprint: str) -> Device | None:
    """An enrolled device, revoked or not."""
    with store.reading() as connection:
        row = connection.execute(select(devices).where(devices.c.thumbprint == thumbprint)).one_or_none()
        return None if row is None else _device(row)


def enrol_device(
    store: Store, key: VerifyingKey, privacy_notice_version: str, invitation: str | None, now: datetime
) -> tuple[Device, bool]:
    """Add a device as a volunteer's, or find it; then apply the invitation, which makes it a field team's.

    Args:
        store: where it is kept.
        key: of the device.
        privacy_notice_version: which it accepted.
        invitation: digest of the code, if it gave one; the device that used a code before may give it again.
        now: instant of reception.

    Returns:
        The device, and whether it is new.

    Raises:
        DeviceError: the device was revoked.
        EnrolmentError: the invitation is unknown, expired or used up; nothing changed.
    """
    row = {
        "thumbprint": key.thumbprint,
        "public_key": key.jwk["x"],
        "tier": "volunteer",
        "privacy_notice_version": privacy_notice_version,
        "enrolled_at": now,
        "origin": key.thumbprint,
        "unjudged": False,
    }
    dialect = postgresql if store.engine.dialect.name == "postgresql" else sqlite
    with store.writing() as connection:
        insert = dialect.insert(devices).values(row).on_conflict_do_nothing().returning(devices.c.thumbprint)
        added = connection.execute(insert).one_or_none() is not None
        device = locked_device(connection, key.thumbprint)
        if invitation is not None:
            _use_invitation(connection, device, invitation, now)
            device = locked_device(connection, key.thumbprint)
        return device, added


def add_invitation(store: Store, invitation: Invitation) -> None:
    """Keep a new invitation."""
    with store.writing() as connection:
        connection.execute(invitations.insert().values(asdict(invitation)))


def locked_device(connection: Connection, thumbprint: str) -> Device:
    """The device, whose row no other transaction may take until this one ends.

    Raises:
        DeviceError: it is unknown or revoked.
    """
    row = connection.execute(select(devices).where(devices.c.thumbprint == thumbprint).with_for_update()).one_or_none()
    if row is None:
        raise DeviceError("jws-unknown-key", f"kid: {thumbprint!r} is not an enrolled device")
    if row.revoked_at is not None:
        raise DeviceError("device-revoked", "kid: the device is no longer enrolled here")
    return _device(row)


def _device(row: Row[Any]) -> Device:
    return Device(
        thumbprint=row.thumbprint,
        jwk={"crv": "Ed25519", "kty": "OKP", "x": row.public_key},
        tier=row.tier,
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
    )


def _use_invitation(connection: Connection, device: Device, code_sha256: str, now: datetime) -> None:
    invitation = connection.execute(
        select(invitations).where(invitations.c.code_sha256 == code_sha256).with_for_update()
    ).one_or_none()
    if invitation is None:
        raise EnrolmentError("enrolment-invitation", "invitation: got a code that is unknown here")
    users = connection.scalars(select(devices.c.thumbprint).where(devices.c.invitation == code_sha256)).all()
    if device.thumbprint in users:
        return
    if now >= invitation.expires_at:
        raise EnrolmentError("enrolment-invitation", f"invitation: expired at {instant_text(invitation.expires_at)}")
    if len(users) >= invitation.devices:
        raise EnrolmentError("enrolment-invitation", f"invitation: used up by {invitation.devices} devices")
    change = {"invitation": code_sha256, "tier": "field_team"}
    connection.execute(devices.update().where(devices.c.thumbprint == device.thumbprint).values(change))

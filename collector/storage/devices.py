"""Devices in the database: which keys may send, in which tier, and which keys are one device's.

A device is the chain of its keys: each newer one took the place of the one before, and all name the first as their
``origin``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Row, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from client_sdk.bounds import instant_text
from collector.errors import DeviceError
from collector.storage.invitations import use_invitation
from collector.storage.records import Device
from collector.storage.tables import devices

if TYPE_CHECKING:
    from datetime import datetime

    from client_sdk.signing.keys import VerifyingKey
    from collector.storage.store import Store

KEY_GRACE = timedelta(days=90)
"""Ours: how long envelopes sealed with a key that was replaced are taken; a USB stick comes back within a campaign."""


def find_device(store: Store, thumbprint: str) -> Device | None:
    """A key that was enrolled, revoked or not."""
    with store.reading() as connection:
        row = connection.execute(select(devices).where(devices.c.thumbprint == thumbprint)).one_or_none()
        return None if row is None else _device(row)


def find_keys(store: Store, thumbprint: str) -> tuple[Device, ...]:
    """Every key of the device that a key belongs to, the first one first; none where the key is unknown."""
    with store.reading() as connection:
        return _keys(connection.execute(_keys_of(thumbprint)).all())


def same_device(thumbprint: str | BindParameter[str]) -> Select[tuple[str]]:
    """The thumbprints of every key of the device that a key belongs to, for a condition."""
    origin = select(devices.c.origin).where(devices.c.thumbprint == thumbprint).scalar_subquery()
    return select(devices.c.thumbprint).where(devices.c.origin == origin)


def enrol_device(
    store: Store,
    key: VerifyingKey,
    privacy_notice_version: str,
    invitation: str | None,
    now: datetime,
    key_created_at: datetime | None = None,
) -> tuple[Device, bool]:
    """Add a device as a volunteer's, or find it; then apply the invitation, which makes it a field team's.

    Args:
        store: where it is kept.
        key: of the device.
        privacy_notice_version: which it accepted.
        invitation: digest of the code, if it gave one; the device that used a code before may give it again.
        now: instant of reception.
        key_created_at: when the key was made, as the device says.

    Returns:
        The device, and whether it is new.

    Raises:
        DeviceError: the device was revoked, or has a newer key.
        EnrolmentError: the invitation is unknown, expired, revoked or used up; nothing changed.
    """
    row = {
        "thumbprint": key.thumbprint,
        "public_key": key.jwk["x"],
        "tier": "volunteer",
        "privacy_notice_version": privacy_notice_version,
        "enrolled_at": now,
        "origin": key.thumbprint,
        "key_created_at": key_created_at,
        "unjudged": False,
    }
    dialect = postgresql if store.engine.dialect.name == "postgresql" else sqlite
    with store.writing() as connection:
        insert = dialect.insert(devices).values(row).on_conflict_do_nothing().returning(devices.c.thumbprint)
        added = connection.execute(insert).one_or_none() is not None
        if added:
            store.room.check()
        device = locked_device(connection, key.thumbprint)
        check_welcome(device, now)
        if invitation is not None and use_invitation(connection, device.origin, invitation, now):
            change = {"invitation": invitation, "tier": "field_team"}
            connection.execute(devices.update().where(devices.c.thumbprint == key.thumbprint).values(change))
            device = locked_device(connection, key.thumbprint)
        return device, added


def rotate_device(store: Store, old: str, key: VerifyingKey, now: datetime) -> tuple[Device, bool]:
    """Let a new key take the place of a device's present one; the same again changes nothing.

    What the old key sealed before is still taken for :data:`KEY_GRACE`; nothing else is.

    Returns:
        The device under its new key, and whether that is new.

    Raises:
        DeviceError: the device is unknown or revoked, its key was replaced by another, or the new key is another's.
    """
    with store.writing() as connection:
        before = locked_device(connection, old)
        row = connection.execute(select(devices).where(devices.c.thumbprint == key.thumbprint)).one_or_none()
        if row is not None:
            if row.origin != before.origin or key.thumbprint == old:
                raise DeviceError("rotation-key", "jwk: got a key that is enrolled here already, expected a new one")
            after = _device(row)
            check_welcome(after, now)
            return after, False
        check_welcome(before, now)
        connection.execute(
            devices.insert().values(
                thumbprint=key.thumbprint,
                public_key=key.jwk["x"],
                tier=before.tier,
                privacy_notice_version=before.privacy_notice_version,
                invitation=before.invitation,
                enrolled_at=now,
                origin=before.origin,
                unjudged=False,
            )
        )
        # a clock that was ahead dated samples from after this
        ended = {"revoked_from": now, "revoked_at": now + KEY_GRACE, "unjudged": True}
        connection.execute(devices.update().where(devices.c.thumbprint == old).values(ended))
        return locked_device(connection, key.thumbprint), True


def revoke_device(store: Store, thumbprint: str, revoked_from: datetime, now: datetime) -> tuple[Device, ...]:
    """Refuse every key of a device from now on, and let nothing count that dates from an instant on.

    Returns:
        Its keys as they are then; none where the key is unknown.
    """
    with store.writing() as connection:
        for key in locked_keys(connection, thumbprint):
            values = {
                "revoked_at": min(key.revoked_at or now, now),
                "revoked_from": min(key.revoked_from or revoked_from, revoked_from),
                "unjudged": True,
            }
            connection.execute(devices.update().where(devices.c.thumbprint == key.thumbprint).values(values))
        return locked_keys(connection, thumbprint)


def reinstate_device(store: Store, thumbprint: str) -> tuple[Device, ...]:
    """Undo a revocation; keys that were replaced end as their replacement ended them."""
    with store.writing() as connection:
        keys = locked_keys(connection, thumbprint)
        for key, newer in zip(keys, (*keys[1:], None), strict=True):
            values = {
                "revoked_at": newer.enrolled_at + KEY_GRACE if newer else None,
                "revoked_from": newer.enrolled_at if newer else None,
                "unjudged": True,
            }
            connection.execute(devices.update().where(devices.c.thumbprint == key.thumbprint).values(values))
        return locked_keys(connection, thumbprint)


def check_welcome(device: Device, now: datetime, *, sealed_before: bool = False) -> None:
    """Refuse a key that was revoked or replaced.

    Args:
        device: under the key in question.
        now: instant of reception.
        sealed_before: whether a replaced key may be meant: it may have sealed an envelope before.

    Raises:
        DeviceError: ``device-revoked`` or ``device-replaced``.
    """
    if device.revoked_at is None:
        return
    if now >= device.revoked_at:
        raise DeviceError("device-revoked", "kid: the device is no longer enrolled here")
    if not sealed_before:
        since = instant_text(device.revoked_from or device.revoked_at)
        raise DeviceError(
            "device-replaced",
            f"kid: the device has had a newer key since {since}; where it has it not, `maille device rotate` again",
        )


def locked_device(connection: Connection, thumbprint: str) -> Device:
    """The device, whose rows no other transaction may take until this one ends.

    Raises:
        DeviceError: it is unknown.
    """
    for key in locked_keys(connection, thumbprint):
        if key.thumbprint == thumbprint:
            return key
    raise unknown_device(thumbprint)


def locked_senders(connection: Connection, thumbprints: Iterable[str]) -> dict[str, Device]:
    """Every key of each of these devices, locked in one order for all: no two transactions wait for each other.

    What only refers to a device, as a witnessed transfer does, need not wait.
    """
    origins = select(devices.c.origin).where(devices.c.thumbprint.in_(sorted(thumbprints)))
    statement = (
        select(devices)
        .where(devices.c.origin.in_(origins))
        .order_by(devices.c.thumbprint)
        .with_for_update(key_share=True)
    )
    return {row.thumbprint: _device(row) for row in connection.execute(statement)}


def locked_keys(connection: Connection, thumbprint: str) -> tuple[Device, ...]:
    """Every key of a device, the first one first, locked; none where the key is unknown."""
    statement = _keys_of(thumbprint).with_for_update()
    if connection.dialect.name == "postgresql":
        # who waits here for a rotation sees the key that it added with the next statement only
        connection.execute(statement).all()
    return _keys(connection.execute(statement).all())


def unknown_device(thumbprint: str) -> DeviceError:
    """The refusal of a key that is not enrolled."""
    return DeviceError("jws-unknown-key", f"kid: {thumbprint!r} is not an enrolled device")


def _keys_of(thumbprint: str) -> Select[Any]:
    return select(devices).where(devices.c.thumbprint.in_(same_device(thumbprint))).order_by(devices.c.thumbprint)


def _keys(rows: Any) -> tuple[Device, ...]:
    return tuple(sorted((_device(row) for row in rows), key=lambda key: (key.enrolled_at, key.thumbprint)))


def _device(row: Row[Any]) -> Device:
    return Device(
        thumbprint=row.thumbprint,
        jwk={"crv": "Ed25519", "kty": "OKP", "x": row.public_key},
        tier=row.tier,
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
        revoked_from=row.revoked_from,
        origin=row.origin,
        key_created_at=row.key_created_at,
        privacy_notice_version=row.privacy_notice_version,
        invitation=row.invitation,
    )

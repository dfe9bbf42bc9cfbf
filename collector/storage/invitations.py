"""Invitations in the database: codes that make devices a field team's, each known by its digest alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from client_sdk.bounds import instant_text
from collector.errors import EnrolmentError
from collector.storage.records import Invitation
from collector.storage.tables import devices, invitations

if TYPE_CHECKING:
    from datetime import datetime

    from collector.storage.store import Store


def add_invitation(store: Store, invitation: Invitation) -> None:
    """Keep a new invitation."""
    with store.writing() as connection:
        connection.execute(invitations.insert().values(asdict(invitation)))


def list_invitations(store: Store) -> list[tuple[Invitation, int]]:
    """Every invitation, the newest first, and how many devices used it."""
    used = (
        select(func.count(func.distinct(devices.c.origin)))
        .where(devices.c.invitation == invitations.c.code_sha256)
        .scalar_subquery()
    )
    statement = select(*invitations.c, used).order_by(invitations.c.created_at.desc(), invitations.c.code_sha256)
    with store.reading() as connection:
        return [
            (Invitation(**dict(zip(_NAMES, row[:-1], strict=True))), row[-1]) for row in connection.execute(statement)
        ]


def revoke_invitations(store: Store, code_sha256s: list[str], now: datetime) -> None:
    """Let nobody use these codes any more; devices that did keep their tier."""
    with store.writing() as connection:
        connection.execute(
            invitations.update()
            .where(invitations.c.code_sha256.in_(code_sha256s), invitations.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )


def use_invitation(connection: Connection, origin: str, code_sha256: str, now: datetime) -> bool:
    """Whether a device may have the invitation's tier now; False where it has it already.

    Raises:
        EnrolmentError: the code is unknown, expired, revoked or used up.
    """
    invitation = connection.execute(
        select(invitations).where(invitations.c.code_sha256 == code_sha256).with_for_update()
    ).one_or_none()
    if invitation is None:
        raise EnrolmentError("enrolment-invitation", "invitation: got a code that is unknown here")
    users = set(connection.scalars(select(devices.c.origin).where(devices.c.invitation == code_sha256)))
    if origin in users:
        return False
    if now >= invitation.expires_at:
        raise EnrolmentError("enrolment-invitation", f"invitation: expired at {instant_text(invitation.expires_at)}")
    if invitation.revoked_at is not None:
        raise EnrolmentError("enrolment-invitation", f"invitation: revoked at {instant_text(invitation.revoked_at)}")
    if len(users) >= invitation.devices:
        raise EnrolmentError("enrolment-invitation", f"invitation: used up by {invitation.devices} devices")
    return True


_NAMES = [column.name for column in invitations.c]

"""The database of one collector, on SQLite and PostgreSQL: devices, invitations, and samples read back.

Synchronous; the app calls it from threads. What arrives is written by :mod:`collector.storage.recording`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from client_sdk.bounds import instant_text
from client_sdk.sample import FIELDS
from client_sdk.signing.keys import VerifyingKey
from collector.errors import BusyError, DeviceError, EnrolmentError
from collector.storage.engine import create_database_engine, one_line
from collector.storage.records import Device, Invitation, MonthCount
from collector.storage.tables import devices, invitations, samples

_RETRY_AFTER_S = 30
_READ_ONLY_TRANSACTION = "25006"  # SQLSTATE, PostgreSQL's appendix A


class Store:
    """The database of one collector, migrated.

    Every method may raise :class:`~collector.errors.BusyError` (``storage-unavailable``): nothing was stored then.
    """

    def __init__(self, database_url: str) -> None:
        self.engine = create_database_engine(database_url)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    # -- devices

    def find_device(self, thumbprint: str) -> Device | None:
        """An enrolled device, revoked or not."""
        with self.reading() as connection:
            row = connection.execute(select(devices).where(devices.c.thumbprint == thumbprint)).one_or_none()
            return None if row is None else _device(row)

    def enrol_device(
        self, key: VerifyingKey, privacy_notice_version: str, invitation: str | None, now: datetime
    ) -> tuple[Device, bool]:
        """Add a device as a volunteer's, or find it; then apply the invitation, which makes it a field team's.

        Args:
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
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        with self.writing() as connection:
            insert = dialect.insert(devices).values(row).on_conflict_do_nothing().returning(devices.c.thumbprint)
            added = connection.execute(insert).one_or_none() is not None
            device = _locked_device(connection, key.thumbprint)
            if invitation is not None:
                _use_invitation(connection, device, invitation, now)
                device = _locked_device(connection, key.thumbprint)
            return device, added

    def add_invitation(self, invitation: Invitation) -> None:
        """Keep a new invitation."""
        with self.writing() as connection:
            connection.execute(invitations.insert().values(asdict(invitation)))

    # -- reading back

    def count_samples(self) -> int:
        """Number of samples stored."""
        with self.reading() as connection:
            return connection.scalar(select(func.count()).select_from(samples)) or 0

    def months(self) -> list[MonthCount]:
        """Every month that holds samples, oldest first."""
        statement = (
            select(samples.c.measured_month, func.count(), func.max(samples.c.received_at))
            .group_by(samples.c.measured_month)
            .order_by(samples.c.measured_month)
        )
        with self.reading() as connection:
            return [MonthCount(month, count, last) for month, count, last in connection.execute(statement)]

    def samples_of_month(self, month: str) -> Iterator[dict[str, Any]]:
        """Rows of one month in order of ``measured_at`` (and in no order where it is equal), a few at a time."""
        columns = [samples.c[name] for name in ("device", "tier", "h3_cell", "flags", "excluded", "received_at")]
        statement = (
            select(*columns, *(samples.c[name] for name in FIELDS))
            .where(samples.c.measured_month == month)
            .order_by(samples.c.measured_at)
        )
        with self.reading() as connection:
            for row in connection.execution_options(yield_per=5_000).execute(statement).mappings():
                yield dict(row)

    def samples_within(self, west: float, south: float, east: float, north: float) -> list[tuple[str, str, str]]:
        """Device, id and position as WKT of the samples in a box of WGS 84 degrees; on PostGIS only.

        The geometry column is generated by the database and indexed; it serves people's tools.
        """
        from geoalchemy2 import Geometry
        from sqlalchemy import literal_column

        position = literal_column("samples.position", Geometry("POINT", srid=4326))
        box = func.ST_MakeEnvelope(west, south, east, north, 4326)
        statement = (
            select(samples.c.device, samples.c.id, func.ST_AsText(position))
            .where(position.intersects(box))
            .order_by(samples.c.device, samples.c.id)
        )
        with self.reading() as connection:
            return [(device, sample_id, wkt) for device, sample_id, wkt in connection.execute(statement)]

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        """A database that is away, full or locked is told as such: no one may take it for success or a bad request."""
        # COPY goes past SQLAlchemy, whose own exceptions wrap the driver's everywhere else
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (OperationalError, PoolTimeout, InternalError, driver.OperationalError, driver.InternalError) as error:
            if isinstance(error, InternalError | driver.InternalError) and not _is_read_only(error):
                raise
            raise BusyError("storage-unavailable", f"database: {one_line(error)}", _RETRY_AFTER_S) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with; for the modules of storage alone."""
        with self._storage_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block; on SQLite it holds the write lock from its start."""
        with self._storage_errors(), self.engine.execution_options(writes=True).begin() as connection:
            yield connection


def _is_read_only(error: Exception) -> bool:
    """A standby that was not promoted yet, say, which PostgreSQL tells as an internal error."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == _READ_ONLY_TRANSACTION


def _device(row: Row[Any]) -> Device:
    return Device(
        thumbprint=row.thumbprint,
        jwk={"crv": "Ed25519", "kty": "OKP", "x": row.public_key},
        tier=row.tier,
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
    )


def _locked_device(connection: Connection, thumbprint: str) -> Device:
    """The device, whose row no other transaction may take until this one ends."""
    row = connection.execute(select(devices).where(devices.c.thumbprint == thumbprint).with_for_update()).one_or_none()
    if row is None:
        raise DeviceError("jws-unknown-key", f"kid: {thumbprint!r} is not an enrolled device")
    if row.revoked_at is not None:
        raise DeviceError("device-revoked", "kid: the device is no longer enrolled here")
    return _device(row)


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

"""Envelopes and samples in the database, on SQLite and PostgreSQL; its other modules work with the same store.

Synchronous; the app calls it from a thread pool. Writers of one device wait for each other (a row lock on PostgreSQL,
the one write lock of SQLite), so the same envelope sent twice at once is stored once and both get the same verdicts.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from client_sdk.sample import FIELDS
from client_sdk.signing.receipt import LineVerdict
from collector.errors import BusyError
from collector.storage.devices import check_welcome, locked_device, same_device
from collector.storage.engine import create_database_engine, one_line
from collector.storage.records import (
    JudgedSample,
    MonthCount,
    ReceivedEnvelope,
    RecordedEnvelope,
    Tier,
)
from collector.storage.revisions import month_counts
from collector.storage.room import Room
from collector.storage.settlement import settle
from collector.storage.tables import devices, envelopes, samples

_RETRY_AFTER_S = 30
_READ_ONLY_TRANSACTION = "25006"  # SQLSTATE, PostgreSQL's appendix A


class Store:
    """The database of one collector, migrated.

    Every method may raise :class:`~collector.errors.BusyError` (``storage-unavailable``, ``storage-full``): nothing was
    stored then. No device or envelope is added with less than ``min_free_bytes`` free beside an SQLite file.
    """

    def __init__(self, database_url: str, *, min_free_bytes: int = 0) -> None:
        self.engine = create_database_engine(database_url)
        self.room = Room(self.engine.url, min_free_bytes)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    # -- envelopes

    def record_envelope(
        self, envelope: ReceivedEnvelope, lines: Sequence[JudgedSample | LineVerdict]
    ) -> RecordedEnvelope:
        """Store an envelope and its new samples in one transaction; the same envelope again changes nothing.

        Args:
            envelope: as it arrived.
            lines: for each line in order, the sample to store or the verdict that rejected it.

        Returns:
            What is now committed; for an envelope seen before, what was committed then.

        Raises:
            DeviceError: the device is unknown or revoked at the time of writing.
        """
        with self.writing() as connection:
            device = locked_device(connection, envelope.device)
            check_welcome(device, envelope.received_at, sealed_before=True)
            earlier = connection.execute(
                select(envelopes.c.received_at, envelopes.c.receipt).where(
                    envelopes.c.device == envelope.device, envelopes.c.sha256 == envelope.sha256
                )
            ).one_or_none()
            if earlier is not None:
                verdicts = tuple(LineVerdict(**verdict) for verdict in json.loads(earlier.receipt))
                return RecordedEnvelope(earlier.received_at, verdicts)
            self.room.check()
            settled = settle(lines, _known_lines(connection, envelope.device, lines))
            connection.execute(
                envelopes.insert().values(
                    device=envelope.device,
                    sha256=envelope.sha256,
                    received_at=envelope.received_at,
                    body=envelope.body,
                    signature=envelope.signature,
                    receipt=json.dumps([asdict(verdict) for verdict in settled.verdicts]),
                )
            )
            _insert_samples(connection, [_row(judged, envelope, device.tier) for judged in settled.new])
            connection.execute(devices.update().where(devices.c.thumbprint == device.thumbprint).values(unjudged=True))
        return RecordedEnvelope(envelope.received_at, settled.verdicts)

    def count_samples(self) -> int:
        """Number of samples stored."""
        with self.reading() as connection:
            return connection.scalar(select(func.count()).select_from(samples)) or 0

    def months(self) -> list[MonthCount]:
        """Every month that holds samples, oldest first."""
        with self.reading() as connection:
            return month_counts(connection)

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
            told = f"database: {one_line(error)}"
            raise self.room.refusal(error, told) or BusyError("storage-unavailable", told, _RETRY_AFTER_S) from error

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


def _known_lines(connection: Connection, device: str, lines: Sequence[JudgedSample | LineVerdict]) -> dict[str, str]:
    """Id → digest of the line, for the samples of this envelope that the device sent before, under whatever key."""
    ids = [line.sample.id for line in lines if isinstance(line, JudgedSample)]
    statement = select(samples.c.id, samples.c.line_sha256).where(
        samples.c.device.in_(same_device(device)), samples.c.id.in_(ids)
    )
    return {row.id: row.line_sha256 for row in connection.execute(statement)}


def _row(judged: JudgedSample, envelope: ReceivedEnvelope, tier: Tier) -> dict[str, Any]:
    row = {name: getattr(judged.sample, name) for name in FIELDS}
    return row | {
        "measured_at": datetime.fromisoformat(judged.sample.measured_at),
        "device": envelope.device,
        "envelope_sha256": envelope.sha256,
        "line_sha256": judged.line_sha256,
        "received_at": envelope.received_at,
        "tier": tier,
        "measured_month": judged.sample.measured_at[:7],
        "h3_cell": judged.h3_cell,
        "flags": " ".join(judged.flags),
        "excluded": judged.excluded,
    }


def _insert_samples(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Bulk insert, by COPY where the database has it."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(samples.insert(), rows)
        return
    names = list(rows[0])
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"COPY samples ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])

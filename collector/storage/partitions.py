"""On PostgreSQL, one partition of ``samples`` per month of the sample's id (a UUIDv7), made ahead of time.

By the id, and not by ``measured_at``, because a device's sample is unique by its id and PostgreSQL keeps keys unique
across partitions only by columns that the partitions are cut by. The id is the device's choice: one outside the months
that were made goes to ``samples_default``, which is as good a place as any, only not as fast to purge.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from collector.storage.engine import one_line
from collector.storage.tables import samples

_log = logging.getLogger(__name__)

MONTHS_BACK = 12
"""Ours: the months that verdicts rest on, so that late data falls into them too."""
MONTHS_AHEAD = 3
"""Ours: long enough for somebody to see in a log that new ones could not be made."""

# any number will do, as long as it stays the same: one process makes partitions at a time
_LOCK = 0x6D61696C6C66
# Ours: while we wait for the default partition, whoever needs it waits behind us; above deadlock_timeout (1 s), after
# which PostgreSQL sends its own autovacuum away
_LOCK_TIMEOUT = "3s"
# Ours: intake may wait that long for rows that are moved out of the default partition; more are moved by `migrate`
_STATEMENT_TIMEOUT = "10s"
_DEFAULT = "samples_default"


def ensure_partitions(engine: Engine, now: datetime, *, patient: bool = False) -> tuple[str, ...]:
    """Make the partitions that are missing from 12 months before to 3 months after ``now``, current month first.

    Rows of such a month that lie in the default partition move in the same transaction. Of several processes one makes
    a partition, and the others see it. Nothing happens on SQLite.

    Args:
        engine: of the database, at the head revision.
        now: instant whose month is the current one.
        patient: move rows however long it takes, while no collector takes in samples.

    Returns:
        Names of the partitions made.

    Raises:
        DBAPIError: a lock or the time to move rows could not be had; partitions made before it stay.
    """
    if engine.dialect.name != "postgresql":
        return ()
    with engine.connect() as connection:
        there = _partitions(connection)
    missing = [month for month in _months(now) if _name(*month) not in there]
    return tuple(_name(*month) for month in missing if _make(engine, month, patient=patient))


def try_ensure_partitions(engine: Engine, now: datetime, *, patient: bool = False) -> bool:
    """The same, where failing means only that the default partition serves a little longer; logged, and told."""
    try:
        made = ensure_partitions(engine, now, patient=patient)
    except (DBAPIError, PoolTimeout) as error:
        _log.warning(
            "partitions of samples: %s; samples go to %s meanwhile. If this stays, stop the collector and run "
            "`maille collector migrate`",
            one_line(error),
            _DEFAULT,
        )
        return False
    if made:
        _log.info("partitions of samples: made %s", ", ".join(made))
    return True


def first_id(year: int, month: int) -> str:
    """What the ids of a month begin with, or come after: 48 bits of milliseconds as UUIDv7 writes them (RFC 9562)."""
    milliseconds = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _months(now: datetime) -> Iterator[tuple[int, int]]:
    """This month and those ahead, which new samples need, then back in time."""
    current = now.astimezone(UTC)
    offsets = (*range(MONTHS_AHEAD + 1), *range(-1, -MONTHS_BACK - 1, -1))
    return (_shifted(current.year, current.month, offset) for offset in offsets)


def _shifted(year: int, month: int, by: int) -> tuple[int, int]:
    years, month_index = divmod(month - 1 + by, 12)
    return year + years, month_index + 1


def _name(year: int, month: int) -> str:
    return f"samples_{year:04}_{month:02}"


def _partitions(connection: Connection) -> set[str]:
    statement = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'samples'::regclass"
    return set(connection.scalars(text(statement)))


def _make(engine: Engine, month: tuple[int, int], *, patient: bool) -> bool:
    """Make one partition in one transaction; False where another process was faster.

    ``ATTACH`` lets others read and write ``samples`` meanwhile, which ``CREATE TABLE … PARTITION OF`` would not. Only
    the default partition is closed: rows of this month must not arrive there while its others leave.
    """
    name, low, high = _name(*month), first_id(*month), first_id(*_shifted(*month, 1))
    columns = ", ".join(samples.c.keys())  # not the generated one
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        if not patient:
            connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if name in _partitions(connection):
            return False
        connection.execute(text(f"CREATE TABLE {name} (LIKE samples INCLUDING DEFAULTS INCLUDING GENERATED)"))
        connection.execute(text(f"LOCK TABLE {_DEFAULT} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(
            text(
                f"WITH moved AS (DELETE FROM {_DEFAULT} WHERE id >= :low AND id < :high RETURNING {columns}) "
                f"INSERT INTO {name} ({columns}) SELECT {columns} FROM moved"
            ),
            {"low": low, "high": high},
        )
        connection.execute(text(f"ALTER TABLE samples ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')"))
    return True

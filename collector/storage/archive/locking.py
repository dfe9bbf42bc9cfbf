"""One run at a time: two that write the same month could leave the older file behind a newer state.

The lock belongs to the database, not to the place: object storage has none that every kind of it knows.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

# any number will do, as long as it stays the same
_LOCK = 0x6D61696C6C67


@contextmanager
def only_run(engine: Engine) -> Iterator[None]:
    """Wait until no other run works from this database: a file beside SQLite's, an advisory lock of PostgreSQL."""
    if engine.dialect.name == "sqlite":
        with open(f"{engine.url.database}.archive-lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})

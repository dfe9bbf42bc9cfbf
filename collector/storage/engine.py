"""The one place that opens a database: SQLite made durable and fair between writers, PostgreSQL as it comes."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

_BUSY_TIMEOUT_S = 30

_CACHE_KIB = 32 * 1024
"""Ours: the pages that a transaction of 3,000 samples writes, and those of the indexes above them. With SQLite's own
2 MB they are written to the log and read back within the transaction, which then takes nearly twice as long."""


_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "tcp_user_timeout": 30_000}
"""Ours, in seconds and, the last one, milliseconds: a database's host that vanishes without a word is noticed within
half a minute, where the system would wait for a quarter of an hour."""


def create_database_engine(database_url: str) -> Engine:
    """Engine for ``sqlite:///FILE`` or ``postgresql+psycopg://…``; the directory of an SQLite file is made.

    It is made for its owner alone, since positions stand in the file beside the keys of devices.

    On SQLite: WAL, ``synchronous=FULL`` (what was acknowledged survives a power cut), foreign keys, deleted rows
    overwritten with zeros, a wait of 30 s for the write lock, and ``BEGIN IMMEDIATE`` where the execution option
    ``writes`` is set, so that a transaction that reads before it writes cannot fail half way.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        # sessions in UTC, so that nothing depends on the server's configuration; statements planned by the size that
        # tables have now, since what is best for a fresh database would be kept while millions of samples arrive
        options = "-c timezone=UTC -c plan_cache_mode=force_custom_plan"
        return create_engine(url, pool_pre_ping=True, connect_args={"options": options, **_PATIENCE})
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def one_line(error: Exception) -> str:
    """What the database said, without the statement and advice that follow."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def _configure_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"cache_size=-{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

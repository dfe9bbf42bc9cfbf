"""The outbox's file: opened for durability, checked, and set aside where it is damaged.

A commit is on the disk before it returns (``synchronous=FULL``): a phone loses its power at any moment.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client_sdk.errors import MailleError

VERSION = 2

_SURVEYS = """
CREATE TABLE surveys (
    id TEXT PRIMARY KEY,
    options TEXT NOT NULL,          -- JSON: what was declared when it began
    started_ms INTEGER NOT NULL,
    alive_ms INTEGER NOT NULL,      -- last time its program was known to run
    ended_ms INTEGER
);
CREATE TABLE survey_events (
    survey TEXT NOT NULL REFERENCES surveys (id),
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX survey_events_by_survey ON survey_events (survey, at_ms);
CREATE INDEX samples_by_survey ON samples (survey, seq) WHERE survey IS NOT NULL;
"""

UPGRADES = {
    1: f"""
ALTER TABLE samples ADD COLUMN survey TEXT;
ALTER TABLE samples ADD COLUMN modem TEXT;
{_SURVEYS}
PRAGMA user_version = 2
"""
}
"""Version → what brings a file of that version to the next."""

SCHEMA = f"""
CREATE TABLE counter (next_seq INTEGER NOT NULL);
CREATE TABLE collectors (
    thumbprint TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    jwk TEXT NOT NULL,
    tier TEXT NOT NULL,
    enrolled_at TEXT NOT NULL,      -- by the collector's clock
    pinned_ms INTEGER NOT NULL      -- the latest is the one to send to
);
CREATE TABLE envelopes (            -- in flight: sealed, and not yet settled by a receipt
    sha256 TEXT PRIMARY KEY,
    device TEXT NOT NULL,           -- thumbprint of the key that sealed it
    body BLOB NOT NULL,
    signature TEXT NOT NULL,
    sealed_ms INTEGER NOT NULL
);
CREATE TABLE samples (
    seq INTEGER PRIMARY KEY,        -- order of sending
    id TEXT NOT NULL UNIQUE,
    line BLOB,                      -- the encoded sample; forgotten some time after it was sent
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'rejected')),
    envelope TEXT REFERENCES envelopes (sha256),
    envelope_line INTEGER,          -- 1 for the first
    settled_ms INTEGER,
    rule TEXT, field TEXT, message TEXT,   -- why it was rejected
    survey TEXT,                    -- the survey that it was taken in
    modem TEXT                      -- and by which of its modems
);
CREATE INDEX samples_pending ON samples (seq) WHERE state = 'pending';
CREATE INDEX samples_in_flight ON samples (envelope) WHERE envelope IS NOT NULL;
CREATE INDEX samples_by_state ON samples (state);
CREATE TABLE receipts (
    envelope_sha256 TEXT NOT NULL,
    collector TEXT NOT NULL REFERENCES collectors (thumbprint),
    received_at TEXT NOT NULL,
    jws TEXT NOT NULL,
    kept_ms INTEGER NOT NULL,
    PRIMARY KEY (envelope_sha256, collector)
);
{_SURVEYS}
PRAGMA user_version = {VERSION};
"""


class OutboxError(MailleError):
    """The outbox's file cannot be used."""


def now_ms() -> int:
    """Milliseconds since 1970, by the device's clock."""
    return time.time_ns() // 1_000_000


def open_database(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open the file, making it where there is none; a damaged one is set aside and a new one begun.

    Returns:
        the connection, and where a damaged file was put, if one was found.

    Raises:
        OutboxError: the file cannot be opened, or was written by a later version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path, first_seq=0), None
    except sqlite3.OperationalError as error:
        raise OutboxError(f"{path}: cannot be opened as an outbox ({error})") from error
    except sqlite3.DatabaseError:
        aside = _set_aside(path)
        # what the damaged file had counted to is unknown: the clock is far beyond any counter
        return _opened(path, first_seq=now_ms()), aside


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock taken at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _opened(path: Path, first_seq: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if (verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(verdict)
        with transaction(connection):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                _execute_all(connection, SCHEMA)
                connection.execute("INSERT INTO counter VALUES (?)", (first_seq,))
            elif version > VERSION:
                raise OutboxError(f"{path}: outbox of version {version}, expected at most {VERSION}: update maille")
            for older in range(version, VERSION) if version else ():
                _execute_all(connection, UPGRADES[older])
    except BaseException:
        connection.close()
        raise
    return connection


def _execute_all(connection: sqlite3.Connection, text: str) -> None:
    for statement in text.split(";\n"):
        connection.execute(statement)


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now_ms()}")
    for suffix in ("-wal", "-shm", ""):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside

"""The tables of the outbox's file, and how a file of an older version becomes one of this version."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from client_sdk.errors import MailleError
from client_sdk.messages import tr

VERSION = 2

TABLES = (
    "hidden_areas",
    "collectors",
    "surveys",
    "survey_events",
    "samples",
    "deliveries",
    "receipts",
)
"""What a damaged file is read for, in this order; sealed envelopes are made anew from their samples."""

SCHEMA = f"""
CREATE TABLE counter (next_seq INTEGER NOT NULL);
CREATE TABLE collectors (
    thumbprint TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    jwk TEXT NOT NULL,
    tier TEXT NOT NULL,
    enrolled_at TEXT NOT NULL,      -- by the collector's clock
    pinned_ms INTEGER NOT NULL,     -- the latest is the one to measure against
    max_samples INTEGER,            -- of an envelope, where the collector states less than the protocol
    max_body_bytes INTEGER,
    left_ms INTEGER,                -- when its device was told to send nothing more there
    failures INTEGER NOT NULL DEFAULT 0,    -- in a row
    failed_ms INTEGER,
    next_try_ms INTEGER,
    trouble TEXT,                   -- of the last try, in words
    refused INTEGER NOT NULL DEFAULT 0      -- it was the collector's own no
);
CREATE TABLE samples (
    seq INTEGER PRIMARY KEY,        -- order of sending
    id TEXT NOT NULL UNIQUE,
    line BLOB,                      -- the encoded sample; forgotten some time after it was sent
    survey TEXT,                    -- the survey that it was taken in
    modem TEXT                      -- and by which of its modems
);
CREATE INDEX samples_by_survey ON samples (survey, seq) WHERE survey IS NOT NULL;
CREATE TABLE envelopes (            -- on their way: sealed, and not yet settled by a receipt
    collector TEXT NOT NULL REFERENCES collectors (thumbprint),
    sha256 TEXT NOT NULL,
    device TEXT NOT NULL,           -- thumbprint of the key that sealed it
    body BLOB NOT NULL,
    signature TEXT NOT NULL,
    sealed_ms INTEGER NOT NULL,
    holder TEXT,                    -- the process that sends it now
    lease_until_ms INTEGER,
    PRIMARY KEY (collector, sha256)
);
CREATE TABLE deliveries (           -- of each sample to each collector
    seq INTEGER NOT NULL REFERENCES samples (seq),
    collector TEXT NOT NULL REFERENCES collectors (thumbprint),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'rejected')),
    envelope TEXT,
    envelope_line INTEGER,          -- 1 for the first
    settled_ms INTEGER,
    rule TEXT, field TEXT, message TEXT,    -- why it was rejected
    PRIMARY KEY (seq, collector)
) WITHOUT ROWID;
CREATE INDEX deliveries_to_seal ON deliveries (collector, seq) WHERE state = 'pending' AND envelope IS NULL;
CREATE INDEX deliveries_in_flight ON deliveries (collector, envelope) WHERE envelope IS NOT NULL;
CREATE INDEX deliveries_by_state ON deliveries (collector, state);
CREATE TABLE receipts (
    envelope_sha256 TEXT NOT NULL,
    collector TEXT NOT NULL REFERENCES collectors (thumbprint),
    received_at TEXT NOT NULL,
    jws TEXT NOT NULL,
    kept_ms INTEGER NOT NULL,
    PRIMARY KEY (envelope_sha256, collector)
);
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
CREATE TABLE hidden_areas (         -- where nothing is kept; never leaves the device
    id INTEGER PRIMARY KEY,
    latitude REAL NOT NULL,         -- of the centre, which is not the place that it hides
    longitude REAL NOT NULL,
    radius_m REAL NOT NULL,
    removed_ms INTEGER              -- lifted; kept, so that the same place gets the same area again
);
PRAGMA user_version = {VERSION};
"""

_LATEST = "(SELECT thumbprint FROM collectors_1 ORDER BY pinned_ms DESC, rowid DESC LIMIT 1)"

UPGRADES = {
    # the first version sent to the collector enrolled at last, and to no other
    1: f"""
ALTER TABLE samples RENAME TO samples_1;
ALTER TABLE envelopes RENAME TO envelopes_1;
ALTER TABLE receipts RENAME TO receipts_1;
ALTER TABLE collectors RENAME TO collectors_1;
ALTER TABLE counter RENAME TO counter_1;
{SCHEMA}
INSERT INTO counter SELECT next_seq FROM counter_1;
INSERT INTO collectors (thumbprint, url, jwk, tier, enrolled_at, pinned_ms, left_ms)
    SELECT thumbprint, url, jwk, tier, enrolled_at, pinned_ms,
        CASE WHEN thumbprint = {_LATEST} THEN NULL ELSE pinned_ms END
    FROM collectors_1 ORDER BY rowid;
INSERT INTO samples (seq, id, line) SELECT seq, id, line FROM samples_1;
INSERT INTO envelopes (collector, sha256, device, body, signature, sealed_ms)
    SELECT {_LATEST}, sha256, device, body, signature, sealed_ms FROM envelopes_1 WHERE {_LATEST} IS NOT NULL;
INSERT INTO deliveries (seq, collector, state, envelope, envelope_line, settled_ms, rule, field, message)
    SELECT seq, {_LATEST}, state, envelope, envelope_line, settled_ms, rule, field, message
    FROM samples_1 WHERE {_LATEST} IS NOT NULL;
INSERT INTO receipts SELECT envelope_sha256, collector, received_at, jws, kept_ms FROM receipts_1 ORDER BY rowid;
DROP TABLE samples_1;
DROP TABLE envelopes_1;
DROP TABLE receipts_1;
DROP TABLE collectors_1;
DROP TABLE counter_1
"""
}
"""Version → what brings a file of that version to the next."""


class OutboxError(MailleError):
    """The outbox's file cannot be used."""


class OutboxFullError(OutboxError):
    """There is no room for more: nothing of what was given was kept, and nothing that was there before is lost."""


def now_ms() -> int:
    """Milliseconds since 1970, by the device's clock."""
    return time.time_ns() // 1_000_000


def execute_all(connection: sqlite3.Connection, statements: str) -> None:
    """Execute statements one by one, within the transaction that is open."""
    for statement in statements.split(";\n"):
        connection.execute(statement)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock taken at once.

    Raises:
        OutboxFullError: the disk is full.
        OutboxError: the file cannot be written.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk ends it by itself
                connection.execute("ROLLBACK")
            raise
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise file_trouble(error) from error


def primary_code(error: sqlite3.DatabaseError) -> int:
    """SQLite's primary result code, 0 where the error is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def file_trouble(error: sqlite3.DatabaseError) -> OutboxError:
    """What an error of the file means for the person."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return OutboxFullError(disk_full_text())
    if code == sqlite3.SQLITE_READONLY:
        return OutboxError(read_only_text())
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return OutboxError(
            tr(
                f"the outbox is in use by another program ({error}); try again",
                f"la file d’envoi est occupée par un autre programme ({error}) ; réessayez",
            )
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return OutboxError(
            tr(
                f"the outbox is damaged ({error}): stop every maille program, then run `maille status`, which reads "
                "back what it can",
                f"la file d’envoi est abîmée ({error}) : arrêtez tous les programmes maille, puis lancez `maille "
                "status`, qui récupère ce qui peut l’être",
            )
        )
    return OutboxError(tr(f"the outbox cannot be used ({error})", f"la file d’envoi est inutilisable ({error})"))


def disk_full_text() -> str:
    """What a full disk means."""
    return tr(
        "the disk is full: nothing more is recorded until there is room; what was recorded is safe",
        "le disque est plein : plus rien n’est enregistré tant qu’il n’y a pas de place ; ce qui l’était déjà est "
        "intact",
    )


def read_only_text() -> str:
    """What a file that cannot be written means."""
    return tr(
        "the outbox cannot be written: its file or folder is read-only; check its permissions, or the lock of the "
        "card it is on",
        "la file d’envoi n’est pas modifiable : son fichier ou son dossier est en lecture seule ; vérifiez ses "
        "droits, ou le verrou de la carte qui le porte",
    )

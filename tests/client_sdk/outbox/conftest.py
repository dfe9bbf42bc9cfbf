"""An outbox as the first version left it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import Envelope, seal
from client_sdk.signing.keys import SigningKey

FIRST_SCHEMA = """
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
    rule TEXT, field TEXT, message TEXT    -- why it was rejected
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
PRAGMA user_version = 1;
"""
DEVICE = SigningKey.from_seed(b"d" * 32)
OLDER, LATEST = (SigningKey.from_seed(seed * 32).public for seed in (b"o", b"l"))


def line(seq: int) -> bytes:
    return encode(
        Sample(id=f"01972b5c-ee02-7000-8000-{seq:012x}", seq=seq, kind="signal", measured_at="2026-11-23T16:34:00.123Z")
    )


@pytest.fixture
def first_version() -> Callable[..., Envelope]:
    """Write an outbox as the first version did; its envelope in flight."""
    return write_first_version


def write_first_version(path: Path, *, enrolled: bool = True) -> Envelope:
    """Samples 0 sent, its text forgotten, 1 sent, 2 rejected, 3 and 4 in flight, 5 pending."""
    envelope = seal([line(3), line(4)], DEVICE)
    file = sqlite3.connect(path)
    file.executescript(FIRST_SCHEMA)
    file.execute("INSERT INTO counter VALUES (6)")
    if enrolled:
        for url, key, pinned_ms in (("https://older.example", OLDER, 1), ("https://latest.example", LATEST, 2)):
            row = (key.thumbprint, url, json.dumps(key.jwk), "volunteer", "2026-11-23T16:00:00.000Z", pinned_ms)
            file.execute("INSERT INTO collectors VALUES (?, ?, ?, ?, ?, ?)", row)
        file.execute("INSERT INTO receipts VALUES ('00', ?, 'then', 'a receipt', 5)", (OLDER.thumbprint,))
    file.execute(
        "INSERT INTO envelopes VALUES (?, ?, ?, ?, 7)",
        (envelope.sha256, DEVICE.public.thumbprint, envelope.body, envelope.signature),
    )
    for seq, state in enumerate(["sent", "sent", "rejected", "pending", "pending", "pending"]):
        state = state if enrolled else "pending"
        in_flight = (envelope.sha256, seq - 2) if seq in (3, 4) else (None, None)
        sample_id = json.loads(line(seq))["id"]
        file.execute(
            "INSERT INTO samples (seq, id, line, state, envelope, envelope_line, rule) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, sample_id, line(seq) if seq else None, state, *in_flight, "sample-law" if seq == 2 else None),
        )
    file.commit()
    file.close()
    return envelope

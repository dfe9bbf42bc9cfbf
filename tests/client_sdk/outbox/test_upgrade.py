"""An outbox made by the first version is brought up to date in place."""

import json
import sqlite3
from pathlib import Path

import pytest

from client_sdk.outbox import backoff
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Counts, Outbox
from client_sdk.outbox.schema import VERSION, OutboxError
from client_sdk.outbox.surveys import Surveys
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


def first_version(path: Path, *, enrolled: bool = True) -> Envelope:
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


def test_everything_is_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    in_flight = first_version(path)
    with Outbox(path) as outbox:
        assert outbox.damage is None
        assert outbox.counts() == Counts(pending=3, in_flight=2, sent=2, rejected=1)
        # it sent to the collector enrolled at last, and goes on so
        (collector,) = outbox.collectors()
        assert (collector.url, collector.key.thumbprint) == ("https://latest.example", LATEST.thumbprint)
        assert outbox.known_thumbprint("https://older.example") == OLDER.thumbprint
        assert backoff.is_due(outbox, collector)
        assert [(one.seq, one.rule) for one in outbox.rejected()] == [(2, "sample-law")]
        assert outbox.receipts() == ("a receipt",)
        delivery = Delivery(outbox, collector)
        with Holder(tmp_path) as holder:
            assert delivery.lease(DEVICE, holder) == in_flight  # the very same bytes
            assert delivery.lease(DEVICE, holder) == seal([line(5)], DEVICE)
        survey = Surveys(outbox).begin({}, 0)
        outbox.add(
            [
                Sample(
                    id="01972b5c-ee02-7000-8000-00000000000a",
                    seq=0,
                    kind="signal",
                    measured_at="2026-11-23T16:34:00.123Z",
                )
            ],
            survey=survey,
        )
        assert [one.fields["seq"] for one in Surveys(outbox).samples(survey) if one.fields] == [6]
        assert outbox.connection.execute("PRAGMA user_version").fetchone()[0] == VERSION


def test_a_device_enrolled_nowhere_keeps_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first_version(path, enrolled=False)
    with Outbox(path) as outbox:
        assert outbox.counts() == Counts(pending=6, in_flight=0, sent=0, rejected=0)


def test_a_new_file_and_an_upgraded_one_are_built_alike(tmp_path: Path) -> None:
    first_version(tmp_path / "old.sqlite")
    built = []
    for name in ("old.sqlite", "new.sqlite"):
        with Outbox(tmp_path / name) as outbox:
            found = outbox.connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
            built.append(found.fetchall())
            assert outbox.connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert built[0] == built[1]


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="outbox of version 99, expected at most 2: update maille"):
        Outbox(path)

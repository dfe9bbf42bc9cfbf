import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import VERSION
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample, new_sample_id

FIRST_VERSION = """
CREATE TABLE counter (next_seq INTEGER NOT NULL);
CREATE TABLE collectors (thumbprint TEXT PRIMARY KEY, url TEXT NOT NULL, jwk TEXT NOT NULL, tier TEXT NOT NULL,
    enrolled_at TEXT NOT NULL, pinned_ms INTEGER NOT NULL);
CREATE TABLE envelopes (sha256 TEXT PRIMARY KEY, device TEXT NOT NULL, body BLOB NOT NULL, signature TEXT NOT NULL,
    sealed_ms INTEGER NOT NULL);
CREATE TABLE samples (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, line BLOB,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'rejected')),
    envelope TEXT REFERENCES envelopes (sha256), envelope_line INTEGER, settled_ms INTEGER,
    rule TEXT, field TEXT, message TEXT);
CREATE INDEX samples_pending ON samples (seq) WHERE state = 'pending';
CREATE INDEX samples_in_flight ON samples (envelope) WHERE envelope IS NOT NULL;
CREATE INDEX samples_by_state ON samples (state);
CREATE TABLE receipts (envelope_sha256 TEXT NOT NULL, collector TEXT NOT NULL REFERENCES collectors (thumbprint),
    received_at TEXT NOT NULL, jws TEXT NOT NULL, kept_ms INTEGER NOT NULL, PRIMARY KEY (envelope_sha256, collector));
INSERT INTO counter VALUES (1);
INSERT INTO samples (seq, id, line) VALUES (0, '0198c8a2-5d2b-7c3e-8f10-2a6b1c9d4e5f', '{}');
PRAGMA user_version = 1;
"""


@pytest.fixture
def surveys(outbox: Outbox) -> Surveys:
    return Surveys(outbox)


def sample(**fields: Any) -> Sample:
    return Sample(
        **{"id": new_sample_id(), "seq": 0, "kind": "signal", "measured_at": "2026-11-20T08:00:00.000Z"} | fields
    )


def test_a_survey_is_unfinished_until_it_ends(surveys: Surveys) -> None:
    assert surveys.unfinished() is None
    first = surveys.begin({"campaign": "été"}, 1_000)
    surveys.alive(first, 5_000)
    surveys.alive(first, 4_000)
    found = surveys.unfinished()
    assert found
    assert (found.id, found.options, found.started_ms, found.alive_ms) == (first, {"campaign": "été"}, 1_000, 5_000)
    surveys.end(first, 6_000)
    assert surveys.unfinished() is None
    second = surveys.begin({}, 7_000)
    assert [one.id for one in surveys.all()] == [first, second]
    assert [one.ended_ms for one in surveys.all()] == [6_000, None]


def test_events_are_told_in_their_order(surveys: Surveys) -> None:
    survey = surveys.begin({}, 0)
    surveys.note(survey, 30, "stopped")
    surveys.note(survey, 10, "started", "by hand")
    surveys.note(survey, 10, "warning")
    assert [(event.at_ms, event.kind, event.detail) for event in surveys.events(survey)] == [
        (10, "started", "by hand"),
        (10, "warning", ""),
        (30, "stopped", ""),
    ]


def test_a_sample_and_its_place_are_one(outbox: Outbox, surveys: Surveys) -> None:
    survey = surveys.begin({}, 0)
    kept = sample(rat="lte")
    assert outbox.add([kept], survey=survey, modem="orange").added == 1
    assert outbox.add([kept], survey=survey, modem="other").added == 0
    outbox.add([sample()])
    (found,) = surveys.samples(survey)
    assert (found.modem, found.state) == ("orange", "pending")
    assert found.fields
    assert (found.fields["id"], found.fields["rat"]) == (kept.id, "lte")


def test_samples_are_there_after_they_were_sent(outbox: Outbox, surveys: Surveys) -> None:
    survey = surveys.begin({}, 0)
    outbox.add([sample(), sample()], survey=survey)
    outbox.connection.execute("UPDATE samples SET state = 'sent' WHERE seq = 0")
    outbox.connection.execute("UPDATE samples SET state = 'sent', line = NULL WHERE seq = 1")
    assert [(one.state, one.fields is None) for one in surveys.samples(survey)] == [("sent", False), ("sent", True)]


def test_an_outbox_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with sqlite3.connect(path) as file:
        file.executescript(FIRST_VERSION)
    file.close()
    with Outbox(path) as outbox:
        assert outbox.counts().pending == 1
        surveys = Surveys(outbox)
        survey = surveys.begin({}, 0)
        outbox.add([sample()], survey=survey, modem="a")
        assert len(surveys.samples(survey)) == 1
        old = outbox.connection.execute("SELECT survey, line FROM samples WHERE seq = 0").fetchone()
        assert (old[0], json.loads(old[1])) == (None, {})
        assert outbox.connection.execute("PRAGMA user_version").fetchone()[0] == VERSION


def test_a_new_file_and_an_upgraded_one_have_the_same_tables(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as file:
        file.executescript(FIRST_VERSION)
    file.close()
    columns = []
    for name in ("old.sqlite", "new.sqlite"):
        with Outbox(tmp_path / name) as outbox:
            tables = outbox.connection.execute("SELECT name FROM sqlite_master WHERE type != 'view' ORDER BY name")
            names = [row[0] for row in tables]
            columns.append(
                {table: outbox.connection.execute(f"PRAGMA table_info({table})").fetchall() for table in names}
            )
    assert columns[0] == columns[1]

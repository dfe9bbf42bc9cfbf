"""An outbox made by the first version is brought up to date in place."""

from collections.abc import Callable
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

DEVICE = SigningKey.from_seed(b"d" * 32)
OLDER, LATEST = (SigningKey.from_seed(seed * 32).public for seed in (b"o", b"l"))

LINE_5 = encode(
    Sample(id="01972b5c-ee02-7000-8000-000000000005", seq=5, kind="signal", measured_at="2026-11-23T16:34:00.123Z")
)
FirstVersion = Callable[..., Envelope]


def test_everything_is_where_it_was(tmp_path: Path, first_version: FirstVersion) -> None:
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
            assert delivery.lease(DEVICE, holder) == seal([LINE_5], DEVICE)
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


def test_a_device_enrolled_nowhere_keeps_its_samples(tmp_path: Path, first_version: FirstVersion) -> None:
    path = tmp_path / "outbox.sqlite"
    first_version(path, enrolled=False)
    with Outbox(path) as outbox:
        assert outbox.counts() == Counts(pending=6, in_flight=0, sent=0, rejected=0)


def test_a_new_file_and_an_upgraded_one_are_built_alike(tmp_path: Path, first_version: FirstVersion) -> None:
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

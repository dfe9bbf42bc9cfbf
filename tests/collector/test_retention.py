"""Retention: what is old enough goes, with all that holds it, and does not come back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from taking_in import accept

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import Envelope, seal
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import Receipt, open_receipt
from collector.intake.privacy_notice import VERSION, notice_of
from collector.settings import Settings
from collector.storage.devices import enrol_device, find_device, revoke_device, rotate_device
from collector.storage.histories import read_stamp
from collector.storage.retention import Periods, Purged, purge
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes, month_revisions, samples
from collector.storage.witnessed import Witness, record_witness

COLLECTOR = SigningKey.from_seed(bytes(32))
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
PERIODS = Periods.ending(NOW, 100, 50, 200)
MakeSample = Callable[..., Sample]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


class Device:
    def __init__(self, store: Store, enrolled: datetime) -> None:
        self.store, self.key = store, SigningKey.generate()
        enrol_device(store, self.key.public, VERSION, None, enrolled)

    def seal(self, *measured: Sample) -> Envelope:
        return seal([encode(sample) for sample in measured], self.key)

    def send(self, envelope: Envelope, at: datetime, keep_samples_days: int = 0) -> Receipt:
        jws = accept(envelope.body, envelope.signature, self.store, COLLECTOR, at, keep_samples_days)
        return open_receipt(jws, COLLECTOR.public, envelope.sha256)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def measured(make_sample: MakeSample, days: float) -> Sample:
    return make_sample(measured_at=instant_text(ago(days)))


def rows(store: Store, table: Any) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_each_kind_goes_after_its_own_time(store: Store, make_sample: MakeSample) -> None:
    device = Device(store, ago(300))
    old, young = measured(make_sample, 101), measured(make_sample, 99)
    ahead = make_sample(measured_at="2099-01-01T00:00:00.000Z")
    together = device.seal(old, young)
    device.send(together, ago(40))
    device.send(device.seal(measured(make_sample, 60)), ago(51))
    device.send(device.seal(measured(make_sample, 1)), ago(1))
    device.send(device.seal(ahead), ago(101))
    for days in (201, 199):
        witness = Witness(
            device=device.key.public.thumbprint,
            test_id=f"{days}",
            direction="upload",
            started_at=ago(days),
            bytes=1,
            duration_ms=1,
        )
        record_witness(store, witness)
    expected = Purged(samples=2, envelopes=3, witnesses=1, devices=0, months=("2026-08", "2099-01"))
    assert purge(store, PERIODS, dry_run=True) == expected
    assert (rows(store, samples), rows(store, envelopes), rows(store, month_revisions)) == (5, 4, 0)
    assert purge(store, PERIODS) == expected
    assert (rows(store, samples), rows(store, envelopes)) == (3, 1)
    with store.reading() as connection:
        assert dict(connection.execute(select(month_revisions)).all()) == {"2026-08": 1, "2099-01": 1}
        assert connection.scalars(select(devices.c.unjudged)).all() == [True]
    assert purge(store, PERIODS) == Purged(samples=0, envelopes=0, witnesses=0, devices=0, months=())


def test_what_was_purged_does_not_come_back(store: Store, make_sample: MakeSample) -> None:
    device = Device(store, ago(300))
    old, young = measured(make_sample, 101), measured(make_sample, 99)
    envelope = device.seal(old, young)
    device.send(envelope, ago(98))
    purge(store, PERIODS)
    assert (rows(store, samples), rows(store, envelopes)) == (1, 0)
    first, second = device.send(envelope, NOW, 100).verdicts
    assert (first.verdict, first.rule, first.field, first.sample_id) == (
        "rejected",
        "sample-expired",
        "measured_at",
        old.id,
    )
    assert second.verdict == "duplicate"
    assert rows(store, samples) == 1
    # the envelope is known, so that it gets the same receipt again; its text would say what was purged
    assert device.send(envelope, NOW + timedelta(days=1), 100).verdicts == (first, second)
    with store.reading() as connection:
        assert connection.scalars(select(envelopes.c.body)).all() == [b""]
    # an envelope that went alone: its samples are known still
    device.send(device.seal(young), ago(60))
    purge(store, PERIODS)
    assert [one.verdict for one in device.send(device.seal(young), NOW, 100).verdicts] == ["duplicate"]


def test_a_purge_is_a_change_of_history_even_where_the_envelopes_went_before(
    store: Store, make_sample: MakeSample
) -> None:
    device = Device(store, ago(99))
    device.send(device.seal(measured(make_sample, 101)), ago(98))
    purge(store, Periods.ending(NOW, 0, 50, 0))
    with store.reading() as connection:
        before = read_stamp(connection, device.key.public.thumbprint)
    assert purge(store, PERIODS).samples == 1
    with store.reading() as connection:
        assert read_stamp(connection, device.key.public.thumbprint) != before


def test_for_ever_is_for_ever(store: Store, make_sample: MakeSample) -> None:
    device = Device(store, ago(3000))
    device.send(device.seal(measured(make_sample, 2900)), ago(2800))
    nothing = Purged(samples=0, envelopes=0, witnesses=0, devices=0, months=())
    assert purge(store, Periods.ending(NOW, 0, 0, 0)) == nothing
    # without a period of its own an envelope lasts as long as its samples
    assert purge(store, Periods.ending(NOW, 2950, 0, 0)) == nothing
    assert purge(store, Periods.ending(NOW, 2000, 0, 0)).envelopes == 1


def test_an_imported_log_is_kept_from_when_it_came(store: Store, make_sample: MakeSample) -> None:
    device = Device(store, ago(300))
    old = make_sample(measured_at=instant_text(ago(2000)), import_format="gnettrack")
    assert device.send(device.seal(old), ago(99), 100).verdicts[0].verdict == "stored"
    assert purge(store, PERIODS).samples == 0
    assert purge(store, Periods.ending(NOW + timedelta(days=2), 100, 50, 200)).samples == 1


def test_keys_without_anything_left_go_too(store: Store, make_sample: MakeSample) -> None:
    idle, busy, new, revoked, rotated = (Device(store, ago(days)) for days in (101, 101, 99, 101, 101))
    busy.send(busy.seal(measured(make_sample, 3)), ago(2))
    revoke_device(store, revoked.key.public.thumbprint, ago(90), ago(90))
    rotate_device(store, rotated.key.public.thumbprint, SigningKey.generate().public, ago(90))
    assert purge(store, PERIODS, dry_run=True).devices == 1
    assert purge(store, PERIODS).devices == 1
    assert find_device(store, idle.key.public.thumbprint) is None
    for device in (busy, new, revoked, rotated):
        assert find_device(store, device.key.public.thumbprint) is not None


def test_the_notice_says_what_the_settings_do() -> None:
    usual, other = notice_of(Settings()), notice_of(Settings(keep_samples_days=0, keep_envelopes_days=90))
    assert usual.version == VERSION
    assert len(other.version) <= 16
    assert other.version != VERSION
    assert "relevés, 730 jours après la mesure" in usual.text["fr"]
    assert "readings, 730 days after they were measured" in usual.text["en"]
    assert "signed envelopes, 395 days after they came" in usual.text["en"]
    assert "relevés, sans limite de durée" in other.text["fr"]
    assert "signed envelopes, 90 days" in other.text["en"]

"""Envelopes recorded as a group: one transaction, an outcome for each, nothing stored twice."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from client_sdk.sample import Sample, encode
from client_sdk.signing.keys import SigningKey
from collector.admission.admit import Admission
from collector.admission.limits import Limits
from collector.errors import BusyError, DeviceError
from collector.storage.devices import enrol_device, rotate_device
from collector.storage.recording import JudgedEnvelope, record_envelopes
from collector.storage.records import JudgedSample, ReceivedEnvelope, RecordedEnvelope
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes, samples

NOW = datetime(2026, 11, 21, 9, 0, 0, 987_000, tzinfo=UTC)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def enrolled(store: Store, number: int = 1) -> list[str]:
    thumbprints = []
    for _ in range(number):
        key = SigningKey.generate().public
        enrol_device(store, key, "1", None, NOW)
        thumbprints.append(key.thumbprint)
    return thumbprints


def judged(device: str, samples: Sequence[Sample]) -> JudgedEnvelope:
    lines = [encode(sample) for sample in samples]
    body = b"\n".join(lines)
    return JudgedEnvelope(
        ReceivedEnvelope(
            device=device, sha256=hashlib.sha256(body).hexdigest(), body=body, signature="a..b", received_at=NOW
        ),
        [
            JudgedSample(
                line=number,
                sample=sample,
                line_sha256=hashlib.sha256(line).hexdigest(),
                h3_cell=None,
                flags=(),
                excluded=False,
            )
            for number, (sample, line) in enumerate(zip(samples, lines, strict=True), start=1)
        ],
    )


def verdicts(outcome: Any) -> list[str]:
    assert isinstance(outcome, RecordedEnvelope), outcome
    return [verdict.verdict for verdict in outcome.verdicts]


def count(store: Store, table: Any) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def execute(store: Store, *statements: str) -> None:
    with store.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_group_is_one_transaction_with_an_outcome_for_each(store: Store, make_sample: Callable[..., Sample]) -> None:
    one, other, revoked = enrolled(store, 3)
    with store.writing() as connection:
        connection.execute(update(devices).where(devices.c.thumbprint == revoked).values(revoked_at=NOW))
    stranger = SigningKey.generate().public.thumbprint
    a, b, c = make_sample(), make_sample(), make_sample()
    reused = make_sample(id=a.id, seq=77)
    group = [
        judged(one, [a, b]),
        judged(revoked, [c]),
        judged(other, [a]),
        judged(one, [b, c, reused]),
        judged(stranger, [c]),
        judged(one, [a, b]),
    ]
    outcomes = record_envelopes(store, group)
    assert verdicts(outcomes[0]) == ["stored", "stored"]
    assert verdicts(outcomes[2]) == ["stored"]
    assert verdicts(outcomes[3]) == ["duplicate", "stored", "rejected"]
    assert outcomes[5] == outcomes[0]
    for outcome, rule in ((outcomes[1], "device-revoked"), (outcomes[4], "jws-unknown-key")):
        assert isinstance(outcome, DeviceError)
        assert outcome.rule == rule
    assert (count(store, samples), count(store, envelopes)) == (4, 3)
    assert record_envelopes(store, group[2:4]) == outcomes[2:4]
    assert (count(store, samples), count(store, envelopes)) == (4, 3)


def test_devices_with_new_samples_are_to_be_judged_again(store: Store, make_sample: Callable[..., Sample]) -> None:
    one, other = enrolled(store, 2)
    sample = make_sample()

    def unjudged() -> dict[str, bool]:
        with store.reading() as connection:
            return {row.thumbprint: row.unjudged for row in connection.execute(select(devices))}

    assert unjudged() == {one: False, other: False}
    record_envelopes(store, [judged(one, [sample])])
    assert unjudged() == {one: True, other: False}
    with store.writing() as connection:
        connection.execute(update(devices).values(unjudged=False))
    # the same sample in another envelope stores none
    record_envelopes(store, [judged(one, [sample, sample])])
    assert unjudged() == {one: False, other: False}


def test_a_new_key_is_no_new_allowance(store: Store, make_sample: Callable[..., Sample]) -> None:
    (old,), new = enrolled(store), SigningKey.generate().public
    meter = Admission(Limits(device_samples_per_day=2))
    (first,) = record_envelopes(store, [judged(old, [make_sample(), make_sample()])], meter)
    assert verdicts(first) == ["stored", "stored"]
    rotate_device(store, old, new, NOW)
    (refused,) = record_envelopes(store, [judged(new.thumbprint, [make_sample()])], meter)
    assert isinstance(refused, BusyError)
    assert refused.rule == "rate-device"


def test_what_the_database_refuses_fails_alone(store: Store, make_sample: Callable[..., Sample]) -> None:
    device, other = enrolled(store, 2)
    if store.engine.dialect.name == "postgresql":
        execute(store, "ALTER TABLE samples ADD CONSTRAINT no_13 CHECK (seq <> 13)")
    else:
        execute(
            store,
            "CREATE TRIGGER no_13 BEFORE INSERT ON samples WHEN NEW.seq = 13 BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
    group = [judged(device, [make_sample(seq=1)]), judged(device, [make_sample(seq=13)])]
    group.append(judged(other, [make_sample(seq=2)]))
    first, refused, last = record_envelopes(store, group)
    assert (verdicts(first), verdicts(last)) == (["stored"], ["stored"])
    assert isinstance(refused, Exception)
    assert not isinstance(refused, BusyError)
    assert (count(store, samples), count(store, envelopes)) == (2, 2)


@POSTGRESQL
def test_a_transaction_that_the_database_gave_up_is_tried_again(
    store: Store, make_sample: Callable[..., Sample]
) -> None:
    # a sequence is not rolled back: the first two tries fail, the third does not
    execute(
        store,
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= 2 THEN "
        "RAISE EXCEPTION 'given up' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER give_up BEFORE INSERT ON envelopes FOR EACH ROW EXECUTE FUNCTION give_up()",
    )
    (device,) = enrolled(store)
    assert verdicts(record_envelopes(store, [judged(device, [make_sample()])])[0]) == ["stored"]
    execute(store, "ALTER SEQUENCE tries RESTART")
    execute(store, "ALTER SEQUENCE tries INCREMENT BY -1 MINVALUE -100")
    (outcome,) = record_envelopes(store, [judged(device, [make_sample()])])
    assert isinstance(outcome, BusyError)
    assert count(store, samples) == 1


@POSTGRESQL
def test_two_collectors_never_lock_each_other_out(
    store: Store, database_url: str, make_sample: Callable[..., Sample]
) -> None:
    thumbprints = enrolled(store, 6)
    other = Store(database_url)
    with ThreadPoolExecutor(2) as threads:
        for _ in range(10):
            group = [judged(device, [make_sample(), make_sample()]) for device in thumbprints]
            there, back = (
                threads.submit(record_envelopes, store, group),
                threads.submit(record_envelopes, other, group[::-1]),
            )
            assert there.result() == back.result()[::-1]
    other.close()
    assert count(store, samples) == 120
    with store.reading() as connection:
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert connection.exec_driver_sql(deadlocks).scalar() == 0

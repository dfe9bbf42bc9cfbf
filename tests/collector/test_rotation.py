"""A device changes keys and stays one device; a revoked one is refused, and the refusal can be undone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey
from collector.intake.devices import invite
from collector.plausibility.grounds import Grounds
from collector.plausibility.judging import judge_history
from collector.storage.devices import KEY_GRACE, find_keys, locked_keys, reinstate_device, revoke_device
from collector.storage.tables import devices
from collector.storage.witnessed import Witness, find_witnesses, record_witness

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def at(running_collector: Any, clock: list[datetime]) -> Any:
    return running_collector(clock=lambda: clock[0], echo_port="off")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["rule"]


def verdicts(phone: Any, envelope: Any) -> list[str]:
    return [verdict.verdict for verdict in phone.receipt(envelope).verdicts]


def test_a_new_key_takes_the_old_ones_place(
    at: Any, clock: list[datetime], phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    code, _ = invite(at.store, "team", 1, timedelta(days=1), NOW)
    phone = phone_of(at, enrolled=False)
    phone.enrol(invitation=code)
    old, new = phone.key, SigningKey.generate()
    carried, waiting = [make_sample(), make_sample()], [make_sample()]
    stick = phone.seal(carried)
    in_flight = phone.seal(waiting)

    clock[0] = NOW + timedelta(hours=1)
    first = phone.rotate(new)
    clock[0] = NOW + timedelta(hours=2)
    again = phone.rotate(new)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json() == {
        "device": new.public.thumbprint,
        "tier": "field_team",
        "enrolled_at": instant_text(NOW + timedelta(hours=1)),
        "collector_key": at.key.public.jwk,
    }
    # the old key is good for what it sealed, and for nothing else
    assert refusal(phone.enrol()) == (401, "device-replaced")
    assert refusal(phone.rotate(SigningKey.generate())) == (401, "device-replaced")
    assert verdicts(phone, in_flight) == ["stored"]
    phone.key = new
    assert phone.session(now=clock[0])["token"]
    # whatever key a sample is sealed with, the device sent it once
    assert verdicts(phone, phone.seal([*waiting, *carried])) == ["duplicate", "stored", "stored"]
    assert verdicts(phone, stick) == ["duplicate", "duplicate"]
    assert at.store.count_samples() == 3
    before, after = find_keys(at.store, old.public.thumbprint)
    assert (before.origin, after.origin) == (old.public.thumbprint, old.public.thumbprint)
    assert (before.revoked_from, after.revoked_at) == (NOW + timedelta(hours=1), None)
    # a rotated device counts once for its invitation
    assert phone.enrol(invitation=code).json()["tier"] == "field_team"
    # and is found again by its first key's transfers
    witness = Witness(
        device=old.public.thumbprint, test_id="t", direction="upload", started_at=NOW, bytes=9, duration_ms=1
    )
    record_witness(at.store, witness)
    assert find_witnesses(at.store, new.public.thumbprint, ["t"]) == {("t", "upload"): witness}
    clock[0] = NOW + timedelta(hours=1) + KEY_GRACE
    phone.key = old
    assert refusal(phone.post(stick)) == (401, "device-revoked")


def test_what_the_old_key_dated_after_its_end_is_judged_again(
    at: Any, clock: list[datetime], phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone = phone_of(at)
    phone.send([make_sample(measured_at=instant_text(NOW + timedelta(minutes=5)))])  # its clock is ahead
    judge_history(at.store, Grounds())
    clock[0] = NOW + timedelta(minutes=1)
    assert phone.rotate(SigningKey.generate()).status_code == 201
    assert judge_history(at.store, Grounds()).gained == {"key-revoked": 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_revocation_that_waits_for_a_new_key_takes_it_too(at: Any, phone_of: Any) -> None:
    old, new, store = phone_of(at).key.public.thumbprint, SigningKey.generate().public, at.store

    def waits() -> bool:
        with store.reading() as connection:
            return bool(connection.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").all())

    with ThreadPoolExecutor(1) as elsewhere:
        with store.writing() as connection:
            locked_keys(connection, old)
            row = connection.execute(select(devices).where(devices.c.thumbprint == old)).mappings().one()
            changed = {"thumbprint": new.thumbprint, "enrolled_at": NOW + timedelta(seconds=1)}
            connection.execute(devices.insert().values(dict(row) | changed))
            revoking = elsewhere.submit(revoke_device, store, old, NOW, NOW)
            while not waits():
                assert not revoking.done()
        assert [key.revoked_at for key in revoking.result()] == [NOW, NOW]


def test_a_session_is_for_the_present_key(at: Any, phone_of: Any) -> None:
    phone = phone_of(at)
    assert phone.rotate(SigningKey.generate()).status_code == 201
    with pytest.raises(AssertionError, match="device-replaced"):
        phone.session(now=NOW)


def test_a_key_can_be_changed_more_than_once(at: Any, clock: list[datetime], phone_of: Any) -> None:
    phone = phone_of(at)
    keys = [phone.key]
    for hours in (1, 2, 3):
        clock[0] = NOW + timedelta(hours=hours)
        keys.append(SigningKey.generate())
        assert phone.rotate(keys[-1]).status_code == 201
        phone.key = keys[-1]
    assert [key.thumbprint for key in find_keys(at.store, keys[1].public.thumbprint)] == [
        key.public.thumbprint for key in keys
    ]
    assert refusal(phone.rotate(keys[0])) == (401, "device-replaced")


def test_what_is_no_rotation_changes_nothing(at: Any, phone_of: Any) -> None:
    phone, other, new = phone_of(at), phone_of(at), SigningKey.generate()
    cases = [
        (phone.rotate(new, proof_by=other.key), (400, "rotation-key")),
        (phone.rotate(new, proof="x"), (400, "rotation-key")),
        (phone.rotate(new, proof=None), (400, "rotation-key")),
        (phone.rotate(new, jwk=None), (400, "rotation-key")),
        (phone.rotate(new, jwk=new.public.jwk | {"d": "AAAA"}), (400, "rotation-key")),
        (phone.rotate(other.key), (400, "rotation-key")),
        (phone.rotate(phone.key), (400, "rotation-key")),
        (phone.rotate(new, collector=new.public.thumbprint), (400, "device-request")),
        (phone.rotate(new, requested_at=instant_text(NOW - timedelta(hours=1))), (400, "device-request")),
        (phone_of(at, enrolled=False).rotate(new), (401, "jws-unknown-key")),
        (phone.ask("rotations", "maille-access"), (400, "jws-type")),
        (phone.ask("rotations", "maille-rotation", jwk=new.public.jwk), (400, "rotation-key")),
    ]
    for answer, expected in cases:
        assert refusal(answer) == expected
    other_proof = phone_of(at)
    thief = other_proof.rotate(new)
    assert thief.status_code == 201
    assert refusal(phone.rotate(new)) == (400, "rotation-key")
    assert len(find_keys(at.store, phone.key.public.thumbprint)) == 1


def test_a_revoked_device_is_refused_under_every_key_until_that_is_undone(
    at: Any, clock: list[datetime], phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone, other = phone_of(at), phone_of(at)
    old, new = phone.key, SigningKey.generate()
    stick = phone.seal([make_sample()])
    clock[0] = NOW + timedelta(days=1)
    phone.rotate(new)
    before = find_keys(at.store, old.public.thumbprint)
    clock[0] = NOW + timedelta(days=2)
    since = NOW - timedelta(days=3)
    keys = revoke_device(at.store, old.public.thumbprint, since, clock[0])
    assert {(key.revoked_at, key.revoked_from) for key in keys} == {(clock[0], since)}
    assert refusal(phone.post(stick)) == (401, "device-revoked")
    phone.key = new
    assert refusal(phone.post(phone.seal([make_sample()]))) == (401, "device-revoked")
    assert refusal(phone.enrol()) == (401, "device-revoked")
    assert refusal(phone.rotate(SigningKey.generate())) == (401, "device-revoked")
    other.send([make_sample()])
    with at.store.reading() as connection:
        unjudged = dict(connection.execute(select(devices.c.thumbprint, devices.c.unjudged)).all())
    assert unjudged == {
        old.public.thumbprint: True,
        new.public.thumbprint: True,
        other.key.public.thumbprint: unjudged[other.key.public.thumbprint],
    }
    assert reinstate_device(at.store, new.public.thumbprint) == before
    assert verdicts(phone, stick) == ["stored"]
    assert verdicts(phone, phone.seal([make_sample()])) == ["stored"]
    assert revoke_device(at.store, "A" * 43, since, clock[0]) == ()


def test_the_device_says_when_its_key_was_made(at: Any, phone_of: Any) -> None:
    phone = phone_of(at, enrolled=False)
    assert refusal(phone.enrol(key_created_at="2026-11-01")) == (400, "enrolment-payload")
    assert refusal(phone.enrol(key_created_at=3)) == (400, "enrolment-payload")
    assert phone.enrol(key_created_at="2026-11-01T02:03:04.567Z").status_code == 201
    (key,) = find_keys(at.store, phone.key.public.thumbprint)
    assert key.key_created_at == datetime(2026, 11, 1, 2, 3, 4, 567_000, tzinfo=UTC)

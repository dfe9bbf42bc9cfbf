"""Recording envelopes: all that wait in one transaction, each with its own outcome.

Writers of one device wait for each other (a row lock on PostgreSQL, the one write lock of SQLite), so the same envelope
sent twice at once is stored once and both get the same verdicts. Devices are locked in the order of their thumbprints,
so two collectors on one database cannot lock each other out.
"""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from client_sdk.signing.receipt import LineVerdict
from collector.errors import BusyError, DeviceError
from collector.storage.bulk import NewSample, insert_samples, known_lines, select_pairs
from collector.storage.records import JudgedSample, ReceivedEnvelope, RecordedEnvelope, Tier
from collector.storage.settlement import settle
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes

_TRIES = 3
"""Ours: of a transaction that the database gave up for another's sake; the other has ended by then."""

_GIVEN_UP = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected: PostgreSQL's appendix A


@dataclass(frozen=True, slots=True)
class JudgedEnvelope:
    """An envelope, and for each of its lines in order the sample to store or the verdict that rejected it."""

    envelope: ReceivedEnvelope
    lines: Sequence[JudgedSample | LineVerdict]


Outcome = RecordedEnvelope | Exception
"""What is committed, or why nothing of the envelope is."""


def record_envelopes(store: Store, group: Sequence[JudgedEnvelope]) -> list[Outcome]:
    """Store envelopes and their new samples in one transaction; an envelope seen before changes nothing.

    What concerns one envelope alone is its own outcome: where the database refuses a row, the others are recorded one
    by one.

    Args:
        store: where they are kept.
        group: envelopes of any devices; the same one may be there twice.

    Returns:
        For each envelope what is now committed (for one seen before, what was committed then), or an error:
        :class:`~collector.errors.DeviceError`: the device is unknown or revoked at the time of writing;
        :class:`~collector.errors.BusyError`: the database cannot be reached; any other: the database refused it.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with store.writing() as connection:
                return _record(connection, group)
        except BusyError as error:
            if not (tries_left and _was_given_up(error)):
                return [error] * len(group)
        except Exception as error:
            if len(group) == 1:
                return [error]
            return [record_envelopes(store, [envelope])[0] for envelope in group]
    raise AssertionError("the last try returns")


def _was_given_up(error: BusyError) -> bool:
    cause = error.__cause__
    return getattr(getattr(cause, "orig", cause), "sqlstate", None) in _GIVEN_UP


def _record(connection: Connection, group: Sequence[JudgedEnvelope]) -> list[Outcome]:
    tiers = _locked_tiers(connection, group)
    recorded = _recorded_before(connection, group)
    known = known_lines(connection, _sample_pairs(group, recorded))
    outcomes: list[Outcome] = []
    rows: list[dict[str, object]] = []
    new: list[NewSample] = []
    for judged in group:
        envelope = judged.envelope
        tier = tiers[envelope.device]
        if isinstance(tier, DeviceError):
            outcomes.append(tier)
            continue
        identity = (envelope.device, envelope.sha256)
        if identity not in recorded:
            digests = known.setdefault(envelope.device, {})
            settled = settle(judged.lines, digests)
            digests.update({sample.sample.id: sample.line_sha256 for sample in settled.new})
            recorded[identity] = RecordedEnvelope(envelope.received_at, settled.verdicts)
            rows.append(_row(envelope, settled.verdicts))
            new += [(sample, envelope, tier) for sample in settled.new]
        outcomes.append(recorded[identity])
    if rows:
        connection.execute(envelopes.insert(), rows)
    if new:
        insert_samples(connection, new)
        senders = {envelope.device for _, envelope, _ in new}
        connection.execute(
            update(devices).where(devices.c.thumbprint.in_(sorted(senders)), ~devices.c.unjudged).values(unjudged=True)
        )
    return outcomes


def _locked_tiers(connection: Connection, group: Sequence[JudgedEnvelope]) -> dict[str, Tier | DeviceError]:
    """Each device's tier, or why it may not send; no other transaction changes one of them until this one ends."""
    senders = {judged.envelope.device for judged in group}
    tiers: dict[str, Tier | DeviceError] = {
        sender: DeviceError("jws-unknown-key", f"kid: {sender!r} is not an enrolled device") for sender in senders
    }
    # key_share: what only refers to a device, as a witnessed transfer does, need not wait
    statement = (
        select(devices.c.thumbprint, devices.c.tier, devices.c.revoked_at)
        .where(devices.c.thumbprint.in_(sorted(senders)))
        .order_by(devices.c.thumbprint)
        .with_for_update(key_share=True)
    )
    for thumbprint, tier, revoked_at in connection.execute(statement):
        revoked = DeviceError("device-revoked", "kid: the device is no longer enrolled here")
        tiers[thumbprint] = tier if revoked_at is None else revoked
    return tiers


def _recorded_before(
    connection: Connection, group: Sequence[JudgedEnvelope]
) -> dict[tuple[str, str], RecordedEnvelope]:
    columns = (envelopes.c.device, envelopes.c.sha256, envelopes.c.received_at, envelopes.c.receipt)
    asked = [(judged.envelope.device, judged.envelope.sha256) for judged in group]
    return {
        (device, sha256): RecordedEnvelope(
            received_at, tuple(LineVerdict(**verdict) for verdict in json.loads(verdicts))
        )
        for device, sha256, received_at, verdicts in connection.execute(select_pairs(connection, columns, asked))
    }


def _sample_pairs(group: Sequence[JudgedEnvelope], recorded: Container[tuple[str, str]]) -> list[tuple[str, str]]:
    """Device and id of every sample that is not in an envelope recorded before."""
    return [
        (judged.envelope.device, line.sample.id)
        for judged in group
        if (judged.envelope.device, judged.envelope.sha256) not in recorded
        for line in judged.lines
        if isinstance(line, JudgedSample)
    ]


def _row(envelope: ReceivedEnvelope, verdicts: Sequence[LineVerdict]) -> dict[str, object]:
    return {
        "device": envelope.device,
        "sha256": envelope.sha256,
        "received_at": envelope.received_at,
        "body": envelope.body,
        "signature": envelope.signature,
        "receipt": json.dumps([verdict.members() for verdict in verdicts]),
    }

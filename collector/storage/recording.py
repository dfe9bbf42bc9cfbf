"""Recording envelopes: all that wait in one transaction, each with its own outcome.

Writers of one device wait for each other (a row lock on PostgreSQL, the one write lock of SQLite), so the same envelope
sent twice at once is stored once and both get the same verdicts. Devices are locked in the order of their thumbprints,
so two collectors on one database cannot lock each other out.
"""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, update

from client_sdk.signing.receipt import LineVerdict
from collector.errors import BusyError, DeviceError
from collector.storage.bulk import NewSample, insert_samples, known_lines, select_pairs
from collector.storage.devices import check_welcome, locked_senders, unknown_device
from collector.storage.records import Device, JudgedSample, ReceivedEnvelope, RecordedEnvelope, Tier
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


class Meter(Protocol):
    """What a device may still send: :class:`collector.admission.admit.Admission`."""

    def charge(self, origin: str, tier: Tier, samples: int) -> None:
        """Count an envelope of the device with this first key, or raise :class:`~collector.errors.BusyError`."""
        ...

    def give_back(self, origin: str, tier: Tier, samples: int) -> None:
        """Take back what was counted of an envelope that could not be stored."""
        ...


def record_envelopes(store: Store, group: Sequence[JudgedEnvelope], meter: Meter | None = None) -> list[Outcome]:
    """Store envelopes and their new samples in one transaction; an envelope seen before changes nothing.

    What concerns one envelope alone is its own outcome: where the database refuses a row, the others are recorded one
    by one.

    Args:
        store: where they are kept.
        group: envelopes of any devices; the same one may be there twice.
        meter: counts what is new; what was recorded before costs nothing.

    Returns:
        For each envelope what is now committed (for one seen before, what was committed then), or an error:
        :class:`~collector.errors.DeviceError`: the device is unknown or revoked at the time of writing;
        :class:`~collector.errors.BusyError`: too much of this device, no room, or the
        database cannot be reached; any other: the database refused it.
    """
    for tries_left in reversed(range(_TRIES)):
        charged: list[Charge] = []
        try:
            with store.writing() as connection:
                return _record(store, connection, group, meter, charged)
        except BusyError as error:
            _give_back(meter, charged)
            if not (tries_left and _was_given_up(error)):
                return [error] * len(group)
        except Exception as error:
            _give_back(meter, charged)
            if len(group) == 1:
                return [error]
            return [record_envelopes(store, [envelope], meter)[0] for envelope in group]
    raise AssertionError("the last try returns")


Charge = tuple[str, Tier, int]


def _give_back(meter: Meter | None, charged: Sequence[Charge]) -> None:
    if meter:
        for charge in charged:
            meter.give_back(*charge)


def _was_given_up(error: BusyError) -> bool:
    cause = error.__cause__
    return getattr(getattr(cause, "orig", cause), "sqlstate", None) in _GIVEN_UP


def _record(
    store: Store,
    connection: Connection,
    group: Sequence[JudgedEnvelope],
    meter: Meter | None,
    charged: list[Charge],
) -> list[Outcome]:
    keys = locked_senders(connection, {judged.envelope.device for judged in group})
    recorded = _recorded_before(connection, group)
    known = _known_lines(connection, group, recorded, keys)
    outcomes: list[Outcome] = []
    rows: list[dict[str, object]] = []
    new: list[NewSample] = []
    for judged in group:
        envelope = judged.envelope
        identity = (envelope.device, envelope.sha256)
        try:
            device = _welcome(keys, envelope)
            if identity not in recorded:
                store.room.check()
                if meter:
                    charge = (device.origin, device.tier, len(judged.lines))
                    meter.charge(*charge)
                    charged.append(charge)
        except (DeviceError, BusyError) as error:
            outcomes.append(error)
            continue
        if identity not in recorded:
            digests = known.setdefault(device.origin, {})
            settled = settle(judged.lines, digests)
            digests.update({sample.sample.id: sample.line_sha256 for sample in settled.new})
            recorded[identity] = RecordedEnvelope(envelope.received_at, settled.verdicts)
            rows.append(_row(envelope, settled.verdicts))
            new += [(sample, envelope, device.tier) for sample in settled.new]
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


def _welcome(keys: Mapping[str, Device], envelope: ReceivedEnvelope) -> Device:
    device = keys.get(envelope.device)
    if device is None:
        raise unknown_device(envelope.device)
    check_welcome(device, envelope.received_at, sealed_before=True)
    return device


def _known_lines(
    connection: Connection,
    group: Sequence[JudgedEnvelope],
    recorded: Container[tuple[str, str]],
    keys: Mapping[str, Device],
) -> dict[str, dict[str, str]]:
    """By a device's origin, id → digest of the line, for samples that the device sent before, under whatever key."""
    of_origin: dict[str, list[str]] = {}
    for thumbprint, device in keys.items():
        of_origin.setdefault(device.origin, []).append(thumbprint)
    asked = [
        (thumbprint, sample_id)
        for sender, sample_id in _sample_pairs(group, recorded)
        if sender in keys
        for thumbprint in of_origin[keys[sender].origin]
    ]
    known: dict[str, dict[str, str]] = {}
    for thumbprint, digests in known_lines(connection, asked).items():
        known.setdefault(keys[thumbprint].origin, {}).update(digests)
    return known


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

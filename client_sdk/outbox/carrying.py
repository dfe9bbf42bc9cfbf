"""Samples that travel by hand: out of an outbox into a folder, from a folder to a collector, and the receipts back."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import httpx

from client_sdk.enrolment import read_status
from client_sdk.errors import CollectorError, EnvelopeError, ReceiptError
from client_sdk.outbox.backoff import is_transport_trouble
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.exchange import send_envelope
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.quiet import sending
from client_sdk.outbox.sealed_files import Addressee, SealedFile, read_sealed, write_sealed, write_whole
from client_sdk.outbox.sealing import seal_first
from client_sdk.signing.envelope import MAX_BODY_BYTES, MAX_LINES, Envelope, open_envelope
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import open_receipt

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What went into a folder.

    Attributes:
        envelopes: written now.
        samples: in them.
        already: samples that wait in envelopes that were there before.
    """

    envelopes: int
    samples: int
    already: int


@dataclass(frozen=True, slots=True)
class CarryTrouble:
    """An envelope that did not arrive at a collector, and why."""

    path: Path
    url: str
    error: CollectorError | ReceiptError


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of the envelopes of a folder.

    Attributes:
        envelopes: that arrived now.
        stored: samples newly stored.
        duplicates: samples that the collector had already.
        rejected: samples that it refused for good.
        arrived_before: envelopes whose receipt was there.
        unknown: addresses of collectors whose key this machine does not know.
        troubles: what did not arrive.
        unusable: files that are no whole envelope.
    """

    envelopes: int
    stored: int
    duplicates: int
    rejected: int
    arrived_before: int
    unknown: tuple[str, ...]
    troubles: tuple[CarryTrouble, ...]
    unusable: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class CarriedHome:
    """What the receipts of a folder told the outbox.

    Attributes:
        sent: samples that a collector stored.
        duplicates: samples that it had already.
        rejected: samples that it refused for good.
        disbelieved: receipts that are not what they should be.
    """

    sent: int
    duplicates: int
    rejected: int
    disbelieved: tuple[Path, ...]


def export(outbox: Outbox, key: SigningKey, folder: Path, progress: Progress | None = None) -> Exported:
    """Seal what is pending into a folder; it stays pending until a receipt comes back, by whatever way.

    Samples that wait in the folder already are not written again. Those that several collectors wait for travel in
    one envelope that names them all.

    Raises:
        OSError: the folder cannot be written; the envelopes that are there are whole.
    """
    there = _lines_there(folder, key.public)
    waiting: dict[str, bytes] = {}
    wanted: dict[str, list[PinnedCollector]] = {}
    already: set[str] = set()
    for collector in outbox.collectors():
        for sample_id, line in Delivery(outbox, collector).pending_lines():
            if (collector.key.thumbprint, sample_id) in there:
                already.add(sample_id)
                continue
            waiting[sample_id] = line
            wanted.setdefault(sample_id, []).append(collector)
    groups: dict[tuple[str, ...], list[str]] = {}
    for sample_id, collectors in wanted.items():
        groups.setdefault(tuple(one.key.thumbprint for one in collectors), []).append(sample_id)
    envelopes = samples = 0
    for ids in groups.values():
        collectors = wanted[ids[0]]
        for envelope, count in _sealed([waiting[sample_id] for sample_id in ids], key, collectors):
            write_sealed(folder, envelope, key.public.thumbprint, collectors, count)
            envelopes += 1
            samples += count
            if progress:
                progress(folder.name, samples / len(waiting))
    return Exported(envelopes=envelopes, samples=samples, already=len(already - waiting.keys()))


def carry(
    folder: Path,
    collectors: Sequence[PinnedCollector],
    client: httpx.Client,
    *,
    quiet_folder: Path,
    progress: Progress | None = None,
) -> Carried:
    """Send the envelopes of a folder, of whatever device, to the collectors they are for; receipts stay beside them.

    Args:
        folder: with the envelopes.
        collectors: whose address and key this machine knows.
        client: makes the requests.
        quiet_folder: where this machine's measurements say that nothing may be sent meanwhile.
        progress: called after each envelope.

    Raises:
        OSError: the folder cannot be read, or a receipt not written there.
    """
    files, unusable = read_sealed(folder)
    known: dict[str, PinnedCollector | None] = {one.key.thumbprint: one for one in collectors}
    unreachable: set[str] = set()
    unknown: dict[str, None] = {}
    troubles: list[CarryTrouble] = []
    verdicts: list[str] = []
    arrived = arrived_before = 0
    for number, file in enumerate(files, start=1):
        for addressee in file.addressees:
            if addressee.thumbprint not in known:
                known[addressee.thumbprint] = _successor(addressee, collectors, client)
            collector = known[addressee.thumbprint]
            if file.receipt_path(addressee).exists():
                arrived_before += 1
            elif collector is None:
                unknown[addressee.url] = None
            elif collector.url not in unreachable:
                try:
                    with sending(quiet_folder, wait=True):
                        jws = send_envelope(file.envelope, collector.url, client)
                    receipt = open_receipt(jws, collector.key, file.envelope.sha256)
                except (CollectorError, ReceiptError) as error:
                    troubles.append(CarryTrouble(file.path, collector.url, error))
                    if is_transport_trouble(error):
                        unreachable.add(collector.url)
                    continue
                write_whole(file.receipt_path(addressee), jws.encode())
                verdicts += [verdict.verdict for verdict in receipt.verdicts]
                arrived += 1
        if progress:
            progress(file.path.name, number / len(files))
    return Carried(
        envelopes=arrived,
        stored=verdicts.count("stored"),
        duplicates=verdicts.count("duplicate"),
        rejected=verdicts.count("rejected"),
        arrived_before=arrived_before,
        unknown=tuple(unknown),
        troubles=tuple(troubles),
        unusable=tuple(unusable),
    )


def settle_from(outbox: Outbox, device: VerifyingKey, folder: Path) -> CarriedHome:
    """Apply the receipts of a folder to this device's own outbox; a second time changes nothing.

    Raises:
        OSError: the folder cannot be read.
    """
    sent = duplicates = rejected = 0
    disbelieved: list[Path] = []
    for file, _ in _own_files(folder, device):
        for addressee in file.addressees:
            path = file.receipt_path(addressee)
            # a receipt counts by its signature: by the key of that name, or by the one that is pinned in its place
            named = (one for one in outbox.collectors() if one.key.thumbprint == addressee.thumbprint)
            there = (one for one in outbox.collectors() if one.url == addressee.url)
            collector = next(chain(named, there), None)
            if collector is None or not path.exists():
                continue
            try:
                jws = path.read_text("ascii")
                receipt = open_receipt(jws, collector.key, file.envelope.sha256)
                settled = Delivery(outbox, collector).settle(file.envelope, receipt, jws)
            except (ReceiptError, UnicodeDecodeError):
                disbelieved.append(path)
                continue
            sent += settled.sent
            duplicates += settled.duplicates
            rejected += len(settled.rejected)
    return CarriedHome(sent, duplicates, rejected, tuple(disbelieved))


def _successor(
    addressee: Addressee, collectors: Sequence[PinnedCollector], client: httpx.Client
) -> PinnedCollector | None:
    """The collector at the same address, where the key that an envelope names signed for the one that is pinned."""
    for collector in (one for one in collectors if one.url == addressee.url):
        with suppress(CollectorError):
            status = read_status(collector.url, client)
            if status.key.thumbprint == collector.key.thumbprint and status.follows(addressee.thumbprint):
                return collector
    return None


def _lines_there(folder: Path, device: VerifyingKey) -> set[tuple[str, str]]:
    """Collector and sample of what waits in a folder, without the envelopes that have their receipt."""
    if not folder.exists():
        return set()
    return {
        (addressee.thumbprint, sample_id)
        for file, sample_ids in _own_files(folder, device)
        for addressee in file.addressees
        if not file.receipt_path(addressee).exists()
        for sample_id in sample_ids
    }


def _own_files(folder: Path, device: VerifyingKey) -> Iterator[tuple[SealedFile, list[str]]]:
    """This device's envelopes in a folder, and the ids of their lines."""
    for file in read_sealed(folder)[0]:
        if file.device != device.thumbprint:
            continue
        try:
            opened = open_envelope(file.envelope.body, file.envelope.signature, lambda _: device)
        except EnvelopeError:
            continue
        yield file, [str(json.loads(line)["id"]) for line in opened.lines]


def _sealed(
    lines: Sequence[bytes], key: SigningKey, collectors: Sequence[PinnedCollector]
) -> Iterator[tuple[Envelope, int]]:
    """Envelopes within the limits of all these collectors."""
    most = min(one.max_samples or MAX_LINES for one in collectors)
    max_body_bytes = min(one.max_body_bytes or MAX_BODY_BYTES for one in collectors)
    start = 0
    while start < len(lines):
        envelope, count = seal_first(lines[start : start + most], key, max_body_bytes)
        yield envelope, count
        start += count

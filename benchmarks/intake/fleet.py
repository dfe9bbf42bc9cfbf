"""A fleet of devices and the envelopes that they send: sealed and signed as the field client does."""

import gzip
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice

from benchmarks.intake.readings import drive
from client_sdk.sample import encode
from client_sdk.signing.envelope import Envelope, seal
from client_sdk.signing.keys import SigningKey
from collector.storage.store import Store
from collector.storage.tables import devices

SAMPLES = 100
"""In an envelope, as the targets ask."""

DRIVE_ENVELOPES = 10
"""Ours: a device's drive of 1,000 readings; then it drives the same way again an hour later, with new ids, since
making readings takes ten times as long as taking them in."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """Seeded devices: the same number of them has the same keys and sends the same envelopes."""

    devices: int

    @property
    def keys(self) -> list[SigningKey]:
        """Each device's key."""
        return [key_of(device) for device in range(self.devices)]

    def envelopes(self, count: int) -> list[Envelope]:
        """That many envelopes, a device's own in their order, all devices in turn."""
        each = -(-count // self.devices)
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            by_device = processes.map(envelopes_of, range(self.devices), [each] * self.devices, chunksize=4)
            return list(chain.from_iterable(zip(*by_device, strict=True)))[:count]

    def enrol(self, store: Store) -> None:
        """Put the devices where enrolment would; its speed is not the question here."""
        now = datetime.now(UTC)
        rows = [
            {
                "thumbprint": key.public.thumbprint,
                "public_key": key.public.jwk["x"],
                "tier": "volunteer",
                "privacy_notice_version": "benchmark",
                "enrolled_at": now,
                "origin": key.public.thumbprint,
                "unjudged": False,
            }
            for key in self.keys
        ]
        with store.writing() as connection:
            connection.execute(devices.insert(), rows)


def key_of(device: int) -> SigningKey:
    """The key of a device by its number."""
    return SigningKey.from_seed(hashlib.sha256(b"benchmark %d" % device).digest())


def envelopes_of(device: int, count: int) -> list[Envelope]:
    """The first envelopes of one device."""
    key = key_of(device)
    driven = list(islice(drive(device), SAMPLES * min(count, DRIVE_ENVELOPES)))
    lines = [encode(sample) for sample in driven]
    sealed: list[Envelope] = []
    for number in range(count):
        again, first = divmod(number, DRIVE_ENVELOPES)
        chosen = slice(first * SAMPLES, (first + 1) * SAMPLES)
        sealed.append(seal([_later(line, again) for line in lines[chosen]], key))
    return sealed


def _later(line: bytes, hours: int) -> bytes:
    """The same reading with the id that it would have some hours later; the id is the first member of a line."""
    if hours == 0:
        return line
    start = len(b'{"id":"')
    moment = int(line[start : start + 8] + line[start + 9 : start + 13], 16) + hours * _HOUR_MS
    digits = b"%012x" % moment
    return line[:start] + digits[:8] + b"-" + digits[8:] + line[start + 13 :]


def lines_of(envelopes: Sequence[Envelope]) -> list[list[bytes]]:
    """The lines of each envelope, for services that know none."""
    return [gzip.decompress(envelope.body).splitlines() for envelope in envelopes]

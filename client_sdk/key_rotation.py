"""A device changes its key at every collector, and can be cut short anywhere without being locked out.

The new key waits beside the old one until every collector took it; only then it takes the old one's place. Until then
envelopes go out under the old key, which collectors take for some time yet; afterwards what waits is sealed by the new
one, and a collector knows the samples that it has already.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass

import httpx

from client_sdk.device_requests import rotate_at
from client_sdk.enrolment import renewed
from client_sdk.errors import CollectorError
from client_sdk.home import Home
from client_sdk.outbox.pins import alone, every_collector
from client_sdk.outbox.queue import Outbox
from client_sdk.signing.keys import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A key that took another's place.

    Attributes:
        previous: thumbprint of the old key.
        device: of the new one.
        collectors: addresses of those that know.
        skipped: of those that were left out.
    """

    previous: str
    device: str
    collectors: tuple[str, ...]
    skipped: tuple[str, ...]


def rotate_key(home: Home, outbox: Outbox, client: httpx.Client, skip: Collection[str] = ()) -> Rotated:
    """Make a new key, have every collector take it, those too that were left, and put it in the old one's place.

    Args:
        home: where the keys are.
        outbox: knows the collectors; nobody else may use it meanwhile.
        client: makes the requests.
        skip: addresses of collectors to leave out; what they have can then be seen or erased no more by this device.

    Raises:
        CollectorError: a collector did not answer or refused; run again, it goes on where it stopped.
        MailleError: a collector shows another key, or another program runs.
    """
    known: list[str] = []
    with alone(outbox):
        old = SigningKey.load(home.device_key)
        new = SigningKey.load_or_create(home.next_device_key)
        left_out = [one.url for one in every_collector(outbox) if one.url in skip]
        active = {one.url for one in outbox.collectors()}
        for collector in every_collector(outbox):
            if collector.url in skip:
                continue
            try:
                rotate_at(renewed(outbox, collector, client), old, new, client)
            except CollectorError as error:
                if error.rule == "jws-unknown-key" and collector.url not in active:
                    continue  # it erased this device, or never had it
                raise
            known.append(collector.url)
        home.next_device_key.replace(home.device_key)
        folder = os.open(home.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return Rotated(
        previous=old.public.thumbprint,
        device=new.public.thumbprint,
        collectors=tuple(known),
        skipped=tuple(left_out),
    )

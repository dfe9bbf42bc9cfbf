"""Everything that the database holds of a device, a few rows at a time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from client_sdk.signing.receipt import LineVerdict
from collector.storage.store import Store
from collector.storage.tables import envelopes, invitations, samples, witnesses

_ROWS_AT_ONCE = 1_000
_ENVELOPES_AT_ONCE = 20  # at most a megabyte each


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnvelope:
    """An envelope as it arrived, and what was answered."""

    device: str
    sha256: str
    received_at: datetime
    body: bytes
    signature: str
    verdicts: tuple[LineVerdict, ...]


def samples_of(store: Store, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Samples of these keys in the order of their ids, which is that of their making."""
    statement = select(samples).where(samples.c.device.in_(keys)).order_by(samples.c.device, samples.c.id)
    with store.reading() as connection:
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).mappings():
            yield dict(row)


def witnesses_of(store: Store, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the server saw of the transfers of these keys, in the order of time."""
    statement = select(witnesses).where(witnesses.c.device.in_(keys)).order_by(witnesses.c.started_at)
    with store.reading() as connection:
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).mappings():
            yield dict(row)


def envelopes_of(store: Store, keys: Sequence[str]) -> Iterator[StoredEnvelope]:
    """Envelopes of these keys in the order of reception."""
    statement = (
        select(envelopes)
        .where(envelopes.c.device.in_(keys))
        .order_by(envelopes.c.received_at, envelopes.c.device, envelopes.c.sha256)
    )
    with store.reading() as connection:
        for row in connection.execution_options(yield_per=_ENVELOPES_AT_ONCE).execute(statement):
            yield StoredEnvelope(
                device=row.device,
                sha256=row.sha256,
                received_at=row.received_at,
                body=row.body,
                signature=row.signature,
                verdicts=tuple(LineVerdict(**verdict) for verdict in json.loads(row.receipt)),
            )


def invitation_label(store: Store, code_sha256: str | None) -> str | None:
    """Which team or campaign a code was made for."""
    with store.reading() as connection:
        return connection.scalar(select(invitations.c.label).where(invitations.c.code_sha256 == code_sha256))

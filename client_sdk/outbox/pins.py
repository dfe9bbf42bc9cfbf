"""The collectors that an outbox knows, left ones too, and what becomes of one whose key changes or that erased us."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import OutboxError, transaction
from client_sdk.signing.keys import VerifyingKey


def every_collector(outbox: Outbox) -> tuple[PinnedCollector, ...]:
    """Every collector that this device ever enrolled at, the one enrolled at last first; those left come last."""
    return tuple(
        PinnedCollector(url, VerifyingKey.from_jwk(json.loads(jwk)), *more)
        for url, jwk, *more in outbox.connection.execute(
            "SELECT url, jwk, tier, enrolled_at, max_samples, max_body_bytes FROM collectors "
            "ORDER BY left_ms IS NOT NULL, pinned_ms DESC, rowid DESC"
        )
    )


def renew_key(outbox: Outbox, thumbprint: str, key: VerifyingKey) -> None:
    """Let a collector's new key take the place of the one that was pinned, with all that is known of it."""
    columns = (
        "url, tier, enrolled_at, pinned_ms, max_samples, max_body_bytes, left_ms, failures, failed_ms, next_try_ms, "
        "trouble, refused"
    )
    with transaction(outbox.connection):
        outbox.connection.execute(
            f"INSERT OR IGNORE INTO collectors (thumbprint, jwk, {columns}) "
            f"SELECT ?, ?, {columns} FROM collectors WHERE thumbprint = ?",
            (key.thumbprint, json.dumps(key.jwk), thumbprint),
        )
        for table in ("deliveries", "envelopes", "receipts"):
            outbox.connection.execute(
                f"UPDATE OR IGNORE {table} SET collector = ? WHERE collector = ?", (key.thumbprint, thumbprint)
            )
            outbox.connection.execute(f"DELETE FROM {table} WHERE collector = ?", (thumbprint,))
        outbox.connection.execute("DELETE FROM collectors WHERE thumbprint = ?", (thumbprint,))


def forget_erased(outbox: Outbox, collector: PinnedCollector) -> None:
    """Leave a collector that erased this device; what had been sent there is not sent again."""
    outbox.leave(collector)
    with transaction(outbox.connection):
        outbox.connection.execute("DELETE FROM receipts WHERE collector = ?", (collector.key.thumbprint,))


@contextmanager
def alone(outbox: Outbox) -> Iterator[None]:
    """Nobody else uses the outbox while the block runs.

    Raises:
        OutboxError: another program does.
    """
    if not outbox.in_use.take():
        outbox.in_use.wait(shared=True)  # asking let go of what was held
        raise OutboxError(
            tr(
                "another maille program is running on this device: stop it, then try again",
                "un autre programme maille tourne sur cet appareil : arrêtez-le, puis réessayez",
            )
        )
    try:
        yield
    finally:
        outbox.in_use.take(shared=True)

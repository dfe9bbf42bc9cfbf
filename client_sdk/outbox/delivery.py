"""What one collector has of the outbox, and the envelopes on their way to it.

Pending samples are sealed into an envelope that is kept as it is until its receipt comes, so that a retry sends the
very same bytes. Who sends an envelope holds a lease on it: no two processes send the same one at once.
"""

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass

from client_sdk.errors import ReceiptError
from client_sdk.outbox.holder import Holder, is_held
from client_sdk.outbox.queue import Counts, Outbox, PinnedCollector, RejectedSample
from client_sdk.outbox.schema import now_ms, transaction
from client_sdk.outbox.sealing import seal_first
from client_sdk.signing.envelope import MAX_LINES, Envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import Receipt

LEASE_MS = 600_000
"""Ours: longer than any one request is let last, see :data:`client_sdk.outbox.exchange.DEADLINE_S`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What one receipt changed."""

    sent: int
    duplicates: int
    rejected: tuple[RejectedSample, ...]


class Delivery:
    """To one collector."""

    def __init__(self, outbox: Outbox, collector: PinnedCollector) -> None:
        self._outbox, self._connection = outbox, outbox.connection
        self.follow(collector)

    def follow(self, collector: PinnedCollector) -> None:
        """Go on under the key that the collector has now."""
        self._collector, self._name = collector, collector.key.thumbprint

    def lease(self, key: SigningKey, holder: Holder, *, max_lines: int = MAX_LINES) -> Envelope | None:
        """Take an envelope that nobody is sending, or seal the oldest samples; None where nothing is left to take.

        Args:
            key: the device's; an envelope sealed with another is sealed anew.
            holder: who will send it.
            max_lines: samples of an envelope; one that holds more is sealed anew.
        """
        with transaction(self._connection):
            for sha256, device, body, signature, held_by, until_ms in self._connection.execute(
                "SELECT sha256, device, body, signature, holder, lease_until_ms FROM envelopes WHERE collector = ? "
                "ORDER BY sealed_ms, rowid",
                (self._name,),
            ).fetchall():
                if is_held(self._outbox.path.parent, held_by, until_ms, now_ms(), LEASE_MS):
                    continue
                if device != key.public.thumbprint or not 0 < self._lines_in(sha256) <= max_lines:
                    self._dissolve(sha256)
                    continue
                self._hold(sha256, holder)
                return Envelope(body, signature)
            unsealed = self._unsealed(max_lines)
            if not unsealed:
                return None
            envelope, count = seal_first([line for _, line in unsealed], key, self._collector.max_body_bytes)
            self._connection.execute(
                "INSERT INTO envelopes (collector, sha256, device, body, signature, sealed_ms) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (self._name, envelope.sha256, key.public.thumbprint, envelope.body, envelope.signature, now_ms()),
            )
            self._connection.executemany(
                "UPDATE deliveries SET envelope = ?, envelope_line = ? WHERE seq = ? AND collector = ?",
                (
                    (envelope.sha256, number, seq, self._name)
                    for number, (seq, _) in enumerate(unsealed[:count], start=1)
                ),
            )
            self._hold(envelope.sha256, holder)
        return envelope

    def hand_back(self, envelope: Envelope, holder: Holder) -> None:
        """End the lease: the same bytes are to be sent again."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE envelopes SET holder = NULL, lease_until_ms = NULL "
                "WHERE collector = ? AND sha256 = ? AND holder = ?",
                (self._name, envelope.sha256, holder.name),
            )

    def release(self, envelope: Envelope, holder: Holder) -> int:
        """Take an envelope apart, to seal its samples otherwise.

        Returns:
            how many it held; 0 where another process took it over meanwhile, and nothing was done.
        """
        with transaction(self._connection):
            is_ours = self._connection.execute(
                "SELECT count(*) FROM envelopes WHERE collector = ? AND sha256 = ? AND holder = ?",
                (self._name, envelope.sha256, holder.name),
            ).fetchone()[0]
            return self._dissolve(envelope.sha256) if is_ours else 0

    def settle(self, envelope: Envelope, receipt: Receipt, jws: str) -> Settled:
        """Apply a verified receipt: stored and duplicate are sent, rejected is rejected, unnamed stays pending.

        By whatever way the envelope went, and whatever became of its samples here meanwhile: what is settled stays as
        it is, so that settling twice changes nothing.

        Args:
            envelope: what was sent; of this device.
            receipt: as :func:`client_sdk.signing.receipt.open_receipt` verified it.
            jws: the receipt as it came, kept for the device's owner.

        Raises:
            ReceiptError: the receipt is about another envelope or sample, or names none of the envelope's samples.
        """
        if receipt.envelope_sha256 != envelope.sha256:
            raise ReceiptError("receipt: is about another envelope")
        ids = [str(json.loads(line)["id"]) for line in gzip.decompress(envelope.body).splitlines()]
        if not any(1 <= verdict.line <= len(ids) for verdict in receipt.verdicts):
            raise ReceiptError("receipt: names no sample of the envelope")
        with transaction(self._connection):
            rows = [
                (seq, sample_id, line)
                for line, sample_id in enumerate(ids, start=1)
                for (seq,) in self._connection.execute(
                    "SELECT seq FROM deliveries JOIN samples USING (seq) "
                    "WHERE id = ? AND collector = ? AND state = 'pending'",
                    (sample_id, self._name),
                )
            ]
            settled = self._apply(rows, receipt)
            self._dissolve(envelope.sha256)
            self._connection.execute(
                "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?, ?)",
                (envelope.sha256, self._name, receipt.received_at, jws, now_ms()),
            )
        return settled

    def counts(self) -> Counts:
        """How many samples this collector waits for, has, or rejected."""
        by_state = dict(
            self._connection.execute(
                "SELECT state, count(*) FROM deliveries WHERE collector = ? GROUP BY state", (self._name,)
            ).fetchall()
        )
        in_flight = self._connection.execute(
            "SELECT count(*) FROM deliveries WHERE collector = ? AND envelope IS NOT NULL", (self._name,)
        ).fetchone()[0]
        return Counts(by_state.get("pending", 0), in_flight, by_state.get("sent", 0), by_state.get("rejected", 0))

    def pending_lines(self) -> Iterable[tuple[str, bytes]]:
        """Id and text of each sample that this collector waits for, oldest first."""
        return self._connection.execute(
            "SELECT id, line FROM deliveries JOIN samples USING (seq) WHERE collector = ? AND state = 'pending' "
            "ORDER BY seq",
            (self._name,),
        )

    def _apply(self, rows: list[tuple[int, str, int]], receipt: Receipt) -> Settled:
        verdicts = {verdict.line: verdict for verdict in receipt.verdicts}
        now, sent, duplicates = now_ms(), 0, 0
        rejected: list[RejectedSample] = []
        for seq, sample_id, line in rows:
            verdict = verdicts.get(line)
            if verdict is None:
                continue
            if verdict.sample_id not in (None, sample_id):
                raise ReceiptError(f"receipt: line {line} is about another sample")
            why = (verdict.rule, verdict.field, verdict.message)
            if verdict.verdict == "rejected":
                rejected.append(RejectedSample(seq, sample_id, *why))
            sent += verdict.verdict == "stored"
            duplicates += verdict.verdict == "duplicate"
            self._connection.execute(
                "UPDATE deliveries SET state = ?, settled_ms = ?, rule = ?, field = ?, message = ?, "
                "envelope = NULL, envelope_line = NULL WHERE seq = ? AND collector = ?",
                ("rejected" if verdict.verdict == "rejected" else "sent", now, *why, seq, self._name),
            )
        return Settled(sent, duplicates, tuple(rejected))

    def _lines_in(self, sha256: str) -> int:
        count: int = self._connection.execute(
            "SELECT count(*) FROM deliveries WHERE collector = ? AND envelope = ?", (self._name, sha256)
        ).fetchone()[0]
        return count

    def _hold(self, sha256: str, holder: Holder) -> None:
        self._connection.execute(
            "UPDATE envelopes SET holder = ?, lease_until_ms = ? WHERE collector = ? AND sha256 = ?",
            (holder.name, now_ms() + LEASE_MS, self._name, sha256),
        )

    def _unsealed(self, max_lines: int) -> list[tuple[int, bytes]]:
        return self._connection.execute(
            "SELECT seq, line FROM deliveries JOIN samples USING (seq) "
            "WHERE collector = ? AND state = 'pending' AND envelope IS NULL ORDER BY seq LIMIT ?",
            (self._name, min(max_lines, self._collector.max_samples or MAX_LINES)),
        ).fetchall()

    def _dissolve(self, sha256: str) -> int:
        held = self._connection.execute(
            "UPDATE deliveries SET envelope = NULL, envelope_line = NULL WHERE collector = ? AND envelope = ?",
            (self._name, sha256),
        ).rowcount
        self._connection.execute("DELETE FROM envelopes WHERE collector = ? AND sha256 = ?", (self._name, sha256))
        return held

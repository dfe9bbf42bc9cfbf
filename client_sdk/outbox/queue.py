"""The outbox: every sample is here until a verified receipt names it, whatever happens in between.

A sample is *pending*, then *sent* (the collector stored it, or had it) or *rejected* (never to be sent again, kept to
be shown). Pending samples are sealed into an envelope that is kept as it is until its receipt comes, so that a retry
sends the very same bytes. Several processes may use one outbox.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from client_sdk.errors import ReceiptError
from client_sdk.outbox.schema import now_ms, open_database, transaction
from client_sdk.sample import Sample, check, encode
from client_sdk.signing.envelope import MAX_LINES, Envelope, seal
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import Receipt

KEEP_MS = 30 * 86_400_000
"""Receipts, and the text of samples sent, stay this long for their owner."""

MAX_SEALED_TEXT = 512 * 1024
"""Ours: text of one envelope, so that a weak uplink can carry it."""


@dataclass(frozen=True, slots=True)
class PinnedCollector:
    """The collector a device enrolled at, and the only key its receipts may be signed with."""

    url: str
    key: VerifyingKey
    tier: str
    enrolled_at: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of samples given to the outbox: ``known`` ones were there already."""

    added: int
    known: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Samples by state; those ``in_flight`` are among the pending."""

    pending: int
    in_flight: int
    sent: int
    rejected: int


@dataclass(frozen=True, slots=True)
class RejectedSample:
    """A sample that the collector refused for good, and why."""

    seq: int
    id: str
    rule: str | None
    field: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What one receipt changed."""

    sent: int
    duplicates: int
    rejected: tuple[RejectedSample, ...]


class Outbox:
    """One SQLite file.

    Attributes:
        connection: of the file; for the modules of the outbox alone.
        damaged: where a damaged file was set aside on opening, if one was found.

    Raises:
        OutboxError: the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.connection, self.damaged = open_database(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        self.connection.close()

    def add(self, samples: Iterable[Sample], *, survey: str | None = None, modem: str | None = None) -> Added:
        """Keep samples for sending, all or none; ``seq`` is given here, whatever they hold.

        A sample whose id is known is left out, so that importing a file twice adds nothing.

        Args:
            samples: to keep.
            survey: the survey of the journal that they belong to.
            modem: which of its modems took them.

        Raises:
            SampleError: a field breaks its bounds; nothing was added.
        """
        kept = list(samples)
        for sample in kept:
            check(sample)
        added = 0
        with transaction(self.connection):
            seq: int = self.connection.execute("SELECT next_seq FROM counter").fetchone()[0]
            for sample in kept:
                inserted = self.connection.execute(
                    "INSERT INTO samples (seq, id, line, survey, modem) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (id) DO NOTHING",
                    (seq + added, sample.id, encode(replace(sample, seq=seq + added)), survey, modem),
                )
                added += inserted.rowcount
            self.connection.execute("UPDATE counter SET next_seq = ?", (seq + added,))
        return Added(added, len(kept) - added)

    def next_envelope(self, key: SigningKey, *, max_lines: int = MAX_LINES) -> Envelope | None:
        """The envelope in flight, or a new one with the oldest pending samples; None where nothing is pending."""
        with transaction(self.connection):
            in_flight = self.connection.execute("SELECT sha256, device, body, signature FROM envelopes").fetchone()
            if in_flight and in_flight[1] == key.public.thumbprint:
                return Envelope(in_flight[2], in_flight[3])
            if in_flight:  # sealed with a key that the device no longer has
                self._release(in_flight[0])
            seqs, lines = self._oldest_pending(max_lines)
            if not lines:
                return None
            envelope = seal(lines, key)
            self.connection.execute(
                "INSERT INTO envelopes VALUES (?, ?, ?, ?, ?)",
                (envelope.sha256, key.public.thumbprint, envelope.body, envelope.signature, now_ms()),
            )
            self.connection.executemany(
                "UPDATE samples SET envelope = ?, envelope_line = ? WHERE seq = ?",
                ((envelope.sha256, number, seq) for number, seq in enumerate(seqs, start=1)),
            )
        return envelope

    def release(self, envelope: Envelope) -> int:
        """Take an envelope out of flight, to seal its samples otherwise; how many it held."""
        with transaction(self.connection):
            return self._release(envelope.sha256)

    def settle(self, envelope: Envelope, receipt: Receipt, jws: str, collector: PinnedCollector) -> Settled:
        """Apply a verified receipt: stored and duplicate are sent, rejected is rejected, unnamed stays pending.

        Settling twice changes nothing.

        Args:
            envelope: what was sent.
            receipt: as :func:`client_sdk.signing.receipt.open_receipt` verified it.
            jws: the receipt as it came, kept for the device's owner.
            collector: who signed it.

        Raises:
            ReceiptError: the receipt is about another envelope or sample, or names none of the envelope's samples.
        """
        sha256 = envelope.sha256
        if receipt.envelope_sha256 != sha256:
            raise ReceiptError("receipt: is about another envelope")
        verdicts = {verdict.line: verdict for verdict in receipt.verdicts}
        now, duplicates, sent = now_ms(), 0, 0
        rejected: list[RejectedSample] = []
        with transaction(self.connection):
            rows = self.connection.execute(
                "SELECT seq, id, envelope_line FROM samples WHERE envelope = ?", (sha256,)
            ).fetchall()
            if rows and not any(line in verdicts for _, _, line in rows):
                raise ReceiptError("receipt: names no sample of the envelope")
            for seq, sample_id, line in rows:
                verdict = verdicts.get(line)
                if verdict is None:
                    continue
                if verdict.sample_id not in (None, sample_id):
                    raise ReceiptError(f"receipt: line {line} is about another sample")
                if verdict.verdict == "rejected":
                    rejected.append(RejectedSample(seq, sample_id, verdict.rule, verdict.field, verdict.message))
                sent += verdict.verdict == "stored"
                duplicates += verdict.verdict == "duplicate"
                self.connection.execute(
                    "UPDATE samples SET state = ?, settled_ms = ?, rule = ?, field = ?, message = ? WHERE seq = ?",
                    (
                        "rejected" if verdict.verdict == "rejected" else "sent",
                        now,
                        verdict.rule,
                        verdict.field,
                        verdict.message,
                        seq,
                    ),
                )
            self._release(sha256)
            self.connection.execute(
                "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?, ?)",
                (sha256, collector.key.thumbprint, receipt.received_at, jws, now),
            )
            self._forget(now - KEEP_MS)
        return Settled(sent, duplicates, tuple(rejected))

    def counts(self) -> Counts:
        """How many samples are in which state."""
        by_state = dict(self.connection.execute("SELECT state, count(*) FROM samples GROUP BY state").fetchall())
        in_flight = self.connection.execute("SELECT count(*) FROM samples WHERE envelope IS NOT NULL").fetchone()[0]
        return Counts(by_state.get("pending", 0), in_flight, by_state.get("sent", 0), by_state.get("rejected", 0))

    def rejected(self) -> tuple[RejectedSample, ...]:
        """The samples that were refused for good, oldest first."""
        return tuple(
            RejectedSample(*row)
            for row in self.connection.execute(
                "SELECT seq, id, rule, field, message FROM samples WHERE state = 'rejected' ORDER BY seq"
            )
        )

    def receipts(self) -> tuple[str, ...]:
        """The receipts of the last 30 days as they came, oldest first."""
        return tuple(jws for (jws,) in self.connection.execute("SELECT jws FROM receipts ORDER BY kept_ms, rowid"))

    def pin(self, collector: PinnedCollector) -> None:
        """Remember a collector and its key; from now on, this is the one to send to."""
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO collectors VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (thumbprint) DO UPDATE SET "
                "url = excluded.url, tier = excluded.tier, enrolled_at = excluded.enrolled_at, "
                "pinned_ms = excluded.pinned_ms",
                (
                    collector.key.thumbprint,
                    collector.url,
                    json.dumps(collector.key.jwk),
                    collector.tier,
                    collector.enrolled_at,
                    now_ms(),
                ),
            )

    def collectors(self) -> tuple[PinnedCollector, ...]:
        """Every collector enrolled at, the one to send to first."""
        return tuple(
            PinnedCollector(url, VerifyingKey.from_jwk(json.loads(jwk)), tier, enrolled_at)
            for url, jwk, tier, enrolled_at in self.connection.execute(
                "SELECT url, jwk, tier, enrolled_at FROM collectors ORDER BY pinned_ms DESC, rowid DESC"
            )
        )

    def _oldest_pending(self, max_lines: int) -> tuple[list[int], list[bytes]]:
        seqs: list[int] = []
        lines: list[bytes] = []
        size = 0
        rows: sqlite3.Cursor = self.connection.execute(
            "SELECT seq, line FROM samples WHERE state = 'pending' ORDER BY seq LIMIT ?", (max_lines,)
        )
        for seq, line in rows:
            size += len(line) + 1
            if lines and size > MAX_SEALED_TEXT:
                break
            seqs.append(seq)
            lines.append(line)
        return seqs, lines

    def _release(self, sha256: str) -> int:
        released = self.connection.execute(
            "UPDATE samples SET envelope = NULL, envelope_line = NULL WHERE envelope = ?", (sha256,)
        ).rowcount
        self.connection.execute("DELETE FROM envelopes WHERE sha256 = ?", (sha256,))
        return released

    def _forget(self, before_ms: int) -> None:
        self.connection.execute("DELETE FROM receipts WHERE kept_ms < ?", (before_ms,))
        self.connection.execute(
            "UPDATE samples SET line = NULL WHERE line IS NOT NULL AND state = 'sent' AND settled_ms < ?", (before_ms,)
        )

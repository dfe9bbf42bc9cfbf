"""The outbox: every sample is here until a verified receipt of each collector names it, whatever happens in between.

For each collector that the device is enrolled at a sample is *pending*, then *sent* (the collector stored it, or had
it) or *rejected* (never to be sent again, kept to be shown). Several processes may use one outbox.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from client_sdk.messages import tr
from client_sdk.outbox.hidden_areas import read_areas
from client_sdk.outbox.opening import open_file
from client_sdk.outbox.schema import OutboxFullError, now_ms, transaction
from client_sdk.sample import Sample, check, encode
from client_sdk.signing.keys import VerifyingKey

KEEP_MS = 30 * 86_400_000
"""Receipts, and the text of samples sent everywhere, stay this long for their owner, where there is room."""

MAX_FILE_BYTES = 200_000_000
"""Ours: some 150,000 samples; beyond it nothing is recorded rather than anything dropped that was not sent."""

_DROPPED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PinnedCollector:
    """A collector the device enrolled at, and the only key its receipts may be signed with.

    Attributes:
        url: its address.
        key: its public key.
        tier: of the device, there.
        enrolled_at: by its clock.
        max_samples: of an envelope, where it states a limit below the protocol's.
        max_body_bytes: the same.
    """

    url: str
    key: VerifyingKey
    tier: str
    enrolled_at: str
    max_samples: int | None = None
    max_body_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of samples given to the outbox.

    Attributes:
        added: kept.
        known: there already.
        hidden: left out, since they are inside a hidden area, or may be.
    """

    added: int
    known: int
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Samples by state; those ``in_flight`` are among the pending.

    Over all collectors a sample is pending while one of them waits for it, or none is known; then rejected if one
    rejected it.
    """

    pending: int
    in_flight: int
    sent: int
    rejected: int


@dataclass(frozen=True, slots=True)
class RejectedSample:
    """A sample that a collector refused for good, and why."""

    seq: int
    id: str
    rule: str | None
    field: str | None
    message: str | None


class Outbox:
    """One SQLite file.

    Args:
        path: of the file; made where there is none.
        max_bytes: size beyond which nothing is added.

    Attributes:
        path: of the file.
        connection: to it; for the modules of the outbox alone, as is ``in_use``.
        damage: what was found damaged on opening, and what could be kept of it.

    Raises:
        OutboxError: the file cannot be used.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        opened = open_file(path)
        self.connection, self.damage, self.in_use = opened.connection, opened.damage, opened.in_use

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        self.connection.close()
        self.in_use.close()

    def add(self, samples: Iterable[Sample], *, survey: str | None = None, modem: str | None = None) -> Added:
        """Keep samples for sending, all or none; ``seq`` is given here, whatever they hold.

        A sample whose id is known is left out, so that importing a file twice adds nothing; so is one inside a hidden
        area.

        Args:
            samples: to keep.
            survey: the survey of the journal that they belong to.
            modem: which of its modems took them.

        Raises:
            SampleError: a field breaks its bounds; nothing was added.
            OutboxFullError: the disk or the outbox is full; nothing was added.
            OutboxError: the file cannot be written; nothing was added.
        """
        given = list(samples)
        for sample in given:
            check(sample)
        with transaction(self.connection):
            areas = read_areas(self.connection)
            kept = [sample for sample in given if not any(area.hides(sample) for area in areas)]
            next_seq: int = self.connection.execute("SELECT next_seq FROM counter").fetchone()[0]
            seq = next_seq
            for sample in kept:
                inserted = self.connection.execute(
                    "INSERT INTO samples (seq, id, line, survey, modem) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (id) DO NOTHING",
                    (seq, sample.id, encode(replace(sample, seq=seq)), survey, modem),
                )
                seq += inserted.rowcount
            self.connection.execute(
                "INSERT INTO deliveries (seq, collector) SELECT seq, thumbprint FROM samples, collectors "
                "WHERE seq >= ? AND left_ms IS NULL",
                (next_seq,),
            )
            self.connection.execute("UPDATE counter SET next_seq = ?", (seq,))
            if seq > next_seq and not self._made_room():
                raise OutboxFullError(
                    tr(
                        f"the outbox holds {self._max_bytes / 1e6:.0f} MB, as much as it may: nothing more is "
                        "recorded until samples are sent (`maille upload`); nothing was dropped",
                        f"la file d’envoi contient {self._max_bytes / 1e6:.0f} Mo, le plus qu’elle puisse : plus rien "
                        "n’est enregistré avant un envoi (`maille upload`) ; rien n’a été supprimé",
                    )
                )
        added = seq - next_seq
        return Added(added, len(kept) - added, len(given) - len(kept))

    def counts(self) -> Counts:
        """How many samples are in which state, over all collectors."""
        by_state = dict(
            self.connection.execute(
                # pending, rejected, sent: the first by the alphabet is what counts
                "SELECT state, count(*) FROM (SELECT ifnull(min(state), 'pending') AS state "
                "FROM samples LEFT JOIN deliveries USING (seq) GROUP BY seq) GROUP BY state"
            ).fetchall()
        )
        in_flight = self.connection.execute(
            "SELECT count(DISTINCT seq) FROM deliveries WHERE envelope IS NOT NULL"
        ).fetchone()[0]
        return Counts(by_state.get("pending", 0), in_flight, by_state.get("sent", 0), by_state.get("rejected", 0))

    def rejected(self) -> tuple[RejectedSample, ...]:
        """The samples that a collector refused for good, oldest first."""
        return tuple(
            RejectedSample(*row)
            for row in self.connection.execute(
                "SELECT seq, id, rule, field, message FROM deliveries JOIN samples USING (seq) "
                "WHERE state = 'rejected' ORDER BY seq, collector"
            )
        )

    def receipts(self) -> tuple[str, ...]:
        """The receipts of the last 30 days as they came, oldest first."""
        return tuple(jws for (jws,) in self.connection.execute("SELECT jws FROM receipts ORDER BY kept_ms, rowid"))

    def size_bytes(self) -> int:
        """Bytes in use in the file; those that it could give back are not counted."""
        pages, free, page_bytes = (
            int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_bytes

    def forget(self) -> None:
        """Forget receipts, and the text of samples that every collector has, once they are 30 days old."""
        before_ms = now_ms() - KEEP_MS
        with transaction(self.connection):
            self.connection.execute("DELETE FROM receipts WHERE kept_ms < ?", (before_ms,))
            self.connection.execute(
                "UPDATE samples SET line = NULL WHERE line IS NOT NULL AND seq IN "
                "(SELECT seq FROM deliveries GROUP BY seq HAVING min(state) = 'sent' AND max(settled_ms) < ?)",
                (before_ms,),
            )

    def _made_room(self) -> bool:
        """Drop samples that every collector has, the oldest first, while the file is too large; whether it fits."""
        while self.size_bytes() > self._max_bytes:
            oldest = self.connection.execute(
                "SELECT seq, max(settled_ms) FROM deliveries GROUP BY seq HAVING min(state) = 'sent' "
                "ORDER BY seq LIMIT ?",
                (_DROPPED_AT_ONCE,),
            ).fetchall()
            if not oldest:
                return False
            for table in ("deliveries", "samples"):
                self.connection.executemany(f"DELETE FROM {table} WHERE seq = ?", ((seq,) for seq, _ in oldest))
            self.connection.execute("DELETE FROM receipts WHERE kept_ms <= ?", (min(ms for _, ms in oldest),))
        return True

    def pin(self, collector: PinnedCollector) -> None:
        """Remember a collector and its key: every sample here goes there too, and every later one.

        Another collector that was pinned at the same address is left.
        """
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO collectors (thumbprint, url, jwk, tier, enrolled_at, pinned_ms, max_samples, "
                "max_body_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (thumbprint) DO UPDATE SET "
                "url = excluded.url, tier = excluded.tier, enrolled_at = excluded.enrolled_at, "
                "pinned_ms = excluded.pinned_ms, max_samples = excluded.max_samples, "
                "max_body_bytes = excluded.max_body_bytes, left_ms = NULL, "
                "failures = 0, failed_ms = NULL, next_try_ms = NULL, trouble = NULL, refused = 0",
                (
                    collector.key.thumbprint,
                    collector.url,
                    json.dumps(collector.key.jwk),
                    collector.tier,
                    collector.enrolled_at,
                    now_ms(),
                    collector.max_samples,
                    collector.max_body_bytes,
                ),
            )
            replaced = [
                other.key.thumbprint
                for other in self.collectors()
                if other.url == collector.url and other.key.thumbprint != collector.key.thumbprint
            ]
            for thumbprint in replaced:
                self._leave(thumbprint)
            self.connection.execute(
                "INSERT OR IGNORE INTO deliveries (seq, collector) SELECT seq, ? FROM samples WHERE line IS NOT NULL",
                (collector.key.thumbprint,),
            )

    def collectors(self) -> tuple[PinnedCollector, ...]:
        """Every collector that samples go to, the one enrolled at last first."""
        return tuple(
            PinnedCollector(url, VerifyingKey.from_jwk(json.loads(jwk)), *more)
            for url, jwk, *more in self.connection.execute(
                "SELECT url, jwk, tier, enrolled_at, max_samples, max_body_bytes FROM collectors "
                "WHERE left_ms IS NULL ORDER BY pinned_ms DESC, rowid DESC"
            )
        )

    def known_thumbprint(self, url: str) -> str | None:
        """The key that was pinned last at an address, of a collector that was left too."""
        found = self.connection.execute(
            "SELECT thumbprint FROM collectors WHERE url = ? ORDER BY pinned_ms DESC, rowid DESC LIMIT 1", (url,)
        ).fetchone()
        return found[0] if found else None

    def leave(self, collector: PinnedCollector) -> None:
        """Send nothing more to a collector; what it has, and what it said of it, stays known."""
        with transaction(self.connection):
            self._leave(collector.key.thumbprint)

    def _leave(self, thumbprint: str) -> None:
        self.connection.execute("UPDATE collectors SET left_ms = ? WHERE thumbprint = ?", (now_ms(), thumbprint))
        self.connection.execute("DELETE FROM deliveries WHERE collector = ? AND state = 'pending'", (thumbprint,))
        self.connection.execute("DELETE FROM envelopes WHERE collector = ?", (thumbprint,))

"""Intake away from the event loop: one thread takes all the envelopes that wait and records them in one transaction.

While a group is being recorded the next one gathers, so groups grow with the load and a commit costs each envelope the
less. One thread, because under Python's lock a second one would gain nothing: several cores are several processes.
What may wait is bounded; beyond that, or where the oldest waits too long because storage is slow, the answer is 503 and
the device, which keeps everything until it holds a receipt, comes back later.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial

from client_sdk.signing.keys import SigningKey
from collector.errors import BusyError
from collector.intake.accept import Bench, judge_envelope, receipt_of
from collector.intake.devices import find_any_key
from collector.plausibility.grounds import Grounds
from collector.storage.recording import JudgedEnvelope, Meter, record_envelopes
from collector.storage.store import Store
from collector.storage.witnessed import find_witnesses

MAX_GROUP = 32
"""Ours: envelopes in one transaction. Beyond this a commit's share is small, and the wait for the last one grows."""

MAX_WAITING = 256
"""Ours: about 2 s of work of one core with envelopes of 100 samples."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Ours: 64 of the largest bodies, thousands of usual ones."""

MAX_WAIT_S = 20.0
"""Ours: below the minute for which proxies and clients usually wait for an answer."""

KEYS = 10_000
"""Ours: public keys kept in memory, 1 kB each. A thumbprint never has another key; whether the device may still send is
looked up in the transaction that records the envelope."""

_RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An envelope on its way, and where its receipt or refusal is awaited."""

    body: bytes
    signature: str
    received_at: datetime
    answer: Future[str] = field(default_factory=Future)
    since_s: float = field(default_factory=time.monotonic)


class Intake:
    """Takes envelopes in for one process, until :meth:`close`.

    Args:
        store: where envelopes and samples are kept.
        key: the collector's, which signs receipts.
        grounds: what plausibility rests on beside the database.
        keep_samples_days: samples measured longer ago are rejected; 0 for none.
        meter: counts what each device sends; None for no limit.
    """

    def __init__(
        self,
        store: Store,
        key: SigningKey,
        grounds: Grounds | None = None,
        keep_samples_days: int = 0,
        meter: Meter | None = None,
    ) -> None:
        self._store, self._key, self._meter = store, key, meter
        self._bench = Bench(
            lru_cache(KEYS)(partial(find_any_key, store)),
            partial(find_witnesses, store),
            grounds or Grounds(),
            keep_samples_days,
        )
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()

    async def accept(self, body: bytes, signature: str, received_at: datetime) -> str:
        """Take in one envelope. The same envelope again gives the same receipt, byte for byte.

        Args:
            body: as it arrived.
            signature: detached JWS of the device.
            received_at: by the server's clock; milliseconds are kept.

        Returns:
            The receipt, a compact JWS; all that it says is committed.

        Raises:
            EnvelopeError: the envelope as a whole is refused; nothing is stored.
            DeviceError: the device is unknown or revoked.
            BusyError: ``intake-busy``: too much waits; or the device sends too much, or the database cannot take it.
                Nothing is stored.
        """
        waiting = _Waiting(body, signature, received_at)
        with self._changed:
            self._check_room(waiting)
            self._waiting.append(waiting)
            self._waiting_bytes += len(body)
            self._changed.notify()
        return await asyncio.wrap_future(waiting.answer)

    def close(self) -> None:
        """Take nothing more, finish what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _check_room(self, coming: _Waiting) -> None:
        if not self._waiting and not self._closed:
            return
        waited_s = coming.since_s - self._waiting[0].since_s if self._waiting else 0.0
        if (
            self._closed
            or len(self._waiting) >= MAX_WAITING
            or self._waiting_bytes + len(coming.body) > MAX_WAITING_BYTES
            or waited_s > MAX_WAIT_S
        ):
            found = f"{len(self._waiting)} envelopes wait, the first for {waited_s:.0f} s"
            raise BusyError("intake-busy", f"intake: {found}; the collector is behind or stopping", _RETRY_AFTER_S)

    def _work(self) -> None:
        while group := self._next_group():
            judged = [(waiting, envelope) for waiting in group if (envelope := self._judge(waiting)) is not None]
            if judged:
                self._record(judged)

    def _next_group(self) -> list[_Waiting]:
        """All that wait, up to the bound; empty once closed. Those whose client has gone are passed over."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
                self._waiting_bytes -= sum(len(waiting.body) for waiting in taken)
            group = [waiting for waiting in taken if waiting.answer.set_running_or_notify_cancel()]
            if group or not taken:
                return group

    def _judge(self, waiting: _Waiting) -> JudgedEnvelope | None:
        try:
            return judge_envelope(waiting.body, waiting.signature, waiting.received_at, self._bench)
        except Exception as error:  # the request's to tell: a refusal, or a failure of ours
            waiting.answer.set_exception(error)
            return None

    def _record(self, judged: Sequence[tuple[_Waiting, JudgedEnvelope]]) -> None:
        answers: list[str | Exception]
        try:
            outcomes = record_envelopes(self._store, [envelope for _, envelope in judged], self._meter)
            answers = [
                outcome if isinstance(outcome, Exception) else receipt_of(envelope.envelope.sha256, outcome, self._key)
                for (_, envelope), outcome in zip(judged, outcomes, strict=True)
            ]
        except Exception as error:  # a failure of ours: each request tells it, and the thread goes on
            answers = [error] * len(judged)
        for (waiting, _), answer in zip(judged, answers, strict=True):
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

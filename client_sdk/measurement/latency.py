"""Round trips, whatever carries the probes: sent at a steady rate, lost after 2 s, told as figures of a sample."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, quantiles
from typing import Any, Literal, Self

IDLE_PROBES = 20
"""Probes before the transfers, one at a time on an idle line."""

LOSS_S = 2.0
"""A probe without an answer by then is lost (RTR's ``PING_TIMEOUT_MILLIS``)."""

IDLE_RATE_HZ = 10.0
"""RTR's ``PING_INTERVAL_MILLIS`` of 100."""

LOADED_RATE_HZ = 2.5
"""While a transfer runs: every 400 ms, as Cloudflare's speed test; 0.35 % of an uplink of 0.25 Mbit/s."""

_REMEMBERED_LOSSES = 1000

ProbeProtocol = Literal["udp", "websocket"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe that is over: when it was sent (``time.monotonic()``), and its round trip, None where it is lost."""

    sent_at_s: float
    rtt_ms: float | None


class Pending:
    """Probes on their way and those that ended, whatever carries them.

    Attributes:
        answered: probes answered in time.
        late: answers that came after their probe was lost; it stays lost.
        heard_at_s: ``time.monotonic()`` of the last answer, in time or late; None before the first.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.late = 0
        self.heard_at_s: float | None = None
        self._sent: dict[int, float] = {}
        self._ended: dict[int, Probe] = {}
        self._lost: set[int] = set()

    def send(self, seq: int) -> None:
        """A probe leaves now."""
        self._sent[seq] = time.monotonic()

    def answer(self, seq: int) -> None:
        """An answer came; a second one to the same probe, or one to none, changes nothing."""
        now_s = time.monotonic()
        self._expire(now_s)
        if seq in self._sent:
            self.answered += 1
            self.heard_at_s = now_s
            self._end(seq, (now_s - self._sent[seq]) * 1000)
        elif seq in self._lost:
            self._lost.discard(seq)
            self.late += 1
            self.heard_at_s = now_s

    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        self._expire(time.monotonic())
        return not self._sent

    def take(self) -> list[Probe]:
        """The probes that ended since the last call, in the order of sending."""
        self._expire(time.monotonic())
        ended = [probe for _, probe in sorted(self._ended.items())]
        self._ended.clear()
        return ended

    def _expire(self, now_s: float) -> None:
        for seq in [seq for seq, sent_at_s in self._sent.items() if now_s - sent_at_s >= LOSS_S]:
            if len(self._lost) >= _REMEMBERED_LOSSES:
                self._lost.clear()
            self._lost.add(seq)
            self._end(seq, None)

    def _end(self, seq: int, rtt_ms: float | None) -> None:
        self._ended[seq] = Probe(self._sent.pop(seq), rtt_ms)


class SteadyProber(ABC):
    """Sends probes at a steady rate while its ``async with`` block runs, whatever carries them.

    Attributes:
        protocol: what carries them.
        rate_hz: probes a second; may be changed while it runs.
        pending: what became of them.
    """

    protocol: ProbeProtocol

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.pending = Pending()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open what carries the probes, and begin to send."""
        await self.open()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop sending and close."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.close()

    def take(self) -> list[Probe]:
        """The probes that ended since the last call, in the order of sending."""
        return self.pending.take()

    async def _run(self) -> None:
        next_s, seq = time.monotonic(), 0
        while True:
            self.pending.send(seq)
            self.probe(seq)
            seq = (seq + 1) & 0xFFFF_FFFF
            interval_s, now_s = 1 / self.rate_hz, time.monotonic()
            # a program that was held up sends no volley of what it missed
            next_s = max(next_s + interval_s, now_s) if now_s - next_s < interval_s else now_s + interval_s
            await asyncio.sleep(next_s - now_s)

    @abstractmethod
    async def open(self) -> None:
        """Open what carries the probes."""

    @abstractmethod
    def probe(self, seq: int) -> None:
        """Send one probe; one that cannot leave is lost."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what carries the probes."""


async def idle_round_trips(prober: SteadyProber, probes: int = IDLE_PROBES) -> list[Probe]:
    """The next probes of a prober that sends at its idle rate; none where nothing at all is answered."""
    taken: list[Probe] = []
    begun_s = time.monotonic()
    while len(taken) < probes:
        await asyncio.sleep(1 / prober.rate_hz / 2)
        taken += prober.take()
        if not prober.pending.answered and time.monotonic() - begun_s >= LOSS_S:
            return []
    return sorted(taken, key=lambda probe: probe.sent_at_s)[:probes]


def round_trip_fields(probes: Sequence[Probe], protocol: ProbeProtocol) -> dict[str, Any]:
    """Fields of a sample about idle round trips; no figure where no probe was answered.

    Jitter is the mean absolute difference of consecutive answered round trips, as Cloudflare's: of the round trip, not
    the one-way variation of RFC 3393. Round trips are those of RFC 2681, loss that of RFC 7680 both ways together.
    """
    rtts_ms = [probe.rtt_ms for probe in probes if probe.rtt_ms is not None]
    counted: dict[str, Any] = {
        "rtt_sent": len(probes),
        "rtt_lost": len(probes) - len(rtts_ms),
        "rtt_protocol": protocol,
    }
    if not rtts_ms:
        return counted
    several = len(rtts_ms) > 1
    counted["rtt_median_ms"] = round(median(rtts_ms), 3)
    counted["rtt_min_ms"] = round(min(rtts_ms), 3)
    counted["rtt_p95_ms"] = round(quantiles(rtts_ms, n=20, method="inclusive")[-1] if several else rtts_ms[0], 3)
    if several:
        counted["rtt_jitter_ms"] = round(fmean(abs(b - a) for a, b in pairwise(rtts_ms)), 3)
    return counted


def median_rtt_ms(probes: Sequence[Probe]) -> float | None:
    """Median round trip of the answered probes; None where there is none."""
    rtts_ms = [probe.rtt_ms for probe in probes if probe.rtt_ms is not None]
    return round(median(rtts_ms), 3) if rtts_ms else None

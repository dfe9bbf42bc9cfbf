"""Fences wait here until what they say is decided: echoes answered or lost, service established or contradicted.

Two findings speak against an operator, and need a run of evidence that one fence may be too short for. *No service* is
decided by the watch over the radio's readings. *Registered, but no data* is decided here: every echo lost over at least
ten seconds while the modem is in service and the interface is up, and no connection to the collector either, so that a
collector that is down, or a network that drops UDP alone, is never held against the operator.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from client_sdk.measurement.latency import Probe
from client_sdk.sample import Sample
from client_sdk.sources.service_state import ServiceClaim
from client_sdk.survey.saying import Interval, said

ECHO_TIMEOUT_S = 2.0
"""An echo without an answer after 2 s is lost (RTR's coverage mode)."""

_LATE_S = 0.5
"""Ours: on top of the timeout, for the prober to say so."""

NO_DATA_S = 10.0
NO_DATA_ECHOES = 3
"""What establishes no service establishes no data: three agreeing readings over ten seconds (decision D14)."""

WAIT_AT_MOST_S = 60.0
"""Ours: a run that is neither established nor contradicted by then will not be; a driver wants to see results."""

TRY_TIMEOUT_S = 6.0
"""Ours: a connection that gets no answer to three requests (at 0, 1 and 3 s: RFC 6298 §2) has failed."""

TRY_AGAIN_S = 60.0
"""Ours: how long a failed connection stands for a run of lost echoes."""


@dataclass(frozen=True, slots=True)
class Try:
    """A connection to the collector, tried because echoes are lost.

    Attributes:
        began_s: when it was begun.
        ended_s: when it was answered or given up.
        reached: whether anything answered; a refusal is an answer.
    """

    began_s: float
    ended_s: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Undecided:
    """Samples of one modem as they would stand if the process died now."""

    modem: str
    samples: tuple[Sample, ...]


@dataclass(slots=True)
class _Waiting:
    interval: Interval
    probes: list[Probe] = field(default_factory=list)
    claim: ServiceClaim | None = None
    contradicted: bool = False

    def complete(self, now_s: float) -> bool:
        return not self.interval.link.echoing or now_s >= self.interval.fence.end_s + ECHO_TIMEOUT_S + _LATE_S

    @property
    def answered(self) -> bool:
        return any(probe.rtt_ms is not None for probe in self.probes)

    @property
    def silent(self) -> bool:
        """Whether it may be part of a run without data."""
        link = self.interval.link
        in_service = self.interval.state == "in_service"
        return in_service and link.up and link.path != "wifi" and bool(self.probes) and not self.answered


class Settler:
    """The waiting intervals of one channel, settled in their order.

    Args:
        declared: fields that the survey states in every sample.
    """

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._declared = declared
        self._waiting: deque[_Waiting] = deque()
        self._early: list[Probe] = []
        self._lost_since_s: float | None = None
        self._lost_count = 0
        self._tried: Try | None = None
        self._no_data = False
        self._blocked = False
        self._unread: list[Interval] = []

    @property
    def blocked(self) -> bool:
        """Whether the collector is reached while it answers no echo: a network that drops UDP, or its own trouble."""
        return self._blocked

    def add(self, interval: Interval) -> None:
        """A fence closed; later than all before."""
        self._waiting.append(_Waiting(interval))
        early, self._early = self._early, []
        for probe in early:
            self._assign(probe)

    def add_probes(self, probes: Iterable[Probe]) -> None:
        """Echoes finished; those of the open fence are kept for when it closes, those of no fence are let go."""
        for probe in probes:
            if probe.rtt_ms is not None:
                self._lost_since_s, self._lost_count, self._blocked = None, 0, False
            else:
                self._lost_since_s = probe.sent_at_s if self._lost_since_s is None else self._lost_since_s
                self._lost_count += 1
            self._assign(probe)

    def observe(self, claim: ServiceClaim) -> None:
        """What the watch over the readings claims now."""
        for one in self._waiting:
            if one.claim or one.contradicted or one.interval.state in ("in_service", "unknown"):
                continue
            if claim.state != one.interval.state or claim.since_s >= one.interval.fence.end_s:
                one.contradicted = True
            elif claim.established:
                one.claim = claim

    def needs_try(self, now_s: float) -> bool:
        """Whether a connection to the collector should be tried, to tell no data from no answer."""
        if self._lost_since_s is None or self._lost_count < NO_DATA_ECHOES:
            return False
        tried = self._tried
        return tried is None or tried.ended_s < self._lost_since_s or now_s - tried.ended_s >= TRY_AGAIN_S

    def tried(self, result: Try) -> None:
        """A connection was tried on this channel's way; one that could not leave the device is none."""
        self._tried, self._blocked = result, result.reached
        if result.reached:
            self._no_data = False

    def doubt(self) -> None:
        """The collector that was reached cannot be reached any more: what was tried before says nothing of now."""
        self._tried, self._blocked = None, False

    def settle(self, now_s: float) -> list[Sample]:
        """The samples that are decided now, oldest first."""
        decided: list[Sample] = []
        while self._waiting:
            head = self._waiting[0]
            no_data = self._decide(head, now_s)
            if no_data is None:
                break
            self._waiting.popleft()
            decided += self._settled(head, no_data=no_data)
        return decided

    def take_unread(self) -> list[Interval]:
        """The settled intervals in which nothing was learnt, since the last call."""
        unread, self._unread = self._unread, []
        return unread

    def as_they_stand(self) -> list[Sample]:
        """What each waiting interval says without anything more: kept for the case that the process dies."""
        return [sample for one in self._waiting for sample in self._said(one, no_data=False)]

    def finish(self) -> list[Sample]:
        """Nothing more will come: what is not established is not claimed."""
        decided = [sample for one in self._waiting for sample in self._settled(one, no_data=False)]
        self._waiting.clear()
        return decided

    def let_go(self) -> None:
        """Recording stopped: echoes that belong to no fence yet belong to none."""
        self._early.clear()
        self._lost_since_s, self._lost_count = None, 0
        self._no_data = self._blocked = False

    def _assign(self, probe: Probe) -> None:
        for one in reversed(self._waiting):
            fence = one.interval.fence
            if probe.sent_at_s >= fence.end_s:
                break
            if probe.sent_at_s >= fence.start_s:
                one.probes.append(probe)
                return
        else:
            if self._waiting:
                return
        self._early.append(probe)

    def _settled(self, one: _Waiting, *, no_data: bool) -> list[Sample]:
        samples = self._said(one, no_data=no_data)
        if not samples:
            self._unread.append(one.interval)
        return samples

    def _said(self, one: _Waiting, *, no_data: bool) -> list[Sample]:
        claim = None if one.answered else one.claim  # packets came and went, whatever the radio said
        sample = said(one.interval, one.probes, self._declared, claim=claim, no_data=no_data)
        return [sample] if sample else []

    def _decide(self, head: _Waiting, now_s: float) -> bool | None:
        """None: wait; else whether the sample says ``no_data``."""
        if not head.complete(now_s):
            return None
        waited = now_s - head.interval.fence.end_s >= WAIT_AT_MOST_S
        if head.silent and not waited:
            return self._is_no_data(now_s)
        if head.probes or not head.interval.link.up:
            self._no_data = False
        if head.interval.state in ("in_service", "unknown") or head.answered:
            return False
        return False if head.claim or head.contradicted or waited else None

    def _is_no_data(self, now_s: float) -> bool | None:
        """The same for a silent interval at the head of the queue."""
        if self._no_data or self._blocked:
            return self._no_data
        run = self._run(now_s)
        start_s, end_s = run[0].interval.fence.start_s, run[-1].interval.fence.end_s
        long_enough = end_s - start_s >= NO_DATA_S and sum(len(one.probes) for one in run) >= NO_DATA_ECHOES
        tried = self._tried
        if tried and tried.began_s < end_s and tried.ended_s > start_s:
            if tried.reached and tried.ended_s < end_s:
                return False  # a connection was there while echoes were lost: it is not the network
            if long_enough and not tried.reached:
                self._no_data = True
                return True
        over = len(run) < len(self._waiting) and self._waiting[len(run)].complete(now_s)
        if over and (not long_enough or now_s - end_s > TRY_TIMEOUT_S + ECHO_TIMEOUT_S + 1):
            return False
        return None

    def _run(self, now_s: float) -> Sequence[_Waiting]:
        """The silent intervals at the head of the queue."""
        run: list[_Waiting] = []
        for one in self._waiting:
            if not one.complete(now_s) or not one.silent:
                break
            run.append(one)
        return run

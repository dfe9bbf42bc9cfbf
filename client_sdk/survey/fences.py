"""Fences: the survey's time on one modem cut into pieces that are each true of one place and one network.

A fence closes when the device has moved away from where it opened, after a while, and when technology, serving network
or state of service changes; the next one opens at that very instant, so that fences and the open one are a partition of
the time that the channel was recording. The idea and the name are of RTR's coverage mode.
"""

from dataclasses import dataclass
from typing import Any, Literal

from client_sdk.sources.reading import PositionFix, RadioReading
from client_sdk.survey.odometer import distance_m

Why = Literal["time", "distance", "network", "position", "cut", "held"]
"""What closed a fence; ``cut``: a test, a pause, the end, or a hole in time came; ``held``: the test was over."""

Network = tuple[str, str | None, str | None, str | None]
"""State of service, technology, 5G mode, serving PLMN."""

MAX_SIGNAL_AGE_S = 10.0
"""Ours: an earlier reading still stands for a fence too short to have one of its own; beyond, a device in a car is
somewhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceRules:
    """When a fence closes by itself.

    Attributes:
        distance_m: distance from where it opened, and at least the accuracy of the fix there. BNetzA's dead-zone app
            records a point at least every 50 m.
        duration_s: ours: 10 s, so that a device standing still in a dead zone says so six times a minute.
    """

    distance_m: float = 50.0
    duration_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A closed fence; instants are of ``time.monotonic()``.

    Attributes:
        start_s: where it opened; the end of the fence before it, unless recording began there.
        end_s: where it closed.
        closed_by: what closed it.
        fix: newest position when it opened, however old; the first one of all may be a little younger.
        readings: radio readings taken in it, in order.
        earlier: newest reading before it, where it was recent and no failure of the source came between.
        failures: how many times the radio source could not be read.
    """

    start_s: float
    end_s: float
    closed_by: Why
    fix: PositionFix | None
    readings: tuple[RadioReading, ...]
    earlier: RadioReading | None
    failures: int

    @property
    def network(self) -> Network | None:
        """What all readings of the fence agree on; None where the source said nothing."""
        for reading in (*self.readings, self.earlier):
            if reading is not None:
                return network_of(reading)
        return None


def network_of(reading: RadioReading) -> Network:
    """What may not change inside a fence."""
    fields: Any = reading.fields
    return reading.service_state, fields.get("rat"), fields.get("nr_mode"), fields.get("serving_plmn")


class FenceKeeper:
    """Cuts one channel's time into fences.

    Events are given in the order in which they are noticed; one said to be earlier than the open fence counts as at its
    opening. Each method returns the fences that closed because of it.

    Attributes:
        held: whether the open fence is held, as by :meth:`hold`.
    """

    def __init__(self, rules: FenceRules | None = None) -> None:
        self._rules = rules or FenceRules()
        self._start_s: float | None = None
        self._fix: PositionFix | None = None
        self._newest_fix: PositionFix | None = None
        self._newest: RadioReading | None = None
        self._readings: list[RadioReading] = []
        self._earlier: RadioReading | None = None
        self._failures = 0
        self.held = False

    @property
    def open_since_s(self) -> float | None:
        """Where the open fence began; None while nothing is recorded."""
        return self._start_s

    @property
    def newest_reading(self) -> RadioReading | None:
        """The newest reading, unless the source failed after it."""
        return self._newest

    def open(self, now_s: float) -> None:
        """Begin to record."""
        if self._start_s is None:
            self._begin(now_s)

    def close(self, now_s: float) -> list[Fence]:
        """Stop recording; the open fence closes, and none opens."""
        self.held = False
        closed = self.advance(now_s) + self._close_at(now_s, "cut")
        self._start_s = None
        return closed

    def hold(self, now_s: float) -> list[Fence]:
        """Begin a fence that nothing closes but :meth:`release`: a test, which is one interval whatever happens."""
        closed = self.close(now_s)
        self.open(now_s)
        self.held = True
        return closed

    def release(self, now_s: float) -> Fence | None:
        """The held fence, closed, and an ordinary one open after it; None where recording stopped meanwhile."""
        if not self.held:
            return None
        self.held = False
        return next(iter(self._close_at(now_s, "held")), None)

    def advance(self, now_s: float) -> list[Fence]:
        """Time went by: close what lasted long enough, each at the end of its time."""
        closed: list[Fence] = []
        while self._start_s is not None and not self.held and now_s >= self._start_s + self._rules.duration_s:
            closed += self._close_at(self._start_s + self._rules.duration_s, "time")
        return closed

    def add_reading(self, reading: RadioReading) -> list[Fence]:
        """The radio source answered; a change of network closes the fence when the answer was taken."""
        closed = self.advance(reading.taken_at_s)
        before = self._readings[-1] if self._readings else self._earlier
        if before is not None and not self.held and network_of(before) != network_of(reading):
            closed += self._close_at(max(before.taken_at_s, reading.taken_at_s), "network")
            self._readings, self._earlier = [], None
        self._newest = reading
        if self._start_s is not None:
            self._readings.append(reading)
        return closed

    def add_failure(self, now_s: float) -> list[Fence]:
        """The radio source could not be read: what it said before stands for nothing that follows."""
        closed = self.advance(now_s)
        self._failures += 1
        self._newest = self._earlier = None
        return closed

    def add_fix(self, fix: PositionFix, now_s: float) -> list[Fence]:
        """A position was read, new or not; the device may have moved away from where the fence opened."""
        closed = self.advance(now_s)
        known, self._newest_fix = self._newest_fix, fix
        if self._start_s is None or self.held or fix == known:
            return closed
        if self._fix is None and not self._readings and self._earlier is None:
            self._fix = fix  # the fence has just opened, and said nothing yet
            return closed
        if self._fix is None:
            return closed + self._close_at(now_s, "position")
        jitter_m = max(self._fix.accuracy_m or 0.0, fix.accuracy_m or 0.0)
        if distance_m(self._fix, fix) >= max(self._rules.distance_m, jitter_m):
            closed += self._close_at(now_s, "distance")
        return closed

    def _begin(self, at_s: float) -> None:
        self._start_s, self._fix = at_s, self._newest_fix
        recent = self._newest is not None and at_s - self._newest.taken_at_s <= MAX_SIGNAL_AGE_S
        self._earlier = self._newest if recent else None
        self._readings, self._failures = [], 0

    def _close_at(self, at_s: float, why: Why) -> list[Fence]:
        if self._start_s is None:
            return []
        if at_s <= self._start_s:  # nothing lasted no time: the open fence begins anew with the newest position
            self._fix = self._newest_fix
            return []
        fence = Fence(
            start_s=self._start_s,
            end_s=at_s,
            closed_by=why,
            fix=self._fix,
            readings=tuple(self._readings),
            earlier=self._earlier,
            failures=self._failures,
        )
        self._begin(at_s)
        return [fence]

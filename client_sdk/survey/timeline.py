"""The time of a survey: the device's clock where it began, the monotonic clock since.

The device's clock may be set while a survey runs, and a device may sleep. Intervals are stamped on a line of their own
that never goes back, so that they never overlap; it follows the device's clock forward, after saying so, and does not
follow it backward.
"""

from dataclasses import dataclass

STEP_MS = 2_000
"""Ours: what a clock is off by before we call it set; time servers slew smaller differences."""


@dataclass(frozen=True, slots=True)
class Step:
    """The device's clock was set, or the device slept.

    Attributes:
        from_ms: instant of the survey's line just before.
        to_ms: what the device's clock says; the line goes on there if that is later, and stays if earlier.
    """

    from_ms: int
    to_ms: int

    @property
    def forward(self) -> bool:
        """True where time was skipped; False where the clock was set back."""
        return self.to_ms > self.from_ms


class Timeline:
    """Milliseconds since 1970 for instants of ``time.monotonic()``; later instants never get earlier ones.

    Args:
        monotonic_s: now.
        wall_ms: now, by the device's clock.
        not_before_ms: where the intervals recorded before have their end; the line begins there at the earliest.
    """

    def __init__(self, monotonic_s: float, wall_ms: int, not_before_ms: int = 0) -> None:
        self._anchor_s = monotonic_s
        self._anchor_ms = max(wall_ms, not_before_ms)
        self._ahead_ms = self._anchor_ms - wall_ms

    @property
    def ahead_ms(self) -> int:
        """How far the line is ahead of the device's clock, because that was set back; 0 where it was not."""
        return self._ahead_ms if self._ahead_ms > STEP_MS else 0

    def at_ms(self, monotonic_s: float) -> int:
        """The instant on the line; one before the line's last jump counts as the jump's end."""
        return self._anchor_ms + max(0, round((monotonic_s - self._anchor_s) * 1000))

    def compare(self, monotonic_s: float, wall_ms: int) -> Step | None:
        """Look at the device's clock; a step back is told once, a step forward until :meth:`follow` is called."""
        ahead_ms = self.at_ms(monotonic_s) - wall_ms
        known_ms, self._ahead_ms = self._ahead_ms, max(ahead_ms, 0)
        if ahead_ms < -STEP_MS or ahead_ms > known_ms + STEP_MS:
            return Step(wall_ms + ahead_ms, wall_ms)
        return None

    def follow(self, step: Step, monotonic_s: float) -> None:
        """Go on where a step forward leads; everything before ``monotonic_s`` has to be stamped by now."""
        if step.forward:
            self._anchor_s, self._anchor_ms = monotonic_s, step.to_ms

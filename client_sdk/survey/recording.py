"""The survey's account of time: what is recorded when, and an event for every stretch in which nothing is.

Everything that happens passes here with its instant, so that a stretch in which the program did not run, or the
device's clock was set, is noticed before anything is stamped after it.
"""

from collections.abc import Sequence
from typing import Literal

from client_sdk.messages import tr
from client_sdk.sources.reading import PositionFix, RadioReading, SourceUnavailableError
from client_sdk.survey.channel import Channel, Keeper
from client_sdk.survey.odometer import Odometer
from client_sdk.survey.timeline import Step, Timeline
from client_sdk.survey.watchdog import STALE_POSITION_S

HOLE_S = 5.0
"""Ours: the survey looks at the time several times a second; if it did not for so long, it was held up or the device
slept, and what happened meanwhile is unknown."""

ALIVE_EVERY_S = 5.0
"""Ours: how exactly the journal knows when a process died."""

State = Literal["recording", "paused", "waiting", "stopped"]
"""``waiting``: between scheduled runs."""


class Recording:
    """All channels of one survey.

    Args:
        channels: the modems.
        timeline: the survey's line of time.
        recorder: the survey's journal.

    Attributes:
        state: what the survey does.
        fix: newest position.
        odometer: distance travelled while recording.
        positioned: whether there is a source of positions.
    """

    def __init__(self, channels: Sequence[Channel], timeline: Timeline, recorder: Keeper) -> None:
        self.channels = tuple(channels)
        self.state: State = "stopped"
        self.fix: PositionFix | None = None
        self.odometer = Odometer()
        self.positioned = False
        self._timeline, self._recorder = timeline, recorder
        self._last_s: float | None = None

    @property
    def clock_set_back_ms(self) -> int:
        """How far the survey's time is ahead of a clock that was set back; 0 where it was not."""
        return self._timeline.ahead_ms

    def at_ms(self, now_s: float) -> int:
        """An instant on the survey's line of time."""
        return self._timeline.at_ms(now_s)

    def lacks_position(self, now_s: float) -> bool:
        """Whether what is measured now could be put nowhere, though there is a source of positions."""
        if not self.positioned:
            return False
        return self.fix is None or now_s - self.fix.fixed_at_s > STALE_POSITION_S

    def begin(self, now_s: float, kind: str, detail: str = "") -> None:
        """Record from now on; ``kind`` is the event that says so, ``started`` or ``resumed``."""
        self._last_s = now_s
        self.state = "recording"
        self._recorder.note(self.at_ms(now_s), kind, detail)
        for channel in self.channels:
            channel.open(now_s)

    def halt(self, now_s: float, state: State, kind: str, detail: str = "") -> None:
        """Record no more; ``kind`` is the event that says so, ``paused`` or ``stopped``."""
        if self.state == "recording":
            self._close(now_s)
        self.state = state
        self._recorder.note(self.at_ms(now_s), kind, detail)

    def look(self, now_s: float, wall_ms: int) -> Step | None:
        """Notice that time was lost, or the clock set; to be called before anything is told of now.

        Returns:
            the step of the device's clock, if it made one.
        """
        last_s, self._last_s = self._last_s, now_s
        if self.state == "recording" and last_s is not None and now_s - last_s > HOLE_S:
            self._interrupt(last_s, now_s, tr("the program was held up", "le programme a été suspendu"))
        if any(channel.testing for channel in self.channels):
            return None  # a test is one interval: the clock is looked at when it is over
        step = self._timeline.compare(now_s, wall_ms)
        if step and step.forward:
            self._follow(step, now_s)
        elif step:
            behind_s = (step.from_ms - step.to_ms) / 1000
            self._recorder.note(
                self.at_ms(now_s),
                "clock_set_back",
                tr(
                    f"by {behind_s:.0f} s; the survey keeps its own time",
                    f"de {behind_s:.0f} s ; le relevé garde son heure",
                ),
            )
        return step

    def advance(self, now_s: float) -> None:
        """Time went by."""
        for channel in self.channels:
            channel.advance(now_s)

    def add_fix(self, fix: PositionFix, now_s: float) -> None:
        """A position was read."""
        self.fix = fix
        if self.state == "recording":
            self.odometer.fix(fix)
        for channel in self.channels:
            channel.add_fix(fix, now_s)

    def add_reading(self, channel: Channel, reading: RadioReading, now_s: float) -> None:
        """A modem's source answered."""
        channel.add_reading(reading, now_s)

    def add_failure(self, channel: Channel, error: SourceUnavailableError, now_s: float) -> None:
        """A modem's source cannot be read."""
        channel.add_failure(error, now_s)

    def finish(self) -> None:
        """Decide all that waits, as it stands."""
        for channel in self.channels:
            channel.finish()

    def _close(self, now_s: float) -> None:
        for channel in self.channels:
            channel.close(now_s)

    def _interrupt(self, from_s: float, to_s: float, why: str) -> None:
        self._close(from_s)
        self._recorder.note(self.at_ms(from_s), "interrupted", why)
        self._recorder.note(self.at_ms(to_s), "resumed")
        for channel in self.channels:
            channel.open(to_s)

    def _follow(self, step: Step, now_s: float) -> None:
        skipped_s = (step.to_ms - step.from_ms) / 1000
        why = tr(
            f"the clock was set forward, or the device slept: {skipped_s:.0f} s",
            f"l’horloge a été avancée, ou l’appareil a dormi : {skipped_s:.0f} s",
        )
        if self.state != "recording":
            self._timeline.follow(step, now_s)
            self._recorder.note(step.to_ms, "clock_set_forward", why)
            return
        self._close(now_s)
        self._recorder.note(step.from_ms, "interrupted", why)
        self._timeline.follow(step, now_s)
        self._recorder.note(step.to_ms, "resumed")
        for channel in self.channels:
            channel.open(now_s)

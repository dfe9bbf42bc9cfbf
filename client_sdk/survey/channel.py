"""One modem of a survey: its readings, fences and echoes become samples, each interval once.

Nothing here waits: what was read elsewhere is given with its instant, and what is decided goes to the recorder.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from client_sdk.measurement.latency import Probe
from client_sdk.sample import Outcome, Sample, new_sample_id
from client_sdk.sources.reading import PositionFix, RadioReading, SourceUnavailableError
from client_sdk.sources.service_state import ServiceWatch
from client_sdk.survey.fences import Fence, FenceKeeper, FenceRules
from client_sdk.survey.saying import Interval, Link, tested
from client_sdk.survey.settling import Settler, Undecided
from client_sdk.survey.timeline import Timeline


class Keeper(Protocol):
    """Where a channel's samples go; the survey's recorder."""

    def add(self, modem: str, samples: list[Sample], /) -> None:
        """Keep decided samples."""
        ...

    def undecided(self, what: Undecided, /) -> None:
        """Keep what the waiting intervals would say."""
        ...

    def note(self, at_ms: int, kind: str, detail: str = "", /) -> None:
        """Write an event."""
        ...


class Channel:
    """The record of one modem.

    Args:
        label: names the modem in the journal and in the view.
        declared: fields that every sample states.
        rules: of the fences.
        timeline: the survey's line of time.
        recorder: where samples go.
        told: called with each sample that was decided.

    Attributes:
        link: the way of its echoes now; what a fence says of it is the worst that was seen while it was open.
        source_trouble: why the radio source cannot be read; None while it can.
    """

    def __init__(
        self,
        label: str,
        declared: Mapping[str, Any],
        rules: FenceRules,
        timeline: Timeline,
        recorder: Keeper,
        told: Callable[[str, Sample], None] = lambda label, sample: None,
    ) -> None:
        self.label = label
        self.link = Link()
        self.source_trouble: SourceUnavailableError | None = None
        self._declared, self._timeline, self._recorder, self._told = declared, timeline, recorder, told
        self._fences = FenceKeeper(rules)
        self._settler = Settler(declared)
        self._watch = ServiceWatch(declared.get("sim_plmn"))
        self._fix: PositionFix | None = None
        self._fence_link = self.link
        self._failed_since_s: float | None = None

    @property
    def settler(self) -> Settler:
        """The intervals that wait to be decided."""
        return self._settler

    @property
    def recording(self) -> bool:
        """Whether a fence is open."""
        return self._fences.open_since_s is not None

    @property
    def testing(self) -> bool:
        """Whether a test holds the fence open."""
        return self._fences.held

    @property
    def reading(self) -> RadioReading | None:
        """The newest reading; None where the source failed after it."""
        return self._fences.newest_reading

    def open(self, now_s: float) -> None:
        """Begin to record."""
        if not self.recording:
            self._fence_link = self.link
            self._fences.open(now_s)

    def close(self, now_s: float) -> None:
        """Stop recording."""
        self._closed(self._fences.close(now_s))
        self._settler.let_go()

    def cut(self, now_s: float) -> None:
        """End the open fence here and open the next."""
        if self.recording:
            self._closed(self._fences.close(now_s))
            self._fence_link = self.link
            self._fences.open(now_s)

    def set_link(self, link: Link) -> None:
        """What is known of the way of the echoes now."""
        before, self.link = self._fence_link, link
        if before.echoing and not link.echoing:
            return  # echoes rest now: what the fence says of its echoes stays
        self._fence_link = replace(link, up=link.up and before.up) if before.echoing else link

    def add_reading(self, reading: RadioReading, now_s: float) -> None:
        """The radio source answered."""
        if self.source_trouble is not None:
            self.source_trouble = None
            self._failed_since_s = None
            self._recorder.note(self._timeline.at_ms(now_s), "source_back", self.label)
        self._closed(self._fences.add_reading(reading))
        self._watch.observe(reading, self._fix)
        self._claim()

    def add_failure(self, error: SourceUnavailableError, now_s: float) -> None:
        """The radio source could not be read."""
        if self.source_trouble is None:
            self._failed_since_s = now_s
            self._recorder.note(self._timeline.at_ms(now_s), "source_failed", f"{self.label}: {error}")
        self.source_trouble = error
        self._closed(self._fences.add_failure(now_s))
        self._watch.observe(error, self._fix)
        self._claim()

    def add_fix(self, fix: PositionFix, now_s: float) -> None:
        """A position was read."""
        self._fix = fix
        self._closed(self._fences.add_fix(fix, now_s))

    def add_probes(self, probes: Iterable[Probe]) -> None:
        """Echoes finished."""
        self._settler.add_probes(probes)

    def advance(self, now_s: float) -> None:
        """Time went by."""
        self._closed(self._fences.advance(now_s))
        self._keep(self._settler.settle(now_s))
        self._tell_unread()

    def hold(self, now_s: float) -> None:
        """A test begins: one interval until it is over."""
        self._closed(self._fences.hold(now_s))

    def release(self, now_s: float, sample_id: str, outcome: Outcome | None, fields: Mapping[str, Any]) -> None:
        """A test is over.

        Args:
            now_s: monotonic.
            sample_id: of the test.
            outcome: of the test; None: nothing was measured, and the interval is an ordinary one.
            fields: what was measured.
        """
        fence = self._fences.release(now_s)
        if fence is None:
            return
        if outcome is None:
            self._closed([fence])
            return
        interval = self._interval(fence, sample_id)
        self._fence_link = self.link
        if interval:
            self._keep([tested(interval, outcome, fields, self._declared)])

    def finish(self) -> None:
        """Decide everything that waits, as it stands; recording has stopped."""
        self._keep(self._settler.finish())
        self._tell_unread()
        self._recorder.undecided(Undecided(self.label, ()))

    def _tell_unread(self) -> None:
        """An event for each interval in which nothing was learnt, unless the source's failure says it already."""
        for one in self._settler.take_unread():
            if self._failed_since_s is None or self._failed_since_s > one.fence.start_s:
                lasted_ms = one.end_ms - one.start_ms
                self._recorder.note(one.start_ms, "unread", f"{self.label}: {lasted_ms} ms")

    def _claim(self) -> None:
        self._settler.observe(self._watch.claim())

    def _closed(self, fences: Iterable[Fence]) -> None:
        waiting = False
        for fence in fences:
            interval = self._interval(fence, None)
            self._fence_link = self.link
            if interval:
                self._settler.add(interval)
                waiting = True
        if waiting:
            self._claim()  # as it stood until now: what comes next is of the next fence
            self._recorder.undecided(Undecided(self.label, tuple(self._settler.as_they_stand())))

    def _interval(self, fence: Fence, sample_id: str | None) -> Interval | None:
        start_ms, end_ms = self._timeline.at_ms(fence.start_s), self._timeline.at_ms(fence.end_s)
        if start_ms == end_ms:
            return None
        return Interval(
            fence=fence,
            sample_id=sample_id or new_sample_id(start_ms),
            start_ms=start_ms,
            end_ms=end_ms,
            link=self._fence_link,
        )

    def _keep(self, samples: list[Sample]) -> None:
        if samples:
            self._recorder.add(self.label, samples)
        for sample in samples:
            self._told(self.label, sample)

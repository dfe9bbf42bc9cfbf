"""Whatever happens to a survey, every interval is accounted for once; a fast clock, and no device."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from survey_drive import NOON_MS, UP, echoes, fix, reading, told

from client_sdk.outbox.surveys import SurveyEvent
from client_sdk.sample import Sample, encode
from client_sdk.sources.reading import SourceUnavailableError
from client_sdk.survey.accounts import interrupted_at_ms, unaccounted
from client_sdk.survey.channel import Channel
from client_sdk.survey.fences import FenceRules
from client_sdk.survey.recording import HOLE_S, Recording
from client_sdk.survey.settling import Undecided
from client_sdk.survey.timeline import Timeline


@dataclass
class Journal:
    """Keeps what a recorder would write, and holds it to the recorder's promises."""

    samples: list[tuple[str, Sample]] = field(default_factory=list)
    events: list[SurveyEvent] = field(default_factory=list)
    waiting: dict[str, tuple[Sample, ...]] = field(default_factory=dict)

    def add(self, modem: str, samples: list[Sample], /) -> None:
        for sample in samples:
            encode(sample)
            self.samples.append((modem, sample))

    def undecided(self, what: Undecided, /) -> None:
        self.waiting[what.modem] = what.samples

    def note(self, at_ms: int, kind: str, detail: str = "", /) -> None:
        self.events.append(SurveyEvent(at_ms, kind, detail))

    def fields(self, *more: tuple[str, Sample]) -> list[tuple[str, dict[str, Any]]]:
        return [
            (modem, {"measured_at": sample.measured_at, "duration_ms": sample.duration_ms, "id": sample.id})
            for modem, sample in [*self.samples, *more]
        ]


def start_of(fields: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(fields["measured_at"]).timestamp() * 1000)


@dataclass
class World:
    """A survey of two modems on a clock that the test moves."""

    now_s: float = 100.0
    offset_ms: int = 0
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.now_s, self.wall_ms)
        self.orange, self.sfr = (
            Channel(label, {"context": "vehicle"}, FenceRules(), self.timeline, self.journal)
            for label in ("orange", "sfr")
        )
        self.recording = Recording((self.orange, self.sfr), self.timeline, self.journal)
        self.recording.begin(self.now_s, "started")

    @property
    def wall_ms(self) -> int:
        return NOON_MS + round((self.now_s - 100.0) * 1000) + self.offset_ms

    def look(self) -> None:
        self.recording.look(self.now_s, self.wall_ms)

    def live(
        self, seconds: float, *, rat: str | None = "lte", state: str = "in_service", moving_mps: float = 0.0
    ) -> None:
        """Both modems answer every second."""
        for _ in range(round(seconds)):
            self.now_s += 1.0
            self.look()
            for channel in (self.orange, self.sfr):
                self.recording.add_reading(channel, reading(self.now_s, rat, state, sim_plmn="20801"), self.now_s)
            self.recording.add_fix(fix(self.now_s, moving_mps * self.now_s), self.now_s)
            self.recording.advance(self.now_s)

    def stop(self) -> None:
        self.look()
        self.recording.halt(self.now_s, "stopped", "stopped")
        self.recording.finish()

    def gaps(self) -> list[Any]:
        return unaccounted(self.journal.fields(), self.journal.events, ("orange", "sfr"))

    def gaps_after_a_kill(self) -> list[Any]:
        """What would be left if the process died now and the survey went on a minute later."""
        known = {sample.id for _, sample in self.journal.samples}
        kept = [(modem, sample) for modem, samples in self.journal.waiting.items() for sample in samples]
        fields = self.journal.fields(*(one for one in kept if one[1].id not in known))
        ends = {"orange": 0, "sfr": 0}
        for modem, one in fields:
            end_ms = start_of(one) + one["duration_ms"]
            ends[modem] = max(ends[modem], end_ms)
        alive_ms = self.timeline.at_ms(self.now_s)
        events = [
            *self.journal.events,
            SurveyEvent(interrupted_at_ms(ends.values(), self.journal.events, alive_ms), "interrupted", ""),
            SurveyEvent(alive_ms + 60_000, "resumed", ""),
        ]
        return unaccounted(fields, sorted(events, key=lambda event: event.at_ms), ("orange", "sfr"))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.journal.events]


def test_a_quiet_survey_is_accounted_for_without_a_gap() -> None:
    world = World()
    world.live(300, moving_mps=12.0)
    world.stop()

    assert world.gaps() == []
    assert world.kinds() == ["started", "stopped"]
    lengths = {sample.duration_ms for _, sample in world.journal.samples}
    assert max(lengths) <= 10_000
    assert sum(sample.duration_ms for modem, sample in world.journal.samples if modem == "orange") == 300_000


def test_a_pause_is_a_gap_that_is_explained() -> None:
    world = World()
    world.live(30)
    world.recording.halt(world.now_s, "paused", "paused")
    world.live(60)
    world.recording.begin(world.now_s, "resumed")
    world.live(30)
    world.stop()

    assert world.kinds() == ["started", "paused", "resumed", "stopped"]
    assert world.gaps() == []
    assert sum(sample.duration_ms for modem, sample in world.journal.samples if modem == "sfr") == 60_000


def test_a_program_that_was_held_up_says_so() -> None:
    world = World()
    world.live(30)
    world.now_s += 40.0
    world.live(30)
    world.stop()

    assert world.kinds() == ["started", "interrupted", "resumed", "stopped"]
    assert [event.at_ms - NOON_MS for event in world.journal.events] == [0, 30_000, 71_000, 100_000]
    assert world.gaps() == []


def test_a_clock_set_back_changes_no_duration_and_makes_no_overlap() -> None:
    world = World()
    world.live(60)
    world.offset_ms = -3_600_000
    world.live(60)
    world.stop()

    assert world.kinds() == ["started", "clock_set_back", "stopped"]
    assert world.recording.clock_set_back_ms == 3_600_000
    assert world.gaps() == []


def test_a_clock_set_forward_is_followed_and_the_hole_explained() -> None:
    world = World()
    world.live(60)
    world.offset_ms = 86_400_000
    world.live(60)
    world.stop()

    assert world.kinds() == ["started", "interrupted", "resumed", "stopped"]
    assert world.gaps() == []
    assert world.journal.samples[-1][1].measured_at.startswith("2026-11-24")


def test_a_source_that_fails_is_an_event_and_no_statement() -> None:
    world = World()
    world.live(20)
    for _ in range(60):
        world.now_s += 1.0
        world.look()
        world.recording.add_failure(world.orange, SourceUnavailableError("modem gone"), world.now_s)
        world.recording.add_reading(world.sfr, reading(world.now_s), world.now_s)
        world.recording.advance(world.now_s)
    world.live(20)
    world.stop()

    failed = [event for event in world.journal.events if event.kind.startswith("source")]
    assert [(event.kind, event.detail) for event in failed] == [
        ("source_failed", "orange: modem gone"),
        ("source_back", "orange"),
    ]
    assert world.gaps() == []
    assert {told(sample) for _, sample in world.journal.samples} == {("signal", None, "in_service")}


def test_a_dead_zone_on_the_way_is_said_as_such() -> None:
    world = World()
    world.live(20)
    world.live(30, rat=None, state="no_service", moving_mps=10.0)
    world.live(20)
    world.stop()

    dead = [sample for modem, sample in world.journal.samples if sample.kind == "service" and modem == "orange"]
    assert sum(sample.duration_ms for sample in dead) == 30_000
    assert {sample.service_state for sample in dead} == {"no_service"}
    assert all(sample.latitude is not None and sample.sim_plmn == "20801" for sample in dead)
    assert world.gaps() == []


def test_a_test_is_one_interval_between_two_fences() -> None:
    world = World()
    world.live(13)
    world.orange.hold(world.now_s)
    world.offset_ms += 60_000  # the clock is set meanwhile: noticed when the test is over
    world.live(21)
    world.orange.release(world.now_s, "01972b5c-ee02-7000-8000-000000000001", "ok", {"download_bps": 8e6})
    world.live(10)
    world.stop()

    (test,) = [sample for _, sample in world.journal.samples if sample.kind == "throughput"]
    assert (test.duration_ms, test.download_bps, test.outcome) == (21_000, 8e6, "ok")
    assert world.kinds() == ["started", "interrupted", "resumed", "stopped"]
    assert world.gaps() == []


def test_a_test_that_measured_nothing_leaves_its_time_to_the_radio() -> None:
    world = World()
    world.live(5)
    world.orange.hold(world.now_s)
    world.live(20)
    world.orange.release(world.now_s, "01972b5c-ee02-7000-8000-000000000001", None, {})
    world.live(5)
    world.stop()

    assert {sample.kind for _, sample in world.journal.samples} == {"signal"}
    assert world.gaps() == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["live", "dead", "move", "pause", "hole", "set", "fail", "test", "echo", "lost"]),
        st.floats(0.2, 30.0),
        st.integers(-100_000, 100_000),
    ),
    max_size=25,
)


@given(STEPS)
def test_every_interval_is_accounted_for_once_whatever_happens(steps: list[tuple[str, float, int]]) -> None:
    world = World()
    for kind, seconds, set_by_ms in steps:
        match kind:
            case "live":
                world.live(seconds)
            case "dead":
                world.live(seconds, rat=None, state="no_service")
            case "move":
                world.live(seconds, moving_mps=abs(set_by_ms) / 2000)
            case "pause":
                world.look()
                world.recording.halt(world.now_s, "paused", "paused")
                world.live(seconds)
                world.look()
                world.recording.begin(world.now_s, "resumed")
            case "hole":
                world.now_s += seconds + HOLE_S
                world.look()
            case "set":
                world.offset_ms += set_by_ms
                world.look()
            case "fail":
                world.look()
                world.recording.add_failure(world.orange, SourceUnavailableError("gone"), world.now_s)
            case "test":
                world.sfr.hold(world.now_s)
                world.live(seconds)
                world.sfr.release(world.now_s, f"01972b5c-ee02-7000-8000-{round(world.now_s * 1000):012x}", "ok", {})
            case _:
                for channel in (world.orange, world.sfr):
                    channel.set_link(UP)
                    channel.add_probes(echoes(world.now_s, world.now_s + seconds, 20.0 if kind == "echo" else None))
                world.live(seconds)
    after_a_kill = world.gaps_after_a_kill()
    world.stop()

    assert world.gaps() == []
    assert after_a_kill == []
    ids = [fields["id"] for _, fields in world.journal.fields()]
    assert len(set(ids)) == len(ids)

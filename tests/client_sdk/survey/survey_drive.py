"""Readings, fixes and intervals for the survey's tests; instants of a monotonic clock that begins at 0."""

from typing import Any

from client_sdk.measurement.latency import Probe
from client_sdk.sample import Sample, new_sample_id
from client_sdk.sources.reading import PositionFix, RadioReading
from client_sdk.sources.service_state import ServiceClaim
from client_sdk.survey.fences import Fence
from client_sdk.survey.saying import Interval, Link

NOON_MS = 1_795_435_200_000
METRES_PER_DEGREE = 111_195.08
UP = Link(echoing=True, up=True, path="mobile", server="collector.test", ip_family="ipv4")
OFF = Link()


def reading(taken_at_s: float, rat: str | None = "lte", state: Any = "in_service", **fields: Any) -> RadioReading:
    given = {"rat": rat, **fields} if rat else fields
    return RadioReading(
        taken_at_s=taken_at_s, source="modemmanager", service_state=state, service_evidence="strong", fields=given
    )


def fix(fixed_at_s: float, metres_north: float = 0.0, accuracy_m: float | None = 5.0, **more: Any) -> PositionFix:
    return PositionFix(
        fixed_at_s=fixed_at_s,
        latitude=47.0 + metres_north / METRES_PER_DEGREE,
        longitude=3.5,
        position_source="gnss",
        accuracy_m=accuracy_m,
        **more,
    )


def interval(
    start_s: float, end_s: float, *readings: RadioReading, link: Link = UP, position: PositionFix | None = None
) -> Interval:
    fence = Fence(
        start_s=start_s,
        end_s=end_s,
        closed_by="time",
        fix=position,
        readings=readings,
        earlier=None,
        failures=0,
    )
    start_ms, end_ms = NOON_MS + round(start_s * 1000), NOON_MS + round(end_s * 1000)
    return Interval(fence=fence, sample_id=new_sample_id(start_ms), start_ms=start_ms, end_ms=end_ms, link=link)


def echoes(start_s: float, end_s: float, rtt_ms: float | None, every_s: float = 1.0) -> list[Probe]:
    count = int((end_s - start_s) / every_s)
    return [Probe(sent_at_s=start_s + number * every_s, rtt_ms=rtt_ms) for number in range(count)]


def claim(state: Any, since_s: float, until_s: float, *, established: bool = True) -> ServiceClaim:
    return ServiceClaim(
        state=state,
        evidence="strong",
        polls=5,
        since_s=since_s,
        until_s=until_s,
        established=established,
        why_not="" if established else "not yet",
    )


def told(sample: Sample) -> tuple[str, str | None, str]:
    return sample.kind, sample.outcome, sample.service_state

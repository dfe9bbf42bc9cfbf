"""What a closed fence says, as a sample: facts of the fence, and no more than its evidence allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from client_sdk import __version__
from client_sdk.bounds import instant_text
from client_sdk.errors import SampleError
from client_sdk.measurement.latency import Probe, round_trip_fields
from client_sdk.sample import Outcome, Sample, check
from client_sdk.sources.reading import PositionFix, RadioReading
from client_sdk.sources.service_state import LOST, ServiceClaim
from client_sdk.survey.fences import Fence

LOST_STATES = LOST
"""States that speak against an operator: they are said where they are established, and nowhere else."""

OLDEST_POSITION_S = 86_400.0
"""Bound of ``position_age_ms``; a fix of yesterday is no position."""

_SIGNALS = ("nr_ss_rsrp_dbm", "lte_rsrp_dbm", "umts_rscp_dbm", "gsm_rssi_dbm")
_OWN_FIELDS = frozenset({"id", "seq", "kind", "measured_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way of a channel's echoes while a fence was open.

    Attributes:
        echoing: echoes were being sent.
        up: the way was there: the interface had an address and took packets.
        path: what carried them, where the device could tell.
        server: host that answers.
        protocol: of the echoes.
        ip_family: of the way.
    """

    echoing: bool = False
    up: bool = False
    path: Literal["mobile", "wifi", "other"] | None = None
    server: str | None = None
    protocol: Literal["udp", "websocket"] = "udp"
    ip_family: Literal["ipv4", "ipv6"] | None = None

    def fields(self) -> dict[str, Any]:
        """What a sample says of its echoes' way."""
        return {"test_path": self.path, "test_server": self.server and self.server[:64], "ip_family": self.ip_family}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed fence on the survey's line of time.

    Attributes:
        fence: what happened in it.
        sample_id: of the sample it becomes.
        start_ms: milliseconds since 1970.
        end_ms: the same; never before the start.
        link: the way of its echoes.
    """

    fence: Fence
    sample_id: str
    start_ms: int
    end_ms: int
    link: Link

    @property
    def state(self) -> str:
        """State of service that its readings tell; ``unknown`` without any."""
        network = self.fence.network
        return network[0] if network else "unknown"


def said(
    interval: Interval,
    probes: Sequence[Probe],
    declared: Mapping[str, Any],
    *,
    claim: ServiceClaim | None = None,
    no_data: bool = False,
) -> Sample | None:
    """The sample of an interval; None where nothing was learnt in it.

    Args:
        interval: the closed fence.
        probes: its echoes that are finished.
        declared: fields that the survey states in every sample.
        claim: the established claim about service that covers it.
        no_data: it is established that data did not pass although the modem was registered.
    """
    fence = interval.fence
    reading = representative(fence)
    answered = any(probe.rtt_ms is not None for probe in probes)
    fields = _common(interval, reading, declared)
    if probes:
        fields |= round_trip_fields(probes, interval.link.protocol)
    if claim is not None:
        fields |= {
            "kind": "service",
            "service_state": claim.state,
            "service_evidence": claim.evidence,
            "service_polls": claim.polls,
        }
    else:
        if fields["service_state"] in LOST_STATES:
            fields |= {"service_state": "unknown", "service_evidence": None, "service_polls": None}
            fields.pop("service_reject_cause", None)
        if answered or no_data:
            fields |= {"kind": "latency", "outcome": "no_data" if no_data else "ok"} | interval.link.fields()
        elif reading is None and not probes:
            return None
    if fields["service_state"] == "no_service":
        fields |= {"rat": None, "nr_mode": None}
    return within_bounds(fields)


def tested(interval: Interval, outcome: Outcome, measured: Mapping[str, Any], declared: Mapping[str, Any]) -> Sample:
    """The sample of a throughput test: the network as it was when the test began, and what was measured."""
    fence = interval.fence
    reading = fence.earlier or next(iter(fence.readings), None)
    fields = _common(interval, reading, declared) | {"service_polls": None}
    if fields["service_state"] in LOST_STATES:
        fields |= {"service_state": "unknown", "service_evidence": None}
        fields.pop("service_reject_cause", None)
    return within_bounds(fields | dict(measured) | {"kind": "throughput", "outcome": outcome})


def representative(fence: Fence) -> RadioReading | None:
    """One reading that stands for all: the one with the median signal, so that its values belong together."""
    with_signal = sorted(
        (reading for reading in fence.readings if strength_dbm(reading) is not None),
        key=lambda reading: strength_dbm(reading) or 0.0,
    )
    if with_signal:
        return with_signal[(len(with_signal) - 1) // 2]
    return fence.readings[-1] if fence.readings else fence.earlier


def strength_dbm(reading: RadioReading) -> float | None:
    """Strength of the serving signal in the quantity of its technology."""
    values = (reading.fields.get(name) for name in _SIGNALS)
    return next((float(value) for value in values if value is not None), None)


def position_fields(fix: PositionFix | None, at_s: float) -> dict[str, Any]:
    """What a sample says of a position at an instant; nothing without one, or with one of another day."""
    if fix is None or at_s - fix.fixed_at_s > OLDEST_POSITION_S:
        return {}
    return {
        "latitude": round(fix.latitude, 7),
        "longitude": round(fix.longitude, 7),
        "accuracy_m": fix.accuracy_m,
        "accuracy_kind": fix.accuracy_kind,
        "altitude_m": fix.altitude_m,
        "speed_mps": fix.speed_mps,
        "position_source": fix.position_source,
        "position_mock": fix.position_mock,
        "position_age_ms": max(0, round((at_s - fix.fixed_at_s) * 1000)),
    }


def radio_fields(reading: RadioReading | None, at_s: float) -> dict[str, Any]:
    """What a sample says of the radio, from a reading taken before or soon after the instant."""
    if reading is None:
        return {"service_state": "unknown"}
    fields = dict(reading.fields)
    age_ms = (at_s - reading.taken_at_s) * 1000 + (fields.get("signal_age_ms") or 0)
    return fields | {
        "service_state": reading.service_state,
        "service_evidence": reading.service_evidence,
        "signal_age_ms": max(0, round(age_ms)),
    }


def instant_of(unix_ms: int) -> str:
    """Wire form of an instant in milliseconds since 1970."""
    return instant_text(datetime.fromtimestamp(unix_ms // 1000, UTC).replace(microsecond=unix_ms % 1000 * 1000))


def within_bounds(fields: dict[str, Any]) -> Sample:
    """The sample with these fields, without those that break their bounds: one odd value costs no interval.

    Raises:
        SampleError: what is left cannot be a sample.
    """
    while True:
        try:
            sample = Sample(**fields)
            check(sample)
        except SampleError as error:
            if error.field in _OWN_FIELDS or fields.get(error.field) is None:
                raise  # nothing to leave out: a mistake of ours
            halves = {"latitude", "longitude"}
            odd = halves if error.field in halves else {error.field}
            fields = {name: value for name, value in fields.items() if name not in odd}
        else:
            return sample


def _common(interval: Interval, reading: RadioReading | None, declared: Mapping[str, Any]) -> dict[str, Any]:
    fence = interval.fence
    radio = radio_fields(reading, fence.start_s)
    polls = len(fence.readings) or None
    return {
        **declared,
        "client": f"maille {__version__}",
        "scheduled": True,
        **position_fields(fence.fix, fence.start_s),
        **radio,
        "service_polls": None if radio["service_state"] == "unknown" else polls,
        "id": interval.sample_id,
        "seq": 0,
        "kind": "signal",
        "measured_at": instant_of(interval.start_ms),
        "duration_ms": interval.end_ms - interval.start_ms,
    }

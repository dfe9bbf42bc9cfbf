"""Plausibility rules as data: they flag a sample, they never delete or alter it.

A flag that *excludes* keeps the sample out of votes; the sample is stored, archived and counted all the same. Each rule
has a stable id and a version, raised when its meaning changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from client_sdk.sample import Sample
from collector.storage.witnessed import Direction, Witness


@dataclass(frozen=True, slots=True)
class Known:
    """What the collector knows beside the sample itself; all of it is in its database and can be looked up again.

    Attributes:
        received_at: when the sample came.
        witnesses: by session and direction, what the server saw of the transfers of the sample's device.
    """

    received_at: datetime
    witnesses: Mapping[tuple[str, Direction], Witness] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        id: stable, without spaces; what ``flags`` holds.
        version: raised when the meaning changes.
        excludes: whether a sample that it flags has no vote.
        reason_en: why, in English.
        reason_fr: why, in French.
        source: where the threshold comes from.
        fires: the condition, given the sample and what else is known.
    """

    id: str
    version: int
    excludes: bool
    reason_en: str
    reason_fr: str
    source: str
    fires: Callable[[Sample, Known], bool]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Ids of the rules that fired, in the order of :data:`RULES`, and whether one of them excludes."""

    flags: tuple[str, ...]
    excluded: bool


CLOCK_TOLERANCE = timedelta(minutes=10)
WORST_ACCURACY_M = 50.0
OLDEST_POSITION_MS = 60_000
FASTEST_MPS = 150.0
WITNESS_TOLERANCE = 0.05
WITNESS_SLACK_BYTES = 64 * 1024
RATE_OVER_WHOLE = 4.0


def judge(sample: Sample, known: Known) -> Judgement:
    """Apply every rule to one sample."""
    fired = [rule for rule in RULES if rule.fires(sample, known)]
    return Judgement(tuple(rule.id for rule in fired), any(rule.excludes for rule in fired))


def _is_unwitnessed(sample: Sample, known: Known) -> bool:
    if sample.kind != "throughput" or sample.import_format is not None:
        return False
    claimed: list[tuple[Direction, float | None, int | None]] = [
        ("download", sample.download_bps, sample.download_bytes),
        ("upload", sample.upload_bps, sample.upload_bytes),
    ]
    return any(
        rate_bps is not None
        and _is_beyond(known.witnesses.get((sample.test_id or "", direction)), rate_bps, moved or 0)
        for direction, rate_bps, moved in claimed
    )


def _is_beyond(witness: Witness | None, rate_bps: float, moved: int) -> bool:
    if witness is None or moved > witness.bytes * (1 + WITNESS_TOLERANCE) + WITNESS_SLACK_BYTES:
        return True
    whole_bps = witness.bytes * 8000 / max(witness.duration_ms, 1.0)
    return rate_bps > whole_bps * RATE_OVER_WHOLE


def _exceeds(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


RULES: tuple[Rule, ...] = (
    Rule(
        id="clock-ahead",
        version=2,
        excludes=True,
        reason_en="measured more than 10 minutes after it was received: the device's clock is ahead",
        reason_fr="mesuré plus de 10 minutes après réception : l'horloge de l'appareil avance",
        source="ours: phones set by the network or GNSS are right to the second; the latest sample ends the window "
        "of a decision, so one from the future would move it",
        fires=lambda sample, known: datetime.fromisoformat(sample.measured_at) > known.received_at + CLOCK_TOLERANCE,
    ),
    Rule(
        id="position-null-island",
        version=1,
        excludes=True,
        reason_en="position 0° N 0° E, which programs write when they have none",
        reason_fr="position 0° N 0° E, écrite par des programmes qui n'en ont pas",
        source="ours: the point lies in the Gulf of Guinea, 570 km from land",
        fires=lambda sample, _: sample.latitude == 0 and sample.longitude == 0,
    ),
    Rule(
        id="position-inaccurate",
        version=1,
        excludes=True,
        reason_en="position known to worse than 50 m",
        reason_fr="position connue à plus de 50 m près",
        source="ours: a tenth of the edge of a hexagon of resolution 8 (531 m)",
        fires=lambda sample, _: _exceeds(sample.accuracy_m, WORST_ACCURACY_M),
    ),
    Rule(
        id="position-stale",
        version=1,
        excludes=True,
        reason_en="position more than 60 s old",
        reason_fr="position vieille de plus de 60 s",
        source="ours: at 30 m/s a device leaves its hexagon of resolution 8 within about 30 s",
        fires=lambda sample, _: _exceeds(sample.position_age_ms, OLDEST_POSITION_MS),
    ),
    Rule(
        id="position-mock",
        version=1,
        excludes=True,
        reason_en="the system says that the position is simulated",
        reason_fr="le système signale une position simulée",
        source="Android Location.isMock",
        fires=lambda sample, _: sample.position_mock is True,
    ),
    Rule(
        id="speed-implausible",
        version=1,
        excludes=True,
        reason_en="faster than 150 m/s over ground",
        reason_fr="plus de 150 m/s par rapport au sol",
        source="ours: the fastest trains run at 89 m/s; beyond 150 m/s it is an aircraft or a false position",
        fires=lambda sample, _: _exceeds(sample.speed_mps, FASTEST_MPS),
    ),
    Rule(
        id="unwitnessed",
        version=1,
        excludes=False,
        reason_en="a rate is given, and the server's own record of such a transfer is missing, or shows far less",
        reason_fr="un débit est donné sans que le serveur ait lui-même vu ce transfert, ou en ayant vu bien moins",
        source="ours: a test against another server is honest, and cannot be told from an invented one. More than 5 % "
        "beyond the bytes that the server saw, and 64 KiB for what was on its way when the connection broke; more than "
        "4 times the mean of the whole transfer, whose ramp the rate leaves out",
        fires=_is_unwitnessed,
    ),
)
"""Every rule, in the order in which flags are written."""

"""What a campaign will cost in data, before it starts: low, typical and high, with what each assumes.

A transfer takes 4 s at least and 10 s at most; recorded transfers stopped after 7.1 s in the median standing and 8.3 s
driving (the replay that chose the rule), 7.7 s between them. Byte caps bound each direction. An echo and its answer are
88 bytes over IPv4 and 128 over IPv6, headers included; a sample sealed with others is about 300 bytes on the wire.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from client_sdk.measurement.limits import WIRE_SHARE, Limits
from client_sdk.survey.schedule import Rhythm

TRANSFER_S = (4.0, 7.7, 10.0)
ECHO_BYTES = (88, 88, 128)
SAMPLE_BYTES = (250, 300, 400)
SAMPLE_S = (10.0, 5.0, 2.0)
"""Ours: a survey's sample ends after 10 s or 50 m, which is 2 s at 90 km/h."""

RURAL_DOWN_BPS = (3e6, 10e6, 50e6)
RURAL_UP_BPS = (0.5e6, 2e6, 10e6)
"""Ours, where nothing better is known: weak rural 4G, ordinary rural 4G, good 4G or 5G."""

Range = tuple[float, float, float]
"""Low, typical and high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is planned.

    Attributes:
        tests: throughput tests, on all modems together.
        hours: of continuous recording; 0: none.
        modems: that record at once.
        echo_hz: echoes a second on each.
        limits: byte caps of a test.
        down_bps: rates expected, low, typical and high.
        up_bps: the same, up.
    """

    tests: int
    hours: float = 0.0
    modems: int = 1
    echo_hz: float = 5.0
    limits: Limits = field(default_factory=Limits)
    down_bps: Range = RURAL_DOWN_BPS
    up_bps: Range = RURAL_UP_BPS


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes of one case, headers included."""

    download: int
    upload: int
    echoes: int
    samples: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.download + self.upload + self.echoes + self.samples

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self) | {"total": self.total}


def estimate(campaign: Campaign) -> tuple[Cost, Cost, Cost]:
    """Low, typical and high."""
    low, typical, high = (_cost(campaign, case) for case in range(3))
    return low, typical, high


def number_of_tests(every: Rhythm, *, km: float, hours: float, modems: int = 1) -> int | None:
    """How many throughput tests a rhythm makes; None where it counts data, whose number follows from the rates."""
    match every.by:
        case "distance":
            return modems * int(km * 1000 / every.amount)
        case "time":
            return modems * (1 + int(hours * 3600 / every.amount))
        case "budget":
            return None


def _cost(campaign: Campaign, case: int) -> Cost:
    seconds = campaign.hours * 3600 * campaign.modems
    transfer_s = TRANSFER_S[2] if campaign.limits.full_length else TRANSFER_S[case]
    samples = campaign.tests + seconds / SAMPLE_S[case]
    return Cost(
        download=_transfers(campaign.tests, campaign.down_bps[case], transfer_s, campaign.limits.download_bytes),
        upload=_transfers(campaign.tests, campaign.up_bps[case], transfer_s, campaign.limits.upload_bytes),
        echoes=round(seconds * campaign.echo_hz * ECHO_BYTES[case]),
        samples=round(samples * SAMPLE_BYTES[case]),
    )


def _transfers(tests: int, bps: float, transfer_s: float, cap_bytes: int | None) -> int:
    one = bps * transfer_s / 8
    return round(tests * (one if cap_bytes is None else min(one, cap_bytes)) * WIRE_SHARE)

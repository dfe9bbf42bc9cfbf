"""What the person at the wheel sees of a survey: filled by the field loop, drawn by :mod:`client_sdk.survey.view`."""

from dataclasses import dataclass
from typing import Literal

from client_sdk.sample import Rat, ServiceState

Activity = Literal["recording", "testing", "paused", "waiting", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemStatus:
    """One modem now.

    Attributes:
        label: as declared.
        sim_plmn: whose SIM it is.
        serving_plmn: whose network serves.
        service_state: as the radio tells it.
        rat: technology that serves.
        nr_mode: of 5G.
        strength_dbm: RSRP, or what the technology has in its place.
        rtt_ms: of the last echo answered; None where the last one was lost, or none is sent.
        last_result: of the last throughput test or finding, in words.
        trouble: why its source cannot be read, in words; empty where it can.
    """

    label: str
    sim_plmn: str | None = None
    serving_plmn: str | None = None
    service_state: ServiceState = "unknown"
    rat: Rat | None = None
    nr_mode: Literal["nsa", "sa"] | None = None
    strength_dbm: float | None = None
    rtt_ms: float | None = None
    last_result: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyStatus:
    """The whole survey now.

    Attributes:
        activity: what it does.
        campaign: as declared.
        elapsed_s: since it began, pauses included.
        modems: one each.
        latitude: of the newest fix.
        longitude: of the newest fix.
        accuracy_m: of the newest fix.
        position_age_s: of the newest fix; None where there was none.
        position_source: name of the source.
        distance_m: travelled while recording.
        samples: kept so far.
        pending: samples that wait to be sent, those of other surveys included.
        used_bytes: data used by tests and echoes of this survey.
        remaining_bytes: what the tightest budget leaves; None without a budget.
        next_test: when the next throughput test is due, in words; empty where none is.
        upload: what the upload does, in words.
        battery_percent: of the device, where it tells.
        warnings: what is wrong, in words, loudest first.
        keys: what can be pressed, in words.
    """

    activity: Activity
    campaign: str | None = None
    elapsed_s: float = 0.0
    modems: tuple[ModemStatus, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    position_age_s: float | None = None
    position_source: str = ""
    distance_m: float = 0.0
    samples: int = 0
    pending: int = 0
    used_bytes: int = 0
    remaining_bytes: int | None = None
    next_test: str = ""
    upload: str = ""
    battery_percent: int | None = None
    warnings: tuple[str, ...] = ()
    keys: str = ""

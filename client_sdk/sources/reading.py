"""What a source of radio readings or positions answers, whatever it is; and when it must not be believed.

A source that failed raises :class:`SourceUnavailableError`; it never stands for "no service". Times are those of
``time.monotonic()``, so that a clock set meanwhile changes no age.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from client_sdk.errors import MailleError
from client_sdk.sample import ServiceState

Evidence = Literal["strong", "weak"]


class SourceUnavailableError(MailleError):
    """A source that cannot be read now.

    Attributes:
        way_out: what the person can do about it.
    """

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.way_out = way_out


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioReading:
    """One answer of a radio source about one SIM.

    Attributes:
        taken_at_s: ``time.monotonic()`` when it was taken.
        source: ``modemmanager``, ``termux`` or ``adb``.
        service_state: registration as the source tells it; ``unknown`` where it does not tell.
        service_evidence: how sure that is; None with ``unknown``.
        fields: values of :class:`client_sdk.sample.Sample` fields by name, each within its bounds, absent ones left
            out: ``sim_plmn``, ``serving_plmn``, ``roaming``, ``rat``, ``nr_mode``, ``service_reject_cause``, signal,
            serving cell, ``signal_age_ms``, ``device_model``, ``device_os``. Nothing that identifies a person or SIM.
        interface: network interface of this modem's data connection, like ``wwan0``, where known.
        wifi_connected: whether the device is on Wi-Fi, where the source can tell.
        warnings: what the person should know, in their language.
    """

    taken_at_s: float
    source: str
    service_state: ServiceState
    service_evidence: Evidence | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    interface: str | None = None
    wifi_connected: bool | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFix:
    """One position.

    Attributes:
        fixed_at_s: ``time.monotonic()`` of the fix itself, not of its reading: now minus it is its age.
        latitude: WGS 84, degrees.
        longitude: WGS 84, degrees.
        position_source: as in a sample.
        accuracy_m: radius as the source states it.
        accuracy_kind: what that radius means.
        altitude_m: above the ellipsoid.
        speed_mps: over ground.
        position_mock: the system says that the position is simulated.
    """

    fixed_at_s: float
    latitude: float
    longitude: float
    position_source: Literal["gnss", "network", "fused", "manual"]
    accuracy_m: float | None = None
    accuracy_kind: Literal["android_68", "gpsd_eph"] | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    position_mock: bool | None = None


class RadioSource(Protocol):
    """A source of radio readings; one SIM each."""

    @property
    def name(self) -> str:
        """Short name for people, like ``modemmanager 0``."""
        ...

    def read(self) -> RadioReading:
        """Take a reading; may block for a few seconds, never for ever.

        Raises:
            SourceUnavailableError: nothing can be said; never a statement about service.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class PositionSource(Protocol):
    """A source of positions."""

    @property
    def name(self) -> str:
        """Short name for people, like ``gpsd``."""
        ...

    def read(self) -> PositionFix | None:
        """The newest fix, however old it is, or None where there was none yet; may block for a few seconds.

        Raises:
            SourceUnavailableError: the source itself failed.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...

"""What a survey is told at its start, kept in its journal so that it goes on the same after a crash."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from client_sdk.errors import MailleError, SampleError
from client_sdk.messages import tr
from client_sdk.sample import Context, Sample, check, new_sample_id

UploadPolicy = Literal["always", "wifi", "manual"]

LEAST_RATE_HZ, MOST_RATE_HZ = 1.0, 10.0
"""Echoes a second: below, a car at 30 m/s has one per 30 m; RTR's coverage mode sends ten, which is 3.2 MB an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemChoice:
    """One modem of the survey, written ``[LABEL=]SOURCE[@INTERFACE]``, like ``orange=modemmanager:0@wwan0``.

    Attributes:
        label: names it in samples' journal and in the view.
        source: as :func:`client_sdk.sources.detect.open_radio` reads it; ``none`` for a line without a radio source.
        interface: network interface its echoes and tests are bound to, where given.
    """

    label: str
    source: str
    interface: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModemChoice":
        """Read what was typed.

        Raises:
            MailleError: a part is empty.
        """
        label, equals, rest = text.rpartition("=")
        source, at, interface = rest.partition("@")
        source, label, interface = source.strip(), label.strip(), interface.strip()
        if not source or (equals and not label) or (at and not interface):
            raise MailleError(
                tr(
                    f"--modem: got {text!r}, expected [LABEL=]SOURCE[@INTERFACE], like orange=modemmanager:0@wwan0",
                    f"--modem : reçu {text!r}, attendu [NOM=]SOURCE[@INTERFACE], comme orange=modemmanager:0@wwan0",
                )
            )
        return cls(label=label or source, source=source, interface=interface or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOptions:
    """Everything declared at the start.

    Attributes:
        modems: what to survey; empty: the first radio source that is found.
        position: as :func:`client_sdk.sources.detect.open_position` reads it; None: the first one found.
        campaign: stated in every sample, like the rest of this block.
        vehicle: as the team calls it.
        equipment: modem, antenna and mount.
        antenna: internal or external.
        context: surroundings.
        device_model: where the source does not tell it.
        sim_plmn: PLMN of the SIM, where the source does not tell it.
        echo_hz: echoes a second on each modem; 0: none.
        fence_m: distance after which a sample ends.
        fence_s: time after which a sample ends.
        test_every: distance, time or data rate between throughput tests, as typed; None: none.
        tests_at_once: several modems test at the same time.
        every: period of scheduled runs, as typed; None: record without pause.
        download_mb: most data received by one test.
        upload_mb: most data sent by one test.
        session_mb: data budget of the survey; None: no limit.
        day_mb: data budget of a day.
        month_mb: data budget of a month.
        upload: when samples are sent during the survey.
    """

    modems: tuple[ModemChoice, ...] = ()
    position: str | None = None
    campaign: str | None = None
    vehicle: str | None = None
    equipment: str | None = None
    antenna: Literal["internal", "external"] | None = None
    context: Context = "unknown"
    device_model: str | None = None
    sim_plmn: str | None = None
    echo_hz: float = 5.0
    fence_m: float = 50.0
    fence_s: float = 10.0
    test_every: str | None = None
    tests_at_once: bool = False
    every: str | None = None
    download_mb: float = 40.0
    upload_mb: float = 15.0
    session_mb: float | None = None
    day_mb: float | None = None
    month_mb: float | None = None
    upload: UploadPolicy = "always"

    def as_json(self) -> dict[str, Any]:
        """As kept in the journal."""
        return asdict(self) | {"modems": [asdict(modem) for modem in self.modems]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "SurveyOptions":
        """Read what the journal kept; what another version wrote and this one does not know is left out."""
        known = {field.name for field in fields(cls)}
        given = {name: one for name, one in value.items() if name in known}
        modems = tuple(ModemChoice(**modem) for modem in value.get("modems", ()))
        return cls(**given | {"modems": modems})

    def asks_for(self, other: "SurveyOptions") -> bool:
        """Whether these words, typed again, mean that survey: the same, or nothing in particular."""
        chosen = replace(self, modems=self.modems or other.modems, position=self.position or other.position)
        return self == SurveyOptions() or chosen == other

    def declared(self) -> dict[str, Any]:
        """The fields that every sample states."""
        given = {
            "campaign": self.campaign,
            "vehicle": self.vehicle,
            "equipment": self.equipment,
            "antenna": self.antenna,
            "context": self.context,
            "device_model": self.device_model,
            "sim_plmn": self.sim_plmn,
        }
        return {name: value for name, value in given.items() if value is not None}

    def check(self) -> None:
        """Refuse what no sample may state, before anything begins.

        Raises:
            MailleError: a value cannot be used; the message names it.
        """
        try:
            check(Sample(id=new_sample_id(), seq=0, kind="signal", measured_at=_ANY_INSTANT, **self.declared()))
        except SampleError as error:
            option, got = f"--{error.field.replace('_', '-')}", self.declared()[error.field]
            is_plmn = error.field.endswith("plmn")
            expected = (
                tr("the 5 or 6 digits of an operator, like 20801", "les 5 ou 6 chiffres d’un opérateur, comme 20801")
                if is_plmn
                else tr("1 to 64 printable characters", "1 à 64 caractères imprimables")
            )
            raise MailleError(
                tr(f"{option}: got {got!r}, expected {expected}", f"{option} : {got!r}, attendu : {expected}")
            ) from error
        if self.echo_hz and not LEAST_RATE_HZ <= self.echo_hz <= MOST_RATE_HZ:
            raise MailleError(
                tr(
                    f"--echo: got {self.echo_hz:g}, expected 0, or 1 to 10 echoes a second",
                    f"--echo : reçu {self.echo_hz:g}, attendu 0, ou de 1 à 10 échos par seconde",
                )
            )
        if self.sim_plmn and len(self.modems) > 1:
            raise MailleError(
                tr(
                    "--sim-plmn: several modems have several SIMs; their sources have to tell",
                    "--sim-plmn : plusieurs modems ont plusieurs SIM ; à leurs sources de le dire",
                )
            )
        labels = [modem.label for modem in self.modems]
        if len(set(labels)) < len(labels):
            raise MailleError(
                tr("--modem: two modems have the same label", "--modem : deux modems portent le même nom")
            )


_ANY_INSTANT = "2026-01-01T00:00:00.000Z"

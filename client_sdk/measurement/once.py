"""`maille measure`: the network and the place as they are now, one test, one sample."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from client_sdk import __version__
from client_sdk.bounds import instant_text, is_plmn
from client_sdk.errors import CollectorError, MailleError
from client_sdk.measurement.access import Access, NoAccessError
from client_sdk.measurement.limits import Limits
from client_sdk.measurement.opening import Remote
from client_sdk.measurement.route import Route, RouteError
from client_sdk.measurement.session import ENGINE, Measured, Progress, run_test
from client_sdk.messages import tr
from client_sdk.sample import Context, Rat, Sample, check, new_sample_id
from client_sdk.sources.reading import PositionFix, RadioReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the person says of the place and the network; it goes before what sources say."""

    latitude: float | None = None
    longitude: float | None = None
    context: Context = "unknown"
    sim_plmn: str | None = None
    rat: Rat | None = None
    campaign: str | None = None
    vehicle: str | None = None
    equipment: str | None = None
    antenna: Literal["internal", "external"] | None = None

    def __post_init__(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            raise MailleError(
                tr("--latitude, --longitude: give both", "--latitude, --longitude : donnez les deux ensemble")
            )
        if self.sim_plmn is not None and not is_plmn(self.sim_plmn):
            raise MailleError(
                tr(
                    f"--sim-plmn: got {self.sim_plmn!r}, expected the 5 or 6 digits of an operator, like 20801",
                    f"--sim-plmn : {self.sim_plmn!r}, attendus les 5 ou 6 chiffres d’un opérateur, comme 20801",
                )
            )

    def given(self) -> dict[str, Any]:
        """Fields of a sample."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.latitude is not None:
            said["position_source"] = "manual"
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One measurement.

    Attributes:
        sample: what it says; ``seq`` is the outbox's to give.
        bytes_used: estimate of the data it took.
        problem: what went wrong, for the person; empty where nothing did.
    """

    sample: Sample
    bytes_used: int
    problem: str = ""


def measure(
    ask: Callable[[], Access],
    server_url: str,
    surroundings: Surroundings,
    limits: Limits | None = None,
    progress: Progress | None = None,
    *,
    reading: RadioReading | None = None,
    fix: PositionFix | None = None,
    route: Route | None = None,
) -> Taken:
    """Measure once.

    Args:
        ask: opens a measuring session.
        server_url: whom it asks.
        surroundings: what the person says.
        limits: of the transfers.
        progress: told what is being done.
        reading: of the radio, taken just before.
        fix: newest position.
        route: which interface to leave by.

    Raises:
        CollectorError: the server refuses the device, or has trouble of its own: nothing was measured.
        SampleError: a value given by hand breaks its bounds; nothing was measured.
    """
    from client_sdk.survey.saying import within_bounds

    tell = progress or (lambda label, done: None)
    start_ns, begun_s = time.time_ns(), time.monotonic()
    sample_id = new_sample_id(start_ns // 1_000_000)
    head: dict[str, Any] = {
        "id": sample_id,
        "seq": 0,
        "kind": "throughput",
        "measured_at": instant_text(datetime.fromtimestamp(start_ns / 1e9, UTC)),
        "client": f"maille {__version__}",
        "test_engine": ENGINE,
        "test_server": Remote.of(server_url).host[:64],
    }
    # refuse what cannot be kept before data is spent
    check(Sample(**head | surroundings.given(), outcome="ok"))
    try:
        tell(tr("session", "session"), 0.0)
        access = ask()
    except NoAccessError as error:
        if error.outcome is None:
            raise
        measured = Measured(outcome=error.outcome, problem=str(error))
    else:
        measured = asyncio.run(run_test(access, sample_id, limits, route, progress))
    if measured.is_refused and "download_bytes" not in measured.fields:
        raise CollectorError(measured.problem)
    about = _about(reading, fix, begun_s) | surroundings.given()
    duration_ms = round((time.monotonic() - begun_s) * 1000)
    said = head | about | measured.fields | {"outcome": measured.outcome, "duration_ms": duration_ms}
    return Taken(sample=within_bounds(said), bytes_used=measured.bytes_used, problem=measured.problem)


def chosen_route(interface: str | None, reading: RadioReading | None, *, any_path: bool = False) -> Route:
    """The way a test takes: the interface that was named, else the modem's own, else the system's choice.

    Args:
        interface: named by the person.
        reading: of the radio that the sample will speak of.
        any_path: take the system's choice, whatever it is.

    Raises:
        RouteError: the interface cannot be used, or the test would go over Wi-Fi.
    """
    if any_path:
        return Route()
    route = Route(interface or (reading.interface if reading else None))
    route.require()
    if route.interface is not None:
        return route
    path = route.kind()
    if path == "wifi" or (path is None and reading is not None and reading.wifi_connected):
        raise RouteError(
            tr(
                "the device is on Wi-Fi: the test would not use the mobile network. Turn Wi-Fi off, name the modem’s "
                "interface with --interface, or measure the Wi-Fi anyway with --any-path",
                "l’appareil est en Wi-Fi : le test n’utiliserait pas le réseau mobile. Coupez le Wi-Fi, indiquez "
                "l’interface du modem avec --interface, ou mesurez quand même le Wi-Fi avec --any-path",
            )
        )
    return route


def _about(reading: RadioReading | None, fix: PositionFix | None, at_s: float) -> dict[str, Any]:
    """What sources say. One reading establishes no loss of service: that takes agreeing ones over some time."""
    from client_sdk.survey.saying import LOST_STATES, position_fields, radio_fields

    radio = radio_fields(reading, at_s)
    if radio["service_state"] in LOST_STATES:
        radio |= {"service_state": "unknown", "service_evidence": None, "service_reject_cause": None}
    return radio | position_fields(fix, at_s)

"""Which sources this device has, and what is missing where one does not work."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from client_sdk.sources.position.fixed import FixedPosition
from client_sdk.sources.position.gpsd import PORT, GpsdPosition
from client_sdk.sources.position.termux import TermuxPosition
from client_sdk.sources.radio.adb import AdbRadio, phones
from client_sdk.sources.radio.modemmanager import ModemManagerRadio, modems
from client_sdk.sources.radio.termux import TermuxRadio
from client_sdk.sources.reading import PositionSource, RadioReading, RadioSource, SourceUnavailableError

RADIO_FORMS = "modemmanager[:N], termux, adb[:SERIAL[:SLOT]]"
POSITION_FORMS = "gpsd[:HOST[:PORT]], termux, fixed:LAT,LON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of the source.
        purpose: ``radio`` or ``position``.
        works: whether it answers.
        found: what it says, for the person.
        missing: what is wrong; empty where it works.
        way_out: what to do about it; empty where there is nothing to do.
    """

    name: str
    purpose: str
    works: bool
    found: str = ""
    missing: str = ""
    way_out: str = ""


@dataclass(frozen=True, slots=True)
class Detected:
    """The sources that work, and everything that was looked at."""

    radios: tuple[RadioSource, ...]
    positions: tuple[PositionSource, ...]
    checks: tuple[Check, ...]

    def close(self) -> None:
        """Close every source."""
        for radio in self.radios:
            radio.close()
        for position in self.positions:
            position.close()


def detect() -> Detected:
    """Look for every kind of source and read each once; may take some seconds."""
    radios: list[RadioSource] = []
    positions: list[PositionSource] = []
    checks: list[Check] = []
    for name, candidates in _radio_candidates().items():
        _try_radios(name, candidates, radios, checks)
    if _on_termux():
        _try_position("termux", TermuxPosition, positions, checks)
    _try_position("gpsd", GpsdPosition, positions, checks)
    return Detected(tuple(radios), tuple(positions), tuple(checks))


def open_radio(text: str) -> RadioSource:
    """The radio source that a person named, like ``modemmanager:0``, ``termux`` or ``adb:SERIAL:1``.

    Raises:
        MailleError: no such source.
    """
    kind, _, rest = text.partition(":")
    if kind == "modemmanager":
        return ModemManagerRadio(rest or "any")
    if kind == "termux" and not rest:
        return TermuxRadio()
    if kind == "adb":
        serial, _, slot = rest.rpartition(":") if rest.rpartition(":")[2].isdigit() and ":" in rest else (rest, "", "0")
        return AdbRadio(serial or None, int(slot))
    raise _no_such("--radio", text, RADIO_FORMS)


def open_position(text: str) -> PositionSource:
    """The position source that a person named, like ``gpsd``, ``gpsd:HOST:PORT``, ``termux`` or ``fixed:47.3,3.9``.

    Raises:
        MailleError: no such source.
    """
    kind, _, rest = text.partition(":")
    if kind == "gpsd":
        host, _, port = rest.partition(":")
        if not port or port.isdigit():
            return GpsdPosition(host or "127.0.0.1", int(port) if port else PORT)
    if kind == "termux" and not rest:
        return TermuxPosition()
    if kind == "fixed":
        try:
            latitude, longitude = (float(part) for part in rest.split(","))
        except ValueError:
            raise _no_such("--position", text, POSITION_FORMS) from None
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return FixedPosition(latitude, longitude)
    raise _no_such("--position", text, POSITION_FORMS)


def _radio_candidates() -> dict[str, Callable[[], list[RadioSource]]]:
    found: dict[str, Callable[[], list[RadioSource]]] = {}
    if _on_termux():
        found["termux"] = lambda: [TermuxRadio()]
    else:
        found["modemmanager"] = lambda: [ModemManagerRadio(path.rpartition("/")[2]) for path in modems()]
    if not _on_termux() or shutil.which("adb"):
        found["adb"] = lambda: [AdbRadio(serial) for serial in phones()]
    return found


def _try_radios(
    name: str, candidates: Callable[[], list[RadioSource]], radios: list[RadioSource], checks: list[Check]
) -> None:
    try:
        sources = candidates()
        if not sources:
            raise SourceUnavailableError(tr("no device found", "aucun appareil trouvé"), _plug_in(name))
    except SourceUnavailableError as error:
        checks.append(Check(name=name, purpose="radio", works=False, missing=str(error), way_out=error.way_out))
        return
    for source in sources:
        try:
            reading = source.read()
        except SourceUnavailableError as error:
            checks.append(
                Check(name=source.name, purpose="radio", works=False, missing=str(error), way_out=error.way_out)
            )
            source.close()
            continue
        radios.append(source)
        advice = "; ".join(reading.warnings)
        checks.append(
            Check(name=source.name, purpose="radio", works=True, found=describe_reading(reading), way_out=advice)
        )


def _try_position(
    name: str, make: Callable[[], PositionSource], positions: list[PositionSource], checks: list[Check]
) -> None:
    source = make()
    try:
        fix = source.read()
    except SourceUnavailableError as error:
        checks.append(Check(name=name, purpose="position", works=False, missing=str(error), way_out=error.way_out))
        source.close()
        return
    positions.append(source)
    if fix is None:
        checks.append(
            Check(
                name=source.name,
                purpose="position",
                works=True,
                found=tr("no fix yet", "pas encore de position"),
                way_out=tr("go outdoors and wait a minute", "sortez et attendez une minute"),
            )
        )
        return
    radius = "" if fix.accuracy_m is None else f" ± {fix.accuracy_m:.0f} m"
    found = f"{fix.latitude:.5f}, {fix.longitude:.5f}{radius}"
    checks.append(Check(name=source.name, purpose="position", works=True, found=found))


def describe_reading(reading: RadioReading) -> str:
    """A reading in a few words: state, network, technology, strength."""
    fields = reading.fields
    names = ("nr_ss_rsrp_dbm", "lte_rsrp_dbm", "umts_rscp_dbm", "gsm_rssi_dbm")
    strength = next((f"{fields[name]:.0f} dBm" for name in names if name in fields), "")
    words = (
        reading.service_state,
        fields.get("serving_plmn", ""),
        str(fields.get("rat", "")),
        strength,
        f"SIM {fields['sim_plmn']}" if "sim_plmn" in fields else "",
        "Wi-Fi" if reading.wifi_connected else "",
    )
    return ", ".join(word for word in words if word)


def _on_termux() -> bool:
    return "TERMUX_VERSION" in os.environ or shutil.which("termux-telephony-deviceinfo") is not None


def _plug_in(name: str) -> str:
    if name == "adb":
        return tr("plug an Android phone in, if you measure with one", "branchez un téléphone Android, le cas échéant")
    return tr("plug a modem in, and see `mmcli -L`", "branchez un modem, puis voyez « mmcli -L »")


def _no_such(option: str, text: str, forms: str) -> MailleError:
    return MailleError(
        tr(f"{option}: got {text!r}, expected one of {forms}", f"{option} : {text!r}, formes attendues : {forms}")
    )

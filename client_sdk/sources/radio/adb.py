"""An Android phone over adb: the thin calls around :mod:`client_sdk.sources.radio.dumpsys`."""

import time

from client_sdk.sources.programs import output_of
from client_sdk.sources.radio.dumpsys import parse, way_out
from client_sdk.sources.reading import RadioReading, SourceUnavailableError
from client_sdk.sources.values import kept, plmn_text, whole


class AdbRadio:
    """One SIM slot of a phone.

    Args:
        serial: of the phone, as ``adb devices`` shows it; None: the only one.
        phone_id: the slot, from 0.
    """

    def __init__(self, serial: str | None = None, phone_id: int = 0) -> None:
        self._adb = ["adb", *(["-s", serial] if serial else [])]
        self._phone_id = phone_id

    @property
    def name(self) -> str:
        """Short name for people."""
        return f"adb {self._phone_id}"

    def read(self) -> RadioReading:
        """Ask the phone.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        dump = self._shell("dumpsys", "telephony.registry")
        taken_at_s = time.monotonic()
        airplane = self._setting("global", "airplane_mode_on")
        reading = parse(
            dump,
            self._phone_id,
            taken_at_s,
            airplane_mode={"1": True, "0": False}.get(airplane or ""),
            api_level=whole(self._property("ro.build.version.sdk")),
        )
        extra = kept({"sim_plmn": self._sim_plmn(), "device_model": self._property("ro.product.model")})
        return RadioReading(
            taken_at_s=reading.taken_at_s,
            source=reading.source,
            service_state="sim_missing" if self._sim_absent() else reading.service_state,
            service_evidence="strong" if self._sim_absent() else reading.service_evidence,
            fields=extra if self._sim_absent() else {**reading.fields, **extra},
            wifi_connected=self._wifi(),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _wifi(self) -> bool | None:
        """Whether the phone is on Wi-Fi: its address there is looked at, and not kept."""
        if self._setting("global", "wifi_on") == "0":
            return False
        try:
            return "inet" in self._shell("ip", "-o", "addr", "show", "dev", "wlan0", "scope", "global")
        except SourceUnavailableError:
            return None

    def _sim_plmn(self) -> str | None:
        return plmn_text(self._slot("gsm.sim.operator.numeric"))

    def _sim_absent(self) -> bool:
        return (self._slot("gsm.sim.state") or "").upper() in (
            "ABSENT",
            "PIN_REQUIRED",
            "PUK_REQUIRED",
            "NETWORK_LOCKED",
        )

    def _slot(self, name: str) -> str | None:
        """A property with one value per slot."""
        values = (self._property(name) or "").split(",")
        return values[self._phone_id].strip() if self._phone_id < len(values) else None

    def _property(self, name: str) -> str | None:
        try:
            return self._shell("getprop", name).strip() or None
        except SourceUnavailableError:
            return None

    def _setting(self, *words: str) -> str | None:
        try:
            return self._shell("settings", "get", *words).strip()
        except SourceUnavailableError:
            return None

    def _shell(self, *words: str) -> str:
        return output_of([*self._adb, "shell", *words], way_out())


def phones() -> list[str]:
    """Serials of the phones that allow this computer; they are used to name a phone and never kept.

    Raises:
        SourceUnavailableError: adb is missing, or a phone is there and refuses.
    """
    lines = [line.split() for line in output_of(["adb", "devices"], way_out()).splitlines()[1:] if line.strip()]
    ready = [words[0] for words in lines if words[1:2] == ["device"]]
    if not ready and lines:
        raise SourceUnavailableError(f"adb: {lines[0][-1]}", way_out())
    return ready

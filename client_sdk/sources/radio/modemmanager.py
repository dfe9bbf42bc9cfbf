"""ModemManager, through ``mmcli -J``: a 4G or 5G modem of a laptop or a board. It says what the modem says.

Every value is a text, ``--`` where unknown; cell and area codes are hexadecimal. Strong evidence: registration is told
apart from the radio being off, the SIM missing, and emergency calls alone (3GPP TS 27.007 §10.1.20).
"""

import time
from typing import Any

from client_sdk.messages import tr
from client_sdk.sample import ServiceState
from client_sdk.sources.programs import json_of
from client_sdk.sources.reading import RadioReading, SourceUnavailableError
from client_sdk.sources.values import items, kept, members, number, plmn_text, text, whole

SIGNAL_REFRESH_S = 5

STATE_OF_REGISTRATION: dict[str, ServiceState] = {
    "home": "in_service",
    "roaming": "in_service",
    "home-csfb-not-preferred": "in_service",
    "roaming-csfb-not-preferred": "in_service",
    "home-sms-only": "limited",
    "roaming-sms-only": "limited",
    "emergency-only": "limited",
    "attached-rlos": "limited",
    "idle": "no_service",
    "searching": "no_service",
    "denied": "denied",
}

REJECT_CAUSES = {
    "imsi-unknown-in-hlr": 2,
    "illegal-ms": 3,
    "imei-not-accepted": 5,
    "illegal-me": 6,
    "gprs-not-allowed": 7,
    "gprs-and-non-gprs-not-allowed": 8,
    "ms-identity-not-derived-by-network": 9,
    "implicitly-detached": 10,
    "plmn-not-allowed": 11,
    "location-area-not-allowed": 12,
    "roaming-not-allowed-in-location-area": 13,
    "gprs-not-allowed-in-plmn": 14,
    "no-cells-in-location-area": 15,
    "network-failure": 17,
    "cs-domain-not-available": 18,
    "congestion": 22,
    "not-authorized-for-csg": 25,
    "service-option-not-supported": 32,
    "requested-service-option-not-subscribed": 33,
    "service-option-temporarily-out-of-order": 34,
    "protocol-error-unspecified": 111,
}
"""Causes for which a network refuses registration, as mmcli names them (MMNetworkError; 3GPP TS 24.301 §9.9.3.9)."""

_ADDED_CARRIERS = ("2", "4")
"""Kinds of serving cell (MMServingCellType) that are added to the primary one, whose identity a sample keeps."""

_RATS = (
    ("5gnr", "nr"),
    ("lte", "lte"),
    *((name, "umts") for name in ("hspa-plus", "hspa+", "hspa", "hsupa", "hsdpa", "umts")),
    *((name, "gsm") for name in ("edge", "gprs", "gsm-compact", "gsm")),
)


def way_out() -> str:
    """What to do where ModemManager cannot be read."""
    return tr(
        "install ModemManager (apt install modemmanager), plug the modem in, and see `mmcli -L`",
        "installez ModemManager (apt install modemmanager), branchez le modem, puis voyez « mmcli -L »",
    )


def parse(modem: Any, signal: Any, cells: Any, sim: Any, bearers: list[Any], taken_at_s: float) -> RadioReading:
    """A reading from the printed objects; those that could not be had are None.

    Args:
        modem: ``mmcli -m N -J``.
        signal: ``mmcli -m N --signal-get -J``.
        cells: ``mmcli -m N --get-cell-info -J``.
        sim: ``mmcli -i N -J`` of its SIM.
        bearers: ``mmcli -b N -J`` of each bearer.
        taken_at_s: ``time.monotonic()``.

    Raises:
        SourceUnavailableError: the first object is not about a modem.
    """
    about = members(members(modem).get("modem"))
    generic, registration = members(about.get("generic")), members(about.get("3gpp"))
    if not generic:
        raise SourceUnavailableError(tr("mmcli: nothing about a modem", "mmcli : rien sur un modem"), way_out())
    state = _state(generic, registration)
    sim_plmn = plmn_text(members(members(members(sim).get("sim")).get("properties")).get("operator-code"))
    fields: dict[str, Any] = {
        "sim_plmn": sim_plmn,
        "device_model": text(generic.get("model")),
    }
    if state == "in_service":
        serving_plmn = plmn_text(registration.get("operator-code"))
        code = str(registration.get("registration-state"))
        fields |= {
            "serving_plmn": serving_plmn,
            "roaming": code.startswith("roaming"),
            **_technology(generic, signal),
            **_signal(signal),
            **_serving_cell(cells),
        }
    elif state == "denied":
        told = registration.get("network-rejection-error")
        fields["service_reject_cause"] = REJECT_CAUSES.get(str(told)) or whole(told)
    return RadioReading(
        taken_at_s=taken_at_s,
        source="modemmanager",
        service_state=state,
        service_evidence=None if state == "unknown" else "strong",
        fields=kept(_of_one_technology(fields)),
        interface=_interface(bearers),
    )


def _state(generic: dict[str, Any], registration: dict[str, Any]) -> ServiceState:
    modem_state, reason = generic.get("state"), str(generic.get("state-failed-reason", "--"))
    if modem_state == "failed":
        return "sim_missing" if reason.startswith(("sim", "esim")) else "unknown"
    if modem_state == "locked" or generic.get("unlock-required") in ("sim-pin", "sim-puk"):
        return "sim_missing"  # a locked SIM is as good as none
    if modem_state in ("disabled", "disabling") or generic.get("power-state") in ("off", "low"):
        return "radio_off"
    if modem_state in ("initializing", "enabling"):
        return "unknown"  # not asked to look for a network yet
    return STATE_OF_REGISTRATION.get(str(registration.get("registration-state")), "unknown")


def _technology(generic: dict[str, Any], signal: Any) -> dict[str, Any]:
    told = [str(name).lower() for name in items(generic.get("access-technologies"))]
    rat = next((rat for name, rat in _RATS if name in told), None)
    if rat == "nr":
        anchored = "lte" in told or bool(_signal(signal).get("lte_rsrp_dbm"))
        return {"rat": "nr", "nr_mode": "nsa" if anchored else "sa"}
    return {"rat": rat}


def _signal(signal: Any) -> dict[str, Any]:
    found = members(members(members(signal).get("modem")).get("signal"))
    lte, nr, umts, gsm = (members(found.get(name)) for name in ("lte", "5g", "umts", "gsm"))
    return kept(
        {
            "lte_rsrp_dbm": number(lte.get("rsrp")),
            "lte_rsrq_db": number(lte.get("rsrq")),
            "lte_sinr_db": number(lte.get("snr")),
            "lte_rssi_dbm": number(lte.get("rssi")),
            "nr_ss_rsrp_dbm": number(nr.get("rsrp")),
            "nr_ss_rsrq_db": number(nr.get("rsrq")),
            "nr_ss_sinr_db": number(nr.get("snr")),
            "umts_rscp_dbm": number(umts.get("rscp")),
            "umts_ecno_db": number(umts.get("ecio")),
            "gsm_rssi_dbm": number(gsm.get("rssi")),
        }
    )


def _serving_cell(cells: Any) -> dict[str, Any]:
    """Identity of the serving cell, one a technology, all of it from one line; neighbours' are nobody's business."""
    told = members(members(members(cells).get("modem")).get("generic")).get("cell-info")
    found: dict[str, Any] = {}
    for line in items(told):
        cell = dict(part.strip().split(":", 1) for part in str(line).split(",") if ":" in part)
        cell = {name.strip(): value.strip() for name, value in cell.items()}
        if cell.get("serving") != "yes" or cell.get("serving cell type") in _ADDED_CARRIERS:
            continue
        if cell.get("cell type") == "lte":
            found = {
                "lte_eci": whole(cell.get("ci"), 16),
                "lte_tac": whole(cell.get("tac"), 16),
                "lte_pci": whole(cell.get("physical ci"), 16),
                "lte_earfcn": whole(cell.get("earfcn")),
                **found,
            }
        elif cell.get("cell type") in ("5gnr", "nr5g", "nr"):
            found = {
                "nr_nci": whole(cell.get("ci"), 16),
                "nr_tac": whole(cell.get("tac"), 16),
                "nr_pci": whole(cell.get("physical ci"), 16),
                "nr_arfcn": whole(cell.get("nrarfcn")),
                **found,
            }
    return found


def _of_one_technology(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the values of technologies that do not serve: some modems go on showing the last ones."""
    rat, mode = fields.get("rat"), fields.get("nr_mode")
    serving = {rat, "lte"} if mode == "nsa" else {rat}
    return {
        name: value
        for name, value in fields.items()
        if name.partition("_")[0] not in ("gsm", "umts", "lte", "nr")
        or name == "nr_mode"
        or name.partition("_")[0] in serving
    }


def _is_refreshed(signal: Any) -> bool:
    """Whether ModemManager has been asked to keep the signal up to date."""
    refresh = members(members(members(members(signal).get("modem")).get("signal")).get("refresh"))
    return bool(number(refresh.get("rate")))


def _interface(bearers: list[Any]) -> str | None:
    for bearer in bearers:
        status = members(members(members(bearer).get("bearer")).get("status"))
        if status.get("connected") == "yes" and (name := text(status.get("interface"))):
            return name
    return None


class ModemManagerRadio:
    """One modem.

    Args:
        index: its number or path, as ``mmcli -m`` takes it.
    """

    def __init__(self, index: str = "any") -> None:
        self._index = index
        self._sim: Any = None
        self._sim_path: str | None = None

    @property
    def name(self) -> str:
        """Short name for people."""
        return f"modemmanager {self._index}"

    def read(self) -> RadioReading:
        """Ask ModemManager.

        Raises:
            SourceUnavailableError: it does not answer, or there is no such modem.
        """
        modem = self._ask()
        taken_at_s = time.monotonic()
        generic = members(members(members(modem).get("modem")).get("generic"))
        path = text(generic.get("sim"))
        if self._sim is None or path != self._sim_path:  # another SIM may be put in meanwhile
            self._sim = _answer_or_none(["mmcli", "-i", path, "-J"]) if path else None
            self._sim_path = path
        bearers = [_answer_or_none(["mmcli", "-b", str(path), "-J"]) for path in items(generic.get("bearers"))]
        signal, cells = self._try("--signal-get"), self._try("--get-cell-info")
        if not _is_refreshed(signal):  # every value is “--” then; ModemManager forgets it when it starts again
            self._try(f"--signal-setup={SIGNAL_REFRESH_S}")
            signal = self._try("--signal-get")
        return parse(modem, signal, cells, self._sim, bearers, taken_at_s)

    def close(self) -> None:
        """Nothing is held."""

    def _ask(self) -> Any:
        return json_of(["mmcli", "-m", self._index, "-J"], way_out())

    def _try(self, option: str) -> Any:
        return _answer_or_none(["mmcli", "-m", self._index, option, "-J"])


def modems() -> list[str]:
    """Paths of the modems that ModemManager knows.

    Raises:
        SourceUnavailableError: it does not answer.
    """
    listed = members(json_of(["mmcli", "-L", "-J"], way_out())).get("modem-list")
    return [path for path in items(listed) if isinstance(path, str)]


def _answer_or_none(words: list[str]) -> Any:
    """An answer that may be missing: not every modem knows every question."""
    try:
        return json_of(words, way_out())
    except SourceUnavailableError:
        return None

"""Termux:API on a phone: ``termux-telephony-cellinfo`` and ``-deviceinfo``, for the default SIM.

Android shows programs no service state here: an empty list of cells may be no cell, a permission not granted or
location switched off, so it never speaks alone. No service is told by a ready SIM without a network operator and
technology while data is disconnected: weak evidence, for flight mode and emergency-only look the same.
"""

import time
from typing import Any

from client_sdk.messages import tr
from client_sdk.sample import ServiceState
from client_sdk.sources.programs import json_of
from client_sdk.sources.reading import RadioReading, SourceUnavailableError
from client_sdk.sources.values import items, kept, members, number, plmn, plmn_text, whole

_RATS: dict[str, str] = {
    **dict.fromkeys(("gprs", "edge", "gsm", "16"), "gsm"),
    **dict.fromkeys(("umts", "hsdpa", "hdspa", "hsupa", "hspa", "hspap", "17"), "umts"),
    **dict.fromkeys(("lte", "19"), "lte"),
    "nr": "nr",
    "20": "nr",
}
_CELL_OF_RAT = {"gsm": "gsm", "umts": "wcdma", "lte": "lte", "nr": "nr"}
_IWLAN = "18"  # calls over Wi-Fi: says nothing of the mobile network


def way_out() -> str:
    """What to do where Termux:API cannot be read."""
    return tr(
        "install the app Termux:API from F-Droid, run `pkg install termux-api`, and allow it phone and location",
        "installez l’application Termux:API depuis F-Droid, lancez « pkg install termux-api », et autorisez-lui "
        "téléphone et position",
    )


def parse(device: Any, cells: Any, wifi: Any, taken_at_s: float) -> RadioReading:
    """A reading from the printed objects; ``cells`` and ``wifi`` are None where they could not be had.

    Args:
        device: of ``termux-telephony-deviceinfo``.
        cells: of ``termux-telephony-cellinfo``.
        wifi: of ``termux-wifi-connectioninfo``.
        taken_at_s: ``time.monotonic()``.

    Raises:
        SourceUnavailableError: a permission is missing, or the first object is not about a phone.
    """
    for answer in (device, cells):
        _refuse_error(answer)
    about = members(device)
    if "sim_state" not in about and "network_type" not in about:
        raise SourceUnavailableError(
            tr(
                "termux-telephony-deviceinfo: nothing about a phone",
                "termux-telephony-deviceinfo : rien sur un téléphone",
            ),
            way_out(),
        )
    state, rat = _state(about), _RATS.get(str(about.get("network_type")).lower())
    fields: dict[str, Any] = {"sim_plmn": plmn_text(about.get("sim_operator"))}
    if state == "in_service":
        roaming = about.get("network_roaming")
        fields |= {
            "serving_plmn": plmn_text(about.get("network_operator")),
            "roaming": roaming if isinstance(roaming, bool) else None,
            "rat": rat,
            **_cells(rat, _of_this_sim(about, items(cells))),
        }
    return RadioReading(
        taken_at_s=taken_at_s,
        source="termux",
        service_state=state,
        service_evidence=None if state == "unknown" else "weak",
        fields=kept(fields),
        wifi_connected=None if wifi is None else members(wifi).get("supplicant_state") == "COMPLETED",
        warnings=_warnings(about, cells),
    )


def _state(about: dict[str, Any]) -> ServiceState:
    sim, network = str(about.get("sim_state")).lower(), str(about.get("network_type")).lower()
    if sim in ("absent", "pin_required", "puk_required", "network_locked"):
        return "sim_missing"
    if sim != "ready" or network == _IWLAN:
        return "unknown"
    operator = plmn_text(about.get("network_operator"))
    if operator or _RATS.get(network):
        return "in_service"
    nothing = network in ("unknown", "0", "none", "") and not about.get("network_operator")
    return "no_service" if nothing and about.get("data_state") == "disconnected" else "unknown"


def _of_this_sim(about: dict[str, Any], cells: list[Any]) -> list[dict[str, Any]]:
    """The serving cells of the default SIM's network: Android lists those of a second SIM among them."""
    registered = [cell for cell in map(members, cells) if cell.get("registered") is True]
    network = plmn_text(about.get("network_operator"))
    return [cell for cell in registered if network is None or _plmn(cell) in (network, None)]


def _plmn(cell: dict[str, Any]) -> str | None:
    return plmn(cell.get("mcc"), cell.get("mnc"))


def _cells(rat: str | None, registered: list[dict[str, Any]]) -> dict[str, Any]:
    """Signal and identity of the serving cells; in non-standalone 5G the 4G anchor's beside the 5G cell's."""
    found: dict[str, Any] = {}
    lte = next((cell for cell in registered if cell.get("type") == "lte"), None)
    nr = next((cell for cell in registered if cell.get("type") == "nr"), None)
    if rat == "nr":
        found["nr_mode"] = "nsa" if lte else "sa" if nr else None
    if lte and rat in ("lte", "nr"):
        found |= _lte(lte)
    if nr and rat == "nr":
        found |= _nr(nr)
    other = next((cell for cell in registered if cell.get("type") == _CELL_OF_RAT.get(rat or "")), None)
    if other and rat == "gsm":
        found["gsm_rssi_dbm"] = number(other.get("dbm"))
    if other and rat == "umts":
        found["umts_rscp_dbm"] = number(other.get("dbm"))
    return found


def _lte(cell: dict[str, Any]) -> dict[str, Any]:
    rsrp = number(cell.get("rsrp"))
    return {
        "lte_rsrp_dbm": number(cell.get("dbm")) if rsrp is None else rsrp,
        "lte_rsrq_db": number(cell.get("rsrq")),
        "lte_sinr_db": number(cell.get("rssnr")),
        "lte_rssi_dbm": number(cell.get("rssi")),
        "lte_eci": whole(cell.get("ci")),
        "lte_tac": whole(cell.get("tac")),
        "lte_pci": whole(cell.get("pci")),
        **({"serving_plmn": told} if (told := _plmn(cell)) else {}),
    }


def _nr(cell: dict[str, Any]) -> dict[str, Any]:
    rsrp = number(cell.get("ss_rsrp"))
    return {
        "nr_ss_rsrp_dbm": number(cell.get("dbm")) if rsrp is None else rsrp,
        "nr_ss_rsrq_db": number(cell.get("ss_rsrq")),
        "nr_ss_sinr_db": number(cell.get("ss_sinr")),
        "nr_nci": whole(cell.get("nci")),
        "nr_tac": whole(cell.get("tac")),
        "nr_pci": whole(cell.get("pci")),
    }


def _warnings(about: dict[str, Any], cells: Any) -> tuple[str, ...]:
    found = []
    if whole(about.get("phone_count")) == 2:
        found.append(tr("two SIMs: only the default one is read", "deux SIM : seule celle par défaut est lue"))
    if cells == []:
        found.append(
            tr(
                "no cell is shown: allow Termux:API the precise location, and switch location on",
                "aucune cellule visible : autorisez à Termux:API la position précise, et activez la localisation",
            )
        )
    return tuple(found)


def _refuse_error(answer: Any) -> None:
    problem = members(answer).get("error") or members(answer).get("API_ERROR")
    if problem:
        raise SourceUnavailableError(f"Termux:API: {str(problem)[:200]}", way_out())


class TermuxRadio:
    """The phone's default SIM."""

    name = "termux"

    def read(self) -> RadioReading:
        """Ask Termux:API.

        Raises:
            SourceUnavailableError: it is missing, hangs, or lacks a permission.
        """
        device = json_of(["termux-telephony-deviceinfo"], way_out())
        taken_at_s = time.monotonic()
        return parse(
            device,
            _answer_or_none("termux-telephony-cellinfo"),
            _answer_or_none("termux-wifi-connectioninfo"),
            taken_at_s,
        )

    def close(self) -> None:
        """Nothing is held."""


def _answer_or_none(program: str) -> Any:
    try:
        return json_of([program], way_out())
    except SourceUnavailableError:
        return None

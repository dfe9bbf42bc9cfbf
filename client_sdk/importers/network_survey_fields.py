"""From the values of a Network Survey record to fields of a sample, each as the app means it."""

import json
from collections.abc import Mapping
from typing import Any

from client_sdk.importers.network_survey_files import Record
from client_sdk.importers.reading import number, whole_number
from client_sdk.sources.values import SENTINELS, plmn, plmn_text


def radio(serving: Mapping[str, Record]) -> dict[str, Any]:
    """Technology, signal and identities of the cells that served in one scan; a serving 5G cell beside 4G is NSA."""
    found: dict[str, Any] = {}
    if "lte" in serving:
        cell = serving["lte"]
        found |= {
            "rat": "lte",
            "lte_rsrp_dbm": _level(cell, "rsrp"),
            "lte_rsrq_db": _level(cell, "rsrq"),
            "lte_sinr_db": _level(cell, "snr"),
            "lte_rssi_dbm": _level(cell, "signalstrength"),
            "lte_eci": _identity(cell, "eci"),
            "lte_tac": _identity(cell, "tac"),
            "lte_pci": _identity(cell, "pci"),
            "lte_earfcn": _identity(cell, "earfcn"),
        }
    if "nr" in serving:
        cell = serving["nr"]
        found |= {
            "rat": "nr",
            "nr_mode": "nsa" if "lte" in serving else "sa",
            "nr_ss_rsrp_dbm": _level(cell, "ssrsrp"),
            "nr_ss_rsrq_db": _level(cell, "ssrsrq"),
            "nr_ss_sinr_db": _level(cell, "sssinr"),
            "nr_nci": _identity(cell, "nci"),
            "nr_tac": _identity(cell, "tac"),
            "nr_pci": _identity(cell, "pci"),
            "nr_arfcn": _identity(cell, "narfcn"),
        }
    elif "umts" in serving and "lte" not in serving:
        cell = serving["umts"]
        found |= {"rat": "umts", "umts_rscp_dbm": _level(cell, "rscp"), "umts_ecno_db": _level(cell, "ecno")}
    elif "gsm" in serving and "lte" not in serving:
        found |= {"rat": "gsm", "gsm_rssi_dbm": _level(serving["gsm"], "signalstrength")}
    return found


def place(record: Record) -> dict[str, float] | None:
    """Latitude and longitude; None where the record has none, which the app writes as 0/0."""
    latitude, longitude = _number(record, "latitude"), _number(record, "longitude")
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return None
    return {"latitude": latitude, "longitude": longitude}


def motion(record: Record) -> dict[str, Any]:
    """Accuracy, altitude and speed; the app writes 0 where it knows none."""
    accuracy_m = _number(record, "accuracy") or None
    return {
        "accuracy_m": accuracy_m,
        "accuracy_kind": "android_68" if accuracy_m else None,
        "altitude_m": _number(record, "altitude") or None,
        "speed_mps": _number(record, "speed") or None,
    }


def _level(record: Record, column: str) -> float | None:
    value = _number(record, column)
    return None if value in SENTINELS else value


def _identity(record: Record, column: str) -> int | None:
    value = record.values.get(column)
    return value if isinstance(value, int) else whole_number(str(value)) if value is not None else None


def _number(record: Record, column: str) -> float | None:
    value = record.values.get(column)
    return None if value is None else number(str(value))


def serving_plmn(record: Record) -> str | None:
    """PLMN of a cell, its network code padded as its country writes it."""
    return plmn(_identity(record, "mcc"), _identity(record, "mnc"))


def sim_plmn(record: Record) -> str | None:
    """PLMN of the SIM, in a phone state."""
    return plmn_text(str(record.values.get("simoperator", "")))


def is_true(value: Any) -> bool:
    """Whether a CSV or a GeoPackage says yes."""
    return str(value).lower() in ("true", "1")


def is_lost(record: Record) -> bool:
    """A ready SIM, and no packet-switched registration on a known technology; defaults are left out of the JSON."""
    if str(record.values.get("simstate", "")).upper() != "READY":
        return False
    text = record.values.get("networkregistrationinfo")
    try:
        told: Any = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, list):
        return False
    packet = [entry for entry in map(_members, told) if str(entry.get("domain", "")).upper() in ("PS", "CS_PS")]
    if any(map(_is_refusal, map(_members, told))):
        return False
    served = [str(entry.get("accessnetworktechnology", "UNKNOWN")).upper() for entry in packet]
    # calls over Wi-Fi (IWLAN) are neither service nor its absence
    return not any(technology != "UNKNOWN" for technology in served)


def _is_refusal(entry: dict[str, Any]) -> bool:
    """An attempt to register that failed, which the app writes as a state: it says nothing of the state itself."""
    return bool(entry.get("rejectcause")) and not {"accessnetworktechnology", "roaming"} & entry.keys()


def _members(value: Any) -> dict[str, Any]:
    """The members of an entry, by letters alone: ``access_network_technology`` is ``accessNetworkTechnology``."""
    return {name.replace("_", "").lower(): one for name, one in value.items()} if isinstance(value, dict) else {}

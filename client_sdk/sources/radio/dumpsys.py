"""``dumpsys telephony.registry`` of an Android phone, which tells no service, emergency only and radio off apart.

The dump is text for people and differs between versions and makers: each value is looked for by its name, wherever it
stands inside its phone's block, and what is not found is absent. Entries over Wi-Fi (``transportType=WLAN``, ``IWLAN``)
and over a satellite say nothing about the mobile network on the ground and are passed over. Android 9 has other names
for the same things; newer versions print stars for identities and for the state of 5G beside 4G.
"""

import re
from typing import Any

from client_sdk.messages import tr
from client_sdk.sample import ServiceState
from client_sdk.sources.reading import RadioReading, SourceUnavailableError
from client_sdk.sources.values import kept, number, plmn, plmn_text, whole

_STATES: dict[str, ServiceState] = {"0": "in_service", "1": "no_service", "2": "limited", "3": "radio_off"}
_RATS: dict[str, str] = {
    **dict.fromkeys(("GPRS", "EDGE", "GSM"), "gsm"),
    **dict.fromkeys(("UMTS", "HSDPA", "HSUPA", "HSPA", "HSPAP", "HSPA+", "TD_SCDMA"), "umts"),
    **dict.fromkeys(("LTE", "LTE_CA"), "lte"),
    **dict.fromkeys(("NR", "NR_SA"), "nr"),
}
_NSA = re.compile(r"nr(?:State|Status)=(?:CONNECTED|3)\b|NR_NSA(?:_MMWAVE)?\b")
_HIDDEN_NSA = re.compile(r"nrState=\*")
_NR_CARRIER = re.compile(r"mNetworkType=NR\b|\boverride(?:Network)?=NR_")
_REGISTRATION = re.compile(r"(NetworkRegistration(?:Info|State))\{")
_ELSEWHERE = re.compile(r"transportType=(?:WLAN|2)\b|=IWLAN\b|isNonTerrestrialNetwork=(?:true|NON)")

RSSNR_IN_TENTHS_UP_TO = 29
"""Android 10 and before (API level) hand on the modem's tenths of a decibel, or not, by maker: told as absent."""


def way_out() -> str:
    """What to do where the phone cannot be read."""
    return tr(
        "install adb, switch USB debugging on in the phone’s developer options, plug it in and allow this computer; "
        "`adb devices` must show it as “device”",
        "installez adb, activez le débogage USB dans les options pour développeurs, branchez le téléphone et autorisez "
        "cet ordinateur ; « adb devices » doit le montrer comme « device »",
    )


def parse(
    dump: str, phone_id: int, taken_at_s: float, *, airplane_mode: bool | None = None, api_level: int | None = None
) -> RadioReading:
    """A reading of one SIM slot.

    Args:
        dump: what ``dumpsys telephony.registry`` printed.
        phone_id: the slot, from 0.
        taken_at_s: ``time.monotonic()``.
        airplane_mode: the phone's setting, where it was read.
        api_level: of the phone's Android, where it was read.

    Raises:
        SourceUnavailableError: the dump has no such slot, or no state of service.
    """
    block = blocks(dump).get(phone_id)
    service = None if block is None else _braced(block, "mServiceState=")
    if block is None or service is None:
        raise SourceUnavailableError(
            tr(f"adb: nothing about SIM slot {phone_id}", f"adb : rien sur l’emplacement SIM {phone_id}"), way_out()
        )
    registrations = [_braced(service[at.start() :], at[1]) or "" for at in _REGISTRATION.finditer(service)]
    mobile = [one for one in registrations if not _ELSEWHERE.search(one)]
    packet = next((one for one in mobile if re.search(r"domain=\w*PS", one)), None)
    state = "radio_off" if airplane_mode else _state(service, packet, mobile, bool(registrations))
    fields: dict[str, Any] = {}
    if state == "in_service":
        rat = _rat(service, packet)
        nsa = rat == "lte" and _is_nsa(service, block)
        fields = {
            "rat": "nr" if nsa else rat,
            "nr_mode": "nsa" if nsa else "sa" if rat == "nr" else None,
            "roaming": _roaming(service, packet),
            **_signal(block, rat, nsa=nsa),
            **({"lte_sinr_db": None} if api_level is not None and api_level <= RSSNR_IN_TENTHS_UP_TO else {}),
            **_identity(packet or service, rat),
        }
    elif state == "denied" and packet:
        cause = whole(_value(packet, "rejectCause") or _value(packet, "reasonForDenial"))
        fields["service_reject_cause"] = cause or None  # 0: none was told
    return RadioReading(
        taken_at_s=taken_at_s,
        source="adb",
        service_state=state,
        service_evidence=None if state == "unknown" else "strong",
        fields=kept(fields),
    )


def blocks(dump: str) -> dict[int, str]:
    """The text of each SIM slot."""
    parts = re.split(r"^\s*(?:local state: )?Phone Id\s*[=:]\s*(\d+)", dump, flags=re.MULTILINE)
    if len(parts) == 1:
        return {0: dump} if "mServiceState=" in dump else {}
    found: dict[int, str] = {}
    for number_text, text_of in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(int(number_text), text_of)
    return found


def _state(service: str, packet: str | None, mobile: list[str], told: bool) -> ServiceState:
    voice = re.search(r"(?:mVoiceRegState|voiceRegState)=(\d)", service)
    data = re.search(r"(?:mDataRegState|dataRegState)=(\d)", service)
    found = [_STATES.get(one[1], "unknown") for one in (data, voice) if one]
    registration = _registration_state(packet)
    if "radio_off" in found:
        return "radio_off"
    if re.search(r"egistrationState=(?:\w*_)?DENIED", packet or "") or (registration or "").endswith("DENIED"):
        return "denied"
    if registration in ("HOME", "ROAMING"):
        return "in_service"
    if re.search(r"mIsEmergencyOnly=true|registrationState=\w*EMERGENCY", service) or "limited" in found:
        return "limited"
    if told and not mobile:
        return "unknown"  # all of it goes over Wi-Fi
    if registration is not None and registration.startswith("NOT_REG"):
        # a voice registration alone carries calls, and no data
        return "limited" if "in_service" in found[1:] or _voice_home(mobile) else "no_service"
    if registration is None and "in_service" in found and not told:
        return "in_service"
    return "no_service" if found and set(found) == {"no_service"} else "unknown"


def _voice_home(mobile: list[str]) -> bool:
    return any("domain=CS" in one and _registration_state(one) in ("HOME", "ROAMING") for one in mobile)


def _registration_state(registration: str | None) -> str | None:
    return _value(registration, "registrationState") or _value(registration, "regState")


def _is_nsa(service: str, block: str) -> bool:
    """5G beside 4G: as the registration says, or where that is hidden, as the carriers in use or the display do."""
    if _NSA.search(service):
        return True
    return _HIDDEN_NSA.search(service) is not None and any(
        _NR_CARRIER.search(line)
        for line in block.splitlines()
        if "mPhysicalChannelConfigs=" in line or "mTelephonyDisplayInfo=" in line
    )


def _rat(service: str, packet: str | None) -> str | None:
    told = _value(packet, "accessNetworkTechnology") if packet else None
    if told is None:
        ril = re.search(r"(?:getRil|mRil)DataRadioTechnology=\d+\((\w+\+?)\)", service)
        told = ril[1] if ril else None
    return _RATS.get(str(told).upper())


def _roaming(service: str, packet: str | None) -> bool | None:
    if packet and (registration := _registration_state(packet)) in ("HOME", "ROAMING"):
        return registration == "ROAMING" or (_value(packet, "roamingType") or "NOT_ROAMING") not in (
            "NOT_ROAMING",
            "UNKNOWN",
        )
    roaming = re.search(r"\bmRoaming=(true|false)|\broaming=(true|false)", service)
    return None if roaming is None else "true" in roaming[0]


def _signal(block: str, rat: str | None, *, nsa: bool) -> dict[str, Any]:
    strength = _braced(block, "mSignalStrength=") or ""
    lte = _part(strength, "CellSignalStrengthLte")
    nr = _part(strength, "CellSignalStrengthNr")
    found: dict[str, Any] = {}
    if rat == "lte":
        found |= {
            "lte_rsrp_dbm": number(_value(lte, "rsrp")),
            "lte_rsrq_db": number(_value(lte, "rsrq")),
            "lte_sinr_db": number(_value(lte, "rssnr")),
            "lte_rssi_dbm": number(_value(lte, "rssi")),
        }
    if rat == "nr" or nsa:
        rsrp = number(_value(nr, "ssRsrp"))
        # a phone without 5G may show −44 dBm, the end of the scale
        found |= (
            {}
            if rsrp is None or rsrp == -44
            else {
                "nr_ss_rsrp_dbm": rsrp,
                "nr_ss_rsrq_db": number(_value(nr, "ssRsrq")),
                "nr_ss_sinr_db": number(_value(nr, "ssSinr")),
            }
        )
    if rat == "umts":
        wcdma = _part(strength, "CellSignalStrengthWcdma")
        found |= {"umts_rscp_dbm": number(_value(wcdma, "rscp")), "umts_ecno_db": number(_value(wcdma, "ecno"))}
    if rat == "gsm":
        found["gsm_rssi_dbm"] = number(_value(_part(strength, "CellSignalStrengthGsm"), "rssi"))
    return found


def _identity(registration: str, rat: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"serving_plmn": plmn_text(_value(registration, "m?r?[rR]plmn"))}
    kind = {"lte": "CellIdentityLte", "nr": "CellIdentityNr", "umts": "CellIdentityWcdma", "gsm": "CellIdentityGsm"}
    cell = _part(registration, kind.get(rat or "", "CellIdentity"))
    mcc, mnc = _value(cell, "mMcc"), _value(cell, "mMnc")
    found["serving_plmn"] = found["serving_plmn"] or (plmn(mcc, mnc) if mcc and mnc else None)
    if rat == "lte":
        found |= {
            "lte_eci": whole(_value(cell, "mCi")),
            "lte_tac": whole(_value(cell, "mTac")),
            "lte_pci": whole(_value(cell, "mPci")),
            "lte_earfcn": whole(_value(cell, "mEarfcn")),
        }
    if rat == "nr":
        found |= {
            "nr_nci": whole(_value(cell, "mNci")),
            "nr_tac": whole(_value(cell, "mTac")),
            "nr_pci": whole(_value(cell, "mPci")),
            "nr_arfcn": whole(_value(cell, "mNrArfcn")),
        }
    return found


def _value(text_of: str | None, name: str) -> str | None:
    """What follows ``name =``, up to the next separator."""
    found = re.search(rf"\b{name}\s*[=:]\s*([^\s,;{{}}\[\]]+)", text_of or "")
    return found[1] if found else None


def _part(text_of: str, name: str) -> str:
    """What belongs to ``name``, up to where the next of its kind begins."""
    at = text_of.find(name)
    if at < 0:
        return ""
    rest = text_of[at + len(name) :]
    following = re.search(r"\b(?:CellSignalStrength|CellIdentity)\w+:", rest)
    return rest[: following.start()] if following else rest


def _braced(text_of: str, name: str) -> str | None:
    """What stands in the braces after ``name``, which may be nested; up to the line's end where there are none."""
    at = text_of.find(name)
    if at < 0:
        return None
    begin = at + len(name)
    line_end = text_of.find("\n", begin)
    first = text_of.find("{", begin)
    if first < 0 or (0 <= line_end < first):
        return text_of[begin : line_end if line_end >= 0 else None]
    depth = 0
    for place in range(first, len(text_of)):
        depth += {"{": 1, "}": -1}.get(text_of[place], 0)
        if depth == 0:
            return text_of[first + 1 : place]
    return text_of[first + 1 :]

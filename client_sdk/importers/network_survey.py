"""Surveys of Network Survey (Android): cells of every technology, and the phone's state, read together.

What the records do not say, or do not mean, does not become a field:

- Records of one ``groupNumber`` and ``slot`` are one scan and make one sample; only the serving cell counts. A serving
  5G cell beside a serving 4G cell is non-standalone.
- A position of 0/0 is absence, an accuracy of 0 unknown; ``accuracy`` is Android's 68 % radius.
- No service never follows from missing rows: only from a phone state with a ready SIM and no packet-switched
  registration, or one on an unknown technology. It holds until the next phone state, 60 s at most, since the app
  writes one only when something changes: weak evidence.
- What was seen while the phone was on a satellite network says nothing about terrestrial coverage.
- The SIM's PLMN is that of the phone's state; elsewhere the one that was said, or the serving network's.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from client_sdk.importers.network_survey_files import Record, records
from client_sdk.importers.reading import LeftOut, Log, bounded, number, sample_of, whole_number
from client_sdk.messages import tr
from client_sdk.sample import Context, Sample
from client_sdk.sources.values import SENTINELS, plmn, plmn_text

HELD = timedelta(seconds=60)
"""How long a phone state without service is believed at most."""

_CELLS = ("lte", "nr", "gsm", "umts")


@dataclass(frozen=True, slots=True)
class NetworkSurveyOptions:
    """What the person says of a survey that does not say it itself."""

    plmn: str | None = None
    context: Context = "unknown"
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class _State:
    record: Record
    until: datetime | None
    sim_plmn: str | None
    lost: bool
    satellite: bool


def read(logs: Sequence[Log], options: NetworkSurveyOptions) -> Iterator[tuple[Log, Sample | LeftOut]]:
    """The samples of the files of one survey, and what was left out, each with its file.

    Raises:
        LogError: one of them is not such a file.
    """
    scans: dict[tuple[str, str], list[Record]] = {}
    states: dict[str, list[Record]] = {}
    for log in logs:
        for item in records(log):
            if isinstance(item, LeftOut):
                yield log, item
            elif item.kind == "phone_state":
                states.setdefault(_slot(item), []).append(item)
            else:
                group = str(item.values.get("groupnumber") or item.measured_at.isoformat())
                scans.setdefault((group, _slot(item)), []).append(item)
    known = {slot: _states(found) for slot, found in states.items()}
    for (_, slot), scan in scans.items():
        yield from _read_scan(scan, known.get(slot, []), options)
    for found in known.values():
        for state in found:
            if state.lost and not state.satellite:
                yield state.record.log, _no_service(state, options)


def _read_scan(
    scan: list[Record], states: list[_State], options: NetworkSurveyOptions
) -> Iterator[tuple[Log, Sample | LeftOut]]:
    serving: dict[str, Record] = {record.kind: record for record in scan if _is_true(record.values.get("servingcell"))}
    for record in scan:
        if record not in serving.values():
            yield record.log, LeftOut(record.row, tr("not the serving cell", "pas la cellule qui sert"))
    if not serving:
        return
    first = next(serving[kind] for kind in ("lte", "nr", "umts", "gsm") if kind in serving)
    state = next((one for one in reversed(states) if one.record.measured_at <= first.measured_at), None)
    if state and state.satellite:
        yield first.log, LeftOut(first.row, tr("on a satellite network", "sur un réseau satellitaire"))
        return
    serving_plmn = _plmn(first)
    sim_plmn = (state.sim_plmn if state else None) or options.plmn or serving_plmn
    if sim_plmn is None:
        yield first.log, LeftOut(first.row, tr("no PLMN: give --plmn", "pas de PLMN : indiquez --plmn"))
        return
    radio, absent = bounded(first.row, {**_radio(serving), **_motion(first)})
    for item in absent:
        yield first.log, item
    place = _place(first)
    if place is None:
        yield first.log, LeftOut(first.row, tr("no position", "pas de position"))
        return
    yield (
        first.log,
        sample_of(
            first.log,
            first.row,
            first.measured_at,
            kind="signal",
            import_format="network-survey",
            campaign=options.campaign,
            context=options.context,
            sim_plmn=sim_plmn,
            serving_plmn=serving_plmn,
            service_state="in_service",
            **place,
            **radio,
        ),
    )


def _no_service(state: _State, options: NetworkSurveyOptions) -> Sample | LeftOut:
    record = state.record
    place, sim_plmn = _place(record), state.sim_plmn or options.plmn
    if place is None:
        return LeftOut(record.row, tr("no position", "pas de position"))
    if sim_plmn is None:
        return LeftOut(record.row, tr("no PLMN: give --plmn", "pas de PLMN : indiquez --plmn"))
    end = record.measured_at + HELD if state.until is None else min(state.until, record.measured_at + HELD)
    motion, _ = bounded(record.row, _motion(record))
    return sample_of(
        record.log,
        record.row,
        record.measured_at,
        kind="service",
        import_format="network-survey",
        campaign=options.campaign,
        context=options.context,
        sim_plmn=sim_plmn,
        service_state="no_service",
        service_evidence="weak",
        duration_ms=round((end - record.measured_at).total_seconds() * 1000),
        **place,
        **motion,
    )


def _states(found: list[Record]) -> list[_State]:
    ordered = sorted(found, key=lambda record: record.measured_at)
    ends = [after.measured_at for _, after in pairwise(ordered)]
    return [
        _State(record, until, _sim_plmn(record), _is_lost(record), _is_true(record.values.get("nonterrestrialnetwork")))
        for record, until in zip(ordered, [*ends, None], strict=True)
    ]


def _is_lost(record: Record) -> bool:
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
    served = [str(entry.get("accessnetworktechnology", "UNKNOWN")).upper() for entry in packet]
    # calls over Wi-Fi (IWLAN) are neither service nor its absence
    return not any(technology != "UNKNOWN" for technology in served)


def _members(value: Any) -> dict[str, Any]:
    """The members of an entry, by letters alone: ``access_network_technology`` is ``accessNetworkTechnology``."""
    return {name.replace("_", "").lower(): one for name, one in value.items()} if isinstance(value, dict) else {}


def _radio(serving: dict[str, Record]) -> dict[str, Any]:
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


def _place(record: Record) -> dict[str, float] | None:
    latitude, longitude = _number(record, "latitude"), _number(record, "longitude")
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return None
    return {"latitude": latitude, "longitude": longitude}


def _motion(record: Record) -> dict[str, Any]:
    accuracy_m = _number(record, "accuracy") or None
    return {
        "accuracy_m": accuracy_m,
        "accuracy_kind": "android_68" if accuracy_m else None,
        "altitude_m": _number(record, "altitude") or None,
        "speed_mps": _number(record, "speed"),
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


def _plmn(record: Record) -> str | None:
    return plmn(_identity(record, "mcc"), _identity(record, "mnc"))


def _sim_plmn(record: Record) -> str | None:
    return plmn_text(str(record.values.get("simoperator", "")))


def _slot(record: Record) -> str:
    return str(record.values.get("slot", ""))


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("true", "1")

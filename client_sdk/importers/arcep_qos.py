"""Arcep's quality-of-service campaigns, as published: one CSV row per test, ``;``, headers in lower case.

Column names follow Arcep's dictionary of the files. Kept: WEB, DOWNLOAD, UPLOAD, ULH and PING. Left out and counted:
protocols that have no kind of sample (VOIX, SMS, STREAM, …), measurements withdrawn (``descoping``) or taken from a
helicopter, rows without a position or an operator.

What a file lacks must be said: a day (``measured_on``) where it has no ``date_time_start``, a technology where it has
no ``techno_start``. A row without a time of its own gets noon UTC of that day plus its line number in milliseconds:
an honest day, an order, and no more. A technology given by hand tells what the campaign asked for, so it leaves
``service_state`` unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from client_sdk.errors import MailleError
from client_sdk.importers.log import Log
from client_sdk.importers.reading import (
    EARLIEST_YEAR,
    LeftOut,
    bounded,
    number,
    sample_of,
    text_of,
    whole_number,
)
from client_sdk.messages import tr
from client_sdk.sample import Sample

PLMN_OF_OPERATOR = {"bouygues": "20820", "free": "20815", "orange": "20801", "sfr": "20810"}
"""Names in column ``operator`` → the operator's main PLMN in metropolitan France (Arcep's own coding)."""

RAT_OF_TECHNOLOGY = {"2G": "gsm", "3G": "umts", "4G": "lte", "5G": "nr"}

CONTEXT_OF_SITUATION = {"INCAR": "vehicle", "INTRAIN": "vehicle", "OUTDOOR": "outdoor", "INDOOR": "indoor"}

LOCAL_TIME = ZoneInfo("Europe/Paris")
"""Zone of ``date_time_start``: the dictionary names none, and the campaigns are in metropolitan France."""


REQUIRED = {"protocole", "latitude_start", "longitude_start"}


@dataclass(frozen=True, slots=True)
class ArcepOptions:
    """What the person says of a file that does not say it itself."""

    measured_on: date | None = None
    technology: str | None = None
    campaign: str | None = None


def read(log: Log, options: ArcepOptions) -> Iterator[Sample | LeftOut]:
    """The samples of one file, in its order, and what was left out.

    Raises:
        LogError: not such a file.
        MailleError: the file has no time stamps and no day was given.
    """
    for row, cells in log.rows(";", REQUIRED):
        if cells is None:
            yield LeftOut(row, tr("wrong number of columns", "nombre de colonnes inattendu"))
            continue
        if "date_time_start" not in cells and options.measured_on is None:
            raise MailleError(
                tr(
                    f"{log.name}: has no column date_time_start: say the day with --measured-on YYYY-MM-DD",
                    f"{log.name} : pas de colonne date_time_start : indiquez le jour avec --measured-on AAAA-MM-JJ",
                )
            )
        yield from _read_row(log, row, {name: cell.strip() for name, cell in cells.items()}, options)


def _read_row(log: Log, row: int, cells: dict[str, str], options: ArcepOptions) -> Iterator[Sample | LeftOut]:
    for column, reason in (
        ("descoping", tr("withdrawn by Arcep", "retirée par l’Arcep")),
        ("helicopter_measure", tr("measured from a helicopter", "mesurée en hélicoptère")),
    ):
        if number(cells.get(column)) == 1:
            yield LeftOut(row, reason)
            return
    test = _test(row, cells)
    sim_plmn = PLMN_OF_OPERATOR.get(cells.get("operator", "").lower()) or _start_plmn(cells)
    measured_at = _measured_at(row, cells, options)
    if isinstance(test, LeftOut):
        yield test
    elif sim_plmn is None:
        detail = cells.get("operator", "")
        yield LeftOut(row, tr("operator unknown", "opérateur inconnu"), detail)
    elif measured_at is None:
        yield LeftOut(row, tr("date unreadable", "date illisible"), cells.get("date_time_start", ""))
    elif number(cells["latitude_start"]) is None or number(cells["longitude_start"]) is None:
        yield LeftOut(row, tr("no position", "pas de position"))
    else:
        radio, absent = bounded(row, {**_radio(cells, options), "serving_plmn": _start_plmn(cells)})
        yield from absent
        yield sample_of(
            log,
            row,
            measured_at,
            radio,
            campaign=options.campaign,
            import_format="arcep-qos",
            device_model=text_of(cells.get("terminal")),
            device_os=text_of(cells.get("operating_system")),
            latitude=number(cells["latitude_start"]),
            longitude=number(cells["longitude_start"]),
            context=CONTEXT_OF_SITUATION.get(cells.get("situation", "").upper(), "unknown"),
            sim_plmn=sim_plmn,
            test_engine="arcep-qos",
            **test,
        )


def _test(row: int, cells: dict[str, str]) -> dict[str, Any] | LeftOut:
    match protocol := cells["protocole"].upper():
        case "WEB":
            loaded_10s = number(cells.get("loaded_in_less_10_secondes"))
            loaded_5s = number(cells.get("loaded_in_less_5_secondes"))
            if loaded_10s not in (0, 1):
                return LeftOut(row, tr("web test without a result", "test web sans résultat"))
            seconds = number(cells.get("acess_duration"))
            return {
                "kind": "web",
                "outcome": "ok" if loaded_10s else "timeout",
                "web_loaded_10s": bool(loaded_10s),
                "web_loaded_5s": bool(loaded_5s) if loaded_5s in (0, 1) else None,
                "web_duration_ms": None if seconds is None or not 0 <= seconds <= 600 else seconds * 1000,
            }
        case "DOWNLOAD":
            return _throughput(row, "download_bps", cells.get("bitrate_dl"), cells.get("dl_superior_3mbps"))
        case "UPLOAD" | "ULH":
            return _throughput(row, "upload_bps", cells.get("bitrate_ul"), cells.get("upload_ok"))
        case "PING":
            success = number(cells.get("ping_result"))
            if success not in (0, 1):
                return LeftOut(row, tr("ping without a result", "ping sans résultat"))
            return {"kind": "latency", "outcome": "ok" if success else "timeout", "rtt_protocol": "icmp"}
        case _:
            return LeftOut(
                row, tr(f"protocol {protocol[:16]} is not imported", f"protocole {protocol[:16]} non importé")
            )


def _throughput(row: int, field: str, megabits_per_s: str | None, success: str | None) -> dict[str, Any] | LeftOut:
    rate = number(megabits_per_s)
    if rate is not None and rate > 0:
        return {"kind": "throughput", "outcome": "ok", field: rate * 1e6}
    if rate == 0:
        return {"kind": "throughput", "outcome": "no_data"}
    if number(success) == 0:  # failed, and the file does not say how
        return {"kind": "throughput", "outcome": "error"}
    return LeftOut(row, tr("transfer without a rate", "transfert sans débit"))


def _radio(cells: dict[str, str], options: ArcepOptions) -> dict[str, Any]:
    technology = cells.get("techno_start", "")
    if technology.lower() == "pas de service":
        return {"service_state": "no_service"}
    in_file = RAT_OF_TECHNOLOGY.get(technology.upper())
    rat = in_file or (RAT_OF_TECHNOLOGY.get(options.technology or "") if not technology else None)
    signal: dict[str, Any] = {}
    match rat:
        case "lte":
            signal = {"lte_rsrp_dbm": number(cells.get("rsrp")), "lte_rsrq_db": number(cells.get("rsrq"))}
            signal |= {"lte_tac": whole_number(cells.get("tac")), "lte_pci": whole_number(cells.get("pci"))}
        case "umts":
            signal = {"umts_rscp_dbm": number(cells.get("rscp")), "umts_ecno_db": number(cells.get("ec_n0"))}
        case "gsm":
            signal = {"gsm_rssi_dbm": number(cells.get("rx_level"))}
    return {"rat": rat, "service_state": "in_service" if in_file else "unknown", **signal}


def _start_plmn(cells: dict[str, str]) -> str | None:
    mcc, mnc = whole_number(cells.get("mcc_start")), whole_number(cells.get("mnc_start"))
    if mcc is None or mnc is None or not 200 <= mcc <= 799 or not 0 <= mnc <= 999:
        return None
    return f"{mcc:03}{mnc:02}"


def _measured_at(row: int, cells: dict[str, str], options: ArcepOptions) -> datetime | None:
    if written := cells.get("date_time_start"):
        try:
            # of an hour that comes twice the first is meant, one that does not exist is read with the old offset
            instant = datetime.strptime(written, "%d/%m/%Y %H:%M:%S").replace(tzinfo=LOCAL_TIME).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return instant if instant.year >= EARLIEST_YEAR else None
    if options.measured_on is None:
        return None
    return datetime.combine(options.measured_on, time(12), UTC) + timedelta(milliseconds=row)

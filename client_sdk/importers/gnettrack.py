"""Logs of G-NetTrack, Pro and Lite: one row per second with position, serving cell and traffic counters.

Columns are known by their names, which differ between versions: CSV with ``NetworkMode``, ``RSRP`` and hexadecimal
identities, or text with tabs, ``NetworkTech``, ``Level`` and decimal ones. The lists of events and of statistics that
the app writes beside a log repeat its rows and are no logs.

What the columns do not say, or do not mean, does not become a field:

- ``Timestamp`` is local without an offset: the time zone must be said. Of an hour that comes twice, the second is meant
  once the clock went back; a time that the zone skips is left out. Rows of one second are kept apart by milliseconds.
- ``DL_bitrate`` and ``UL_bitrate`` (kbit/s) count whatever traffic ran: observed rates, never a throughput test.
- ``RSRP`` in UMTS and HSPA rows moves on the GSM scale of RSSI (−113 + 2n dBm), so it is not the RSCP: left absent.
- ``NRxRSRP`` and ``NRxRSRQ`` outside 5G rows are leftovers, −200, 2147483647 and ``-`` are absence.
- ``RAWCELLID`` counts only where it agrees with ``NODEHEX`` and ``CELLHEX``, ``LACHEX`` only beside it.
- ``PINGAVG`` is a mean, and a sample holds a median: only ``PINGMIN`` is taken. All pings lost is a failed test.
- ``Operatorname`` or ``Operator`` may be a PLMN, of the network that served; elsewhere the PLMN must be said.
- Beside ``Level``, a 5G row does not say whether it is the 5G cell's or its 4G anchor's, and a ``SNR`` of 0.0 stands in
  every row of phones that have none: both are left absent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from client_sdk.bounds import is_plmn
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import (
    EARLIEST_YEAR,
    LeftOut,
    bounded,
    number,
    sample_of,
    whole_number,
)
from client_sdk.messages import tr
from client_sdk.sample import Context, Sample

RAT_OF_MODE = {
    **dict.fromkeys(("GPRS", "EDGE", "GSM", "2G"), "gsm"),
    **dict.fromkeys(("UMTS", "HSDPA", "HSUPA", "HSPA", "HSPA+", "3G"), "umts"),
    **dict.fromkeys(("LTE", "LTE+", "LTE-A", "LTE_CA", "4G"), "lte"),
    **dict.fromkeys(("5G", "NR"), "nr"),
}

REQUIRED = {"Timestamp", "Longitude", "Latitude"}
MODES = ("NetworkMode", "NetworkTech")
OTHER_LISTS = {"EventType", "EventDetails"}
PLMN_COLUMNS = ("Operatorname", "Operator", "MCCMNC", "MCC-MNC")

REMEMBERED_ROWS = 100_000
"""Ours: a day of rows at one a second; a row that comes again after more of them is read again."""

REMEMBERED_SECONDS = 3600
"""Ours: rows of one second stand together, but for a clock that was set back."""

SENTINELS = {-200.0, 2_147_483_647.0}
LTE_CELL_IDENTITIES = 2**28
"""An ECI has 28 bits (3GPP TS 36.331), an NCI 36 (TS 38.331): a smaller identity in a 5G row is its 4G anchor's."""


@dataclass(frozen=True, slots=True)
class GNetTrackOptions:
    """What the person says of a log that does not say it itself."""

    time_zone: ZoneInfo
    plmn: str | None = None
    context: Context = "unknown"
    campaign: str | None = None


def read(log: Log, options: GNetTrackOptions) -> Iterator[Sample | LeftOut]:
    """The samples of one log, in its order, and what was left out.

    Raises:
        LogError: not such a file.
    """
    if not is_gnettrack(columns := set(log.columns(_delimiter(log)))):
        missing = next(iter(sorted(REQUIRED - columns)), MODES[0])
        expected = ", ".join([*sorted(REQUIRED), " / ".join(MODES)])
        raise LogError(
            tr(
                f"{log.name}: no column “{missing}”, expected {expected}; is it of another --format?",
                f"{log.name} : pas de colonne « {missing} », attendu {expected} ; autre --format ?",
            )
        )
    seen: dict[bytes, None] = {}
    clock = _Clock(options.time_zone)
    for row, cells in log.rows(None, REQUIRED):
        if cells is None:
            yield LeftOut(row, tr("wrong number of columns", "nombre de colonnes inattendu"))
        elif (whole := blake2b("\n".join(cells.values()).encode(), digest_size=8).digest()) in seen:
            yield LeftOut(row, tr("same as an earlier row", "identique à une ligne précédente"))
        else:
            seen[whole] = None
            if len(seen) > REMEMBERED_ROWS:
                del seen[next(iter(seen))]
            yield from _read_row(log, row, {name: cell.strip() for name, cell in cells.items()}, clock, options)


def is_gnettrack(columns: set[str]) -> bool:
    """Whether a header is one of these logs'."""
    return columns >= REQUIRED and bool(columns & set(MODES)) and not columns & OTHER_LISTS


def _delimiter(log: Log) -> str:
    first = next((line for _, line in log.lines() if line is None or line.strip()), None)
    return "\t" if "\t" in (first or "") else ","


class _Clock:
    """From the log's local times to instants, each later than the one before it in the same second."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._previous: datetime | None = None
        self._in_second: dict[datetime, int] = {}

    def instant(self, text: str) -> datetime | None:
        """The instant in UTC, or None where the text is no time or the zone skips it."""
        try:
            local = datetime.strptime(text, "%Y.%m.%d_%H.%M.%S").replace(tzinfo=self._zone)
            first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        if first.year < EARLIEST_YEAR:
            return None
        if first.astimezone(self._zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            return None  # skipped when the clock went forward
        went_back = second > first and self._previous is not None and first < self._previous
        instant = second if went_back else first
        self._previous = instant
        order = self._in_second.get(instant, 0)
        self._in_second[instant] = order + 1
        if len(self._in_second) > REMEMBERED_SECONDS:
            del self._in_second[next(iter(self._in_second))]
        return instant + timedelta(milliseconds=min(order, 999))


def _read_row(
    log: Log, row: int, cells: dict[str, str], clock: _Clock, options: GNetTrackOptions
) -> Iterator[Sample | LeftOut]:
    measured_at = clock.instant(cells["Timestamp"])
    modes = [cells[column] for column in MODES if column in cells]
    rat = next((RAT_OF_MODE[mode.upper()] for mode in modes if mode.upper() in RAT_OF_MODE), None)
    serving_plmn = _plmn(cells)
    sim_plmn = options.plmn or serving_plmn
    latitude, longitude = number(cells["Latitude"]), number(cells["Longitude"])
    if measured_at is None:
        yield LeftOut(row, tr("no such local time", "heure locale inexistante"), cells["Timestamp"])
    elif rat is None:
        # one row without a network is not yet a statement that there was none
        yield LeftOut(row, tr("no mobile technology", "aucune technologie mobile"), " ".join(modes))
    elif latitude is None or longitude is None:
        yield LeftOut(row, tr("no position", "pas de position"))
    elif sim_plmn is None:
        yield LeftOut(row, tr("no PLMN: give --plmn", "pas de PLMN : indiquez --plmn"), cells.get("Operatorname", ""))
    else:
        of_cell = _radio_of_level(rat, cells) if "Level" in cells else _radio(rat, cells)
        radio, absent = bounded(row, {**of_cell, **_test(cells), **_motion(cells)})
        yield from absent
        yield sample_of(
            log,
            row,
            measured_at,
            radio,
            campaign=options.campaign,
            import_format="gnettrack",
            latitude=latitude,
            longitude=longitude,
            context=options.context,
            sim_plmn=sim_plmn,
            serving_plmn=serving_plmn,
            service_state="in_service",
        )


def _radio(rat: str, cells: dict[str, str]) -> dict[str, Any]:
    raw = whole_number(cells.get("RAWCELLID"))
    standalone = rat == "nr" and raw is not None and raw >= LTE_CELL_IDENTITIES
    radio: dict[str, Any] = {"rat": rat}
    if rat == "gsm":
        radio["gsm_rssi_dbm"] = _level(cells, "RSRP")
    if rat == "nr":
        radio["nr_mode"] = "sa" if standalone else "nsa"
        radio["nr_ss_rsrp_dbm"] = _level(cells, "NRxRSRP")
        radio["nr_ss_rsrq_db"] = _level(cells, "NRxRSRQ")
    if standalone:
        radio["nr_nci"] = raw
    elif rat in ("lte", "nr"):
        radio["lte_rsrp_dbm"] = _level(cells, "RSRP")
        radio["lte_rsrq_db"] = _level(cells, "RSRQ")
        radio["lte_sinr_db"] = _level(cells, "SNR")
        radio["lte_rssi_dbm"] = _level(cells, "RSSI")
        node, cell = whole_number(cells.get("NODEHEX"), 16), whole_number(cells.get("CELLHEX"), 16)
        if raw and node is not None and cell is not None and raw == node * 256 + cell:
            radio["lte_eci"] = raw
            radio["lte_tac"] = whole_number(cells.get("LACHEX"), 16) or None
    return radio


def _radio_of_level(rat: str, cells: dict[str, str]) -> dict[str, Any]:
    if rat == "gsm":
        return {"rat": rat, "gsm_rssi_dbm": _level(cells, "Level")}
    if rat != "lte":
        return {"rat": rat}
    node, cell = whole_number(cells.get("Node")), whole_number(cells.get("CellID"))
    known = bool(node) and cell is not None and 0 <= cell < 256
    return {
        "rat": rat,
        "lte_rsrp_dbm": _level(cells, "Level"),
        "lte_rsrq_db": _level(cells, "Qual"),
        "lte_sinr_db": _level(cells, "SNR") or None,
        "lte_rssi_dbm": _level(cells, "LTERSSI"),
        "lte_eci": node * 256 + cell if known and node and cell is not None else None,
        "lte_tac": (whole_number(cells.get("LAC")) or None) if known else None,
        "lte_pci": whole_number(cells.get("PSC")),
        "lte_earfcn": whole_number(cells.get("ARFCN")),
    }


def _plmn(cells: dict[str, str]) -> str | None:
    named = (cells.get(column, "").replace("-", "") for column in PLMN_COLUMNS)
    return next((text for text in named if is_plmn(text)), None)


def _test(cells: dict[str, str]) -> dict[str, Any]:
    observed = {
        "observed_download_bps": _bits_per_s(cells.get("DL_bitrate")),
        "observed_upload_bps": _bits_per_s(cells.get("UL_bitrate")),
    }
    average, lost_percent = _level(cells, "PINGAVG"), _level(cells, "PINGLOSS")
    if average is None and lost_percent != 100:
        return {"kind": "signal", **observed}
    return {
        "kind": "latency",
        "outcome": "timeout" if average is None else "ok",
        "rtt_min_ms": None if average is None else _level(cells, "PINGMIN"),
        "rtt_protocol": "icmp",
        "test_engine": "g-nettrack",
        **observed,
    }


def _motion(cells: dict[str, str]) -> dict[str, Any]:
    speed_kmh = number(cells.get("Speed"))
    return {
        "speed_mps": None if speed_kmh is None else round(speed_kmh / 3.6, 2),
        "altitude_m": number(cells.get("Altitude")),
        "accuracy_m": number(cells.get("Accuracy")),
    }


def _level(cells: dict[str, str], column: str) -> float | None:
    value = number(cells.get(column))
    return None if value in SENTINELS else value


def _bits_per_s(kilobits_per_s: str | None) -> float | None:
    value = number(kilobits_per_s)
    return None if value is None else value * 1000

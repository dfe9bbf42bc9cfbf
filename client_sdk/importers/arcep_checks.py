"""Checks of coverage maps, in the columns that Arcep's decision 2016-1678 asks of whoever makes them (annex, 2.2.2).

One row per test: day, hour, where it began and ended, the phone's identity, the PLMN tested, whether the operator
declares coverage there, whether the test succeeded, whether the technology was the map's (1 or 0). Columns are known
by the words of their headers, in any order. The phone's identity (IMSI, IMEI) is never read.

A file is about one technology's map and does not name it: it must be said. The decision leaves open what a test is, so
a sample says that one passed or did not, and nothing of rates. A test that passed on another technology than the map's
says nothing about it and is left out. Places are degrees, or metres of Lambert-93.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from client_sdk.bounds import is_plmn
from client_sdk.errors import MailleError
from client_sdk.importers.arcep_qos import LOCAL_TIME, RAT_OF_TECHNOLOGY
from client_sdk.importers.lambert93 import EASTINGS_M, NORTHINGS_M, to_degrees
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import EARLIEST_YEAR, LeftOut, number, sample_of
from client_sdk.messages import tr
from client_sdk.sample import Context, Sample

COLUMNS = {
    "day": r"^date",
    "hour": r"^heure",
    "x": r"\bx\b.*debut|debut.*\bx\b|longitude.*debut|debut.*longitude",
    "y": r"\by\b.*debut|debut.*\by\b|latitude.*debut|debut.*latitude",
    "plmn": r"plmn",
    "declared": r"declaree? couvert|couvert.*declar",
    "success": r"reussi|succes",
}
CONFORMING = r"conform"

_DAYS = ("%d/%m/%Y", "%Y-%m-%d")
_HOURS = ("%H:%M:%S", "%H:%M")


@dataclass(frozen=True, slots=True)
class ChecksOptions:
    """What the file does not say: the technology of the map, and the surroundings of the phones."""

    technology: str | None = None
    context: Context = "unknown"
    campaign: str | None = None


def is_checks(columns: Iterable[str]) -> bool:
    """Whether a header has every column of such a file."""
    return len(_found(columns)) == len(COLUMNS)


def read(log: Log, options: ChecksOptions) -> Iterator[Sample | LeftOut]:
    """The samples of one file, in its order, and what was left out.

    Raises:
        LogError: not such a file.
        MailleError: the technology of the map was not said.
    """
    header = log.columns(";")
    names = _found(header)
    if missing := sorted(COLUMNS.keys() - names.keys()):
        raise LogError(
            tr(
                f"{log.name}: no column for {missing[0]}, expected those of decision 2016-1678; is it of another "
                "--format?",
                f"{log.name} : pas de colonne pour {missing[0]}, attendu celles de la décision 2016-1678 ; autre "
                "--format ?",
            )
        )
    if options.technology is None:
        raise MailleError(
            tr(
                f"{log.name}: does not name the technology of its map: say which with --technology, like 4G",
                f"{log.name} : ne nomme pas la technologie de sa carte : indiquez --technology, comme 4G",
            )
        )
    conforming = next((name for name in header if re.search(CONFORMING, _plain(name))), None)
    for row, cells in log.rows(";", set(names.values())):
        if cells is None:
            yield LeftOut(row, tr("wrong number of columns", "nombre de colonnes inattendu"))
            continue
        values = {meaning: cells[name].strip() for meaning, name in names.items()}
        values["conforming"] = cells[conforming].strip() if conforming else "1"
        yield _read_row(log, row, values, options)


def _read_row(log: Log, row: int, values: dict[str, str], options: ChecksOptions) -> Sample | LeftOut:
    measured_at = _instant(values["day"], values["hour"])
    place = _place(values["x"], values["y"])
    plmn = re.sub(r"\D", "", values["plmn"])
    success = number(values["success"])
    if success not in (0, 1):
        return LeftOut(row, tr("test without a result", "test sans résultat"), values["success"])
    if measured_at is None:
        return LeftOut(row, tr("date unreadable", "date illisible"), f"{values['day']} {values['hour']}")
    if place is None:
        return LeftOut(row, tr("no position", "pas de position"), f"{values['x']} {values['y']}")
    if not is_plmn(plmn):
        return LeftOut(row, tr("operator unknown", "opérateur inconnu"), values["plmn"])
    if success and number(values["conforming"]) != 1:
        return LeftOut(row, tr("on another technology than the map's", "sur une autre technologie que la carte"))
    test: dict[str, Any] = {"kind": "latency", "outcome": "ok" if success else "no_data"}
    return sample_of(
        log,
        row,
        measured_at,
        campaign=options.campaign,
        import_format="arcep-checks",
        latitude=place[0],
        longitude=place[1],
        context=options.context,
        sim_plmn=plmn,
        rat=RAT_OF_TECHNOLOGY[options.technology or ""],
        service_state="unknown",
        test_engine="arcep-checks",
        **test,
    )


def _found(columns: Iterable[str]) -> dict[str, str]:
    """Header by meaning, the first that fits each."""
    found: dict[str, str] = {}
    for name in columns:
        text = _plain(name)
        for meaning, pattern in COLUMNS.items():
            if meaning not in found and re.search(pattern, text):
                found[meaning] = name
    return found


def _plain(name: str) -> str:
    """Lower case, without accents, one space for whatever is no letter or digit."""
    letters = unicodedata.normalize("NFD", name.lower())
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", kept).strip()


def _place(x_text: str, y_text: str) -> tuple[float, float] | None:
    x, y = number(x_text), number(y_text)
    if x is None or y is None:
        return None
    if abs(x) <= 180 and abs(y) <= 90:
        return y, x
    if EASTINGS_M[0] <= x <= EASTINGS_M[1] and NORTHINGS_M[0] <= y <= NORTHINGS_M[1]:
        latitude, longitude = to_degrees(x, y)
        return round(latitude, 7), round(longitude, 7)
    return None


def _instant(day_text: str, hour_text: str) -> datetime | None:
    for day in _DAYS:
        for hour in _HOURS:
            try:
                # of an hour that comes twice the first is meant, one that does not exist is read with the old offset
                local = datetime.strptime(f"{day_text} {hour_text}", f"{day} {hour}").replace(tzinfo=LOCAL_TIME)
                instant = local.astimezone(UTC)
            except (ValueError, OverflowError):
                continue
            return instant if instant.year >= EARLIEST_YEAR else None
    return None

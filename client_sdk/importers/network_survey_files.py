"""Records of Network Survey's files, CSV and GeoPackage alike: one vocabulary of column names, whatever wrote them.

https://github.com/christianrowlands/android-network-survey. Columns are known by their letters and digits alone, since
one format spells ``servingCell`` what another spells ``Serving Cell``; a GeoPackage holds instants in milliseconds
since 1970 and positions as points. Serial numbers and missions tell several phones apart while reading, and are not
kept. Layouts were compared with the app's own loggers (versions up to 1.36).
"""

import re
import sqlite3
import struct
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Literal

from client_sdk.importers.log import Log, LogError, split
from client_sdk.importers.reading import EARLIEST_YEAR, LeftOut
from client_sdk.messages import tr

RecordKind = Literal["lte", "nr", "gsm", "umts", "phone_state"]

_TABLES: dict[str, RecordKind] = {
    "LTE_MESSAGE": "lte",
    "NR_MESSAGE": "nr",
    "GSM_MESSAGE": "gsm",
    "UMTS_MESSAGE": "umts",
    "PHONE_STATE_MESSAGE": "phone_state",
}
_TELLING: tuple[tuple[str, RecordKind], ...] = (
    ("simstate", "phone_state"),
    ("eci", "lte"),
    ("nci", "nr"),
    ("bsic", "gsm"),
    ("uarfcn", "umts"),
)
"""A column that only this kind of file has."""

_SAME = {
    "time": "devicetime",
    "dlearfcn": "earfcn",
    "physcellid": "pci",
    "cellid": "cid",
    "dlbandwidth": "ltebandwidth",
}
_SQLITE = b"SQLite format 3\0"
_POINT = 1
_HEAD_BYTES = 65_536
_ROWS_OF_A_TABLE = 10**9
_ROW_BYTES = 200
"""Ours: about what a row of a GeoPackage takes, to show progress by."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row.

    Attributes:
        log: the file it stands in.
        row: its line, 1 for the first of the file; in a GeoPackage its number in its table plus so many billions.
        kind: of the record.
        measured_at: instant of the device's clock.
        slot: of the SIM; empty where the file does not say.
        session: which phone and mission it is of, to tell several apart while reading; never kept.
        values: by column name, in small letters and digits only; absent ones left out.
    """

    log: Log
    row: int
    kind: RecordKind
    measured_at: datetime
    slot: str
    session: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """What one file holds of one kind.

    Attributes:
        kind: of its records.
        log: the file.
        packaged: whether that is a GeoPackage; the app can write the same records to a CSV too.
        read: reads the records from their beginning.
    """

    kind: RecordKind
    log: Log
    packaged: bool
    read: Callable[[], Iterator[Record | LeftOut]]


def is_network_survey(log: Log) -> bool:
    """Whether a file looks like one of these."""
    head = log.head(_HEAD_BYTES)
    if head.startswith(_SQLITE):
        return True
    lines = head.decode("utf-8-sig", "replace").splitlines()
    header = {_name(cell) for cell in split(next((line for line in lines if line and line[0] != "#"), ""), ",")}
    return "devicetime" in header and _kind(header) is not None


def sources(log: Log) -> list[Source]:
    """What one file holds.

    Raises:
        LogError: not such a file.
    """
    if log.head(len(_SQLITE)) == _SQLITE:
        return [Source(kind, log, True, partial(_geopackage, log, table, kind)) for table, kind in _tables(log).items()]
    header = {_name(column) for column in log.columns(",", "#")}
    kind = _kind(header)
    if kind is None or "devicetime" not in header:
        raise LogError(
            tr(
                f"{log.name}: not a file of cells or phone states of Network Survey; is it of another --format?",
                f"{log.name} : pas un fichier de cellules ou d’états du téléphone de Network Survey ; autre --format ?",
            )
        )
    return [Source(kind, log, False, partial(_csv, log, kind))]


def _csv(log: Log, kind: RecordKind) -> Iterator[Record | LeftOut]:
    names: dict[str, str] = {}
    for row, cells in log.rows(",", set(), "#"):
        if cells is None:
            yield LeftOut(row, tr("wrong number of columns", "nombre de colonnes inattendu"))
            continue
        names = names or {column: _name(column) for column in cells}
        yield _record(log, row, kind, {names[column]: cell for column, cell in cells.items()})


def _tables(log: Log) -> dict[str, RecordKind]:
    with _opened(log) as file:
        known = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = {table: kind for table, kind in _TABLES.items() if table in known}
    if not found:
        raise LogError(
            tr(
                f"{log.name}: no table of Network Survey, expected one of {', '.join(_TABLES)}",
                f"{log.name} : aucune table de Network Survey, attendu l’une de {', '.join(_TABLES)}",
            )
        )
    return found


def _geopackage(log: Log, table: str, kind: RecordKind) -> Iterator[Record | LeftOut]:
    offset = list(_TABLES).index(table) * _ROWS_OF_A_TABLE
    with _opened(log) as file:
        found = file.execute(f'SELECT rowid AS row_of_table, * FROM "{table}" ORDER BY rowid')
        names = [_name(column[0]) for column in found.description]
        for number, (row, *values) in enumerate(found):
            members = dict(zip(names[1:], values, strict=True))
            yield _record(log, offset + row, kind, _point(members.pop("geom", None)) | members)
            if number % 1000 == 999:
                log.read(1000 * _ROW_BYTES)


@contextmanager
def _opened(log: Log) -> Iterator[sqlite3.Connection]:
    with log.on_disk() as path:
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            yield file
        except sqlite3.DatabaseError as error:
            raise LogError(
                tr(
                    f"{log.name}: is no readable GeoPackage ({error}); export it again",
                    f"{log.name} : GeoPackage illisible ({error}) ; réexportez-le",
                )
            ) from error
        finally:
            file.close()


def _record(log: Log, row: int, kind: RecordKind, cells: Mapping[str, Any]) -> Record | LeftOut:
    measured_at = _instant(cells.get("devicetime"))
    if measured_at is None:
        shown = str(cells.get("devicetime", ""))[:40]
        return LeftOut(row, tr("no instant with an offset", "pas d’instant avec décalage horaire"), shown)
    values = {name: value for name, value in cells.items() if value not in (None, "")}
    session = f"{values.pop('deviceserialnumber', '')} {values.pop('missionid', '')}".strip()
    return Record(log, row, kind, measured_at, str(values.get("slot", "")), session, values)


def _instant(value: Any) -> datetime | None:
    try:
        if isinstance(value, int):
            found = datetime.fromtimestamp(value / 1000, UTC)
        else:
            found = datetime.fromisoformat(str(value))
            if found.tzinfo is None:
                return None
            found = found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year >= EARLIEST_YEAR else None


def _point(blob: Any) -> dict[str, Any]:
    """Longitude and latitude of a GeoPackage's point (OGC 12-128r19 §2.1.3); nothing where it is none."""
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return {}
    envelope = (0, 32, 48, 48, 64)[min(blob[3] >> 1 & 7, 4)]
    body = blob[8 + envelope :]
    order = "<" if body[:1] == b"\1" else ">"
    try:
        kind, longitude, latitude = struct.unpack_from(f"{order}Idd", body, 1)
    except struct.error:
        return {}
    return {"longitude": longitude, "latitude": latitude} if kind % 1000 == _POINT else {}


def _kind(header: Container[str]) -> RecordKind | None:
    return next((kind for column, kind in _TELLING if column in header), None)


@cache
def _name(column: str) -> str:
    name = re.sub(r"[^a-z0-9]", "", column.lower())
    return _SAME.get(name, name)

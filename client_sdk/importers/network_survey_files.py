"""Records of Network Survey's files, CSV and GeoPackage alike: one vocabulary of column names, whatever wrote them.

https://github.com/christianrowlands/android-network-survey. Columns are known by their letters and digits alone, since
one format spells ``servingCell`` what another spells ``Serving Cell``; a GeoPackage holds instants in milliseconds
since 1970 and positions as points. Serial numbers and missions are not read.
"""

import csv
import re
import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from client_sdk.importers.reading import EARLIEST_YEAR, LeftOut, Log, LogError
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


@dataclass(frozen=True, slots=True)
class Record:
    """One row.

    Attributes:
        log: the file it stands in.
        row: its line, 1 for the first of the file; in a GeoPackage its number, counted over the tables.
        kind: of the record.
        measured_at: instant of the device's clock.
        values: by column name, in small letters and digits only; absent ones left out.
    """

    log: Log
    row: int
    kind: RecordKind
    measured_at: datetime
    values: Mapping[str, Any]


def is_network_survey(log: Log) -> bool:
    """Whether a file looks like one of these."""
    if log.content.startswith(_SQLITE):
        return True
    header = _header(log.content[:65_536].decode("utf-8", "replace"))
    return "devicetime" in header and _kind(header) is not None


def records(log: Log) -> Iterator[Record | LeftOut]:
    """The records of one file.

    Raises:
        LogError: not such a file.
    """
    yield from _geopackage(log) if log.content.startswith(_SQLITE) else _csv(log)


def _csv(log: Log) -> Iterator[Record | LeftOut]:
    try:
        text = log.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LogError(
            tr(f"{log.name}: is not UTF-8 text ({error})", f"{log.name} : n’est pas en UTF-8 ({error})")
        ) from error
    header = _header(text)
    kind = _kind(header)
    if "devicetime" not in header or kind is None:
        raise LogError(
            tr(
                f"{log.name}: not a file of cells or phone states of Network Survey",
                f"{log.name} : pas un fichier de cellules ou d’états du téléphone de Network Survey",
            )
        )
    seen_header = False
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if not seen_header:
            seen_header = True
            continue
        cells = next(csv.reader([line]), [])
        if len(cells) != len(header):
            yield LeftOut(row, tr("wrong number of columns", "nombre de colonnes inattendu"))
            continue
        yield _record(log, row, kind, dict(zip(header, cells, strict=True)))


def _geopackage(log: Log) -> Iterator[Record | LeftOut]:
    with tempfile.NamedTemporaryFile(suffix=".gpkg") as copy:  # sqlite3 reads files only
        copy.write(log.content)
        copy.flush()
        file = sqlite3.connect(f"file:{copy.name}?mode=ro&immutable=1", uri=True)
        try:
            row = 0
            known = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not known & _TABLES.keys():
                raise LogError(
                    tr(
                        f"{log.name}: no table of Network Survey, expected one of {', '.join(_TABLES)}",
                        f"{log.name} : aucune table de Network Survey, attendu l’une de {', '.join(_TABLES)}",
                    )
                )
            for table, kind in _TABLES.items():
                if table not in known:
                    continue
                found = file.execute(f'SELECT * FROM "{table}" ORDER BY rowid')
                names = [_name(column[0]) for column in found.description]
                for values in found:
                    row += 1
                    members = dict(zip(names, values, strict=True))
                    yield _record(log, row, kind, _point(members.pop("geom", None)) | members)
        except sqlite3.DatabaseError as error:
            raise LogError(
                tr(f"{log.name}: is no readable GeoPackage ({error})", f"{log.name} : GeoPackage illisible ({error})")
            ) from error
        finally:
            file.close()


def _record(log: Log, row: int, kind: RecordKind, cells: Mapping[str, Any]) -> Record | LeftOut:
    measured_at = _instant(cells.get("devicetime"))
    if measured_at is None:
        shown = str(cells.get("devicetime", ""))[:40]
        return LeftOut(row, tr("no instant with an offset", "pas d’instant avec décalage horaire"), shown)
    values = {name: value for name, value in cells.items() if value not in (None, "")}
    for personal in ("deviceserialnumber", "missionid", "provider"):
        values.pop(personal, None)
    return Record(log, row, kind, measured_at, values)


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


def _header(text: str) -> list[str]:
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return [_name(cell) for cell in next(csv.reader([line.removeprefix("\ufeff")]), [])]


def _kind(header: list[str]) -> RecordKind | None:
    return next((kind for column, kind in _TELLING if column in header), None)


def _name(column: str) -> str:
    name = re.sub(r"[^a-z0-9]", "", column.lower())
    return _SAME.get(name, name)

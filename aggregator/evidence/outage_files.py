"""The layouts in which outages are declared: Arcep's GeoJSON, and the tables of the operators.

Layouts: Arcep, "Sites indisponibles" (published under decision 2018-0681) and its programme historiquePannes, which
names the columns of each operator's table.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Container
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.ledger import TECHNOLOGIES
from aggregator.evidence.tables import content_of, lenient_numbers
from client_sdk.messages import tr

PLANNED_DAYS = 7
"""Ours: a planned end counts this many days beyond the day of the declaration at most; a plan is not a fact."""

OUT_OF_ORDER = "HS"

_OPERATOR_OF_WORD = {"orange": "20801", "sfr": "20810", "free": "20815", "bouygues": "20820", "bytel": "20820"}

_NAMES = {
    "operator": ("operateur", "op_code"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "long", "lon", "lng"),
    "snapshot": ("file_time_utc", "date"),
    "x": ("x_l93", "x"),
    "y": ("y_l93", "y"),
}
_STARTS = (
    *("debut", "debut_voix", "debut_data", "debut_interruption_voix", "debut_interruption_data"),
    "date_et_heure_debut_panne_ou_maintenance_antenne_relais_pour_le_service_voix_sms",
    "date_et_heure_debut_panne_ou_maintenance_antenne_relais_pour_le_service_de_donnees",
)
_ENDS = (
    *("fin", "fin_prev", "fin_voix", "fin_data", "fin_interruption_voix", "fin_interruption_data"),
    "date_de_retablissement_prevue_pour_le_service_voix_sms",
    "date_de_retablissement_prevue_pour_le_service_de_donnees",
)
_PER_TECHNOLOGY = {
    "2G": ("voix2g", "data2g", "2gvoix", "2gdata", "service_voix_sms_2g"),
    "3G": ("voix3g", "data3g", "3gvoix", "3gdata", "service_voix_sms_3g", "service_de_donnees_3g"),
    "4G": ("voix4g", "data4g", "4gvoix", "4gdata", "service_voix_sms_4g", "service_de_donnees_4g"),
    "5G": ("voix5g", "data5g", "5gvoix", "5gdata", "service_de_donnees_5g"),
}
_OVERALL = ("voix", "data", "voix_sms", "internet_mobile")
_HEADER_WITHIN = 12
"""Ours: operators write a few lines of text above their header, never more than this."""


def read_declared(file: Path, operator: str | None, day: date | None) -> tuple[pd.DataFrame, int]:
    """What a file declares.

    Args:
        file: ``.geojson``, ``.json`` or a table.
        operator: PLMN, where the file does not say whose it is.
        day: of the snapshot, where neither its rows nor its name say.

    Returns:
        ``operator, technology`` (None: all), ``latitude, longitude, first_day, last_day``, one row per site and
        technology out of order, and the number of rows left out.

    Raises:
        EvidenceError: the layout is not known, or whose or of when it is remains unknown.
    """
    table = _features(file) if file.suffix.lower() in (".geojson", ".json") else _table(file)
    operators = _operators(file, table, operator)
    snapshot = _snapshots(file, table, day)
    latitude, longitude = _positions(file, table)
    first, last = _days(table, snapshot)
    out = _out_of_order(file, table)
    known = pd.Series((np.abs(latitude) <= 90) & (np.abs(longitude) <= 180), index=table.index)
    parts = [
        pd.DataFrame(
            {
                "operator": operators,
                "technology": technology,
                "latitude": latitude,
                "longitude": longitude,
                "first_day": first,
                "last_day": last,
            }
        )[lost & known]
        for technology, lost in out.items()
    ]
    declared = pd.concat(parts, ignore_index=True).astype({"technology": "object"})
    declared["technology"] = declared["technology"].where(declared["technology"].notna(), None)
    spoken = pd.Series(np.logical_or.reduce([lost.to_numpy(bool) for lost in out.values()]), index=table.index)
    return declared.drop_duplicates(ignore_index=True), int((~(spoken & known)).sum())


def _features(file: Path) -> pd.DataFrame:
    try:
        collection = json.loads(file.read_text(encoding="utf-8-sig"))
        rows = [
            {
                **{_plain(name): "" if value is None else str(value) for name, value in one["properties"].items()},
                "longitude": str(((one["geometry"] or {}).get("coordinates") or ["", ""])[0]),
                "latitude": str(((one["geometry"] or {}).get("coordinates") or ["", ""])[1]),
            }
            for one in collection["features"]
        ]
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise EvidenceError(
            tr(
                f"{file}: not a GeoJSON of points with properties ({error})",
                f"{file} : pas un GeoJSON de points avec leurs propriétés ({error})",
            )
        ) from error
    return pd.DataFrame(rows).fillna("")


def _table(file: Path) -> pd.DataFrame:
    """All columns as text below whatever stands above the header; rows of another length are no rows."""
    content = content_of(file)
    if content.startswith((b"\xd0\xcf\x11\xe0", b"PK")):
        raise EvidenceError(
            tr(
                f"{file}: is a workbook, expected a table: save it as CSV",
                f"{file} : c’est un classeur ; attendu : un tableau, à enregistrer en CSV",
            )
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("windows-1252", "replace")
    lines = text.splitlines()
    for number, line in enumerate(lines[:_HEADER_WITHIN]):
        separator = max(";,\t", key=line.count)
        header = [_plain(name) for name in line.split(separator)]
        if _column(header, "latitude") or _column(header, "x") or {"x_wgs84_gps", "y_wgs84_gps"} <= set(header):
            rows = csv.reader(StringIO("\n".join(lines[number + 1 :])), delimiter=separator)
            whole = [row[: len(header)] for row in rows if len(row) >= len(header)]
            return pd.DataFrame(whole, columns=header, dtype="str")
    raise EvidenceError(
        tr(
            f"{file}: no header with latitude and longitude, or x and y, in its first {_HEADER_WITHIN} lines",
            f"{file} : pas d’en-tête avec latitude et longitude, ou x et y, dans les {_HEADER_WITHIN} premières lignes",
        )
    )


def _plain(name: str) -> str:
    """A header without accents, capitals and signs: ``Service de données 4G`` → ``service_de_donnees_4g``."""
    letters = unicodedata.normalize("NFD", name.strip().strip('"').lower())
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", kept).strip("_")


def _column(header: Container[str], meaning: str) -> str | None:
    return next((name for name in _NAMES[meaning] if name in header), None)


def _operators(file: Path, table: pd.DataFrame, given: str | None) -> "pd.Series[str]":
    if given is not None:
        return pd.Series(given, index=table.index, dtype="object")
    column = _column(table.columns, "operator")
    if column is not None:
        found = {text: _operator_in(text) for text in table[column].unique()}
        unknown = [text for text, code in found.items() if code is None]
        if unknown:
            raise EvidenceError(
                tr(
                    f"{file}: {column} is {unknown[0]!r}, expected Orange, SFR, Free or Bouygues",
                    f"{file} : {column} vaut {unknown[0]!r} ; attendu : Orange, SFR, Free ou Bouygues",
                )
            )
        return table[column].map(found)
    if {"x_wgs84_gps", "y_wgs84_gps"} <= set(table.columns):
        named: str | None = _OPERATOR_OF_WORD["sfr"]
    elif "antenne_relais_geree_par_orange" in table:
        named = _OPERATOR_OF_WORD["orange"]
    else:
        named = _operator_in(file.name)
    if named is None:
        raise EvidenceError(
            tr(
                f"{file}: neither a column nor its name says whose outages these are, "
                "expected Orange, SFR, Free or Bouygues in one",
                f"{file} : ni une colonne ni son nom ne disent de quel opérateur sont ces pannes ; "
                "attendu : Orange, SFR, Free ou Bouygues",
            )
        )
    return pd.Series(named, index=table.index, dtype="object")


def _operator_in(text: str) -> str | None:
    return next((code for word, code in _OPERATOR_OF_WORD.items() if word in text.lower()), None)


def _snapshots(file: Path, table: pd.DataFrame, given: date | None) -> "pd.Series[pd.Timestamp]":
    column = _column(table.columns, "snapshot")
    if given is None and column is not None:
        days = _day(table[column])
        if days.isna().any():
            wrong = table.loc[days.isna(), column].iloc[0]
            raise EvidenceError(
                tr(
                    f"{file}: {column} is {wrong!r}, expected a day",
                    f"{file} : {column} vaut {wrong!r} ; attendu : un jour",
                )
            )
        return days
    named = re.search(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)", file.name)
    try:
        day = given or (date(*map(int, named.groups())) if named else None)
    except ValueError:
        day = None
    if day is None:
        raise EvidenceError(
            tr(
                f"{file}: neither a column nor its name says of which day it is, "
                "expected 2026-06-20 or the like in one",
                f"{file} : ni une colonne ni son nom ne disent de quel jour il est ; attendu : comme 2026-06-20",
            )
        )
    return pd.Series(pd.Timestamp(day), index=table.index)


def _positions(file: Path, table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    latitude, longitude = _column(table.columns, "latitude"), _column(table.columns, "longitude")
    if latitude and longitude:
        return lenient_numbers(table[latitude]), lenient_numbers(table[longitude])
    if "x_wgs84_gps" in table:  # SFR's X is the latitude
        return lenient_numbers(table["x_wgs84_gps"]), lenient_numbers(table["y_wgs84_gps"])
    x_name, y_name = _column(table.columns, "x"), _column(table.columns, "y")
    if not x_name or not y_name:
        raise EvidenceError(
            tr(
                f"{file}: has no column longitude or y, expected both coordinates",
                f"{file} : pas de colonne longitude ou y ; attendu : les deux coordonnées",
            )
        )
    x, y = lenient_numbers(table[x_name]), lenient_numbers(table[y_name])
    usable = (x > 0) & (x < 1_400_000) & (y > 6_000_000) & (y < 7_200_000)
    points = projected(shapely.points(np.where(usable, x, 7e5), np.where(usable, y, 6.6e6)), LAMBERT_93, WGS_84)
    return np.where(usable, shapely.get_y(points), np.nan), np.where(usable, shapely.get_x(points), np.nan)


def _days(table: pd.DataFrame, snapshot: "pd.Series[pd.Timestamp]") -> tuple["pd.Series[date]", "pd.Series[date]"]:
    """From the first declared beginning, if it lies before the snapshot, to the last end that may be believed."""
    starts = [_day(table[name]) for name in _STARTS if name in table]
    ends = [_day(table[name]) for name in _ENDS if name in table]
    first = pd.concat([snapshot, *starts], axis=1).min(axis=1)
    last = pd.concat([snapshot, *ends], axis=1).max(axis=1)
    believed = snapshot + timedelta(days=PLANNED_DAYS)
    return first.dt.date, last.where(last <= believed, believed).dt.date


def _day(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    """Days of texts that begin like 2026-06-20 or 20/06/2026; NaT elsewhere."""
    text = texts.str.strip()
    iso = pd.to_datetime(text.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    return iso.fillna(pd.to_datetime(text.str.slice(0, 10), format="%d/%m/%Y", errors="coerce"))


def _out_of_order(file: Path, table: pd.DataFrame) -> dict[str | None, "pd.Series[bool]"]:
    """Which rows lost which technology, by name; under None those that do not say which."""
    told = {
        technology: [table[name].str.strip().str.upper() for name in names if name in table]
        for technology, names in _PER_TECHNOLOGY.items()
    }
    overall = [table[name].str.strip().str.upper() for name in _OVERALL if name in table]
    if not overall and not any(told.values()):
        raise EvidenceError(
            tr(
                f"{file}: has no column voix or data, expected what is out of order as {OUT_OF_ORDER}",
                f"{file} : pas de colonne voix ou data ; attendu : ce qui est en panne, par {OUT_OF_ORDER}",
            )
        )
    none = pd.Series(False, index=table.index)
    lost: dict[str | None, pd.Series[bool]] = {
        technology: pd.concat([none, *(column == OUT_OF_ORDER for column in told[technology])], axis=1).any(axis=1)
        for technology in TECHNOLOGIES
    }
    detailed = pd.concat([none, *lost.values()], axis=1).any(axis=1)
    whole = pd.concat([none, *(column == OUT_OF_ORDER for column in overall)], axis=1).any(axis=1)
    return {**lost, None: whole & ~detailed}

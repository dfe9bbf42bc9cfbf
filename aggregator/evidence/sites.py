"""Operators' declared sites, as Arcep publishes them each quarter, old headers and new."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, projected
from aggregator.evidence.operators import OPERATOR_OF_FILE_CODE
from aggregator.evidence.tables import lenient_numbers, read_table
from client_sdk.messages import counted, tr
from client_sdk.operators import operator_of

COLUMNS = ["operator", "site_id", "has_2g", "has_3g", "has_4g", "has_5g", "geometry"]

_OPERATOR_OF_NAME = {
    "orange": "20801",
    "sfr": "20810",
    "free": "20815",
    "free mobile": "20815",
    "bouygues": "20820",
    "bouygues telecom": "20820",
}
_TRUE = frozenset(("1", "1.0", "true", "vrai", "oui", "x"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SitesImported:
    """What an import of sites did; ``left_out`` rows had no usable position."""

    sites: int
    left_out: int

    def text(self) -> str:
        """For people."""
        sites, rows = counted(self.sites, "site(s)", "site(s)"), counted(self.left_out, "row(s)", "ligne(s) écartée(s)")
        return tr(f"{sites}; {rows} left out, without a position.", f"{sites} ; {rows}, sans position.")


def read_site_file(file: Path) -> tuple[gpd.GeoDataFrame, SitesImported]:
    """Sites of a file in Arcep's layout; a site that several operators share has a row for each.

    Columns read: ``code_op`` (or ``Operateur``), ``latitude`` and ``longitude``, or ``x`` and ``y`` in Lambert-93, and
    ``site_2g`` … ``site_5g`` (or ``2G`` …).

    Raises:
        EvidenceError: a column is missing, an operator is unknown, or no row has a position.
    """
    table = read_table(file)
    code = _first_of(file, table, "code_op", "operateur")
    operators = [_operator(file, row, text.strip()) for row, text in enumerate(code)]
    points, usable = _positions(file, table)
    if not usable.any():
        raise EvidenceError(
            tr(
                f"{file}: no row has a position, expected latitude and longitude, or x and y",
                f"{file} : aucune ligne n’a de position ; attendu : latitude et longitude, ou x et y",
            )
        )
    row_numbers = pd.Series(range(2, len(table) + 2), index=table.index).astype(str)
    identity = next((table[name].str.strip() for name in ("num_site", "id_station_anfr") if name in table), row_numbers)
    sites = gpd.GeoDataFrame(
        {
            "operator": operators,
            "site_id": identity.where(identity != "", row_numbers),
            **{f"has_{generation}": _flag(table, generation) for generation in ("2g", "3g", "4g", "5g")},
        },
        geometry=points,
        crs=WGS_84,
    )[usable]
    sites = sites.sort_values(["operator", "site_id"], ignore_index=True, kind="stable")[COLUMNS]
    return sites, SitesImported(sites=len(sites), left_out=int((~usable).sum()))


def _first_of(file: Path, table: pd.DataFrame, *names: str) -> "pd.Series[str]":
    for name in names:
        if name in table:
            return table[name]
    raise EvidenceError(
        tr(f"{file}: has no column {' or '.join(names)}", f"{file} : pas de colonne {' ou '.join(names)}")
    )


def _operator(file: Path, row: int, text: str) -> str:
    if text.isdigit() and len(text) in (5, 6):
        return operator_of(text)
    found = OPERATOR_OF_FILE_CODE.get(text.upper()) or _OPERATOR_OF_NAME.get(text.lower())
    if found is None:
        raise EvidenceError(
            tr(
                f"{file}, line {row + 2}: operator is {text!r}, expected an MCC and MNC such as 20801",
                f"{file}, ligne {row + 2} : l’opérateur vaut {text!r} ; attendu : un MCC et MNC comme 20801",
            )
        )
    return found


def _positions(file: Path, table: pd.DataFrame) -> tuple[Shapes, NDArray[np.bool_]]:
    if "latitude" in table and "longitude" in table:
        x, y = lenient_numbers(table["longitude"]), lenient_numbers(table["latitude"])
        usable = (np.abs(y) <= 90) & (np.abs(x) <= 180)
        return np.asarray(shapely.points(np.where(usable, x, 0), np.where(usable, y, 0))), usable
    x, y = lenient_numbers(_first_of(file, table, "x")), lenient_numbers(_first_of(file, table, "y"))
    usable = (x > 0) & (x < 1_400_000) & (y > 6_000_000) & (y < 7_200_000)
    flat = shapely.points(np.where(usable, x, 700_000), np.where(usable, y, 6_600_000))
    return np.asarray(projected(flat, LAMBERT_93, WGS_84)), usable


def _flag(table: pd.DataFrame, generation: str) -> NDArray[np.bool_]:
    for name in (f"site_{generation}", generation):
        if name in table:
            return table[name].str.strip().str.lower().isin(_TRUE).to_numpy(bool)
    return np.zeros(len(table), dtype=bool)

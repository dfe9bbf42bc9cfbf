"""Arcep's theoretical coverage files: GeoPackages, alone or inside 7z archives, read feature by feature.

Columns ``operateur`` (MCC and MNC as an integer), ``techno``, ``usage`` and ``niveau``; what a file lacks is read from
its name, ``<AAAA>_T<n>_couv_<zone>_<operator>_<technology>_<usage>.gpkg``. Coordinates are Lambert-93 whatever
reference system the file declares: recent files declare one of their own.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import py7zr
import pyarrow as pa
import pyogrio
import shapely
from py7zr.exceptions import ArchiveError
from pyogrio.errors import DataLayerError, DataSourceError

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import Shapes
from aggregator.evidence.operators import OPERATOR_OF_FILE_CODE
from client_sdk.messages import tr
from client_sdk.operators import operator_of

BATCH_FEATURES = 2_000

LEVELS = ("TBC", "BC", "CL", "")
USAGES = ("data", "voix")
TECHNOLOGIES = ("2G", "2G3G", "3G", "4G", "5G")

LAMBERT_93_X_M = (-500_000, 1_700_000)
LAMBERT_93_Y_M = (5_800_000, 7_500_000)
"""Metropolitan France with a wide margin, a choice of ours: an extent beyond it is in another reference system."""

_NAME = re.compile(r"_(?P<operator>[A-Za-z0-9]+)_(?P<technology>2G3G|[2-5]G)_(?P<usage>voix|data)(?![A-Za-z0-9])")
_QUARTER = re.compile(r"(?<!\d)(\d{4})_?T([1-4])(?!\d)")


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """What one polygon declares: service by an operator, on a technology, for a usage, at a level."""

    operator: str
    technology: str
    usage: str
    level: str


@contextmanager
def opened(file: Path) -> Iterator[list[Path]]:
    """The GeoPackages of a file: itself, or what a 7z archive holds, unpacked for as long as the context lasts.

    Raises:
        EvidenceError: no file, no 7z archive, or no GeoPackage inside.
    """
    if not file.is_file():
        raise EvidenceError(f"{file}: no such file, expected a GeoPackage or a 7z archive of one")
    if file.suffix != ".7z":
        yield [file]
        return
    with TemporaryDirectory() as directory:
        try:
            with py7zr.SevenZipFile(file) as archive:
                members = [name for name in archive.getnames() if name.endswith(".gpkg")]
                archive.extract(path=directory, targets=members)
        except (ArchiveError, OSError, EOFError) as error:
            raise EvidenceError(f"{file}: not a 7z archive that can be read ({error})") from error
        if not members:
            raise EvidenceError(f"{file}: holds no .gpkg, expected Arcep's coverage GeoPackage")
        yield [Path(directory, name) for name in sorted(members)]


def quarter_in(name: str) -> str:
    """Quarter in a file's name as ``2024_T3``, or empty."""
    found = _QUARTER.search(name)
    return f"{found[1]}_T{found[2]}" if found else ""


def source_in(name: str) -> tuple[str, str, str] | None:
    """Operator, technology and usage that a file's name in Arcep's manner states, or None."""
    found = _NAME.search(name)
    if not found or found["operator"].upper() not in OPERATOR_OF_FILE_CODE:
        return None
    return OPERATOR_OF_FILE_CODE[found["operator"].upper()], found["technology"], found["usage"]


def count_features(file: Path) -> int:
    """Number of polygons, for progress bars."""
    return sum(int(pyogrio.read_info(file, layer=layer)["features"]) for layer in _layers(file))


def require_lambert_93_polygons(file: Path) -> None:
    """Refuse a GeoPackage that no share can be computed from, before anything of it is read.

    Raises:
        EvidenceError: a layer holds no polygons, or its extent is in degrees or outside metropolitan France.
    """
    for layer in _layers(file):
        info = pyogrio.read_info(file, layer=layer, force_total_bounds=True)
        kind = str(info["geometry_type"])
        if "Polygon" not in kind and kind not in ("Unknown", "GeometryCollection"):
            raise _no_polygon(file, kind)
        if not info["features"] or info["total_bounds"] is None or not np.isfinite(info["total_bounds"]).all():
            continue
        west, south, east, north = info["total_bounds"]
        extent = f"x {west:.10g} … {east:.10g}, y {south:.10g} … {north:.10g}"
        if max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90:
            raise EvidenceError(
                tr(
                    f"{file.name}: its extent is {extent}, which looks like degrees, expected metres of Lambert-93",
                    f"{file.name} : son étendue est {extent}, en degrés ; attendu : des mètres (Lambert-93)",
                )
            )
        (low_x, high_x), (low_y, high_y) = LAMBERT_93_X_M, LAMBERT_93_Y_M
        if west < low_x or east > high_x or south < low_y or north > high_y:
            raise EvidenceError(
                tr(
                    f"{file.name}: its extent is {extent}, expected Lambert-93 with x from {low_x} to {high_x} "
                    f"and y from {low_y} to {high_y}",
                    f"{file.name} : son étendue est {extent} ; attendu : Lambert-93, x de {low_x} à {high_x} "
                    f"et y de {low_y} à {high_y}",
                )
            )


def _no_polygon(file: Path, kind: str) -> EvidenceError:
    return EvidenceError(
        tr(
            f"{file.name}: its geometries are {kind}, expected Polygon or MultiPolygon",
            f"{file.name} : ses géométries sont {kind} ; attendu : Polygon ou MultiPolygon",
        )
    )


def read_features(
    file: Path, bounds: tuple[float, float, float, float] | None
) -> Iterator[tuple[int, dict[ClaimKey, Shapes]]]:
    """Polygons in Lambert-93, in batches, by what they declare.

    Args:
        file: a GeoPackage in Arcep's layout.
        bounds: west, south, east, north in Lambert-93 metres; polygons that lie elsewhere are not read.

    Yields:
        Number of features in the batch, and their geometries (n,) by key.

    Raises:
        EvidenceError: not a GeoPackage, or a column holds what Arcep's layout does not know.
    """
    for layer in _layers(file):
        with pyogrio.open_arrow(file, layer=layer, bbox=bounds, batch_size=BATCH_FEATURES, use_pyarrow=True) as (
            meta,
            reader,
        ):
            for batch in reader:
                yield batch.num_rows, _by_key(file, pa.Table.from_batches([batch]), meta["geometry_name"] or "geom")


def _layers(file: Path) -> list[str]:
    try:
        return [name for name, kind in pyogrio.list_layers(file) if kind is not None]
    except (DataSourceError, DataLayerError) as error:
        raise EvidenceError(f"{file}: not a GeoPackage ({error})") from error


def _by_key(file: Path, table: pa.Table, geometry: str) -> dict[ClaimKey, Shapes]:
    named = _NAME.search(file.stem)
    columns = {name.lower(): table.column(name).to_pylist() for name in table.column_names if name != geometry}

    def values(column: str, default: str | None) -> list[Any]:
        found = columns.get(column, [None] * table.num_rows)
        return [default if value is None or value == "" else value for value in found]

    operators = values("operateur", named["operator"] if named else None)
    technologies = values("techno", named["technology"] if named else None)
    usages = values("usage", named["usage"] if named else None)
    levels = values("niveau", "")
    keys = [_key(file, *parts) for parts in zip(operators, technologies, usages, levels, strict=True)]
    shapes = np.asarray(shapely.from_wkb(table.column(geometry).to_numpy(zero_copy_only=False)))
    kinds = shapely.get_type_id(shapes)
    wrong = ~np.isin(kinds, [-1, shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON])
    if wrong.any():
        raise _no_polygon(file, shapes[wrong][0].geom_type)
    rows: dict[ClaimKey, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return {key: shapes[indexes] for key, indexes in rows.items()}


def _key(file: Path, operator: Any, technology: Any, usage: Any, level: Any) -> ClaimKey:
    return ClaimKey(
        operator=_operator(file, operator),
        technology=_one_of(file, "techno", str(technology).upper(), TECHNOLOGIES),
        usage=_one_of(file, "usage", str(usage).lower(), USAGES),
        level=_one_of(file, "niveau", str(level).upper(), LEVELS),
    )


def _operator(file: Path, value: Any) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    if text.upper() in OPERATOR_OF_FILE_CODE:
        return OPERATOR_OF_FILE_CODE[text.upper()]
    if not (text.isdigit() and len(text) in (5, 6)):
        raise EvidenceError(f"{file.name}: operateur is {value!r}, expected an MCC and MNC such as 20801")
    return operator_of(text)


def _one_of(file: Path, column: str, value: str, expected: tuple[str, ...]) -> str:
    if value not in expected:
        raise EvidenceError(f"{file.name}: {column} is {value!r}, expected one of {', '.join(filter(None, expected))}")
    return value

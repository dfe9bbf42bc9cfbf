"""Files made from a release for those who ask for them: one GeoPackage of all, shapefiles, CSV for French spreadsheets.

They are no part of the release, which stays as it is: anybody can make them again from its files. The declared coverage
of a région is 6 MB in the release's ``claims.parquet`` and 500 MB in a GeoPackage, which is why it is made on request.
"""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from aggregator.publication.columns import TABLES
from aggregator.publication.described import Table
from aggregator.publication.errors import PublicationError
from aggregator.publication.hexagons import COORDINATE_DECIMALS
from aggregator.publication.layers import plain, write_geopackage
from client_sdk.messages import tr

Format = Literal["geopackage", "shapefile", "csv-fr"]
LAYERS = tuple(name for name, table in TABLES.items() if table.geometry)
PACKAGE = "maille.gpkg"
FIELD_NAMES = "noms-des-champs.csv"
LONGEST_TEXT = 254
"""Characters of a text in a shapefile; columns that may be longer have no short name, and are left out."""


def export(release: Path, into: Path, kind: Format) -> list[Path]:
    """Write every layer of a release in another format.

    Args:
        release: its directory.
        into: where to; made where it is missing, and files of the same names are replaced.
        kind: ``geopackage``, all layers and their styles in one; ``shapefile``; or ``csv-fr``: ``;``, decimal comma,
            UTF-8 with the mark by which Excel knows it.

    Returns:
        The files written, a shapefile by its ``.shp``.

    Raises:
        PublicationError: it is no release, or a column has no description.
    """
    into.mkdir(parents=True, exist_ok=True)
    if kind == "geopackage":
        return [_geopackage(release, into)]
    write: Callable[[gpd.GeoDataFrame, Table, Path], Path] = {"shapefile": _shapefile, "csv-fr": _french_csv}[kind]
    written = [write(read_layer(release, name), TABLES[name], into) for name in LAYERS]
    if kind == "shapefile":
        written.append(_field_names(release, into))
    return written


def read_layer(release: Path, name: str) -> gpd.GeoDataFrame:
    """A layer of a release, whichever file has it, with the types that its description states.

    Raises:
        PublicationError: the release has no such layer.
    """
    table = TABLES[name]
    file = release / table.files[0]
    try:
        parquet = file.suffix == ".parquet"
        layer = gpd.read_parquet(file) if parquet else pyogrio.read_dataframe(file, layer=name)
    except (OSError, ValueError) as error:
        raise PublicationError(
            tr(
                f"{file}: {error}; expected the directory of a release",
                f"{file} : {error} ; attendu : le dossier d'une publication",
            )
        ) from error
    typed = {"integer": "Int64", "boolean": "boolean", "number": "float64"}
    kinds = {column: table.column(column).kind for column in layer.columns if column != layer.geometry.name}
    changes = {column: layer[column].astype(typed[kind]) for column, kind in kinds.items() if kind in typed}
    return layer.assign(**changes)


def _geopackage(release: Path, into: Path) -> Path:
    layers = {name: read_layer(release, name) for name in LAYERS}
    day = json.loads((release / "manifest.json").read_text(encoding="utf-8"))["date"]
    file = into / PACKAGE
    file.unlink(missing_ok=True)
    write_geopackage(layers, file, date.fromisoformat(day))
    return file


def _shapefile(layer: gpd.GeoDataFrame, table: Table, into: Path) -> Path:
    short = {name: table.column(name).short for name in layer.columns if name != layer.geometry.name}
    kept = plain(layer).drop(columns=[name for name, own in short.items() if not own]).rename(columns=short)
    texts = [own for name, own in short.items() if own and table.column(name).kind == "string"]
    kept = kept.assign(**{name: kept[name].str.slice(0, LONGEST_TEXT) for name in texts})
    file = into / f"{table.name}.shp"
    pyogrio.write_dataframe(
        kept,
        file,
        driver="ESRI Shapefile",
        encoding="UTF-8",
        geometry_type=table.geometry,
        layer_options={"RESIZE": "YES"},
    )
    return file


def _field_names(release: Path, into: Path) -> Path:
    """Which field of a shapefile is which column; one without a field was left out, being too long."""
    file = into / FIELD_NAMES
    with file.open("w", encoding="utf-8-sig", newline="") as lines:
        rows = csv.writer(lines, delimiter=";")
        rows.writerow(["fichier", "champ", "colonne", "sens"])
        for name in LAYERS:
            layer, table = read_layer(release, name), TABLES[name]
            described = [table.column(column) for column in layer.columns if column != layer.geometry.name]
            rows.writerows([f"{name}.shp", column.short, column.name, column.fr] for column in described)
    return file


def _french_csv(layer: gpd.GeoDataFrame, table: Table, into: Path) -> Path:
    rows = pd.DataFrame(plain(layer).drop(columns=layer.geometry.name))
    for name in rows.columns[rows.dtypes == "bool"]:
        rows[name] = rows[name].astype("Int64")
    if table.geometry == "Polygon" and "longitude" not in rows:
        centres = shapely.centroid(layer.to_crs("EPSG:4326").geometry.to_numpy())
        for column, values in (("latitude", shapely.get_y(centres)), ("longitude", shapely.get_x(centres))):
            rows[column] = values.round(COORDINATE_DECIMALS)
    file = into / f"{table.name}.csv"
    rows.to_csv(file, sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return file

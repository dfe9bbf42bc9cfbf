"""Files made from a release for those who ask for them: one GeoPackage of all, shapefiles, CSV for French spreadsheets.

They are no part of the release, which stays as it is: anybody can make them again from its files. The declared coverage
of a région is 6 MB in the release's ``claims.parquet`` and 500 MB in a GeoPackage, which is why it is made on request.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from aggregator.publication.columns import TABLES
from aggregator.publication.described import Column, Table
from aggregator.publication.errors import PublicationError
from aggregator.publication.hexagons import COORDINATE_DECIMALS
from aggregator.publication.layers import plain, write_geopackage
from client_sdk.messages import tr

Field = tuple[str, str, Column]
"""A file, what a column is called in it, and the column."""
Format = Literal["geopackage", "shapefile", "csv-fr"]
LAYERS = tuple(name for name, table in TABLES.items() if table.geometry)
SEPARATORS = {"dcc_poi": ";", "observatory": ","}
"""Tables that a release holds as CSV → what stands between their columns there."""
PACKAGE = "maille.gpkg"
FIELD_NAMES = "noms-des-champs.csv"
CENTRE = ("latitude", "longitude")
"""Columns of a polygon's centre, for a table that has no geometry."""
LEAST_NUMBER = 1e-15
"""GDAL gives a number of a shapefile 15 decimals: a smaller one, as some p are, would read 0, and stands at this."""
LONGEST_TEXT = 254
"""Characters of a text in a shapefile; columns that may be longer have no short name, and are left out."""


def export(release: Path, into: Path, kind: Format) -> list[Path]:
    """Write every layer of a release in another format; as ``csv-fr`` the tables too that it holds as CSV.

    Args:
        release: its directory.
        into: where to; made where it is missing, and files of the same names are replaced.
        kind: ``geopackage``, all layers and their styles in one; ``shapefile``; or ``csv-fr``: ``;``, decimal comma,
            UTF-8 with the mark by which Excel knows it, and what the columns mean beside.

    Returns:
        The files written, a shapefile by its ``.shp``; last of a shapefile's or CSV's, what their columns mean.

    Raises:
        PublicationError: it is no release, or a column has no description.
    """
    into.mkdir(parents=True, exist_ok=True)
    if kind == "geopackage":
        return [_geopackage(release, into)]
    if kind == "shapefile":
        layers = {TABLES[name]: read_layer(release, name) for name in LAYERS}
        written = [_shapefile(layer, table, into) for table, layer in layers.items()]
        return [*written, _field_names(_shapefile_fields(layers), into)]
    files = {into / f"{name}.csv": TABLES[name] for name in LAYERS}
    for file, table in files.items():
        _write_french(_french_layer(read_layer(release, table.name), table), file)
    for table in map(TABLES.__getitem__, SEPARATORS):
        for source in sorted(file for pattern in table.files for file in release.glob(pattern)):
            _write_french(_french_table(source, table), into / source.name)
            files[into / source.name] = table
    return [*files, _field_names(_csv_fields(files), into)]


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
    figures = {name: kept[name] for name in kept.columns if kept[name].dtype == "float64"}
    kept = kept.assign(
        **{name: own.mask((own > 0) & (own < LEAST_NUMBER), LEAST_NUMBER) for name, own in figures.items()}
    )
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


def _shapefile_fields(layers: dict[Table, gpd.GeoDataFrame]) -> Iterator[Field]:
    for table, layer in layers.items():
        for name in layer.columns:
            if name != layer.geometry.name:
                yield f"{table.name}.shp", table.column(name).short, table.column(name)


def _csv_fields(files: dict[Path, Table]) -> Iterator[Field]:
    for file, table in files.items():
        described = {column.name for column in table.columns}
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines, delimiter=";"))
        for name in header:
            added = name in CENTRE and name not in described
            yield file.name, name, TABLES["places"].column(name) if added else table.column(name)


def _field_names(fields: Iterable[Field], into: Path) -> Path:
    """Which field is which column, and what it means; one without a field was left out of a shapefile, too long."""
    file = into / FIELD_NAMES
    with file.open("w", encoding="utf-8-sig", newline="") as lines:
        rows = csv.writer(lines, delimiter=";")
        rows.writerow(["fichier", "champ", "colonne", "sens"])
        rows.writerows([name, field, column.name, column.fr] for name, field, column in fields)
    return file


def _french_layer(layer: gpd.GeoDataFrame, table: Table) -> pd.DataFrame:
    rows = pd.DataFrame(plain(layer).drop(columns=layer.geometry.name))
    for name in rows.columns[rows.dtypes == "bool"]:
        rows[name] = rows[name].astype("Int64")
    if table.geometry == "Polygon" and not rows.columns.isin(CENTRE).any():
        centres = shapely.centroid(layer.to_crs("EPSG:4326").geometry.to_numpy())
        for column, values in zip(CENTRE, (shapely.get_y(centres), shapely.get_x(centres)), strict=True):
            rows[column] = values.round(COORDINATE_DECIMALS)
    return rows


def _french_table(file: Path, table: Table) -> pd.DataFrame:
    """Texts of a CSV of the release, digits as they are: nothing is read as a number and rounded again."""
    rows = pd.read_csv(file, sep=SEPARATORS[table.name], dtype="str", keep_default_na=False, na_values=["NA"])
    figures = [name for name in rows.columns if table.column(name).kind == "number"]
    return rows.assign(**{name: rows[name].str.replace(".", ",", regex=False) for name in figures})


def _write_french(rows: pd.DataFrame, file: Path) -> None:
    rows.to_csv(file, sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n")

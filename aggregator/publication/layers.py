"""Geographic files whose bytes depend on their rows alone: no clock, no library's mood."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely

from aggregator.publication.styles import Style, styles_of

GEOPARQUET_VERSION = "1.1.0"
GEOPACKAGE_VERSION = "1.3"
"""1.4 makes the GDAL 3.6 of Debian 12 warn."""
ROW_GROUP = 100_000
"""Ours: rows are sorted by place, so that whoever wants a part reads a part."""


def write_geoparquet(table: gpd.GeoDataFrame, file: Path) -> None:
    """GeoParquet, geometry as WKB, without what pandas and geopandas note of themselves and their versions.

    Parquet's own ``created_by`` names the version of Arrow; the manifest does too.
    """
    written = BytesIO()
    table.to_parquet(written, index=False, schema_version=GEOPARQUET_VERSION)
    arrow = pq.read_table(written)
    geo = json.loads(arrow.schema.metadata[b"geo"])
    geo.pop("creator", None)
    arrow = arrow.replace_schema_metadata({b"geo": json.dumps(geo)})
    pq.write_table(arrow, file, compression="zstd", row_group_size=ROW_GROUP)


def write_geopackage(layers: Mapping[str, gpd.GeoDataFrame], file: Path, day: date) -> None:
    """A GeoPackage of several layers whose date of change is ``day``, with how QGIS draws them.

    Boolean columns may hold nothing.
    """
    with _gdal_clock(day):
        for name, table in layers.items():
            pyogrio.write_dataframe(
                plain(table),
                file,
                layer=name,
                driver="GPKG",
                append=file.exists(),
                dataset_options={} if file.exists() else {"VERSION": GEOPACKAGE_VERSION},
                geometry_type=_geometry_type(name, table),
            )
        styles = [style for name, table in layers.items() for style in styles_of(name, table)]
        if styles:
            pyogrio.write_dataframe(
                layer_styles(styles).assign(update_time=pd.Timestamp(day)),
                file,
                layer="layer_styles",
                driver="GPKG",
                append=True,
                layer_options={"FID": "id"},
            )


def layer_styles(styles: Sequence[Style]) -> pd.DataFrame:
    """The table in which QGIS looks for the styles of a GeoPackage's layers, by its names for the columns."""
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": style.layer,
            "f_geometry_column": "geom",
            "styleName": style.name,
            "styleQML": style.qml,
            "styleSLD": style.sld,
            "useAsDefault": style.default,
            "description": style.description,
            "owner": "Maille",
            "ui": "",
        }
        for style in styles
    ]
    return pd.DataFrame(rows)


def write_geojson(table: gpd.GeoDataFrame, file: Path, *, decimals: int) -> None:
    """GeoJSON (RFC 7946) in WGS 84, one feature a line; missing values are null, booleans true or false."""
    places = table.to_crs("EPSG:4326") if len(table) else table
    columns = [name for name in table.columns if name != table.geometry.name]
    records = table[columns].astype(object)
    records = records.where(records.notna(), None).to_dict("records")
    features = [
        {"type": "Feature", "properties": record, "geometry": geometry_json(shape, decimals)}
        for record, shape in zip(records, places.geometry, strict=True)
    ]
    write_features(features, file)


def write_features(features: list[dict[str, Any]], file: Path) -> None:
    """A feature collection from ready features, one a line."""
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    file.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', encoding="utf-8")


def geometry_json(shape: shapely.Geometry, decimals: int) -> dict[str, Any]:
    """GeoJSON geometry, outer rings counter-clockwise, coordinates to some decimals."""
    oriented = shapely.orient_polygons(shape)
    geometry: dict[str, Any] = json.loads(shapely.to_geojson(oriented))
    return {**geometry, "coordinates": _rounded(geometry["coordinates"], decimals)}


def plain(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same table with types that every GIS format has; booleans that may be missing become 0, 1 or null."""
    changes = {name: table[name].astype("Int64") for name in table.columns if table[name].dtype == "boolean"}
    return table.assign(**changes)


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, list):
        return [_rounded(item, decimals) for item in value]
    return round(value, decimals)


def _geometry_type(name: str, table: gpd.GeoDataFrame) -> str:
    """Stated rather than guessed, so that an empty layer has a type too."""
    if len(table):
        (kind,) = set(table.geom_type)
        return str(kind)
    return {"points": "Point", "zones": "MultiPolygon"}.get(name, "Polygon")


@contextmanager
def _gdal_clock(day: date) -> Iterator[None]:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{pd.Timestamp(day):%Y-%m-%d}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})

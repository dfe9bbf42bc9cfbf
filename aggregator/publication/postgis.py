"""A release in PostGIS: one table per layer, with keys, spatial indexes, comments, and QGIS's styles.

All of it happens in one transaction: who reads sees the release before, or this one, never a part.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import psycopg
import shapely
from psycopg import sql

from aggregator.publication.columns import TABLES
from aggregator.publication.described import Column, Table
from aggregator.publication.errors import PublicationError
from aggregator.publication.exporting import LAYERS, read_layer
from aggregator.publication.layers import layer_styles
from aggregator.publication.styles import styles_of
from client_sdk.messages import tr

Progress = Callable[[str, float], None]
TYPES = {"string": "text", "integer": "integer", "number": "double precision", "boolean": "boolean"}
STYLES = """
CREATE TABLE IF NOT EXISTS public.layer_styles (
    id serial PRIMARY KEY, f_table_catalog varchar, f_table_schema varchar, f_table_name varchar,
    f_geometry_column varchar, stylename text, styleqml xml, stylesld xml, useasdefault boolean, description text,
    owner varchar(63) DEFAULT current_user, ui xml, update_time timestamp DEFAULT current_timestamp, type varchar
)
"""
"""As QGIS itself makes it."""


def load(release: Path, address: str, schema: str = "maille", progress: Progress | None = None) -> dict[str, int]:
    """Put a release into a schema of a database, in place of the one that was there.

    Args:
        release: its directory.
        address: of the database, ``postgresql://user@host/name``; that of SQLAlchemy does as well.
        schema: of the tables; made where it is missing.
        progress: told which layer is loaded, and the fraction done.

    Returns:
        Rows of each table.

    Raises:
        PublicationError: the database cannot be reached, has no PostGIS, or refuses; nothing was changed then.
    """
    loaded: dict[str, int] = {}
    layers = {name: read_layer(release, name) for name in LAYERS}
    try:
        with psycopg.connect(address.replace("postgresql+psycopg://", "postgresql://")) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            connection.execute(STYLES)
            for number, (name, layer) in enumerate(layers.items()):
                if progress:
                    progress(name, number / len(layers))
                loaded[name] = _load_layer(connection, schema, TABLES[name], layer, release.name)
            _load_styles(connection, schema, layers)
    except psycopg.Error as error:
        problem = str(error).strip()
        raise PublicationError(
            tr(
                f"{schema}: {problem}; expected a PostgreSQL database with PostGIS where tables may be made. "
                "Nothing was changed",
                f"{schema} : {problem} ; attendu : une base PostgreSQL avec PostGIS où créer des tables. "
                "Rien n'a été changé",
            )
        ) from error
    return loaded


def _load_layer(
    connection: psycopg.Connection, schema: str, table: Table, layer: gpd.GeoDataFrame, release: str
) -> int:
    name = sql.Identifier(schema, table.name)
    columns = [table.column(column) for column in layer.columns if column != layer.geometry.name]
    fields = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name), sql.SQL(TYPES[column.kind]), sql.SQL(" NOT NULL" if column.required else "")
        )
        for column in columns
    ]
    shape = sql.SQL("geom geometry({}, {}) NOT NULL").format(sql.SQL(table.geometry), sql.Literal(table.epsg))
    key = sql.SQL("UNIQUE ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key)))
    members = [sql.SQL("fid integer PRIMARY KEY"), *fields, shape, key]
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(members)))
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
        for row in _rows(layer, columns, table.epsg):
            copy.write_row(row)
    connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(name))
    about = f"{table.en}. {table.fr}. Release {release}"
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(name, sql.Literal(about)))
    for column in columns:
        unit = f" [{column.unit}]" if column.unit else ""
        place = sql.Identifier(schema, table.name, column.name)
        text = sql.Literal(f"{column.en}{unit} / {column.fr}{unit}")
        connection.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, text))
    return len(layer)


def _rows(layer: gpd.GeoDataFrame, columns: list[Column], epsg: int) -> Iterator[tuple[object, ...]]:
    """Rows for COPY: number, columns with None where missing, geometry as EWKB in hexadecimal."""
    values = [layer[column.name].astype(object).where(layer[column.name].notna(), None) for column in columns]
    shapes = shapely.to_wkb(shapely.set_srid(layer.geometry.to_numpy(), epsg), hex=True, include_srid=True)
    return zip(range(1, len(layer) + 1), *values, shapes, strict=True)


def _load_styles(connection: psycopg.Connection, schema: str, layers: dict[str, gpd.GeoDataFrame]) -> None:
    connection.execute("DELETE FROM public.layer_styles WHERE f_table_schema = %s AND owner = 'Maille'", [schema])
    styles = layer_styles([style for name, layer in layers.items() for style in styles_of(name, layer)])
    for style in styles.itertuples(index=False):
        connection.execute(
            "INSERT INTO public.layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
            "stylename, styleqml, stylesld, useasdefault, description, owner) VALUES "
            "(current_database(), %s, %s, %s, %s, XMLPARSE(DOCUMENT %s), XMLPARSE(DOCUMENT %s), %s, %s, %s)",
            [
                *(schema, style.f_table_name, style.f_geometry_column, style.styleName),
                *(style.styleQML, style.styleSLD, bool(style.useAsDefault), style.description, style.owner),
            ],
        )

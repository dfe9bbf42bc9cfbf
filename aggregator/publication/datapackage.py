"""``datapackage.json``: the release as a Frictionless Data Package, each table with its Table Schema.

Whoever reads it with the frictionless tools checks types, bounds and keys of every file these tools can read. Names and
descriptions are in English, with both languages beside (``descriptions``); ``unit`` is in SI or UCUM.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from aggregator.publication.columns import TABLES
from aggregator.publication.described import Column, Table
from aggregator.publication.media_types import media_type

FILE = "datapackage.json"
READ_AS_TABLES = (".csv", ".parquet")
"""Endings of the files that the frictionless tools read as tables."""
MISSING = {".csv": ["", "NA"], ".parquet": ["", "nan"]}
"""The frictionless tools read Parquet by way of pandas, which makes a missing number ``nan``."""
DCC_DIALECT = {"delimiter": ";", "quoteChar": '"'}
GEOMETRY = {
    "en": "{kind} in EPSG:{epsg}; WKB in GeoParquet, see the file's own metadata",
    "fr": "{kind} en EPSG:{epsg} ; WKB en GeoParquet, voir les métadonnées du fichier",
}


def data_package(
    told: Mapping[str, Any], files: Sequence[Mapping[str, Any]], columns: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The descriptor of a release.

    Args:
        told: what the manifest says.
        files: as ``manifest.listing`` gives them.
        columns: names of the columns that each table has here, without its geometry.
    """
    licence = told["licence"]
    warned = told.get("warning", {})
    synthetic = told["synthetic_label"] if told["synthetic"] else {}
    spoken = {
        language: " ".join(filter(None, [synthetic.get(language), warned.get(language), *told["limits"][language]]))
        for language in ("en", "fr")
    }
    return {
        "name": f"maille-{told['release']}",
        "id": told["release"],
        "version": told["release"],
        "title": told["title"]["en"],
        "titles": told["title"],
        "description": spoken["en"],
        "descriptions": spoken,
        "citation": told["citation"],
        "licenses": [{"name": licence["spdx"], "path": licence["url"], "title": licence["name"]}],
        "contributors": [{"title": told["publisher"]["name"], "role": "publisher"}],
        "sources": [{"title": line} for line in told["attributions"]],
        "keywords": ["mobile coverage", "H3", "open data", "couverture mobile"],
        "resources": [_resource(file, columns) for file in files if "/" not in file["path"]],
    }


def table_schema(table: Table, columns: Sequence[str], missing: Sequence[str] = ("",)) -> dict[str, Any]:
    """The Table Schema of a table with these columns, and what a missing value looks like.

    Raises:
        PublicationError: a column has no description.
    """
    fields = [_field(table.column(name)) for name in columns]
    if table.geometry:
        spoken = {language: text.format(kind=table.geometry, epsg=table.epsg) for language, text in GEOMETRY.items()}
        fields.append({"name": "geometry", "type": "any", "description": spoken["en"], "descriptions": spoken})
    return {"fields": fields, "primaryKey": list(table.key), "missingValues": list(missing)}


def _field(column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {}
    if column.required:
        constraints["required"] = True
    bounds = {"minimum": column.least, "maximum": column.most}
    whole = column.kind == "integer"
    constraints |= {name: int(value) if whole else value for name, value in bounds.items() if value is not None}
    if column.values:
        constraints["enum"] = [value for value in column.values if value]
    if column.pattern:
        constraints["pattern"] = column.pattern
    return {
        "name": column.name,
        "type": column.kind,
        "description": column.en,
        "descriptions": {"en": column.en, "fr": column.fr},
        **({"unit": column.unit} if column.unit else {}),
        **({"constraints": constraints} if constraints else {}),
    }


def _resource(file: Mapping[str, Any], columns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    path = PurePosixPath(file["path"])
    tables = [table for table in TABLES.values() if table.is_in(file["path"])]
    resource = {
        "name": re.sub(r"[^a-z0-9]+", "-", file["path"].lower()),  # all that the profile allows in a name
        "path": file["path"],
        "format": path.suffix.removeprefix("."),
        "mediatype": media_type(file["path"]),
        # the frictionless tools count no byte of a Parquet file, and would call any number wrong
        **({} if path.suffix == ".parquet" else {"bytes": file["bytes"]}),
        "hash": f"sha256:{file['sha256']}",
    }
    if tables:
        resource |= {"description": " | ".join(table.en for table in tables)}
        resource |= {"descriptions": {"en": resource["description"], "fr": " | ".join(table.fr for table in tables)}}
    if path.suffix in READ_AS_TABLES and tables:
        (table,) = tables
        dialect = {"dialect": DCC_DIALECT} if table.name == "dcc_poi" else {}
        schema = table_schema(table, columns[table.name], MISSING[path.suffix])
        encoding = {"encoding": "utf-8"} if path.suffix == ".csv" else {}
        return resource | encoding | dialect | {"type": "table", "schema": schema}
    layers = [{"name": table.name, "schema": table_schema(table, columns[table.name])} for table in tables]
    return resource | ({"layers": layers} if layers else {})

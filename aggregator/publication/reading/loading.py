"""The collections of one release, out of its files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, projected
from aggregator.publication.reading.asked import AbsentError
from aggregator.publication.reading.collections import Collection, runs
from aggregator.publication.reading.times import times_of

DECIMALS = 6
PLACED = ["insee_com", "insee_dep"]
"""Columns that hexagons and claims have here beside those of their files: the commune around their centre."""
ABOUT = {
    "hexagons": (
        "Hexagons",
        "What was measured and what is declared, one row per H3 cell, operator, technology, threshold and kind of "
        "evidence. Rows with remainder = true are figures of a parent cell without its published children.",
    ),
    "zones": ("Candidate zones", "Places to look at, discs of 4 km about the most unmet demand; not findings."),
    "points": ("Points of interest", "What a candidate zone is about: places in it, for the dossier."),
    "claims": (
        "Declared coverage",
        "The share of each hexagon that an operator declares covered, by technology, usage and level.",
    ),
}


def load(release: Path, name: str) -> Collection:
    """One of ``ABOUT`` of a release.

    Raises:
        AbsentError: it has no such file: it was written by an earlier version.
    """
    file = release / ("zones.gpkg" if name in ("zones", "points") else f"{name}.parquet")
    if not file.exists():
        raise AbsentError(f"{release.name} has no {file.name}")
    return _of_layer(file, name) if file.suffix == ".gpkg" else _of_parquet(file, name)


def _of_parquet(file: Path, name: str) -> Collection:
    schema = pq.read_schema(file)
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    columns = [column for column in schema.names if column != "geometry"]
    table = _whole(pq.read_table(file, columns=columns, read_dictionary=texts))
    starts = runs(table["h3"])
    first = pa.array(starts[:-1])
    shapes = shapely.from_wkb(pq.read_table(file, columns=["geometry"])["geometry"].take(first).to_numpy())
    table = _placed(table, starts, file.with_name("places.parquet"))
    key = ("h3", "operator", "technology", *(("threshold", "evidence") if name == "hexagons" else ("usage", "level")))
    months = ["first_month", "judged_first_month", "last_month", "judged_last_month"]
    times = times_of(table, months if name == "hexagons" else ["claims_quarter"])
    return Collection(name, *ABOUT[name], key, table, _rounded(shapes), starts, times)


def _placed(table: pa.Table, starts: Any, file: Path) -> pa.Table:
    """With the commune of each hexagon, where the release says."""
    if not file.exists():
        return table
    places = pd.read_parquet(file, columns=["h3", *PLACED]).set_index("h3")
    cells = table["h3"].take(pa.array(starts[:-1])).to_pylist()
    found = places.reindex(cells).fillna("")
    for name in PLACED:
        column = pa.array(found[name].astype("str").to_numpy(dtype=object), pa.string()).dictionary_encode()
        codes = np.repeat(column.indices.to_numpy(), np.diff(starts))
        table = table.append_column(name, pa.DictionaryArray.from_arrays(codes, column.dictionary))
    return table


def _of_layer(file: Path, name: str) -> Collection:
    _, arrow = pyogrio.read_arrow(file, layer=name)
    shapes = projected(shapely.from_wkb(arrow["geom"].to_numpy(zero_copy_only=False)), LAMBERT_93, WGS_84)
    table = arrow.drop_columns(["geom"]).replace_schema_metadata(None)
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(position, field.name, table[field.name].cast(pa.string()).dictionary_encode())
    table = _whole(table)
    times = times_of(table, ["first_month", "last_month"]) if name == "zones" else None
    key = ("zone_id",) if name == "zones" else ("point_id",)
    starts = np.arange(len(table) + 1, dtype=np.int64)
    return Collection(name, *ABOUT[name], key, table, _rounded(shapes), starts, times, storage_crs=LAMBERT_93)


def _whole(table: pa.Table) -> pa.Table:
    """One chunk a column, one dictionary a text, and no metadata."""
    bare = table.replace_schema_metadata(None).unify_dictionaries().combine_chunks()
    columns = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in bare.columns]
    return pa.table(columns, names=bare.column_names)


def _rounded(shapes: Shapes) -> Shapes:
    """Outer rings counter-clockwise, coordinates as in the release's other files."""
    turned = shapely.orient_polygons(shapes) if len(shapes) else shapes
    return np.asarray(shapely.transform(turned, lambda points: np.round(points, DECIMALS)))


def manifest_of(release: Path) -> dict[str, Any]:
    """What the release says of itself.

    Raises:
        AbsentError: it says nothing.
    """
    try:
        told: dict[str, Any] = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AbsentError(f"{release.name}: no manifest") from error
    return told

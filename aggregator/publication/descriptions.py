"""What describes a release to those who read it: its Data Package, its codebook, its entry for catalogues."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyogrio

from aggregator.publication import codebook, datapackage, dcat
from aggregator.publication.columns import TABLES
from aggregator.publication.columns_dcc import DCC
from aggregator.publication.manifest import listing, write_json


def write_descriptions(release: Path, told: Mapping[str, Any]) -> None:
    """Write ``codebook.md``, ``datapackage.json`` and ``dcat.jsonld`` beside the files they describe.

    Args:
        release: directory with every other file of the release but its manifest.
        told: what the manifest says.

    Raises:
        PublicationError: a column has no description.
    """
    columns = {name: columns_of(release, name) for name in TABLES}
    (release / codebook.FILE).write_text(codebook.codebook(told, columns), encoding="utf-8")
    write_json(datapackage.data_package(told, listing(release), columns), release / datapackage.FILE)
    write_json(dcat.catalogue_entry(told, listing(release), _bounds(release)), release / dcat.FILE)


def columns_of(release: Path, name: str) -> list[str]:
    """Columns that a table has in a release, without its geometry, as its first file has them."""
    file = release / TABLES[name].files[0]
    if file.suffix == ".parquet":
        found = list(pq.read_schema(file).names)
    elif file.suffix == ".gpkg":
        found = list(pyogrio.read_info(file, layer=name)["fields"])
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            found = next(csv.reader(lines, delimiter=";" if name == DCC.name else ","))
    return [column for column in found if column != "geometry"]


def _bounds(release: Path) -> tuple[float, float, float, float] | None:
    """West, south, east and north of what is measured or declared, in degrees; None where there is nothing."""
    boxes = []
    for name in ("hexagons", "claims"):
        table = pq.ParquetFile(release / TABLES[name].files[0])
        if table.metadata.num_rows:
            geo = json.loads(table.schema_arrow.metadata[b"geo"])
            boxes.append(geo["columns"][geo["primary_column"]]["bbox"])
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)

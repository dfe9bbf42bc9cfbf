"""Vector tiles of a release: plain files ``tiles/{z}/{x}/{y}.pbf``, and the same tiles in ``hexagons.pmtiles``.

A cell is drawn once in a tile, whatever is chosen: its properties say what is published for every operator, technology
and threshold, so another choice is another expression in the reader's style and no other file.

- ``r``: resolution of the cell.
- ``v:OPERATOR:TECHNOLOGY:THRESHOLD``: verdict, by its place in ``VERDICTS``, from 1. Of a parent, the gravest among its
  published hexagons.
- ``s:…``, parents only: tenths of its judged hexagons that have that verdict (contradictions together), at least 1.
- ``e:…``: how much stands behind it, see ``EVIDENCE``. Of a parent, tenths of its hexagons that are published, at least
  1.
- ``d:OPERATOR:TECHNOLOGY:USAGE``: declared share in twentieths, rounded down, at least 1; absent where nothing is
  declared or known. Of a parent, the mean over its hexagons.

What a parent shows follows from the rows of hexagons that the release publishes and from operators' claims, so tiles
tell nothing that the tables do not. The id of a cell is its H3 index without what is the same in all cells of a
resolution. Tiles are not compressed: a server need not say so then.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, WGS_84, Cells, outlines, parent
from aggregator.publication.claimed import claimed_shares
from aggregator.publication.tile_ground import FIELDS as GROUND_FIELDS
from aggregator.publication.tile_ground import Ground
from aggregator.publication.vector_tile import (
    POLYGON,
    Floats,
    Numbers,
    Runs,
    encoded,
    layer,
    mercator,
    rings,
    spread,
    tiles_of,
)

ZOOMS = {5: 5, 6: 5, 7: 6, 8: 7, 9: 8, 10: 8, 11: 8}
"""Zoom → resolution of the cells drawn there."""
VERDICTS = [
    ("contradicted", "strong"),
    ("contradicted", "moderate"),
    ("suspected", ""),
    ("confirmed", ""),
    ("unclaimed_service", ""),
    ("insufficient", ""),
]
"""Gravest first."""
EVIDENCE = {"few": 1, "ten": 2, "twenty": 3, "survey": 4}
"""Fewer than 10 phones, 10 to 19, 20 or more, a field team."""
STEPS = 20
SUFFIX = ".pbf"
Tile = tuple[int, int, int]
"""Zoom, column, row."""


@dataclass(frozen=True)
class Drawn:
    """Cells of one resolution and their properties.

    Attributes:
        resolution: of H3.
        cells: indexes, sorted (n,).
        tags: pairs of positions in ``keys`` and of values, by cell.
        keys: names of properties.
    """

    resolution: int
    cells: Cells
    tags: Runs
    keys: list[str]

    @cached_property
    def corners(self) -> tuple[Floats, Floats, Numbers]:
        """Web Mercator coordinates of all vertices, clockwise as seen on a map, and how many each cell has (n,)."""
        shapes = outlines(self.cells, WGS_84)
        counts = shapely.get_num_coordinates(shapes).astype(np.int64)
        # H3's vertices run counter-clockwise, and the first one is repeated at the end
        owner, within = spread(counts - 1)
        places = shapely.get_coordinates(shapes)[np.cumsum(counts)[owner] - 1 - within]
        return *mercator(places[:, 0], places[:, 1]), counts - 1


def write_tiles(
    into: Path, archive: Path, hexagons: gpd.GeoDataFrame, claims: pd.DataFrame, ground: Ground, about: dict[str, str]
) -> None:
    """Write a tile wherever there is something to draw, and empty ones between them.

    Args:
        into: directory to make.
        archive: PMTiles file to write.
        hexagons: as ``published_hexagons`` gives them; remainders are not drawn.
        claims: as ``evidence.claims.read_claims`` gives them, of the territory.
        ground: what lies under the cells.
        about: metadata of the archive.
    """
    shares = claimed_shares(claims)
    shares = shares.assign(layer=_joined(shares, ["operator", "technology", "usage"]))[["cell", "layer", "share"]]
    rows = prevailing(hexagons[~hexagons["remainder"]])
    drawn = {resolution: _drawn(rows, shares, resolution) for resolution in set(ZOOMS.values())}
    tiles: dict[Tile, bytes] = {}
    for zoom, resolution in ZOOMS.items():
        for place, content in [*ground.tiles(zoom), *_cell_layers(drawn[resolution], zoom)]:
            tiles[zoom, *place] = tiles.get((zoom, *place), b"") + content
    for (zoom, column, row), content in _whole(tiles).items():
        file = into / str(zoom) / str(column) / f"{row}{SUFFIX}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    keys = sorted({key for one in drawn.values() for key in one.keys})
    _write_archive(archive, tiles, ground, {**about, "vector_layers": _layers(keys)})


def _layers(keys: list[str]) -> list[dict[str, Any]]:
    """The layers of the tiles and their properties, as TileJSON 3 tells readers."""
    fields = {**GROUND_FIELDS, "cells": dict.fromkeys(keys, "Number")}
    zooms = {"minzoom": min(ZOOMS), "maxzoom": max(ZOOMS)}
    return [{"id": name, "fields": own, **zooms} for name, own in fields.items()]


def _whole(tiles: dict[Tile, bytes]) -> dict[Tile, bytes]:
    """The same with empty tiles in between, so that a reader who asks for one is not told that it is missing."""
    whole = {}
    for zoom in ZOOMS:
        columns, rows = ({tile[axis] for tile in tiles if tile[0] == zoom} for axis in (1, 2))
        if columns:
            for column in range(min(columns), max(columns) + 1):
                for row in range(min(rows), max(rows) + 1):
                    whole[zoom, column, row] = tiles.get((zoom, column, row), b"")
    return whole


def prevailing(hexagons: pd.DataFrame) -> pd.DataFrame:
    """One row per hexagon and layer: a field team's verdict before the crowd's, any verdict before none.

    Returns:
        ``cell``, ``layer`` (``OPERATOR:TECHNOLOGY:THRESHOLD``), ``verdict`` and ``evidence`` as positions from 1, in
        the order of these keys.
    """
    devices = hexagons["judged_devices"].fillna(hexagons["devices"]).fillna(0).to_numpy(np.int64)
    survey = (hexagons["evidence"] == "survey").to_numpy()
    undecided = (hexagons["verdict"] == "insufficient").to_numpy()
    found = pd.DataFrame(
        {
            "cell": np.array([int(cell, 16) for cell in hexagons["h3"]], dtype=np.int64),
            "layer": _joined(hexagons, ["operator", "technology", "threshold"]).to_numpy(),
            "verdict": [VERDICTS.index(one) + 1 for one in zip(hexagons["verdict"], hexagons["strength"], strict=True)],
            "evidence": np.where(survey, EVIDENCE["survey"], np.searchsorted([10, 20], devices, side="right") + 1),
            "rank": np.where(undecided, 2, np.where(survey, 0, 1)),
        }
    )
    ordered = found.sort_values(["cell", "layer", "rank", "evidence"], ignore_index=True)
    return ordered.drop_duplicates(["cell", "layer"], ignore_index=True).drop(columns="rank")


def _joined(table: pd.DataFrame, names: list[str]) -> "pd.Series[str]":
    """Columns as one, as the properties of tiles name it."""
    joined = table[names[0]].astype("str")
    for name in names[1:]:
        joined = joined + ":" + table[name].astype("str")
    return joined


def _drawn(rows: pd.DataFrame, shares: pd.DataFrame, resolution: int) -> Drawn:
    """Cells and properties at one resolution, from those of hexagons."""
    known = np.unique(np.concatenate([rows["cell"].to_numpy(np.int64), shares["cell"].to_numpy(np.int64)]))
    if resolution == HEXAGON_RESOLUTION:
        parts = {"v": rows.assign(value=rows["verdict"]), "e": rows.assign(value=rows["evidence"])}
    else:
        children = pd.Series(parent(known, resolution)).value_counts()
        rows, shares = (table.assign(cell=parent(table["cell"], resolution)) for table in (rows, shares))
        parts = _summed(rows, children)
        total = shares.groupby(["cell", "layer"], as_index=False)["share"].sum()
        shares = total.assign(share=total["share"] / children.loc[total["cell"]].to_numpy())
    declared = np.maximum(np.floor(shares["share"] * STEPS + 1e-9), 1).astype("int64")
    parts["d"] = shares.assign(value=declared)
    named = [(f"{kind}:{layer}", own) for kind, part in parts.items() for layer, own in part.groupby("layer")]
    named.append(("r", pd.DataFrame({"cell": np.unique(parent(known, resolution)), "value": resolution})))
    named.sort(key=lambda one: one[0])
    tags = pd.concat([own[["cell", "value"]].assign(key=at) for at, (_, own) in enumerate(named)], ignore_index=True)
    tags = tags.sort_values(["cell", "key"])
    cells, lengths = np.unique(tags["cell"].to_numpy(np.int64), return_counts=True)
    values = tags[["key", "value"]].to_numpy(np.int64).ravel()
    return Drawn(resolution, cells, Runs(values, 2 * lengths.astype(np.int64)), [key for key, _ in named])


def _summed(rows: pd.DataFrame, children: "pd.Series[int]") -> dict[str, pd.DataFrame]:
    """Gravest verdict, share that has it, and share published, of parents."""
    key = ["cell", "layer"]
    undecided = len(VERDICTS)
    gravest = rows.groupby(key)["verdict"].transform("min")
    judged = rows["verdict"] < undecided
    same = (rows["verdict"] == gravest) | ((rows["verdict"] <= 2) & (gravest <= 2))
    counted = rows.assign(judged=judged, same=same & judged, all=1, value=gravest).groupby(key, as_index=False)
    found = counted.agg(value=("value", "min"), judged=("judged", "sum"), same=("same", "sum"), all=("all", "sum"))
    share = np.ceil(10 * found["same"] / found["judged"].clip(lower=1) - 1e-9).astype("int64")
    published = np.ceil(10 * found["all"] / children.loc[found["cell"]].to_numpy() - 1e-9).astype("int64")
    return {
        "v": found,
        "s": found.assign(value=share)[found["value"] < undecided],
        "e": found.assign(value=published.clip(upper=10)),
    }


def short_id(cells: Cells, resolution: int) -> Cells:
    """Base cell and digits of H3 indexes, which fit a JavaScript number."""
    return (cells & ((1 << 52) - 1)) >> 3 * (15 - resolution)


def _cell_layers(drawn: Drawn, zoom: int) -> list[tuple[tuple[int, int], bytes]]:
    """The layer of cells of each tile of a zoom."""
    if not len(drawn.cells):
        return []
    x, y, lengths = drawn.corners
    pairs = tiles_of(x, y, lengths, zoom)
    commands = rings(x, y, lengths, zoom, pairs)
    feature, column, row = pairs
    ids = short_id(drawn.cells, drawn.resolution)
    written, at = encoded(ids[feature], POLYGON, drawn.tags.take(feature), commands)
    first = np.flatnonzero(np.diff(column, prepend=-1) | np.diff(row, prepend=-1))
    values: list[int | str] = list(range(STEPS + 1))
    return [
        ((int(column[start]), int(row[start])), layer("cells", written[at[start] : at[end]], drawn.keys, values))
        for start, end in zip(first, [*first[1:], len(feature)], strict=True)
    ]


def _write_archive(file: Path, tiles: dict[Tile, bytes], ground: Ground, metadata: dict[str, Any]) -> None:
    """PMTiles 3, for readers who want one file."""
    west, south, east, north = (round(edge * 1e7) for edge in ground.bounds)
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.NONE,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": 7,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
    with file.open("wb") as opened:
        writer = Writer(opened)
        for tile in sorted(tiles, key=lambda tile: zxy_to_tileid(*tile)):
            writer.write_tile(zxy_to_tileid(*tile), tiles[tile])
        writer.finalize(header, metadata)

"""Tiles: read back by another library, held against the rows they must follow from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import mapbox_vector_tile
import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.reader import MemorySource, Reader

from aggregator.evidence.hexagons import parent
from aggregator.publication.release import publish
from aggregator.publication.tile_ground import read_ground
from aggregator.publication.tiles import VERDICTS, ZOOMS, prevailing, short_id, write_tiles
from aggregator.publication.vector_tile import (
    EXTENT,
    POLYGON,
    Runs,
    encoded,
    layer,
    mercator,
    rings,
    tiles_of,
    varint,
    zigzag,
)

LAYER = "20801:4G:service"


@pytest.fixture(scope="module")
def release(data: Path) -> Path:
    return publish(data)


@pytest.fixture(scope="module")
def hexagons(release: Path) -> gpd.GeoDataFrame:
    table = gpd.read_parquet(release / "hexagons.parquet")
    return table[~table["remainder"]]


def cells(release: Path, zoom: int) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Place of the tile and feature of everything in the layer of cells."""
    for file in (release / "tiles" / str(zoom)).rglob("*.pbf"):
        place = int(file.parent.name), int(file.stem)
        for feature in mapbox_vector_tile.decode(file.read_bytes()).get("cells", {"features": []})["features"]:
            yield place, feature


def test_every_published_hexagon_is_drawn_with_its_verdict(release: Path, hexagons: gpd.GeoDataFrame) -> None:
    mine = prevailing(hexagons)
    expected = mine[mine["layer"] == LAYER]
    ids = short_id(expected["cell"].to_numpy(np.int64), 8)
    for zoom in (9, 10, 11):
        drawn = {feature["id"]: feature["properties"] for _, feature in cells(release, zoom)}
        shown = {cell: told[f"v:{LAYER}"] for cell, told in drawn.items() if f"v:{LAYER}" in told}
        assert shown == dict(zip(ids.tolist(), expected["verdict"].tolist(), strict=True))
        assert {told["r"] for told in drawn.values()} == {8}


def test_a_hexagon_lies_where_it_is(release: Path, hexagon: dict[str, int]) -> None:
    wanted = int(short_id(np.array([hexagon["hole"]]), 8)[0])
    found = [(place, feature) for place, feature in cells(release, 11) if feature["id"] == wanted]
    assert found
    for (column, row), feature in found:
        ring = np.array(feature["geometry"]["coordinates"][0], dtype=float)
        # the library counts upwards from the tile's southern edge
        x, y = (column + ring[:, 0] / EXTENT) / 2**11, (row + 1 - ring[:, 1] / EXTENT) / 2**11
        corners = np.array(h3.cell_to_boundary(f"{hexagon['hole']:x}"))
        true_x, true_y = mercator(corners[:, 1], corners[:, 0])
        apart = np.abs(x[:-1, None] - true_x) + np.abs(y[:-1, None] - true_y)
        assert apart.min(axis=1).max() < 1.1 / EXTENT / 2**11
        assert len(ring) == len(corners) + 1


@pytest.mark.parametrize(("zoom", "resolution"), [(5, 5), (7, 6), (8, 7)])
def test_what_a_parent_shows_follows_from_published_rows(
    release: Path, hexagons: gpd.GeoDataFrame, zoom: int, resolution: int
) -> None:
    mine = prevailing(hexagons)
    everyone = mine["cell"].drop_duplicates()
    children = pd.Series(parent(everyone.to_numpy(np.int64), resolution)).value_counts()
    mine = mine[mine["layer"] == LAYER]
    drawn = {feature["id"]: feature["properties"] for _, feature in cells(release, zoom)}
    seen = 0
    for cell, own in mine.groupby(parent(mine["cell"].to_numpy(np.int64), resolution)):
        told = drawn[int(short_id(np.array([cell]), resolution)[0])]
        worst = own["verdict"].min()
        judged = own[own["verdict"] < len(VERDICTS)]
        alike = judged[(judged["verdict"] == worst) | ((judged["verdict"] <= 2) & (worst <= 2))]
        assert told[f"v:{LAYER}"] == worst
        assert told.get(f"s:{LAYER}") == (int(np.ceil(10 * len(alike) / len(judged))) if len(judged) else None)
        assert told[f"e:{LAYER}"] == int(np.ceil(10 * len(own) / children[cell]))
        seen += 1
    assert seen == sum(f"v:{LAYER}" in told for told in drawn.values())


def test_nothing_is_told_of_who_is_not_published(release: Path, hexagon: dict[str, int]) -> None:
    lonely = int(short_id(np.array([hexagon["lonely"]]), 8)[0])
    assert all(feature["id"] != lonely for zoom in (9, 10, 11) for _, feature in cells(release, zoom))


def test_declared_shares_are_rounded_down_and_averaged(
    hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    seven = sorted(map(h3.str_to_int, h3.cell_to_children(h3.cell_to_parent(f"{hexagon['lonely']:x}", 7), 8)))
    shares = [0.02, 0.499, 0.5, 1.0, 0.0, 0.0, 0.0]
    claims = pd.DataFrame({"h3_r8": seven, "declared_share": shares, "operator": "20801", "technology": "2G"})
    claims = claims.assign(usage="voice", level="BC", bounded=True, accessible_share=np.nan)
    write_tiles(tmp_path / "tiles", tmp_path / "all.pmtiles", hexagons.iloc[:0], claims, read_ground(communes), {})
    near = {feature["id"]: feature["properties"] for _, feature in cells(tmp_path, 11)}
    ids = short_id(np.array(seven), 8).tolist()
    assert [near.get(one, {}).get("d:20801:2G:voice") for one in ids] == [1, 9, 10, 20, None, None, None]
    (afar,) = {feature["id"]: feature["properties"] for _, feature in cells(tmp_path, 8)}.values()
    assert afar == {"r": 7, "d:20801:2G:voice": int(sum(shares) / 4 * 20)}  # over the four that are known


def test_the_archive_holds_the_same_tiles_and_the_same_bytes_come_again(
    release: Path, hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    archive = (release / "hexagons.pmtiles").read_bytes()
    reader = Reader(MemorySource(archive))
    files = {file: file.read_bytes() for file in (release / "tiles").rglob("*.pbf")}
    for file, content in files.items():
        column, row, zoom = int(file.parent.name), int(file.stem), int(file.parent.parent.name)
        assert (reader.get(zoom, column, row) or b"") == content
    assert {int(file.parent.parent.name) for file in files} == set(ZOOMS)
    shuffled = hexagons.sample(frac=1, random_state=1)
    claims = pd.DataFrame(columns=["h3_r8", "operator", "technology", "usage", "declared_share"])
    for name, table in (("a", hexagons), ("b", shuffled)):
        write_tiles(tmp_path / name, tmp_path / f"{name}.pmtiles", table, claims, read_ground(communes), {})
    assert (tmp_path / "a.pmtiles").read_bytes() == (tmp_path / "b.pmtiles").read_bytes()


def test_a_reader_who_follows_the_archives_metadata_finds_everything(
    release: Path, hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame
) -> None:
    archive = release / "hexagons.pmtiles"
    told = Reader(MemorySource(archive.read_bytes())).metadata()
    assert told["attribution"] == "; ".join(json.loads((release / "manifest.json").read_text())["attributions"])
    assert all((one["minzoom"], one["maxzoom"]) == (5, 11) for one in told["vector_layers"])
    layers = dict(pyogrio.list_layers(archive))
    assert set(layers) == {one["id"] for one in told["vector_layers"]} == {"land", "borders", "names", "cells"}
    assert (layers["land"], layers["names"], layers["cells"]) == ("Polygon", "Point", "Polygon")
    seen = {name: pyogrio.read_dataframe(archive, layer=name, ZOOM_LEVEL="11") for name in layers}
    for one in told["vector_layers"]:
        assert set(one["fields"]) <= set(seen[one["id"]].columns)
    cells = seen["cells"].dropna(subset=[f"v:{LAYER}"]).drop_duplicates("mvt_id")
    mine = prevailing(hexagons)
    mine = mine[mine["layer"] == LAYER]
    ids = short_id(mine["cell"].to_numpy(np.int64), 8)
    assert dict(zip(cells["mvt_id"], cells[f"v:{LAYER}"], strict=True)) == dict(zip(ids, mine["verdict"], strict=True))
    assert set(seen["names"]["name"]) == set(communes["name"])


def test_land_borders_and_names_lie_under_the_cells(release: Path) -> None:
    (file,) = [file for file in (release / "tiles/9").rglob("*.pbf") if b"Decize" in file.read_bytes()]
    told = mapbox_vector_tile.decode(file.read_bytes())
    assert list(told) == ["land", "borders", "names", "cells"]
    assert {feature["properties"]["departement"] for feature in told["borders"]["features"]} == {0, 1}
    names = {feature["properties"]["name"]: feature["properties"]["rank"] for feature in told["names"]["features"]}
    assert names["Decize"] == 0  # most people
    assert all(
        0 <= x < EXTENT for feature in told["names"]["features"] for x in [feature["geometry"]["coordinates"][0]]
    )


@given(st.lists(st.tuples(st.integers(0, 2**40), st.lists(st.integers(0, 20), max_size=6)), min_size=1, max_size=12))
def test_features_are_read_back_as_they_were_written(features: list[tuple[int, list[int]]]) -> None:
    ids = np.array([one for one, _ in features], dtype=np.int64)
    values = [[number for place, value in enumerate(tags) for number in (place, value)] for _, tags in features]
    tags = Runs(
        np.array([number for one in values for number in one], dtype=np.int64),
        np.array([len(one) for one in values], dtype=np.int64),
    )
    square = np.array([9, *zigzag(np.array([5, 7])), 26, *zigzag(np.array([9, 0, 0, 300, -9, 0])), 15], dtype=np.int64)
    commands = Runs(np.tile(square, len(ids)), np.full(len(ids), len(square)))
    written, at = encoded(ids, POLYGON, tags, commands)
    told = mapbox_vector_tile.decode(layer("x", written, [f"k{n}" for n in range(6)], list(range(21))))["x"]["features"]
    assert [one.get("id", 0) for one in told] == ids.tolist()
    assert [one["properties"] for one in told] == [
        {f"k{place}": value for place, value in enumerate(tags)} for _, tags in features
    ]
    assert at[0] == 0
    assert at[-1] == len(written)


@given(st.floats(-179, 179), st.floats(-80, 80), st.integers(5, 12))
def test_a_tile_holds_what_lies_in_it(longitude: float, latitude: float, zoom: int) -> None:
    x, y = mercator(np.array([longitude]), np.array([latitude]))
    side = 2**zoom
    feature, column, row = tiles_of(x, y, np.array([1]), zoom)
    assert 1 <= len(feature) <= 4
    assert (int(x[0] * side), int(y[0] * side)) in set(zip(column.tolist(), row.tolist(), strict=True))


def test_a_ring_is_drawn_from_each_tiles_own_corner() -> None:
    x, y = np.array([0.5, 0.5, 0.51]), np.array([0.5, 0.51, 0.51])
    lengths = np.array([3])
    pairs = tiles_of(x, y, lengths, 5)
    commands = rings(x, y, lengths, 5, pairs)
    assert commands.lengths.tolist() == [9] * len(pairs[0])
    starts = commands.values.reshape(-1, 9)[:, 1:3]
    corners = np.column_stack([zigzag(EXTENT * (16 - pairs[1])), zigzag(EXTENT * (16 - pairs[2]))])
    assert np.array_equal(starts, corners)
    assert varint(300) == b"\xac\x02"

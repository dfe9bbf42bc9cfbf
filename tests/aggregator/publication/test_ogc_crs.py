"""Part 2 of OGC API – Features (18-058r1): reference systems, the order of axes, and boxes in them."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import numpy as np
import pytest
import shapely

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
ITEMS = "/ogc/collections/zones/items"


def shapes(answer: httpx.Response) -> list[shapely.Geometry]:
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in told["features"]]


def test_collections_name_their_systems(served: httpx.Client) -> None:
    """/conf/crs/crs-uri, /conf/crs/fc-md-crs-list, /conf/crs/fc-md-storageCrs-valid-value"""
    told = {one["id"]: one for one in served.get("/ogc/collections").json()["collections"]}
    assert all(one["crs"] == [CRS84, f"{EPSG}4326", f"{EPSG}2154"] for one in told.values())
    assert {name: one["storageCrs"] for name, one in told.items()} == {
        "hexagons": CRS84,
        "claims": CRS84,
        "zones": f"{EPSG}2154",
        "points": f"{EPSG}2154",
    }


@pytest.mark.parametrize("crs", [None, CRS84, f"{EPSG}4326", f"{EPSG}2154"])
def test_content_crs(served: httpx.Client, crs: str | None) -> None:
    """/conf/crs/crs-parameter, /conf/crs/ogc-crs-header, also of one feature"""
    asked = {"crs": crs} if crs else {}
    page = served.get(ITEMS, params=asked)
    one = served.get(f"{ITEMS}/{page.json()['features'][0]['id']}", params=asked)
    assert page.headers["Content-Crs"] == one.headers["Content-Crs"] == f"<{crs or CRS84}>"
    assert one.json()["geometry"] == page.json()["features"][0]["geometry"]


def test_axes_are_in_their_official_order(served: httpx.Client, latest: Path) -> None:
    """/conf/crs/geojson: latitude first in EPSG:4326, easting first in Lambert-93"""
    flat = gpd.read_file(latest / "zones.gpkg", layer="zones").geometry
    degrees = flat.to_crs(CRS84.replace("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "OGC:CRS84"))
    for crs, wanted, tolerance in (
        (CRS84, degrees, 1e-6),
        (f"{EPSG}4326", degrees.map(lambda shape: shapely.transform(shape, lambda p: p[:, ::-1])), 1e-6),
        (f"{EPSG}2154", flat, 0.15),
    ):
        told = shapes(served.get(ITEMS, params={"crs": crs}))
        for shape, known in zip(told, wanted, strict=True):
            assert shapely.hausdorff_distance(shape, known) < tolerance, crs
    assert shapely.get_coordinates(shapes(served.get(ITEMS, params={"crs": f"{EPSG}4326"}))[0])[0, 0] > 40


def test_bbox_in_other_systems(served: httpx.Client, latest: Path) -> None:
    """/conf/crs/fc-bbox-crs-definition, /conf/crs/bbox-crs-action"""
    hexagons = gpd.read_parquet(latest / "hexagons.parquet")
    asked = {"limit": "10000"}
    turned = {**asked, "bbox": "46.74,3.45,46.78,3.5", "bbox-crs": f"{EPSG}4326"}
    plain = served.get("/ogc/collections/hexagons/items", params={**asked, "bbox": "3.45,46.74,3.5,46.78"}).json()
    assert served.get("/ogc/collections/hexagons/items", params=turned).json()["features"] == plain["features"]
    west, south = 733_000, 6_626_000
    box = shapely.box(west, south, west + 6_000, south + 4_000)
    metres = {**asked, "bbox": ",".join(f"{edge:.0f}" for edge in box.bounds), "bbox-crs": f"{EPSG}2154"}
    told = served.get("/ogc/collections/hexagons/items", params=metres).json()
    found = {one["properties"]["h3"] for one in told["features"]}
    distance = hexagons.to_crs("EPSG:2154").set_index("h3").geometry.map(lambda shape: shape.distance(box))
    assert found >= set(distance.index[distance == 0]) - set(distance.index[np.isclose(distance, 0, atol=1)])
    assert 0 < len(found) < hexagons["h3"].nunique()
    assert distance[sorted(found)].max() < 1  # sides of hexagons are straight in degrees


def test_a_box_around_everything_holds_everything(served: httpx.Client) -> None:
    asked = {"limit": "1", "bbox": "-2e7,-2e7,2e7,2e7", "bbox-crs": f"{EPSG}2154"}
    for name in ("hexagons", "zones", "claims"):
        told = served.get(f"/ogc/collections/{name}/items", params=asked).json()
        assert told["numberMatched"] == served.get(f"/ogc/collections/{name}/items?limit=1").json()["numberMatched"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"crs": f"{EPSG}3857"}, "crs"),
        ({"bbox-crs": f"{EPSG}3857", "bbox": "0,0,1,1"}, "bbox-crs"),
        ({"bbox-crs": f"{EPSG}2154", "bbox": "1e300,1e300,2e300,2e300"}, "2154"),
        ({"bbox-crs": f"{EPSG}2154", "bbox": "700000,6600000,600000,6700000"}, "least"),
    ],
)
def test_unknown_systems_are_refused(served: httpx.Client, asked: dict[str, str], named: str) -> None:
    """/conf/crs/crs-parameter-invalid, /conf/crs/bbox-crs-parameter-invalid"""
    answer = served.get(ITEMS, params=asked)
    assert answer.status_code == 400
    assert named in answer.json()["description"]

"""The abstract tests of OGC API – Features Part 1 (17-069r4, annex A) that can fail here, each named by its id."""

import html.parser
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import geopandas as gpd
import httpx
import jsonschema
import pandas as pd
import pytest
import shapely

CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
COLLECTIONS = ["hexagons", "zones", "points", "claims"]


def link(document: dict[str, Any], rel: str, media_type: str = "") -> dict[str, Any]:
    (found,) = [one for one in document["links"] if one["rel"] == rel and one["type"].startswith(media_type)]
    assert isinstance(found, dict)
    return found


def items(served: httpx.Client, name: str, **asked: object) -> dict[str, Any]:
    answer = served.get(f"/ogc/collections/{name}/items", params={key: str(value) for key, value in asked.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/geo+json"
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture(scope="module")
def hexagons(latest: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(latest / "hexagons.parquet")


def test_root_op_and_success(served: httpx.Client) -> None:
    """/conf/core/root-op, /conf/core/root-success"""
    answer = served.get("/ogc/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json()
    for rel in ("self", "service-desc", "service-doc", "conformance", "data"):
        assert served.get(link(told, rel)["href"]).status_code == 200, rel
    assert link(told, "alternate")["type"] == "text/html"
    assert served.get("/ogc").json() == told


def test_api_definition(served: httpx.Client) -> None:
    """/conf/core/api-definition-op, /conf/core/api-definition-success, /conf/oas30/oas-definition-1 and -2"""
    wanted = link(served.get("/ogc/").json(), "service-desc")
    answer = served.get(wanted["href"])
    assert answer.headers["Content-Type"] == wanted["type"] == "application/vnd.oai.openapi+json;version=3.0"
    told = answer.json()
    assert told["openapi"].startswith("3.0.")
    (server,) = told["servers"]
    for path, operations in told["paths"].items():
        if "{" not in path:
            assert served.get(server["url"] + path).status_code == 200, path
        assert {"200", "400"} <= set(operations["get"]["responses"])


def test_conformance(served: httpx.Client) -> None:
    """/conf/core/conformance-op, /conf/core/conformance-success"""
    told = served.get("/ogc/conformance").json()["conformsTo"]
    assert {f"{CORE}/{name}" for name in ("core", "oas30", "html", "geojson")} <= set(told)
    assert "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs" in told


def test_collections(served: httpx.Client) -> None:
    """/conf/core/fc-md-op, fc-md-success, fc-md-links, fc-md-items, fc-md-items-links, fc-md-extent"""
    told = served.get("/ogc/collections").json()
    assert [one["id"] for one in told["collections"]] == COLLECTIONS
    assert {one["rel"] for one in told["links"]} >= {"self", "alternate"}
    for one in told["collections"]:
        assert {found["type"] for found in one["links"] if found["rel"] == "items"} == {
            "application/geo+json",
            "text/html",
        }
        assert one["extent"]["spatial"]["crs"] == CRS84
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert 3 < west < east < 4.5
        assert 46 < south < north < 47.5
    assert told["collections"][0]["extent"]["temporal"]["interval"] == [
        ["2026-04-01T00:00:00Z", "2026-06-30T23:59:59Z"]
    ]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_collection(served: httpx.Client, name: str) -> None:
    """/conf/core/sfc-md-op, /conf/core/sfc-md-success: the same as in the list, but for its links to itself"""
    alone = served.get(f"/ogc/collections/{name}").json()
    (listed,) = [one for one in served.get("/ogc/collections").json()["collections"] if one["id"] == name]
    assert {key: value for key, value in alone.items() if key != "links"} == {
        key: value for key, value in listed.items() if key != "links"
    }
    for found in alone["links"]:
        if found["href"].startswith(str(served.base_url)):
            assert served.get(found["href"]).status_code == 200, found
    assert {found["rel"] for found in alone["links"]} >= {"self", "alternate", "items", "license", "enclosure"}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_features(served: httpx.Client, name: str) -> None:
    """/conf/core/fc-op, fc-response, fc-timeStamp, fc-numberMatched, fc-numberReturned, fc-links; geojson/content"""
    told = items(served, name)
    assert told["type"] == "FeatureCollection"
    assert told["numberReturned"] == len(told["features"]) == min(told["numberMatched"], 1000)
    assert pd.Timestamp(told["timeStamp"]).tzinfo is not None
    assert link(told, "self", "application/geo+json")
    assert link(told, "alternate", "text/html")
    ids = [feature["id"] for feature in told["features"]]
    assert len(set(ids)) == len(ids) > 0
    for feature in told["features"][:50]:
        assert shapely.from_geojson(json.dumps(feature["geometry"])).is_valid
        assert feature["type"] == "Feature"
    assert "next" not in [one["rel"] for one in told["links"]] or told["numberMatched"] > 1000


def test_features_are_the_rows_of_the_file(served: httpx.Client, hexagons: gpd.GeoDataFrame) -> None:
    told = items(served, "hexagons", limit=10_000)["features"]
    assert len(told) == len(hexagons)
    plain = pd.DataFrame(hexagons.drop(columns="geometry")).astype(object)
    records = plain.where(plain.notna(), None).to_dict("records")
    for feature, record, shape in zip(told, records, hexagons.geometry, strict=True):
        properties = dict(feature["properties"])
        assert len(properties.pop("insee_dep")) in (0, 2)
        assert properties.pop("insee_com")[:2] in ("", "58")
        assert properties == record
        assert shapely.from_geojson(json.dumps(feature["geometry"])).equals(shape)


def test_limit(served: httpx.Client) -> None:
    """/conf/core/fc-limit-definition, fc-limit-response-1: never more than asked, nor than the maximum"""
    assert items(served, "claims", limit=7)["numberReturned"] == 7
    assert items(served, "claims")["numberReturned"] == 1000
    assert items(served, "claims", limit=99_999)["numberReturned"] == items(served, "claims")["numberMatched"] == 2918
    paths = served.get("/ogc/api").json()["paths"]
    (limit,) = [one for one in paths["/collections/claims/items"]["get"]["parameters"] if one["name"] == "limit"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1000}


def test_paging(served: httpx.Client) -> None:
    """/conf/core/fc-links (next): following the links reads everything once, in one release, there and back"""
    page = items(served, "claims")
    told, addresses = list(page["features"]), []
    while following := [one for one in page["links"] if one["rel"] == "next"]:
        addresses.append(following[0]["href"])
        page = served.get(following[0]["href"]).json()
        told += page["features"]
    assert len(told) == len({feature["id"] for feature in told}) == page["numberMatched"]
    assert len(addresses) == 2
    assert all("/ogc/releases/" in address for address in addresses)
    back = served.get(link(page, "prev")["href"]).json()
    assert [feature["id"] for feature in back["features"]] == [feature["id"] for feature in told[1000:2000]]
    assert items(served, "claims", offset=5000)["features"] == []


def test_bbox(served: httpx.Client, hexagons: gpd.GeoDataFrame) -> None:
    """/conf/core/fc-bbox-definition, fc-bbox-response: what meets the box, and nothing else"""
    box = (3.45, 46.74, 3.5, 46.78)
    told = items(served, "hexagons", bbox=",".join(map(str, box)), limit=10_000)
    wanted = hexagons[hexagons.intersects(shapely.box(*box))]
    assert [one["properties"]["h3"] for one in told["features"]] == wanted["h3"].to_list()
    assert 0 < len(wanted) < len(hexagons)
    high = items(served, "hexagons", bbox="3.45,46.74,-10,3.5,46.78,900", limit=10_000)
    assert high["numberMatched"] == len(wanted)
    point = items(served, "hexagons", bbox="3.48,46.75,3.48,46.75")
    assert {one["properties"]["h3"] for one in point["features"]} == set(
        hexagons.loc[hexagons.intersects(shapely.Point(3.48, 46.75)), "h3"]
    )
    assert items(served, "hexagons", bbox="170,-90,3.48,90")["numberMatched"] > 0
    assert items(served, "hexagons", bbox="170,-90,-170,90")["numberMatched"] == 0


@pytest.mark.parametrize(
    ("asked", "some"),
    [
        ("2026-05-02", True),
        ("2026-05-02T10:00:00Z", True),
        ("2026-06-30T23:00:00-05:00", False),  # the first of July in UTC
        ("../2026-03-31", False),
        ("/2026-04-01", True),
        ("2026-06-30/..", True),
        ("2026-07-01/", False),
        ("2020-01-01/2030-01-01T00:00:00Z", True),
    ],
)
def test_datetime(served: httpx.Client, asked: str, some: bool) -> None:
    """/conf/core/fc-time-definition, fc-time-response"""
    assert (items(served, "hexagons", datetime=asked)["numberMatched"] > 0) == some


def test_datetime_of_claims_is_their_quarter(served: httpx.Client) -> None:
    orange = items(served, "claims", operator="20801", limit=1)["numberMatched"]
    assert items(served, "claims", datetime="2026-09-30", limit=1)["numberMatched"] == orange
    assert items(served, "claims", datetime="2026-10-01/..")["numberMatched"] == 0
    assert items(served, "points", datetime="2026-05-02")["numberMatched"] == 0


def test_property_filters(served: httpx.Client, hexagons: gpd.GeoDataFrame) -> None:
    """/rec/core/fc-filters, §7.15.5; with other parameters they are all to hold"""
    asked = {"operator": "20801", "verdict": "contradicted", "remainder": "false", "resolution": 8}
    told = items(served, "hexagons", **asked)
    rows = hexagons[(hexagons["operator"] == "20801") & (hexagons["verdict"] == "contradicted")]
    assert [one["properties"]["h3"] for one in told["features"]] == rows["h3"].to_list()
    assert len(rows) > 0
    devices = int(rows["devices"].dropna().iloc[0])
    told = items(served, "hexagons", **asked, devices=devices, limit=1)
    assert told["numberMatched"] == (rows["devices"] == devices).sum()
    share = items(served, "claims", declared_share=0.9876, limit=1)
    assert share["numberMatched"] == 127
    assert items(served, "hexagons", verdict="")["numberMatched"] == hexagons["remainder"].sum()
    assert items(served, "hexagons", insee_com="", limit=1)["numberMatched"] > 0
    several = items(served, "hexagons", verdict="contradicted,suspected", operator="20801,20820")
    assert several["numberMatched"] == hexagons["verdict"].isin(["contradicted", "suspected"]).sum() > len(rows)
    for value, truth in (("1", True), ("true", True), ("0", False)):
        found = items(served, "hexagons", claimed=value, limit=1)["numberMatched"]
        assert found == (hexagons["claimed"] == truth).sum() > 0


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("foo=1", "foo"),
        ("limt=1", "did you mean limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "once"),
        ("offset=-1", "offset"),
        ("bbox=1,2,3", "4 numbers"),
        ("bbox=a,b,c,d", "4 numbers"),
        ("bbox=1,2,3,nan", "4 numbers"),
        ("bbox=3,47,4,46", "least"),
        ("datetime=yesterday", "RFC 3339"),
        ("datetime=2026-13-01", "RFC 3339"),
        ("datetime=2026-05-02/2026-05-01", "not after"),
        ("datetime=../..", "RFC 3339"),
        ("crs=EPSG:4326", "one of"),
        ("f=xml", "one of json, html"),
        ("resolution=eight", "whole number"),
        ("remainder=yes", "true or false"),
        ("verdict=foo", "contradicted"),
        ("verdict=contradicted,foo", "foo"),
        ("operator=Orange", "20801"),
        ("insee_com=Nevers", "58095"),
        ("insee_dep=5", "05"),
        ("h3=Nevers", "H3"),
        ("quarter=2026", "form"),
        ("declared_share=much", "a number"),
    ],
)
def test_query_parameters_unknown_or_invalid(served: httpx.Client, query: str, named: str) -> None:
    """/conf/core/query-param-unknown, query-param-invalid; the exception says what was expected"""
    answer = served.get(f"/ogc/collections/hexagons/items?{query}")
    told = answer.json()
    assert answer.status_code == 400
    assert told["code"] == "InvalidParameterValue"
    assert named in told["description"]
    assert len(told["description"]) < 300
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["", "conformance", "collections", "api", "collections/zones"])
def test_every_address_refuses_unknown_parameters(served: httpx.Client, path: str) -> None:
    """/conf/core/query-param-unknown"""
    assert served.get(f"/ogc/{path}?foo=1").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "collections/none",
        "collections/none/items",
        "collections/zones/items/none",
        "releases/2026-01-01-0123456789/",
    ],
)
def test_what_is_not_there_is_not_found(served: httpx.Client, path: str) -> None:
    answer = served.get(f"/ogc/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_feature(served: httpx.Client, name: str) -> None:
    """/conf/core/f-op, f-success, f-links: every id leads to its feature"""
    told = items(served, name, limit=10_000)["features"]
    for feature in told[:: len(told) // 7 + 1]:
        answer = served.get(f"/ogc/collections/{name}/items/{feature['id']}")
        assert answer.headers["Content-Type"] == "application/geo+json"
        alone = answer.json()
        links = alone.pop("links")
        assert alone == feature
        assert {one["rel"] for one in links} == {"self", "alternate", "collection"}
        assert served.get(link({"links": links}, "self")["href"]).json()["id"] == feature["id"]


class _Page(html.parser.HTMLParser):
    """Collects links, and checks that what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]
        self.open += [tag] if tag != "meta" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_by_negotiation_leads_everywhere(served: httpx.Client) -> None:
    """/conf/html/content, /conf/html/definition: from the landing page every page is reached by links alone"""
    waiting, seen = [f"{served.base_url}/ogc/"], set[str]()
    kinds = set()
    while waiting and len(seen) < 60:
        address = waiting.pop()
        seen.add(address)
        answer = served.get(address, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert answer.status_code == 200, address
        if not answer.headers["Content-Type"].startswith("text/html") or "/ogc" not in address:
            continue
        page = _Page()
        page.feed(answer.text)
        assert page.open == []
        kinds.add(urlsplit(address).path.removeprefix("/ogc").rpartition("/")[0].count("/"))
        fresh = [one for one in page.links if one.startswith(f"{served.base_url}/ogc")]
        fresh = [
            one for one in fresh if "f=json" not in one and "limit=50&offset" not in one and "/releases/" not in one
        ]
        waiting += sorted({one for one in fresh if "/items/" not in one} - seen)
        waiting += [one for one in fresh if "/items/" in one and one not in seen][:1]
    assert max(kinds) == 3  # an item
    assert dict(parse_qsl("f=html"))["f"] == "html"


def test_text_of_a_page_is_escaped(served: httpx.Client) -> None:
    page = served.get("/ogc/collections/zones/items?f=html&name=%3Cscript%3E").text
    assert "<script" not in page


def test_queryables(served: httpx.Client, hexagons: gpd.GeoDataFrame) -> None:
    """Part 3, /conf/queryables"""
    answer = served.get("/ogc/collections/hexagons/queryables")
    assert answer.headers["Content-Type"] == "application/schema+json"
    told = answer.json()
    assert set(told["properties"]) == {*hexagons.columns, "insee_com", "insee_dep"}
    kinds = {name: told["properties"][name]["type"] for name in ("h3", "devices", "p", "claimed")}
    assert kinds == {"h3": "string", "devices": "integer", "p": "number", "claimed": "boolean"}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_schemas_describe_what_is_served(served: httpx.Client, name: str) -> None:
    """The JSON Schema of a feature holds for every feature; Part 5, /req/schemas: the same columns, and a geometry"""
    one = served.get(f"/ogc/collections/{name}").json()
    feature, logical = (
        served.get(link(one, rel, "application/schema+json")["href"])
        for rel in ("describedBy", "http://www.opengis.net/def/rel/ogc/1.0/schema")
    )
    assert feature.headers["Content-Type"] == logical.headers["Content-Type"] == "application/schema+json"
    schema, columns = feature.json(), logical.json()["properties"]
    assert columns.pop("geometry")["x-ogc-role"] == "primary-geometry"
    told = schema["properties"]["properties"]["properties"]
    assert {column: own["type"] for column, own in columns.items()} == {
        column: own["type"] for column, own in told.items()
    }
    assert all(own["description"] != column for column, own in told.items())
    shape = schema["properties"].pop("geometry")["$ref"]
    check = jsonschema.Draft202012Validator(schema)
    for one in items(served, name)["features"]:
        assert shape == f"https://geojson.org/schema/{one['geometry']['type']}.json"
        assert set(one["properties"]) == set(told)
        known = {column: value for column, value in one["properties"].items() if value is not None}
        check.validate({**one, "properties": known})


def test_other_releases_by_their_address(served: httpx.Client, shelf: Path, latest: Path) -> None:
    (other,) = [path for path in shelf.iterdir() if path.is_dir() and path != latest]
    told = served.get("/ogc/").json()
    assert latest.name in told["description"]
    elsewhere = served.get(link(told, "related")["href"]).json()
    assert other.name in elsewhere["description"]
    page = served.get(f"/ogc/releases/{other.name}/collections/hexagons/items?limit=1").json()
    rows = gpd.read_parquet(other / "hexagons.parquet")
    assert page["numberMatched"] == len(rows)
    assert f"/ogc/releases/{other.name}/" in link(page, "self")["href"]

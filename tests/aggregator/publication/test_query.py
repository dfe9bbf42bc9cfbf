"""Rows by query: what is chosen, in which form, and what caches and pages of other origins are told."""

import io
import json
from pathlib import Path

import duckdb
import geopandas as gpd
import h3
import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pandas.testing import assert_frame_equal

from aggregator.publication.reading import formats

ROWS = "/v1/hexagons"
KEY = ["h3", "operator", "technology", "threshold", "evidence"]
PLACED = ["insee_com", "insee_dep"]


@pytest.fixture(scope="module")
def hexagons(latest: Path) -> gpd.GeoDataFrame:
    """The file's rows with the commune of each."""
    places = pd.read_parquet(latest / "places.parquet")[["h3", *PLACED]]
    rows = gpd.read_parquet(latest / "hexagons.parquet").merge(places, on="h3", how="left")
    return rows.fillna(dict.fromkeys(PLACED, ""))


def asked(served: httpx.Client, **query: object) -> httpx.Response:
    answer = served.get(ROWS, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer


def keys(answer: httpx.Response) -> list[list[str]]:
    return [[row[name] for name in KEY] for row in answer.json()["rows"]]


def test_a_place_lies_in_the_commune_around_its_centre(latest: Path, communes: gpd.GeoDataFrame) -> None:
    places = pd.read_parquet(latest / "places.parquet")
    assert places["h3"].is_monotonic_increasing
    assert places["h3"].is_unique
    outlines = communes.set_index("insee_com").geometry
    for place in places[:: len(places) // 40].itertuples():
        latitude, longitude = h3.cell_to_latlng(place.h3)
        assert (place.latitude, place.longitude) == (round(latitude, 6), round(longitude, 6))
        inside = outlines[outlines.intersects(shapely.Point(longitude, latitude))]
        assert place.insee_com == (inside.index[0] if len(inside) else "")
    told = {name: set(pd.read_parquet(latest / f"{name}.parquet")["h3"]) for name in ("hexagons", "claims")}
    assert set(places["h3"]) == {cell for cell in told["hexagons"] | told["claims"] if h3.get_resolution(cell) == 8}


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ({}, "True"),
        ({"operator": "20801"}, "operator == '20801'"),
        ({"operator": "20801,99999", "technology": "4G"}, "operator in ('20801', '99999') and technology == '4G'"),
        ({"threshold": "service,8"}, "threshold in ('service', '8')"),
        ({"verdict": "contradicted,suspected"}, "verdict in ('contradicted', 'suspected')"),
        ({"evidence": "survey"}, "evidence == 'survey'"),
        ({"commune": "58095"}, "insee_com == '58095'"),
        ({"commune": "58095,58087", "operator": "20820"}, "insee_com in ('58095', '58087') and operator == '20820'"),
        ({"departement": "58"}, "insee_dep == '58'"),
        ({"departement": "75"}, "False"),
        ({"operator": "99999"}, "False"),
    ],
)
def test_rows_are_chosen(
    served: httpx.Client, hexagons: gpd.GeoDataFrame, query: dict[str, str], condition: str
) -> None:
    wanted = (
        hexagons if condition == "True" else hexagons.iloc[:0] if condition == "False" else hexagons.query(condition)
    )
    answer = asked(served, **query)
    assert keys(answer) == wanted[KEY].to_numpy().tolist()
    assert answer.json()["matched"] == len(wanted) == int(answer.headers["Maille-Matched"])
    if condition not in ("False", "True"):
        assert 0 < len(wanted) < len(hexagons)


def test_a_box_and_a_cell_choose_together(
    served: httpx.Client, hexagons: gpd.GeoDataFrame, hexagon: dict[str, int]
) -> None:
    west, south, east, north = 3.45, 46.74, 3.5, 46.78
    inside = hexagons[hexagons.intersects(shapely.box(west, south, east, north))]
    assert keys(asked(served, bbox=f"{west},{south},{east},{north}")) == inside[KEY].to_numpy().tolist()
    town = h3.int_to_str(hexagon["town"])
    for resolution in (0, 5, 7, 8):
        cell = h3.cell_to_parent(town, resolution)
        wanted = hexagons[
            [h3.get_resolution(c) >= resolution and h3.cell_to_parent(c, resolution) == cell for c in hexagons["h3"]]
        ]
        assert len(wanted) > 0
        assert keys(asked(served, h3=cell)) == wanted[KEY].to_numpy().tolist()
    around = {h3.cell_to_parent(town, resolution) for resolution in (5, 6, 7, 8)}
    finer = keys(asked(served, h3=h3.cell_to_center_child(town, 11)))
    assert finer == hexagons[hexagons["h3"].isin(around)][KEY].to_numpy().tolist()
    both = asked(served, h3=h3.cell_to_parent(town, 5), bbox=f"{west},{south},{east},{north}")
    in_cell = [h3.cell_to_parent(c, 5) == h3.cell_to_parent(town, 5) for c in inside["h3"]]
    assert keys(both) == inside[in_cell][KEY].to_numpy().tolist()


def test_every_form_says_the_same(served: httpx.Client, hexagons: gpd.GeoDataFrame) -> None:
    query = {"commune": "58095,58087"}
    wanted = hexagons[hexagons["insee_com"].isin(["58095", "58087"])].drop(columns="geometry").reset_index(drop=True)
    told = {form: asked(served, **query, format=form) for form in ("json", "csv", "parquet", "arrow")}
    assert {form: answer.headers["Content-Type"] for form, answer in told.items()} == {
        "json": "application/json",
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
        "arrow": "application/vnd.apache.arrow.stream",
    }
    plain = pd.DataFrame(wanted).astype(object)
    assert told["json"].json()["rows"] == plain.where(plain.notna(), None).to_dict("records")
    tables = [
        pq.read_table(io.BytesIO(told["parquet"].content)).to_pandas(),
        pa.ipc.open_stream(told["arrow"].content).read_all().to_pandas(),
        pd.read_csv(io.BytesIO(told["csv"].content), dtype=str, keep_default_na=False),
    ]
    for table in tables:
        assert list(table.columns) == list(wanted.columns)
    for table in tables[:2]:
        assert_frame_equal(table, pd.DataFrame(wanted), check_dtype=False)
    assert tables[2]["sentence_fr"].to_list() == wanted["sentence_fr"].to_list()
    assert tables[2]["operator"].to_list() == wanted["operator"].to_list()
    assert pd.to_numeric(tables[2]["p"]).to_list() == pytest.approx(wanted["p"].to_list(), nan_ok=True, abs=0)


def test_long_answers_come_in_parts(
    served: httpx.Client, hexagons: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "CHUNK", 100)
    assert len(hexagons) > 300
    assert keys(asked(served)) == hexagons[KEY].to_numpy().tolist()
    streamed = asked(served, format="parquet", columns="h3,devices")
    assert "Content-Length" not in streamed.headers
    table = pq.read_table(io.BytesIO(streamed.content))
    assert table["h3"].to_pylist() == hexagons["h3"].to_list()
    arrow = pa.ipc.open_stream(asked(served, format="arrow", columns="h3").content).read_all()
    assert arrow["h3"].to_pylist() == hexagons["h3"].to_list()
    lines = asked(served, format="csv", columns="h3").text.splitlines()
    assert lines == ['"h3"', *(f'"{cell}"' for cell in hexagons["h3"])]


def test_all_of_a_release_as_parquet_is_its_file(served: httpx.Client, latest: Path) -> None:
    answer = served.get(f"{ROWS}?format=parquet")
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{served.base_url}/releases/{latest.name}/hexagons.parquet"
    followed = served.get(f"{ROWS}?format=parquet", follow_redirects=True)
    assert followed.content == (latest / "hexagons.parquet").read_bytes()


def test_pages_follow_each_other_in_one_release(served: httpx.Client, hexagons: gpd.GeoDataFrame, latest: Path) -> None:
    answer = asked(served, operator="20801", columns="h3,operator", limit=100)
    told = answer.json()["rows"]
    assert answer.json()["rows"][0].keys() == {"h3", "operator"}
    while "next" in answer.links:
        assert f"release={latest.name}" in answer.links["next"]["url"]
        answer = served.get(answer.links["next"]["url"])
        told += answer.json()["rows"]
    assert [row["h3"] for row in told] == hexagons.loc[hexagons["operator"] == "20801", "h3"].to_list()


def test_a_release_by_its_name(served: httpx.Client, shelf: Path, latest: Path) -> None:
    (other,) = [path for path in shelf.iterdir() if path.is_dir() and path != latest]
    answer = asked(served, release=other.name, format="csv", columns="h3")
    assert answer.headers["Maille-Release"] == other.name
    assert len(answer.text.splitlines()) == 1 + len(gpd.read_parquet(other / "hexagons.parquet"))
    assert asked(served).headers["Maille-Release"] == latest.name


def test_a_validator_is_strong_and_spares_the_answer(served: httpx.Client, latest: Path) -> None:
    first = asked(served, commune="58095")
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    assert first.headers["Cache-Control"] == "no-cache"
    again = served.get(ROWS, params={"commune": "58095"}, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert asked(served, commune="58095").content == first.content
    others = [
        asked(served, commune="58087"),
        asked(served, commune="58095", format="csv"),
        served.get(ROWS, params={"commune": "58095"}, headers={"Accept-Encoding": "identity"}),
        asked(served, commune="58095", release=latest.name),
    ]
    assert len({tag, *(one.headers["ETag"] for one in others)}) == 5
    assert others[-1].headers["Cache-Control"] == "public, max-age=86400"
    assert "Accept-Encoding" in first.headers["Vary"]


@pytest.mark.parametrize("query", ["commune=58095", "columns=h3,verdict", "commune=58095&format=csv"])
def test_compression_where_it_pays(served: httpx.Client, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = served.get(f"{ROWS}?{query}", headers={"Accept-Encoding": "gzip;q=0, identity"})
    packed = served.get(f"{ROWS}?{query}", headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 3
    assert packed.content == plain.content
    monkeypatch.setattr(formats, "CHUNK", 50)
    parts = served.get(f"{ROWS}?{query}", headers={"Accept-Encoding": "gzip"})
    assert parts.content == plain.content
    parquet = served.get(f"{ROWS}?commune=58095&format=parquet", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in parquet.headers


def test_any_page_may_ask(served: httpx.Client) -> None:
    answer = served.get(ROWS, params={"limit": 1}, headers={"Origin": "https://example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {"ETag", "Link", "Maille-Matched"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    file = f"/releases/{answer.headers['Maille-Release']}/hexagons.pmtiles"
    part = served.get(file, headers={"Origin": "https://example.org", "Range": "bytes=0-126"})
    assert {"Content-Range", "ETag"} <= set(part.headers["Access-Control-Expose-Headers"].split(", "))
    for path in (ROWS, "/ogc/collections/zones/items", "/openapi.json", "/v1/releases", file):
        ahead = served.options(path, headers={"Origin": "https://example.org", "Access-Control-Request-Method": "GET"})
        assert ahead.status_code == 204
        assert "GET" in ahead.headers["Access-Control-Allow-Methods"]
    assert served.post(ROWS).status_code == 405


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("comune=58095", "did you mean commune"),
        ("commune=", "commune"),
        ("h3=881f", "881f94aa11fffff"),
        ("technology=6G", "2G, 3G, 4G, 5G"),
        ("verdict=wrong", "contradicted"),
        ("operator=Orange", "20801"),
        ("commune=Nevers", "58095"),
        ("commune=58095,Nevers", "Nevers"),
        ("departement=5", "05"),
        ("columns=h3,nothing", "nothing"),
        ("columns=h3,h3", "once"),
        ("format=xml", "json, csv, parquet, arrow"),
        ("bbox=1,2", "4 numbers"),
        ("limit=0", "limit"),
        ("release=", "the latest"),
        ("limit=1&limit=1", "once"),
    ],
)
def test_what_cannot_be_answered_says_why(served: httpx.Client, query: str, named: str) -> None:
    answer = served.get(f"{ROWS}?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert named in answer.json()["detail"]
    assert answer.json()["parameter"] == query.partition("=")[0]


def test_a_release_that_is_not_there(served: httpx.Client) -> None:
    assert served.get(f"{ROWS}?release=2026-01-01-0123456789").status_code == 404
    assert served.get(f"{ROWS}?release=..").status_code == 404
    assert served.get("/v1/releases/..%2fdata").status_code == 404


def test_releases_are_listed_with_their_files(served: httpx.Client, shelf: Path, latest: Path) -> None:
    told = served.get("/v1/releases").json()
    assert told["latest"] == latest.name
    assert {one["release"] for one in told["releases"]} == {path.name for path in shelf.iterdir() if path.is_dir()}
    answer = served.get("/v1/releases/latest")
    for path, tag in (("", served.get("/v1/releases").headers["ETag"]), ("/latest", answer.headers["ETag"])):
        again = served.get(f"/v1/releases{path}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    one = answer.json()
    assert (one["release"], one["latest"], one["audience"], one["k"]) == (latest.name, True, "public", 5)
    assert served.get(one["ogc"]).status_code == served.get(one["hexagons"] + "&limit=1").status_code == 200
    by_path = {file["path"]: file for file in one["files"]}
    assert served.get(by_path["hexagons.parquet"]["href"]).content == (latest / "hexagons.parquet").read_bytes()


def test_duckdb_reads_an_answer(served: httpx.Client, hexagons: gpd.GeoDataFrame, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    file.write_bytes(asked(served, operator="20801", format="parquet").content)
    (count,) = duckdb.sql(f"select count(*) from '{file}' where verdict = 'contradicted'").fetchall()[0]
    assert count == ((hexagons["operator"] == "20801") & (hexagons["verdict"] == "contradicted")).sum() > 0


def test_texts_that_need_escaping_survive(served: httpx.Client, latest: Path) -> None:
    zones = gpd.read_file(latest / "zones.gpkg", layer="zones")
    told = served.get("/ogc/collections/zones/items").json()["features"]
    assert [one["properties"]["verdicts"] for one in told] == zones["verdicts"].to_list()
    assert all(isinstance(json.loads(one["properties"]["verdicts"]), dict) for one in told)

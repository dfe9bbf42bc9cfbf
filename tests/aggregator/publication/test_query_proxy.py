"""Links behind a reverse proxy, and what an empty or a changed shelf answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from aggregator.publication.api import create_app
from aggregator.publication.reading.answers import public_url


@contextmanager
def serving(shelf: Path, **options: Any) -> Iterator[httpx.Client]:
    server = uvicorn.Server(
        uvicorn.Config(create_app(shelf), host="127.0.0.1", port=0, log_level="warning", proxy_headers=False, **options)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}") as http:
        yield http
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({"Host": "maille.example"}, "http://maille.example"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example"}, "https://a.example"),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example", "X-Forwarded-Port": "8443"},
            "https://a.example:8443",
        ),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example", "X-Forwarded-Prefix": "/couverture/"},
            "https://a.example/couverture",
        ),
        ({"Forwarded": 'for=192.0.2.1;proto=https;host="b.example:444", for=10.0.0.1'}, "https://b.example:444"),
    ],
)
def test_links_are_those_of_the_reader(served: httpx.Client, headers: dict[str, str], root: str) -> None:
    told = served.get("/ogc/collections/claims/items?limit=1", headers=headers).json()
    links = {one["rel"]: one["href"] for one in told["links"]}
    assert links["self"] == f"{root}/ogc/collections/claims/items?limit=1&f=json"
    assert links["next"].startswith(f"{root}/ogc/releases/")
    description = served.get("/openapi.json", headers=headers).json()
    assert description["servers"] == [{"url": root}]


def test_a_root_path_comes_before_all(shelf: Path) -> None:
    with serving(shelf, root_path="/maille") as http:
        told = http.get("/ogc/").json()
        assert {
            one["href"].startswith(f"{http.base_url}/maille/") for one in told["links"] if one["rel"] != "license"
        } == {True}


def test_a_stranger_forwards_nothing() -> None:
    from starlette.requests import Request

    def seen_from(address: str) -> str:
        headers = [(b"host", b"maille.example"), (b"x-forwarded-host", b"evil.example")]
        scope = {"type": "http", "scheme": "http", "server": ("maille.example", 80), "path": "/", "headers": headers}
        return public_url(Request({**scope, "client": (address, 1), "query_string": b"", "method": "GET"}))

    assert seen_from("8.8.8.8") == "http://maille.example"
    assert seen_from("10.0.0.2") == "http://evil.example"


def test_an_empty_shelf_and_the_first_release(shelf: Path, latest: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        for path in ("/ogc/", "/v1/hexagons", "/v1/releases", "/openapi.json"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["rule"]) == (404, "not-found"), path
        (tmp_path / latest.name).symlink_to(latest)
        (tmp_path / "latest.json").write_text(json.dumps({"release": latest.name}))
        assert latest.name in http.get("/ogc/").json()["description"]


def test_an_earlier_release_has_what_its_files_say(shelf: Path, latest: Path, tmp_path: Path) -> None:
    folder = tmp_path / latest.name
    folder.mkdir()
    for name in ("manifest.json", "hexagons.parquet", "zones.gpkg"):
        (folder / name).symlink_to(latest / name)
    (tmp_path / "latest.json").write_text(json.dumps({"release": latest.name}))
    with serving(tmp_path) as http:
        told = http.get("/ogc/collections").json()["collections"]
        assert [one["id"] for one in told] == ["hexagons", "zones", "points"]
        assert http.get("/ogc/collections/claims").status_code == 404
        refused = http.get("/v1/hexagons?commune=58095")
        assert (refused.status_code, refused.json()["parameter"]) == (400, "commune")

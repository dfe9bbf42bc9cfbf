import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from aggregator.publication.api import create_app
from aggregator.publication.release import publish


@pytest.fixture(scope="module")
def release(data: Path) -> Path:
    return publish(data)


@pytest.fixture(scope="module")
def client(release: Path) -> Iterator[httpx.Client]:
    (release.parent / ".draft-x").mkdir()
    (release.parent / ".draft-x" / "secret.json").write_text("{}")
    (release.parent.parent / "outside.json").write_text("{}")
    app = create_app(release.parent)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        yield http
    server.should_exit = True
    thread.join()
    (release.parent / ".draft-x" / "secret.json").unlink()
    (release.parent / ".draft-x").rmdir()


def test_release_files_are_open_and_immutable(client: httpx.Client, release: Path) -> None:
    for file in ("manifest.json", "hexagons.parquet", "dcc_poi.csv", "map/index.json"):
        answer = client.get(f"/releases/{release.name}/{file}")
        assert answer.status_code == 200
        assert answer.content == (release / file).read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Content-Type"] == "application/json"
    assert client.get(f"/releases/{release.name}/dcc_poi.csv").headers["Content-Type"] == "text/csv; charset=utf-8"
    geojson = client.get(f"/releases/{release.name}/zones.geojson")
    assert geojson.headers["Content-Type"] == "application/geo+json"


def test_the_latest_release_is_asked_for_each_time(client: httpx.Client, release: Path) -> None:
    answer = client.get("/releases/latest.json")
    assert answer.json() == {"release": release.name}
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/releases/latest.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_parts_of_a_file_can_be_had(client: httpx.Client, release: Path) -> None:
    answer = client.get(f"/releases/{release.name}/hexagons.parquet", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"PAR1")


def test_the_page_and_maplibre_come_from_here(client: httpx.Client) -> None:
    page = client.get("/")
    assert "text/html" in page.headers["Content-Type"]
    assert "Access-Control-Allow-Origin" not in page.headers
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page.text
    for file in (
        "app.js",
        "texts.js",
        "cartography.js",
        "colours.css",
        "style.css",
        "maplibre/maplibre-gl.js",
        "maplibre/maplibre-gl.css",
    ):
        assert client.get(f"/{file}").status_code == 200, file


def test_the_page_goes_out_compressed_and_releases_as_they_are(client: httpx.Client, release: Path) -> None:
    for file in ("app.js", "maplibre/maplibre-gl.js"):
        assert client.get(f"/{file}").headers["Content-Encoding"] == "gzip", file
    assert "Content-Encoding" not in client.get(f"/releases/{release.name}/manifest.json").headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/releases",
        "/releases/",
        "/releases/2026-01-01-0123456789/manifest.json",
        "/releases/.draft-x/secret.json",
        "/releases/%2e%2e/outside.json",
        "/releases/..%2foutside.json",
        "/%2e%2e/api.py",
        "/maplibre/ipywidget.js",
        "/maplibre/%2e%2e/__init__.py",
    ],
)
def test_everything_else_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["description"]) == ("NotFound", problem["detail"])
    assert (problem["type"], problem["status"]) == ("urn:maille:problem:not-found", 404)
    assert path.split("%")[0].split("/")[1] in problem["detail"]


def test_nothing_leads_out_of_a_release(client: httpx.Client, release: Path) -> None:
    answer = client.get(f"/releases/{release.name}/%2e%2e/%2e%2e/outside.json")
    assert answer.status_code == 404


def test_nothing_can_be_written(client: httpx.Client) -> None:
    answer = client.post("/releases/latest.json", content=b"{}")
    assert (answer.status_code, answer.json()["rule"]) == (405, "method-not-allowed")
    assert (answer.json()["code"], answer.headers["Allow"]) == ("MethodNotAllowed", "GET, HEAD")

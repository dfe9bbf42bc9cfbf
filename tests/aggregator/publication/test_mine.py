"""`maille status --mine`: two phones, a real collector and a real map; each is told what became of its own samples."""

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pandas as pd
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from h3.api import basic_int as h3
from playwright.sync_api import Browser, sync_playwright

from aggregator.evidence.hexagons import parent
from aggregator.publication.api import create_app
from aggregator.publication.gate import gated
from aggregator.publication.release import publish
from aggregator.publication.shelf import Shelf
from aggregator.publication.verdict_files import WORDS, write_verdict_files
from client_sdk.enrolment import enrol
from client_sdk.hexagon_index import parent as phones_parent
from client_sdk.messages import use_language
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
MAILLE = Path(sys.executable).with_name("maille")
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def release(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("mine") / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("releases", "team-releases", "publication"))
    return publish(copy)


@pytest.fixture(scope="module")
def said(release: Path) -> dict[tuple[int, str], str]:
    """Verdict on 4G by hexagon and operator, from the table that everybody reads."""
    table = pd.DataFrame(gpd.read_parquet(release / "hexagons.parquet").drop(columns="geometry"))
    table = table[(table["resolution"] == 8) & (table["technology"] == "4G") & (table["threshold"] == "service")]
    found: dict[tuple[int, str], str] = {}
    for row in table.to_dict("records"):
        key = (int(row["h3"], 16), row["operator"])
        word = f"{row['verdict']}-{row['strength']}".strip("-")
        if (row["evidence"] == "survey" and word != "insufficient") or found.get(key, "insufficient") == "insufficient":
            found[key] = word
    return found


class Asked:
    """Addresses that were asked of a map's server."""

    def __init__(self, app: Any) -> None:
        self.app, self.paths = app, list[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.paths.append(scope["path"])
        await self.app(scope, receive, send)


@pytest.fixture
def public_map(release: Path) -> Iterator[tuple[str, Asked]]:
    app = Asked(gated(create_app(release.parent), Shelf(release.parent, "public")))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app
    server.should_exit = True
    thread.join()


class Phone:
    """A home with a key and an outbox, enrolled at a collector."""

    def __init__(self, home: Path, collector_url: str) -> None:
        self.home = home
        home.mkdir()
        self.key = SigningKey.load_or_create(home / "device-key.pem")
        with Outbox(home / "outbox.sqlite") as outbox, httpx.Client(timeout=60) as client:
            enrol(collector_url, self.key, outbox, client=client, accept_notice=lambda _: True)

    def measure(self, cells: list[int], operator: str, day: str = "2026-05-20", **more: Any) -> None:
        samples = []
        for number, cell in enumerate(cells):
            latitude, longitude = h3.cell_to_latlng(cell)
            fields: dict[str, Any] = {"kind": "signal", "sim_plmn": operator, "service_state": "in_service"}
            fields |= {"latitude": latitude, "longitude": longitude, "accuracy_m": 5.0, "context": "outdoor"}
            fields |= {"rat": "lte", "measured_at": f"{day}T08:{number // 60:02}:{number % 60:02}.000Z"}
            samples.append(Sample(id=new_sample_id(), seq=0, **fields | more))
        with Outbox(self.home / "outbox.sqlite") as outbox, httpx.Client(timeout=60) as client:
            outbox.add(samples)
            upload(outbox, self.key, client)

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
        known |= {"MAILLE_HOME": str(self.home), "LANG": "C.UTF-8", "COLUMNS": "120"} | environment
        done = subprocess.run([MAILLE, *words], capture_output=True, text=True, env=known, check=False, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def mine(self, **more: Any) -> Any:
        return json.loads(self.run("status", "--mine", "--json", **more))


@pytest.fixture
def phone_at(tmp_path: Path) -> Callable[[str], Phone]:
    numbers = iter(range(100))
    return lambda url: Phone(tmp_path / f"phone-{next(numbers)}", url)


def by_said(said: dict[tuple[int, str], str], cells: list[int], operator: str) -> dict[str, int]:
    found = [said.get((cell, operator), "unpublished") for cell in cells]
    return {word: found.count(word) for word in set(found)}


@ON_ONE
def test_two_phones_are_each_told_what_became_of_their_own(
    running_collector: Any,
    public_map: tuple[str, Asked],
    phone_at: Callable[[str], Phone],
    said: dict[tuple[int, str], str],
    hexagon: dict[str, int],
    tmp_path: Path,
) -> None:
    url, asked = public_map
    collector = running_collector(map_url=url)
    one, other = phone_at(collector.base_url), phone_at(collector.base_url)
    orange = sorted(cell for cell, operator in said if operator == "20801")[:25]
    seen = sorted({*orange, hexagon["hole"], hexagon["town"], hexagon["lonely"]})
    late, indoors = h3.grid_ring(hexagon["town"], 9)[:3], h3.grid_ring(hexagon["town"], 8)[:2]
    one.measure(seen, "20801")
    one.measure(late, "20801", "2026-07-01")
    one.measure(indoors, "20801", context="indoor")
    other.measure([hexagon["town"]], "20820", kind="latency", outcome="ok")

    told = one.mine()
    (mine,) = told["collectors"]
    expected = by_said(said, seen, "20801") | {"later": 3, "uncounted": 2}
    assert {word: count for word, count in mine["said"].items() if count} == expected
    assert {"confirmed", "contradicted-strong", "insufficient", "unpublished"} <= expected.keys()
    assert (mine["samples"], len(mine["hexagons"]), mine["release"]["k"]) == (len(seen) + 5, len(seen) + 5, 5)
    assert mine["release"]["date"] == "2026-06-13"
    for place in mine["near"]:
        cell = int(place["h3"], 16)
        assert place["said"] == {"20801": said[cell, "20801"]}
        assert said[cell, "20801"] in ("suspected", "insufficient")
        assert cell not in seen
        assert place["away_km"] <= 10
    assert mine["near"]

    (theirs,) = other.mine()["collectors"]
    assert {word: count for word, count in theirs["said"].items() if count} == {said[hexagon["town"], "20820"]: 1}
    assert (theirs["samples"], theirs["tests"], len(theirs["hexagons"])) == (1, 1, 1)

    # the map learns of areas of 1,770 km², not of hexagons
    hexagons = {h3.int_to_str(cell) for cell in (*seen, *late, *indoors)}
    assert not any(cell in path for path in asked.paths for cell in hexagons)
    areas = {path.rpartition("/")[2].removesuffix(".json") for path in asked.paths if "/verdicts/8" in path}
    assert areas
    assert {h3.get_resolution(int(area, 16)) for area in areas} == {4}

    text = one.run("--lang", "fr", "status", "--mine")
    assert f"contredite : {expected['contradicted-strong']}" in text
    assert "Publication du 13 juin 2026" in text
    assert "pendant 2 jours, dans " in text
    assert "moins de 5 téléphones de volontaires" in text
    assert "au plus 4 autres" in text
    page = one.home / "mine.html"
    assert str(page) in text
    assert page.stat().st_mode & 0o777 == 0o600
    assert 'lang="fr"' in page.read_text(encoding="utf-8")

    opener = tmp_path / "bin" / "termux-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/opened\n')
    opener.chmod(0o755)
    one.run("status", "--mine", "--open", PATH=f"{opener.parent}:{os.environ['PATH']}")
    assert (tmp_path / "opened").read_text().split() == ["--content-type", "text/html", str(page)]


@ON_ONE
def test_without_a_network_the_outbox_tells_what_it_knows(
    running_collector: Any, phone_at: Callable[[str], Phone], hexagon: dict[str, int], public_map: tuple[str, Asked]
) -> None:
    collector = running_collector(map_url="http://127.0.0.1:9")
    phone = phone_at(collector.base_url)
    phone.measure([hexagon["town"], hexagon["hole"]], "20801")
    (mine,) = phone.mine()["collectors"]
    assert (mine["samples"], mine["said"], mine["near"]) == (2, None, [])
    assert "127.0.0.1:9" in mine["trouble"]
    page = phone.home / "mine.html"
    assert "127.0.0.1:9" in page.read_text(encoding="utf-8")
    made = page.read_bytes()

    with Outbox(phone.home / "outbox.sqlite") as outbox:
        outbox.connection.execute("UPDATE collectors SET url = 'http://127.0.0.1:9'")
        outbox.connection.commit()
    told = phone.mine(code=3)
    assert (told["collectors"], [one["url"] for one in told["unreachable"]]) == ([], ["http://127.0.0.1:9"])
    assert told["outbox"]["kinds"] == {"signal": 2}
    assert (told["outbox"]["sent"], told["outbox"]["days"], told["outbox"]["last_day"]) == (2, 1, "2026-05-20")
    assert (told["page"], page.read_bytes()) == (str(page), made)
    text = phone.run("--lang", "fr", "status", "--mine", code=3)
    assert "Ce que cet appareil sait seul : relevés envoyés 2" in text
    assert "2 lectures du signal, en 1 jour, le 20 mai 2026" in text
    assert "Page faite auparavant" in text


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    phone = Phone.__new__(Phone)
    phone.home = tmp_path / "nobody"
    phone.run("status", "--mine", code=1)
    phone.run("status", "--open", code=1)
    assert not phone.home.exists()


def _respond(files: dict[str, bytes]) -> Any:
    from http.server import BaseHTTPRequestHandler

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.mark.parametrize(
    ("latest", "index"),
    [
        (b"<html>log in first</html>", b"{}"),
        (b'{"release": "../../secret"}', b"{}"),
        (b'{"release": "2026-06-13-0123456789"}', b"[]"),
        (b'{"release": "2026-06-13-0123456789"}', b'{"parents": [], "date": "2026-06-13", "k": 5, "synthetic": false}'),
        (
            b'{"release": "2026-06-13-0123456789"}',
            b'{"parents": [], "date": "2026-06-13", "k": 3, "synthetic": false, "resolution": 4, "audience": "team"}',
        ),
        (b"x" * 9_000_000, b"{}"),
    ],
)
def test_what_is_no_map_is_not_believed(latest: bytes, index: bytes) -> None:
    from client_sdk.errors import CollectorError
    from client_sdk.mine.release import fetch_release

    files = {"/releases/latest.json": latest, "/releases/2026-06-13-0123456789/verdicts/index.json": index}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _respond(files))
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    use_language("en")
    with httpx.Client(timeout=30) as client, pytest.raises(CollectorError, match=r"no release of a map there"):
        fetch_release(f"http://127.0.0.1:{server.server_port}", ["881f94a101fffff"], client)
    server.shutdown()
    server.server_close()


def test_small_files_say_what_the_table_says(release: Path, said: dict[tuple[int, str], str]) -> None:
    told: dict[tuple[int, str], str] = {}
    index = json.loads((release / "verdicts/index.json").read_text())
    assert sorted(f"{name}.json" for name in index["parents"]) == sorted(
        path.name for path in (release / "verdicts").iterdir() if path.name != "index.json"
    )
    for name in index["parents"]:
        members = json.loads((release / "verdicts" / f"{name}.json").read_text())
        assert members["verdicts"] == WORDS
        for cell, (longitude, latitude, codes) in members["hexagons"].items():
            assert h3.cell_to_latlng(int(cell, 16)) == pytest.approx((latitude, longitude), abs=1e-3)
            assert h3.int_to_str(parent(int(cell, 16), 4)) == name == f"{phones_parent(int(cell, 16), 4):x}"
            for (operator, technology), code in zip(members["subjects"], codes, strict=True):
                if technology == "4G" and code is not None:
                    told[int(cell, 16), operator] = WORDS[code]
    assert told == said


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@ON_ONE
@pytest.mark.parametrize(("language", "scheme", "width"), [("fr", "light", 1200), ("en", "dark", 390)])
def test_the_page_opens_from_its_file_and_asks_for_nothing(
    running_collector: Any,
    public_map: tuple[str, Asked],
    phone_at: Callable[[str], Phone],
    said: dict[tuple[int, str], str],
    hexagon: dict[str, int],
    browser: Browser,
    language: str,
    scheme: Any,
    width: int,
) -> None:
    collector = running_collector(map_url=public_map[0])
    phone = phone_at(collector.base_url)
    cells = sorted(cell for cell, operator in said if operator == "20801")[::3]
    phone.measure([*cells, hexagon["hole"], hexagon["lonely"]], "20801")
    phone.measure(cells[:5], "20820", context="indoor", rat="nr")
    phone.run("--lang", language, "status", "--mine")
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)  # for axe alone
    page, requests, complaints = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    address = (phone.home / "mine.html").as_uri()
    page.goto(address)
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert complaints == []
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("svg polygon.own, svg circle.own").count() == len({*cells, hexagon["hole"], hexagon["lonely"]})
    assert page.locator("svg polygon.next").count() == page.locator("ol li").count() > 0
    assert "unsafe-eval" not in page.content()
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"mine-{language}-{scheme}.png", full_page=True)
    context.close()


def test_a_release_of_remainders_alone_has_an_index(release: Path, tmp_path: Path) -> None:
    table = gpd.read_parquet(release / "hexagons.parquet")
    about = json.loads((release / "map/index.json").read_text())
    write_verdict_files(tmp_path / "verdicts", table[table["remainder"]], about)
    assert [path.name for path in (tmp_path / "verdicts").iterdir()] == ["index.json"]
    assert json.loads((tmp_path / "verdicts/index.json").read_text())["parents"] == []

"""The map page in a real browser, over a real release, from a real server."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import uvicorn
from h3.api import basic_int as h3
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from aggregator.publication.api import create_app, write_site
from aggregator.publication.origin import Origin, write_origin
from aggregator.publication.release import publish

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
FLAGS = [
    *("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--no-first-run", "--disable-dev-shm-usage"),
]
READY = "window.maille !== undefined && window.maille.map.loaded() && !window.maille.map.isMoving()"


@dataclass
class Opened:
    """A page, what it asked for and what it complained about."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, rest: str = "") -> Page:
        self.page.goto(self.address + rest)
        self.settle()
        return self.page

    def wait(self, condition: str) -> None:
        """Until a condition holds; by polling, because the page's policy forbids Playwright's own evaluation."""
        for _ in range(600):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never held: {condition}; {self.complaints}")

    def settle(self) -> None:
        self.wait(READY)

    def pixel(self, hexagon: int) -> tuple[float, float]:
        """Where the centre of a hexagon is on the page."""
        latitude, longitude = h3.cell_to_latlng(hexagon)
        spot = self.page.evaluate(
            """([lng, lat]) => {
                const { x, y } = window.maille.map.project([lng, lat]);
                const box = window.maille.map.getCanvas().getBoundingClientRect();
                return [x + box.left, y + box.top];
            }""",
            [longitude, latitude],
        )
        return float(spot[0]), float(spot[1])

    def click(self, hexagon: int) -> str:
        """Click the middle of a hexagon and read the panel."""
        self.page.mouse.click(*self.pixel(hexagon))
        return self.evidence()

    def evidence(self) -> str:
        return self.page.locator("#evidence").inner_text()


@pytest.fixture(scope="module")  # while Playwright is there, its event loop runs in this thread
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail("no Chromium found: on Debian `apt-get install chromium`, on Ubuntu install google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def _served(app: Starlette) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def made_up(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data, said to be synthetic, and published."""
    folder = tmp_path_factory.mktemp("synthetic") / "data"
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("releases", "team-releases"))
    write_origin(folder, Origin(synthetic=True, label={"fr": "Campagne d’essai.", "en": "Trial campaign."}))
    publish(folder)
    return folder


@pytest.fixture(scope="module")
def address(made_up: Path) -> Iterator[str]:
    yield from _served(create_app(made_up / "releases"))


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Opened]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="fr-FR")
    yield from _opened(context, address)


def _opened(context: BrowserContext, address: str) -> Iterator[Opened]:
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit = Opened(page, address)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            visit.complaints.append(message.text)

    page.on("console", note)
    yield visit
    context.close()
    assert visit.complaints == []
    outside = [url for url in visit.requests if not url.startswith((address, "blob:", "data:"))]
    assert outside == []


def test_a_click_on_a_hexagon_shows_its_evidence(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    assert "synthétiques" in page.locator("#banner").inner_text()
    assert "Campagne d’essai." in page.locator("#banner").inner_text()
    told = opened.click(hexagon["hole"])
    assert "Contredite" in told
    assert "Commune de Toury-Lurcy" in told
    assert "9 téléphones différents sur 9 n’ont le plus souvent pas pu utiliser la 4G d’Orange" in told
    assert "sur 18 journées de mesure, entre avril et mai 2026" in told
    assert "au plus une fois sur 20, même en écartant les trois téléphones les plus défavorables" in told
    assert "À vérifier sur place avant toute démarche" in told
    assert "contradicted-strong-2" in told
    assert h3.int_to_str(hexagon["hole"]) in told
    assert "au moins 50 km²" in told
    assert "Équipe de terrain, à part" in told
    for overstated in ("démontré", "prouvé", "manquement"):
        assert overstated not in told
    assert page.locator("#evidence").get_attribute("aria-live") == "polite"
    ARTIFACTS.mkdir(exist_ok=True)
    opened.settle()
    page.screenshot(path=ARTIFACTS / "map-page.png")


def test_another_operator_is_another_layer(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    opened.click(hexagon["hole"])
    page.select_option("#operator", label="Bouygues Telecom")
    expect(page.locator("#evidence")).to_contain_text("Bouygues")
    assert "Données insuffisantes" in opened.evidence()
    assert "op=20820" in page.url
    page.select_option("#threshold", "3")
    expect(page.locator("#evidence")).to_contain_text("3 Mbit/s")
    assert "test=3" in page.url
    assert page.locator("#threshold option").all_inner_texts() == [
        "Service 4G",
        "Débit d’au moins 3 Mbit/s",
        "Débit d’au moins 8 Mbit/s",
    ]
    opened.settle()
    told = opened.click(hexagon["town"])
    assert "Débit de 3 Mbit/s le plus souvent atteint" in told
    assert "Probabilité si la carte" not in told  # no map promises a rate


def test_a_poor_hexagon_shows_nothing_and_says_why(opened: Opened, hexagon: dict[str, int]) -> None:
    opened.go()
    told = opened.click(hexagon["lonely"])
    assert "moins de 5 téléphones" in told
    assert "ni une confirmation ni une contradiction" in told
    assert "H3" not in told


def test_a_zone_is_reached_by_keyboard_and_leads_to_its_hexagons(opened: Opened) -> None:
    page = opened.go()
    entry = page.locator("#zones button").first
    entry.focus()
    page.keyboard.press("Enter")
    told = opened.evidence()
    assert "Zone candidate n° 1" in told
    assert "Orange" in told
    assert "pas un constat de manquement" in told
    assert entry.get_attribute("aria-pressed") == "true"
    assert page.locator("#map button.rank").count() == page.locator("#zones button").count() >= 1
    opened.settle()
    page.screenshot(path=ARTIFACTS / "map-page-zone.png")
    page.locator("#evidence .chips button").first.focus()
    page.keyboard.press("Enter")
    assert "Contredite" in opened.evidence()


def test_the_address_restores_what_was_shown(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    told = opened.click(hexagon["hole"])
    kept = page.url.removeprefix(opened.address)
    page.goto("about:blank")
    opened.go(kept)
    assert opened.evidence() == told


def test_english_says_the_same(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go("?lang=en")
    told = opened.click(hexagon["hole"])
    assert "9 of 9 different phones most often could not use Orange 4G" in told
    assert "between April and May 2026" in told
    assert "Synthetic data, not a real measurement" in told
    assert "Trial campaign." in page.locator("#banner").inner_text()
    assert "To be checked on site before any step is taken" in told
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#language").click()
    opened.settle()
    assert "n’ont le plus souvent pas pu utiliser la 4G" in opened.evidence()


def test_a_hexagon_is_told_in_the_words_of_its_release(opened: Opened, made_up: Path, hexagon: dict[str, int]) -> None:
    (latest,) = (made_up / "releases").glob("2*")
    table = pd.read_parquet(latest / "hexagons.parquet")
    table = table[(table["operator"] == "20801") & (table["technology"] == "4G") & (table["threshold"] == "service")]
    of_cell = table[table["h3"] == h3.int_to_str(hexagon["hole"])].set_index("evidence")
    for language in ("fr", "en"):
        page = opened.go(f"?lang={language}")
        opened.click(hexagon["hole"])
        shown = [page.locator(place).text_content() for place in ("#evidence .sentence", "#evidence .other p")]
        assert shown == of_cell.loc[["crowd", "survey"], f"sentence_{language}"].tolist()


def test_counts_without_a_verdict_say_that_there_is_none(
    opened: Opened, made_up: Path, hexagon: dict[str, int]
) -> None:
    """Sentences are taken away on their way to the page, as where a release has counts and no verdict."""
    opened.page.route("**/20801-4G-service.fr.json", lambda route: route.fulfill(json={}))
    opened.go()
    assert "aucun verdict n’est publié pour ce lieu" in opened.click(hexagon["hole"])


def test_a_dark_phone(chromium: Browser, address: str, hexagon: dict[str, int]) -> None:
    size = {"width": 390, "height": 844}
    context = chromium.new_context(viewport=size, color_scheme="dark", locale="fr-FR", is_mobile=True, has_touch=True)
    for visit in _opened(context, address):
        page = visit.go()
        page.touchscreen.tap(*visit.pixel(hexagon["hole"]))
        expect(page.locator("#evidence h3")).to_be_visible()
        assert "Contredite" in visit.evidence()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        visit.settle()
        page.screenshot(path=ARTIFACTS / "map-page-phone.png")


def test_any_file_server_serves_the_same_page(
    chromium: Browser, made_up: Path, address: str, hexagon: dict[str, int], tmp_path: Path
) -> None:
    write_site(made_up / "releases", tmp_path / "site")
    plain = Starlette(routes=[Mount("/somewhere", StaticFiles(directory=tmp_path / "site", html=True))])
    for origin in _served(plain):
        for visit in _opened(chromium.new_context(locale="fr-FR"), origin):
            visit.go("somewhere/")
            assert "Contredite" in visit.click(hexagon["hole"])

"""The observatory's page in a real browser: two questions answered, choices, permalinks, a phone, nobody else asked."""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from aggregator.evidence.claims_table import ClaimSource, replace_claims
from aggregator.judgement.basis import record_basis
from aggregator.publication.api import write_site
from aggregator.publication.release import publish

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


@dataclass
class Visit:
    """A page, what it asked for and what it complained about."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, rest: str = "") -> Page:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}observatory.html{rest}")
        expect(self.page.locator("#details section").first).to_be_visible()
        return self.page

    def answer(self, number: int) -> str:
        return (
            self.page.locator(".answer")
            .nth(number)
            .locator(".sentence")
            .inner_text()
            .replace("\u202f", " ")
            .replace("\xa0", " ")
        )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("no Chromium found: on Debian `apt-get install chromium`, on Ubuntu install google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def declare(folder: Path, quarter: str, share: float) -> None:
    """Orange declares a share of every hexagon that has a verdict, and nothing of the last day changes."""
    cells = pd.read_parquet(folder / "judgement/verdicts.parquet")["h3_r8"].unique()
    subject = {"operator": "20801", "technology": "4G", "usage": "data"}
    rows = pd.DataFrame({"h3_r8": cells, **subject, "level": "BC", "declared_share": share})
    source = {"file": "couv.gpkg", "file_sha256": "0" * 64, "source": "Arcep", "licence": "LO", "bounded": False}
    (folder / "claims/sources.json").unlink()
    replace_claims(folder / "claims", rows, [ClaimSource(**subject, quarter=quarter, **source)])


@pytest.fixture(scope="module")
def site(data: Path, ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of two quarters, as plain files."""
    folder = tmp_path_factory.mktemp("observed") / "data"
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("releases", "team-releases", "records"))
    last = pd.Timestamp(ledger["day"].max())
    declare(folder, "2025_T4", 0.8)
    record_basis(folder, last.date(), 365)
    publish(folder)
    declare(folder, "2026_T2", 1.0)
    record_basis(folder, (last + pd.Timedelta(days=75)).date(), 365)
    publish(folder)
    into = tmp_path_factory.mktemp("site")
    write_site(folder / "releases", into)
    return into


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    app = Starlette()
    app.mount("/somewhere", StaticFiles(directory=site, html=True))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/somewhere/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def visit(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Visit]:
    options = getattr(request, "param", {"viewport": LAPTOP})
    context = chromium.new_context(locale="fr-FR", **options)
    page = context.new_page()
    page.set_default_timeout(30_000)
    opened = Visit(page, address)
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("console", lambda message: opened.complaints.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith((address, "about:"))] == []


def latest(site: Path) -> Path:
    return site / "releases" / json.loads((site / "releases/latest.json").read_text(encoding="utf-8"))["release"]


def french(value: float) -> str:
    return f"{value:.1f}".replace(".", ",") + " %"


def test_the_two_questions_are_answered_at_the_top(visit: Visit, site: Path) -> None:
    page = visit.go()
    assert "Nièvre" in page.locator("h2").inner_text()
    rows = pd.read_csv(latest(site) / "observatory.csv", dtype=str, keep_default_na=False)
    key = {"kind": "departement", "operator": "20801", "technology": "4G", "measure": "population"}
    rows = rows[(rows[list(key)] == list(key.values())).all(axis=1)]
    then, now = (
        rows[rows["release"] == name].set_index("indicator")["percent"].astype(float)
        for name in rows["release"].unique()
    )
    stand = visit.answer(0)
    assert f"Orange déclare la 4G pour {french(now['declared'])} des habitants" in stand
    assert f"la confirment pour {french(now['confirmed'])}" in stand
    assert f"la contredisent pour {french(now['contradicted_strong'])}" in stand  # a moderate one is in doubt
    assert f"pour {french(now['unknown'])} on ne sait pas encore" in stand
    changed = visit.answer(1)
    assert "Depuis le 2e trimestre 2026" in changed
    assert f"passe de {french(then['declared'])} à {french(now['declared'])} (+" in changed
    shown = page.locator("body").inner_text()
    assert "Ce n’est pas un constat de manquement" in shown
    assert "4e trimestre 2025 alors, 2e trimestre 2026 maintenant" in shown.replace("\xa0", " ")
    for overstated in ("démontré", "prouvé", "obligation non tenue"):
        assert overstated not in shown
    box = page.locator(".answer .sentence").last.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < LAPTOP["height"]  # without scrolling
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "observatory.png", full_page=True)


def test_a_commune_is_found_without_its_accents_and_by_keyboard(visit: Visit) -> None:
    page = visit.go()
    page.locator("#place").focus()
    page.keyboard.type("lucenay les")
    expect(page.locator("#places li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_contain_text("Lucenay-lès-Aix")
    assert "p=commune-58138" in page.url
    assert re.search(r"op=20801&.*at=46\.70\d*%2F3\.48\d*%2F12", str(page.locator("#to-map").get_attribute("href")))
    page.get_by_role("button", name="Nièvre").click()
    expect(page.locator("h2")).to_contain_text("Nièvre")
    page.locator("#place").fill("st leger")
    expect(page.locator("#places li")).to_contain_text("Saint-Léger-des-Vignes")
    page.locator("#place").fill("zzz")
    expect(page.locator("#places li")).to_contain_text("Aucun territoire")


def test_the_address_restores_the_choices(visit: Visit) -> None:
    page = visit.go()
    page.select_option("#operator", label="Bouygues Telecom")
    page.select_option("#measure", "surface")
    expect(page.locator(".answer").first).to_contain_text("Aucune déclaration de Bouygues Telecom")
    row = page.locator("table.bars tr", has=page.get_by_role("rowheader", name="Bouygues Telecom"))
    assert row.locator("td").all_inner_texts() == ["", "aucune source"]  # and not 0 % declared
    assert row.locator("rect").count() == 1
    kept = page.url.split("observatory.html")[1]
    assert "op=20820" in kept
    visit.go(kept)
    assert page.locator("#measure").input_value() == "surface"
    assert "Aucune déclaration de Bouygues Telecom" in visit.answer(0)
    visit.go("?lang=en#p=departement-58&op=20801&tech=4G&m=population")
    assert "Where do we stand against 100%?" in page.locator(".answer").first.inner_text()
    assert "Orange declares 4G for" in visit.answer(0)
    assert page.locator("html").get_attribute("lang") == "en"


def test_another_territory_is_a_step_one_can_go_back(visit: Visit) -> None:
    page = visit.go()
    heading = page.locator("h2")
    first = page.locator("section", has=page.get_by_role("heading", name="Communes où")).locator("tbody button").first
    name = str(first.text_content())
    first.focus()
    page.keyboard.press("Enter")
    expect(heading).to_contain_text(name)
    expect(page.locator("#answers")).to_be_focused()  # the button that had the focus is gone
    page.select_option("#measure", "surface")
    page.go_back()
    expect(heading).to_contain_text("Nièvre")
    assert page.locator("#place").input_value() == "Nièvre"
    page.go_forward()
    expect(heading).to_contain_text(name)
    expect(page.locator("#measure")).to_have_value("surface")


def test_figures_that_cannot_be_read_are_asked_for_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/observatory/communes-*", lambda route: route.abort())
    page.goto(f"{visit.address}observatory.html#p=commune-58138")
    expect(page.locator("#answers")).to_contain_text("Les chiffres de ce territoire n’ont pas pu être lus.")
    page.unroute("**/observatory/communes-*")
    assert set(visit.complaints) == {"Failed to load resource: net::ERR_FAILED"}
    visit.complaints.clear()
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("h2")).to_contain_text("Lucenay-lès-Aix")


def test_french_spaces_do_not_break(visit: Visit) -> None:
    page = visit.go()
    assert page.locator(".answer h3").first.text_content() == "Où en est-on par rapport à 100\u202f%\u202f?"
    told = str(page.locator("#answers").text_content())
    assert "«\u00a0Contredite\u00a0»\u00a0:" in told
    assert not re.search(r" [:;?!%»]|« |\d (km|\d{3}\b)", told)


def test_the_theme_is_that_of_the_map(visit: Visit) -> None:
    page = visit.go()
    assert "lang=fr" in str(page.locator("#to-map").get_attribute("href"))
    page.get_by_role("button", name="Thème sombre").click()
    assert page.evaluate("localStorage.getItem('maille-theme')") == "dark"  # where the map looks for it
    visit.go("?lang=en")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "lang=en" in str(page.locator("#to-map").get_attribute("href"))


def test_all_of_a_table_is_on_the_printed_page(visit: Visit) -> None:
    page = visit.go()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins of 1 cm
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator("table.bars thead").first).to_be_visible()
    for table in page.locator("table").all():
        box = table.bounding_box()
        assert box is None or box["x"] + box["width"] <= 718, box


@pytest.mark.parametrize("visit", [{"viewport": LAPTOP, "java_script_enabled": False}], indirect=True)
def test_without_scripts_a_notice_stands_alone(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}observatory.html")
    expect(visit.page.locator("noscript p")).to_be_visible()
    expect(visit.page.locator("select").first).to_be_hidden()


def test_the_ranking_is_that_of_the_file(visit: Visit, site: Path) -> None:
    page = visit.go()
    rows = pd.read_csv(latest(site) / "observatory-communes-58.csv", dtype={"code": str, "operator": str})
    rows = rows[(rows["operator"] == "20801") & (rows["measure"] == "population")]
    rows = rows[rows["indicator"].isin(["contradicted_strong", "contradicted_moderate"])]
    people = (
        rows.groupby(["code", "name"])["value"]
        .sum()
        .reset_index()
        .sort_values(["value", "code"], ascending=[False, True])
    )
    ranking = page.locator("section", has=page.get_by_role("heading", name="Communes où")).locator("tbody tr")
    shown = [re.sub(r"\s+", " ", text) for text in ranking.locator("th").all_inner_texts()]
    assert shown == people[people["value"] >= 0.5]["name"].tolist()[: len(shown)]
    assert len(shown) >= 2
    ranking.first.locator("th button").click()
    expect(page.locator("h2")).to_contain_text(shown[0])


def test_history_stands_in_a_table_too(visit: Visit) -> None:
    page = visit.go()
    past = page.locator("section", has=page.get_by_role("heading", name="D’une publication à l’autre"))
    assert past.locator("svg.curve").count() == 5
    past.locator("summary").click()
    assert past.locator("tbody tr").count() == 2


@pytest.mark.parametrize(
    "visit", [{"viewport": PHONE, "color_scheme": "dark", "is_mobile": True, "has_touch": True}], indirect=True
)
def test_a_dark_phone(visit: Visit) -> None:
    page = visit.go()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#place").tap()
    page.locator("#places li", has_text="Cossaye").tap()
    expect(page.locator("h2")).to_contain_text("Cossaye")
    page.screenshot(path=ARTIFACTS / "observatory-phone.png")


@pytest.mark.parametrize(
    "visit",
    [
        {"viewport": LAPTOP, "color_scheme": "light", "bypass_csp": True},
        {"viewport": PHONE, "color_scheme": "dark", "bypass_csp": True},
    ],
    indirect=True,
    ids=["laptop", "dark phone"],
)
def test_nothing_hinders_people_with_disabilities(visit: Visit) -> None:
    page = visit.go()
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()

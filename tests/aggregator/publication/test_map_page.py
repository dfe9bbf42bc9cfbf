"""The map page in a real browser, over a real release, from a real server."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from gate_rig import running
from h3.api import basic_int as h3
from map_rig import NEAR, PHONE, Opened, served, visiting
from playwright.sync_api import Browser, expect

from aggregator.publication.api import create_app, write_site
from aggregator.publication.gate import ProxyLogin
from aggregator.publication.shelf import Shelf


@pytest.fixture(scope="module")
def address(made_up: Path) -> Iterator[str]:
    with served(create_app(made_up / "releases")) as found:
        yield found


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Opened]:
    context = chromium.new_context(viewport={"width": 1000, "height": 680}, locale="fr-FR")
    with visiting(context, address) as visit:
        yield visit


def test_a_click_on_a_hexagon_shows_its_evidence(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    assert "synthétiques" in page.locator("#banner").inner_text()
    assert "Campagne d’essai." in page.locator("#banner").inner_text()
    assert page.locator("#team").is_hidden()
    told = opened.click(hexagon["hole"])
    assert "Contredite" in told
    assert "Commune : Toury-Lurcy" in told
    assert "Téléphones en échec" in told
    assert "Points en échec" in told  # of the field team
    assert "Probabilité d’autant d’échecs si la carte est juste à 95 %" in told
    assert "9 téléphones différents sur 9 n’ont le plus souvent pas pu utiliser la 4G d’Orange" in told
    assert "sur 18 journées de mesure, entre avril et mai 2026" in told
    assert "À vérifier sur place avant toute démarche" in told
    assert "contradicted-strong-2" in told
    assert h3.int_to_str(hexagon["hole"]) in told
    assert "des zones de plus de 50 km² (95 %)" in told
    assert "Équipe de terrain, à part" in told
    assert "Bouygues Telecom" in told
    for overstated in ("démontré", "prouvé", "manquement"):
        assert overstated not in told
    assert page.locator("#evidence").get_attribute("aria-live") == "polite"
    assert page.locator("#evidence a").get_attribute("href", timeout=1000).endswith("manifest.json")  # type: ignore[union-attr]


def test_histograms_are_told_in_words_and_bars(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    told = opened.click(hexagon["hole"])
    rates, phones, signal = page.locator("#evidence figure").all_inner_texts()
    assert "Débit descendant, par téléphone" in rates
    assert "9 téléphones" in rates
    assert "Signal reçu (RSRP), volontaires" in phones
    assert "9 téléphones de volontaires, entre avril et juin 2026" in phones
    assert phones.replace("\u202f", " ").replace("\xa0", " ").split("\n")[3:15] == [
        *("−120 à −110 dBm", "67 %", "−110 à −100 dBm", "0 %", "−100 à −90 dBm", "0 %", "−90 à −80 dBm", "22 %"),
        *("−80 dBm ou plus", "0 %", "aucun", "11 %"),
    ]
    assert "Signal reçu (RSRP), équipe de terrain" in signal
    assert signal.replace("\u202f", " ").replace("\xa0", " ").split("\n")[3:5] == [
        "−120 à −110 dBm",
        "75 %",
    ]  # of four readings of the field team
    assert "4 mesures" in signal
    assert "50" not in signal  # the volunteers' readings are not among them
    assert "Origine" in told


def test_choices_change_the_map_without_reading_another_tile(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    opened.click(hexagon["hole"])
    verdicts = len(opened.drawn())
    read = len([url for url in opened.requests if "/tiles/" in url])
    page.select_option("#operator", label="Bouygues Telecom")
    expect(page.locator("#evidence .place")).to_contain_text("Bouygues")
    assert "Données insuffisantes" in opened.evidence()
    assert "op=20820" in page.url
    assert 0 < len(opened.drawn()) != verdicts
    page.select_option("#threshold", "3")
    expect(page.locator("#evidence .place")).to_contain_text("3 Mbit/s")
    expect(page.locator("#threshold option")).to_have_text(
        ["Service 4G", "Débit d’au moins 3 Mbit/s", "Débit d’au moins 8 Mbit/s"]
    )
    assert len([url for url in opened.requests if "/tiles/" in url]) == read


def test_layers_show_what_is_declared_and_how_it_differs(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go(f"{NEAR}&op=20801")
    verdicts = len(opened.drawn())
    page.get_by_label("Déclaré", exact=True).check()
    declared = opened.drawn()
    assert len(declared) > verdicts
    assert {cell["d:20801:4G:data"] for cell in declared} == {18}
    expect(page.locator("#legend")).to_contain_text("95 % ou plus")
    page.get_by_label("Écart", exact=True).check()
    assert "Déclarée, contredite" in page.locator("#legend").inner_text()
    assert len(opened.drawn()) >= len(declared)
    page.get_by_label("Preuves", exact=True).check()
    assert len(opened.drawn()) == verdicts
    page.select_option("#usage", "voice")
    assert page.get_by_label("Déclaré", exact=True).is_checked()
    assert page.locator("#voice-note").is_visible()
    assert {"show=declared", "use=voice"} <= set(page.url.partition("#")[2].split("&"))
    opened.click(hexagon["lonely"])
    assert re.search(r"Orange déclare en couvrir 90\s%", opened.evidence())  # Intl puts a space that does not break


def test_a_poor_hexagon_shows_nothing_and_says_why(opened: Opened, hexagon: dict[str, int]) -> None:
    opened.go(f"{NEAR}&op=20801")
    told = opened.click(hexagon["lonely"])
    assert "moins de 5 téléphones" in told
    assert "ni une confirmation ni une contradiction" in told
    assert "Règle" not in told


def test_from_afar_a_cell_counts_its_published_hexagons(opened: Opened, made_up: Path, hexagon: dict[str, int]) -> None:
    page = opened.go("#at=46.7500/3.4800/7.3&op=20801")
    page.mouse.click(*opened.pixel(hexagon["hole"]))
    expect(page.locator("#evidence h3")).to_contain_text("36 km²")
    (latest,) = (made_up / "releases").glob("2*")
    table = pd.read_parquet(latest / "hexagons.parquet")
    mine = table[(table["operator"] == "20801") & (table["technology"] == "4G") & (table["threshold"] == "service")]
    mine = mine[(mine["resolution"] == 8) & mine["h3"].map(lambda cell: _parent(cell) == _parent(hexagon["hole"]))]
    assert f"{mine['h3'].nunique()} hexagones publiés ici pour Orange" in opened.evidence()
    page.get_by_role("button", name="Voir les hexagones").click()
    opened.settle()
    assert float(page.url.partition("at=")[2].split("&")[0].replace("%2F", "/").split("/")[2]) > 9


def _parent(cell: str | int) -> int:
    return h3.cell_to_parent(h3.str_to_int(cell) if isinstance(cell, str) else cell, 6)


def test_a_commune_is_found_by_keyboard_without_its_accents(opened: Opened) -> None:
    page = opened.go("")
    search = page.locator("#search")
    search.focus()
    page.keyboard.type("leger des")
    expect(page.locator("#found li")).to_have_text(["Saint-Léger-des-Vignes58"])
    assert search.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    chosen = search.get_attribute("aria-activedescendant")
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    opened.settle()
    assert "at=46.8411%2F3.4511%2F11.5" in page.url
    assert search.get_attribute("aria-expanded") == "false"
    expect(page.locator("#evidence .place")).to_contain_text("Commune : Saint-Léger-des-Vignes")
    assert "hex=88" in page.url
    search.fill("st leger")
    expect(page.locator("#found li")).to_have_text(["Saint-Léger-des-Vignes58"])
    search.fill("zzz")
    expect(page.locator("#search-status")).to_have_text("Aucune commune de ce nom ici")
    assert (page.locator("#search-status").bounding_box() or {})["width"] > 100  # for eyes too
    search.fill("58138")
    expect(page.locator("#found li")).to_have_text(["Lucenay-lès-Aix58"])


def test_a_list_of_communes_that_cannot_be_read_is_asked_for_again(opened: Opened) -> None:
    page = opened.go("")
    page.route("**/map/communes.json", lambda route: route.abort())
    page.locator("#search").fill("decize")
    expect(page.locator("#search-status")).to_have_text("La liste des communes n’a pas pu être lue.")
    page.unroute("**/map/communes.json")
    assert set(opened.complaints) == {"Failed to load resource: net::ERR_FAILED"}
    opened.complaints.clear()
    page.locator("#search").fill("decize")
    expect(page.locator("#found li")).to_have_text(["Decize58"])


def test_a_zone_of_an_address_without_a_view_is_shown(opened: Opened) -> None:
    page = opened.go("")
    assert page.evaluate("window.maille.map.getZoom()") < 10.5
    zone = page.locator("#zones button").first.get_attribute("data-zone")
    opened.go(f"#zone={zone}")
    expect(page.locator("#evidence .place")).to_have_text("Zone candidate n° 1")
    opened.wait("window.maille.map.getZoom() > 11")
    opened.go(f"{NEAR}&zone={zone}")
    assert page.evaluate("window.maille.map.getZoom()") == 11


@pytest.mark.parametrize("width", [850, 1000, 1366])
def test_the_legend_hides_nothing_of_the_first_view(opened: Opened, width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 700})
    page = opened.go("")
    told = page.evaluate(
        """() => {
            const [west, south, east, north] = window.maille.index.bounds;
            const [low, high] = [[west, south], [east, north]].map((place) => window.maille.map.project(place));
            const [key, stage] = ["key", "stage"].map((id) => document.getElementById(id).getBoundingClientRect());
            const inside = low.x >= 0 && high.x <= stage.width && high.y >= 0 && low.y <= stage.height;
            return [high.x - low.x > 100, inside, low.y <= key.top - stage.top || low.x >= key.right - stage.left];
        }"""
    )
    assert told == [True, True, True]  # large enough, all of it, and clear of the legend


def test_a_dark_page_is_printed_on_white_paper(opened: Opened) -> None:
    page = opened.go()
    page.get_by_role("button", name="Thème sombre").click()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(27, 36, 48)"


def test_the_middle_of_the_map_is_chosen_by_keyboard(opened: Opened, hexagon: dict[str, int]) -> None:
    latitude, longitude = h3.cell_to_latlng(hexagon["hole"])
    page = opened.go(f"#at={latitude:.4f}/{longitude:.4f}/11.0")
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#evidence h3")).to_have_text("Contredite")
    assert f"hex={h3.int_to_str(hexagon['hole'])}" in page.url


def test_measurements_that_cannot_be_read_are_not_called_missing(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    page.route("**/map/cells/*", lambda route: route.abort())
    page.mouse.click(*opened.pixel(hexagon["hole"]))
    expect(page.locator("#evidence")).to_contain_text("Les mesures de ce lieu n’ont pas pu être lues.")
    page.unroute("**/map/cells/*")
    assert set(opened.complaints) == {"Failed to load resource: net::ERR_FAILED"}
    opened.complaints.clear()
    page.get_by_role("button", name="Réessayer").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#evidence h3")).to_have_text("Contredite")
    assert page.evaluate("document.activeElement.id") == "evidence"  # the button that had the focus is gone


def test_an_address_is_followed_where_it_makes_sense(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go("#hex=zzz&at=999/999/99&tech=6G")
    assert "Choisissez un hexagone ou une zone" in opened.evidence()
    latitude, longitude = h3.cell_to_latlng(hexagon["hole"])
    address = f"#hex={h3.int_to_str(hexagon['hole'])}&op=20801&at={latitude:.4f}/{longitude:.4f}/12.0"
    page.evaluate("(hash) => { location.hash = hash; }", address)
    expect(page.locator("#evidence h3")).to_have_text("Contredite")
    opened.settle()
    assert len(opened.drawn("chosen")) == 1
    assert "tech=4G" in page.url


def test_a_zone_is_reached_by_keyboard_and_leads_to_its_hexagons(opened: Opened) -> None:
    page = opened.go("")
    entry = page.locator("#zones button").first
    entry.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#evidence .place")).to_have_text("Zone candidate n° 1")
    told = opened.evidence()
    assert "Orange" in told
    assert "pas un constat de manquement" in told
    assert entry.get_attribute("aria-pressed") == "true"
    assert len(opened.drawn("zone-ranks")) >= 1
    page.locator("#evidence .chips button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#evidence .sentence")).to_contain_text("téléphones")
    opened.settle()
    assert len(opened.drawn("chosen")) == 1


def test_the_address_restores_what_was_shown(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go()
    opened.click(hexagon["hole"])
    page.select_option("#operator", label="Bouygues Telecom")
    page.get_by_label("Écart", exact=True).check()
    expect(page.locator("#evidence .place")).to_contain_text("Bouygues")
    kept, told = page.url.removeprefix(opened.address), opened.evidence()
    opened.go(kept)
    assert page.url.removeprefix(opened.address) == kept
    assert opened.evidence() == told
    assert page.get_by_label("Écart", exact=True).is_checked()
    assert page.locator("#operator").input_value() == "20820"


def test_english_says_the_same(opened: Opened, hexagon: dict[str, int]) -> None:
    page = opened.go(f"?lang=en{NEAR}")
    told = opened.click(hexagon["hole"])
    assert "9 of 9 different phones most often could not use Orange 4G" in told
    assert "between April and May 2026" in told
    assert "Synthetic data, not a real measurement" in told
    assert "Trial campaign." in page.locator("#banner").inner_text()
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#language").click()
    opened.settle()
    assert "n’ont le plus souvent pas pu utiliser la 4G" in opened.evidence()
    told = page.evaluate("import('./texts.js').then(({ count }) => [4, 19, 20, 25, null].map(count))")
    assert told == ["4", "19", "environ 20", "environ 25", None]  # 20 stands for 20 to 22


def test_a_hexagon_is_told_in_the_words_of_its_release(opened: Opened, made_up: Path, hexagon: dict[str, int]) -> None:
    (latest,) = (made_up / "releases").glob("2*")
    table = pd.read_parquet(latest / "hexagons.parquet")
    table = table[(table["operator"] == "20801") & (table["technology"] == "4G") & (table["threshold"] == "service")]
    of_cell = table[table["h3"] == h3.int_to_str(hexagon["hole"])].set_index("evidence")
    for language in ("fr", "en"):
        page = opened.go(f"?lang={language}{NEAR}")
        opened.click(hexagon["hole"])
        shown = [page.locator(place).text_content() for place in ("#evidence .sentence", "#evidence .other p")]
        assert shown == of_cell.loc[["crowd", "survey"], f"sentence_{language}"].tolist()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_to_put_right(chromium: Browser, address: str, hexagon: dict[str, int], theme: str) -> None:
    context = chromium.new_context(viewport={"width": 1000, "height": 680}, locale="fr-FR", color_scheme="light")
    with visiting(context, address) as visit:
        page = visit.go()
        if theme == "dark":
            page.get_by_role("button", name="Thème sombre").click()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, paper[4:-1].split(", "))) < 200) == (theme == "dark")
        visit.click(hexagon["hole"])
        page.locator("#about summary").click()
        expect(page.locator("#method li").first).to_be_visible()
        page.locator("#search").fill("de")
        expect(page.locator("#found li").first).to_be_visible()
        visit.settle()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(chromium: Browser, address: str, hexagon: dict[str, int], scheme: str) -> None:
    context = chromium.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="fr-FR",
        is_mobile=True,
        has_touch=True,
    )
    with visiting(context, address) as visit:
        page = visit.go()
        page.touchscreen.tap(*visit.pixel(hexagon["hole"]))
        expect(page.locator("#evidence h3").first).to_be_visible()
        assert "Contredite" in visit.evidence()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        edges = page.evaluate(
            "['evidence', 'key', 'zones'].map((id) => document.getElementById(id).getBoundingClientRect())"
            ".flatMap(({ top, bottom }) => [top, bottom])"
        )
        assert edges == sorted(edges)  # the legend below the panel, and before what is long
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_the_teams_page_says_so_and_the_public_one_does_not(chromium: Browser, made_up: Path) -> None:
    with (
        running(Shelf(made_up / "team-releases", "team"), ProxyLogin("X-User")) as url,
        visiting(chromium.new_context(locale="fr-FR", extra_http_headers={"X-User": "mairie"}), f"{url}/") as visit,
    ):
        page = visit.go()
        assert page.locator("[role=note]:visible").count() == 1
        expect(page.locator("#team")).to_have_text(
            "Réservé à l’équipe-projet : montre des lieux vus par 3 ou 4 appareils. Ne pas publier."
        )
        assert page.title() == "Maille · équipe-projet, ne pas publier"
        assert page.locator("#team button").count() == 0
        page.locator("#observatory").hover()
        page.locator("#observatory").click()
        banner = page.locator("[role=note]:visible")
        expect(banner).to_have_count(1)
        expect(banner).to_contain_text("Ne pas publier.")
        expect(banner).to_contain_text("synthétiques")
        assert "lang=fr#op=20801&tech=4G" in page.url


def test_any_file_server_serves_the_same_page(
    chromium: Browser, made_up: Path, hexagon: dict[str, int], tmp_path: Path
) -> None:
    write_site(made_up / "releases", tmp_path / "some/where")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                with socket.socket() as trial:
                    if trial.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            context = chromium.new_context(locale="fr-FR")
            with visiting(context, f"http://127.0.0.1:{port}/some/where/") as visit:
                visit.go()
                assert "Contredite" in visit.click(hexagon["hole"])
        finally:
            server.terminate()

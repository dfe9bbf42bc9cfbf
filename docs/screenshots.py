"""Takes the documentation's pictures from the demonstration, by the commands people run: ``scripts/screenshots``.

Everything shown is synthetic and says so. Sizes, seed and places are fixed; colours are few, so that files stay small.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pyarrow.parquet as pq
import pypdfium2
from h3.api import basic_str as h3
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from client_sdk.outbox.queue import Outbox

IMAGES = Path(__file__).parent / "images"
MAILLE = Path(sys.executable).with_name("maille")
PHONE_HOME = "volunteer-20801-0008"  # went where others did too: some of its places are published, some are not
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
TALL: ViewportSize = {"width": 390, "height": 1420}
COLOURS = 96
PAGE_WIDTH_PX = 900
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FLAGS += ["--ignore-gpu-blocklist", "--disable-dev-shm-usage"]


@dataclass(frozen=True, slots=True)
class View:
    """A page as a browser shows it.

    Attributes:
        page: "map", "observatory", or "mine": what ``maille status --mine`` wrote.
        size: of the window, in CSS pixels.
        language: of the browser.
        dark: whether its system asks for dark colours.
    """

    page: str
    size: ViewportSize
    language: str = "fr"
    dark: bool = False


VIEWS = {
    "map.png": View("map", LAPTOP, "en"),
    "carte.png": View("map", LAPTOP),
    "carte-sombre.png": View("map", LAPTOP, dark=True),
    "carte-telephone.png": View("map", PHONE),
    "observatoire.png": View("observatory", LAPTOP),
    "mes-releves.png": View("mine", TALL),
    "my-samples.png": View("mine", TALL, "en"),
}
DOSSIER = "dossier.png"
PICTURES = {*VIEWS, DOSSIER}
DRAWN = "window.maille?.map?.loaded() && !window.maille.map.isMoving() && document.querySelector('#evidence').innerText"


def main() -> None:
    """Make the demonstration, unless one is given, and every picture of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, help="directory of a demonstration; without it one is made")
    given = parser.parse_args().demo
    with tempfile.TemporaryDirectory() as made:
        demo = given or Path(made) / "demo"
        if not given:
            run("demo", "--no-serve", "--out", str(demo))
        pictures(demo)


def pictures(demo: Path) -> None:
    """Write every picture of a demonstration into ``docs/images``."""
    data = demo / "data"
    release = data / "releases" / json.loads((data / "releases" / "latest.json").read_text())["release"]
    save(DOSSIER, first_page(release))
    with served("serve", "--data", str(data), "--port", "0", "--json") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        pages = {"map": address + place_of(release), "observatory": address + "observatory.html"}
        for name, view in VIEWS.items():
            if view.page == "mine":
                with mine(demo, address, view.language) as page:
                    save(name, taken(browser, view, page))
            else:
                save(name, taken(browser, view, pages[view.page]))
        browser.close()


def place_of(release: Path) -> str:
    """The map's address of the contradicted hexagon that most phones saw, a little to the west of the middle."""
    table = pq.read_table(release / "hexagons.parquet").drop(["geometry"]).to_pandas()
    table = table[(table["resolution"] == 8) & (table["technology"] == "4G") & (table["threshold"] == "service")]
    found = table[(table["verdict"] == "contradicted") & (table["evidence"] == "crowd")]
    row = found.sort_values(["devices", "h3"], ascending=[False, True]).iloc[0]
    latitude, longitude = h3.cell_to_latlng(row["h3"])
    chosen = {"op": row["operator"], "tech": "4G", "test": "service", "show": "verdict", "hex": row["h3"]}
    return "#" + urlencode(chosen | {"at": f"{latitude:.4f}/{longitude:.4f}/10.5"}, safe="/")


def first_page(release: Path) -> Image.Image:
    """The first page of the dossier of the first zone, as a PDF reader shows it."""
    zones = json.loads((release / "zones.geojson").read_text(encoding="utf-8"))["features"]
    first = min((zone["properties"] for zone in zones), key=lambda zone: zone["rank"])
    with pypdfium2.PdfDocument(release / "dossiers" / f"{first['zone_id']}.pdf") as document:
        page = document[0]
        picture: Image.Image = page.render(scale=PAGE_WIDTH_PX / page.get_width()).to_pil()
    return picture


@contextmanager
def mine(demo: Path, map_address: str, language: str) -> Iterator[str]:
    """What a phone of the demonstration is told, as the address of the page that the command wrote."""
    with tempfile.TemporaryDirectory() as copied:
        home = Path(copied) / "home"
        shutil.copytree(demo / "phones" / PHONE_HOME, home)
        with Outbox(home / "outbox.sqlite") as outbox:
            collector = urlsplit(outbox.collectors()[0].url)
        # the collector that the phone knows: its address, its key and its periods of retention
        place = ("--data", str(demo / "data"), "--port", str(collector.port), "--json")
        known = {"MAILLE_MAP_URL": map_address.rstrip("/"), "MAILLE_KEEP_SAMPLES_DAYS": "0"}
        with served("collector", "serve", *place, **known):
            told = run("--lang", language, "status", "--mine", "--json", MAILLE_HOME=str(home))
        yield Path(json.loads(told)["page"]).as_uri()


def taken(browser: Browser, view: View, address: str) -> Image.Image:
    """A page, once it has drawn everything."""
    context = browser.new_context(
        viewport=view.size,
        locale={"en": "en-GB", "fr": "fr-FR"}[view.language],
        color_scheme="dark" if view.dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if view.page == "map":
        _wait(page, DRAWN)
        page.evaluate("window.scrollTo(0, 0)")
    shot = page.screenshot(animations="disabled")
    context.close()
    return Image.open(io.BytesIO(shot))


def _wait(page: Page, condition: str) -> None:
    # by polling: the page's policy forbids Playwright's own evaluation
    for _ in range(600):
        if page.evaluate(f"Boolean({condition})"):
            return
        page.wait_for_timeout(100)
    raise SystemExit(f"maille: the page never drew: {condition}")


def save(name: str, picture: Image.Image) -> None:
    """Write a picture with a palette, which makes a map three times smaller."""
    palette = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(IMAGES / name, optimize=True)


def run(*words: str, **environment: str) -> str:
    """What a command prints."""
    told = subprocess.run([MAILLE, *words], env=_plain(environment), check=True, stdout=subprocess.PIPE, text=True)
    return told.stdout


@contextmanager
def served(*words: str, **environment: str) -> Iterator[str]:
    """A command that serves until it is stopped; its address."""
    command = subprocess.Popen([MAILLE, *words], env=_plain(environment), stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    try:
        line = command.stdout.readline()
        if not line:
            raise SystemExit(f"maille: `maille {' '.join(words)}` did not start")
        yield json.loads(line)["url"]
    finally:
        command.terminate()
        command.wait(30)
        command.stdout.close()


def _plain(environment: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "MAILLE_"))}
    return kept | {"LANG": "C.UTF-8"} | environment


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("maille: no Chromium found: run scripts/screenshots, which installs it")
    return found


if __name__ == "__main__":
    main()

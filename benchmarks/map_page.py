"""How soon the map of a whole région is there: 70,000 hexagons × 4 operators, in a browser that has read nothing yet.

From the start of navigation to the first time MapLibre is idle with every tile drawn; median of five readers, each
with an empty cache, over a plain file server on this machine. Chromium draws in software: SwiftShader, no graphics
card. The last line is JSON. ``first_view_kb`` is what is read until then, uncompressed.
"""

import argparse
import functools
import http.server
import json
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from aggregator.publication.api import write_site
from benchmarks.region.generate import HEXAGONS, generate

READERS = 5
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FLAGS += ["--ignore-gpu-blocklist", "--disable-dev-shm-usage"]
SIZE = {"width": 1366, "height": 768}
FIRST_VIEW = "performance.getEntriesByName('maille-first-view')[0]?.startTime ?? null"
READ_BYTES = "performance.getEntriesByType('resource').reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"
QUICK_HEXAGONS = 4_000


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_HEXAGONS:,} hexagons")
    parser.add_argument("--keep", type=Path, help="directory for the release, used again where it is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maille-map-") as scratch:
        started_s = time.perf_counter()
        release = generate(asked.keep or Path(scratch), hexagons=QUICK_HEXAGONS if asked.quick else HEXAGONS)
        print(f"{time.perf_counter() - started_s:7.1f} s   the release, with its tiles")
        site = Path(scratch) / "site"
        write_site(release.parent, site)
        with _served(site) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            views = [first_view(browser, address) for _ in range(READERS)]
            browser.close()
    tiles = [file.stat().st_size for file in (release / "tiles").rglob("*.pbf")] if release.exists() else []
    figures = {
        "first_view_s": round(statistics.median(view["first_view_s"] for view in views), 2),
        "slowest_first_view_s": round(max(view["first_view_s"] for view in views), 2),
        "first_view_kb": round(views[0]["read_bytes"] / 1000),
        **({"largest_tile_kb": round(max(tiles) / 1000), "tiles": len(tiles)} if tiles else {}),
    }
    for name, value in figures.items():
        print(f"{value:9}   {name}")
    print(json.dumps({"benchmark": "map_page", "figures": figures}))


def first_view(browser: Browser, address: str) -> dict[str, float]:
    """Seconds to the first view of a reader who was never there, and bytes read until then."""
    context = browser.new_context(viewport=SIZE, locale="fr-FR")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    shown_ms: Any = None
    while shown_ms is None:  # by polling: the page's policy forbids Playwright's own waiting
        time.sleep(0.1)
        shown_ms = page.evaluate(FIRST_VIEW)
    read = float(page.evaluate(READ_BYTES))
    context.close()
    return {"first_view_s": shown_ms / 1000, "read_bytes": read}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _served(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


if __name__ == "__main__":
    main()

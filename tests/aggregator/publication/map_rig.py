"""The map page of a real server in a real browser, and what it asks for and complains about; no test."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from h3.api import basic_int as h3
from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from starlette.applications import Starlette

READY = "Boolean(window.maille?.complete && window.maille.map.loaded() && !window.maille.map.isMoving())"
NEAR = "#at=46.7600/3.4800/11.0"
PHONE = {"width": 390, "height": 844}


@dataclass
class Opened:
    """A page, what it asked for and what it complained about."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, rest: str = NEAR) -> Page:
        self.page.goto("about:blank")
        self.page.goto(self.address + rest)
        self.settle()
        return self.page

    def wait(self, condition: str) -> None:
        """Until a condition holds; by polling, because the page's policy forbids Playwright's own evaluation."""
        for _ in range(900):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
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
        self.wait(f"location.hash.includes('hex={h3.int_to_str(hexagon)}')")
        self.wait("document.querySelector('#evidence .place') !== null")
        return self.evidence()

    def evidence(self) -> str:
        """What the panel says; French spaces that do not break are as others here."""
        return re.sub("[\u00a0\u202f]", " ", self.page.locator("#evidence").inner_text())

    def drawn(self, name: str = "cells") -> list[dict[str, object]]:
        """Properties of what a layer of the map shows now."""
        self.settle()
        found = self.page.evaluate(
            "(layer) => window.maille.map.queryRenderedFeatures({ layers: [layer] }).map((one) => one.properties)", name
        )
        return list(found)


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@contextmanager
def visiting(context: BrowserContext, address: str) -> Iterator[Opened]:
    """A page of its own; at the end it must have complained of nothing and asked nobody else."""
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
    outside = [url for url in visit.requests if not url.startswith((address, "blob:", "data:", "about:"))]
    assert outside == []

"""A device with its outbox, a real collector on SQLite, and servers that answer otherwise."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.messages import use_language
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey, VerifyingKey

MAILLE = Path(sys.executable).with_name("maille")
INSTANT_MS = 1_795_451_640_123


@pytest.fixture(autouse=True)
def _in_english() -> None:
    use_language("en")


@pytest.fixture
def new_sample() -> Callable[..., Sample]:
    """A small signal reading; keywords replace or add fields."""

    def make(**fields: Any) -> Sample:
        known: dict[str, Any] = {
            "id": new_sample_id(INSTANT_MS),
            "seq": 0,
            "kind": "signal",
            "measured_at": "2026-11-23T16:34:00.123Z",
            "latitude": 47.2,
            "longitude": 3.5,
            "sim_plmn": "20801",
            "rat": "lte",
            "lte_rsrp_dbm": -112.0,
        }
        return Sample(**known | fields)

    return make


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as opened:
        yield opened


@pytest.fixture
def live_collector(tmp_path: Path) -> Iterator[Any]:
    """A real collector on SQLite, behind a real server."""
    from collector.serving import running_collector
    from collector.settings import Settings

    # samples of tests have fixed dates, and the clock goes on
    settings = Settings(data=tmp_path / "server", port=0, measurement_slots=1, keep_samples_days=0)
    with running_collector(settings) as running:
        yield running


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Answer]], str]]:
    """``serve(respond)`` starts a real HTTP server that answers what ``respond`` says; its address."""
    with ExitStack() as stack:

        def start(respond: Callable[[Request], Answer]) -> str:
            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def _respond(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    request = Request(self.command, self.path, dict(self.headers.items()), body)
                    status, headers, content = respond(request)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    with suppress(ConnectionError):  # a client may have enough before the end
                        self.wfile.write(content)

                do_GET = do_POST = _respond  # noqa: N815

                def log_message(self, *_: Any) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(lambda: (server.shutdown(), thread.join(), server.server_close()))
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def maille(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command in a home of its own."""

    def run(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
        known |= {"MAILLE_HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "120"} | environment
        return subprocess.run(
            [MAILLE, *words], capture_output=True, text=True, env=known, input=stdin, check=False, timeout=120
        )

    return run


@pytest.fixture
def pinned() -> Callable[[str, VerifyingKey], PinnedCollector]:
    return lambda url, key: PinnedCollector(url, key, "volunteer", "2026-11-23T16:00:00.000Z")

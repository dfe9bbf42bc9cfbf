"""A server of releases on a real socket, and requests sent to it as they stand."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from aggregator.publication.api import create_app
from aggregator.publication.gate import Login, gated
from aggregator.publication.shelf import Shelf


@contextmanager
def running(shelf: Shelf, login: Login | None = None, reading: Starlette | None = None) -> Iterator[str]:
    app = gated(reading or create_app(shelf.folder), shelf, login)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def raw(url: str, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A request whose target is sent as it stands: clients tidy up what attackers do not."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

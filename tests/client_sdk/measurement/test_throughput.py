import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from client_sdk.measurement import throughput
from client_sdk.measurement.throughput import Transfer, download, outcome_of, upload


def status(code: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://a.example")
    return httpx.HTTPStatusError("", request=request, response=httpx.Response(code, request=request))


def caused_by(cause: Exception) -> httpx.ConnectError:
    error = httpx.ConnectError("")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "moved", "outcome"),
    [
        (caused_by(socket.gaierror()), 0, "dns"),
        (caused_by(ssl.SSLError()), 0, "tls"),
        (caused_by(ConnectionRefusedError()), 0, "tcp"),
        (httpx.ConnectTimeout(""), 0, "tcp"),
        (httpx.ReadTimeout(""), 0, "no_data"),
        (httpx.ReadTimeout(""), 1, "stalled"),
        (httpx.WriteTimeout(""), 1, "stalled"),
        (httpx.ReadError(""), 5, "stalled"),
        (httpx.RemoteProtocolError(""), 0, "tcp"),
        (status(503), 0, "busy"),
        (status(429), 0, "busy"),
        (status(500), 0, "http"),
        (status(302), 0, "http"),
    ],
)
def test_each_failure_has_its_outcome(error: httpx.HTTPError, moved: int, outcome: str) -> None:
    assert outcome_of(error, moved) == outcome


def test_a_rate_only_where_the_transfer_ended_well() -> None:
    assert Transfer("ok", 5_000_000, 4000.0, lower_bound=False).fields("download") == {
        "download_bytes": 5_000_000,
        "download_duration_ms": 4000.0,
        "download_bps": 10_000_000,
        "download_lower_bound": False,
    }
    stalled = Transfer("stalled", 5_000, 4000.0, lower_bound=None).fields("upload")
    assert (stalled["upload_bytes"], stalled["upload_bps"], stalled["upload_lower_bound"]) == (5_000, None, None)


@contextmanager
def raw_server(answer: bytes, *, close: bool) -> Iterator[str]:
    """Sends these bytes to whoever connects, then closes or says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                while not close and connection.recv(65536):
                    pass

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "close", "outcome", "received"),
    [
        (b"", False, "no_data", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", False, "no_data", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", False, "stalled", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", True, "stalled", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True, "no_data", 0),
    ],
)
def test_a_download_that_dies(
    answer: bytes, close: bool, outcome: str, received: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "NO_BYTE_TIMEOUT_S", 0.3)
    with raw_server(answer, close=close) as url, httpx.Client() as client:
        transfer = download(client, url, {}, 1000, 1000)
    assert (transfer.outcome, transfer.received) == (outcome, received)
    assert transfer.fields("download")["download_bps"] is None


def test_a_download_stops_at_its_byte_limit_and_is_a_lower_bound(
    serve: Callable[..., str], client: httpx.Client
) -> None:
    transfer = download(client, serve(lambda _: (200, {}, b"x" * 2_000_000)), {}, 1_000_000, 10_000)
    assert transfer.outcome == "ok"
    assert transfer.received is not None
    assert transfer.received >= 1_000_000
    assert transfer.lower_bound is True


def test_an_upload_counts_what_the_server_saw() -> None:
    counted = json.dumps({"bytes": 900_000, "duration_ms": 5000}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(counted), counted)
    with raw_server(answer, close=False) as url, httpx.Client() as client:
        transfer = upload(client, url, {}, 100, 10_000)
    assert transfer == Transfer("ok", 900_000, 5000.0, lower_bound=False)


def test_an_upload_whose_counter_is_missing_has_no_figure() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", close=False) as url, httpx.Client() as client:
        assert upload(client, url, {}, 100, 1_000) == Transfer("http")

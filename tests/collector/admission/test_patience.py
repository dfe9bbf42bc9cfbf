"""Clients that never finish: each is let go, and meanwhile the others are served."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest

from client_sdk.signing.envelope import CONTENT_TYPE
from collector import body
from collector.admission import patience

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

POST = f"POST /v1/envelopes HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\nMaille-Signature: a..b\r\n"


@pytest.fixture
def connect(collector: Any) -> Iterator[Callable[[], socket.socket]]:
    """``connect()`` gives a new connection to the collector."""
    url = httpx.URL(collector.base_url)
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection((url.host, url.port), timeout=60))


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end closes, sooner or later."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def trickle(connection: socket.socket, piece: bytes) -> int:
    """Send piece by piece until the other end is gone; how many it took."""
    connection.settimeout(0.02)
    for number in range(100_000):
        try:
            connection.sendall(piece)
            if connection.recv(65_536) == b"":
                return number
        except TimeoutError:
            continue
        except ConnectionError:
            return number
    return pytest.fail("the connection is never closed")


def answer_of(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    answer = HTTPResponse(connection)
    answer.begin()
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, json.loads(answer.read())


def served(collector: Any) -> bool:
    return httpx.get(f"{collector.base_url}/v1/status", trust_env=False, timeout=60).status_code == 200


@pytest.mark.parametrize("begun", [b"", b"GET /v1/sta", POST.encode()])
def test_a_head_that_never_ends_is_not_waited_for(
    collector: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(patience, "HEAD_TIMEOUT_S", 0.3)
    silent, slow = connect(), connect()
    silent.sendall(begun)
    slow.sendall(begun)
    assert trickle(slow, b"x") >= 0
    assert is_closed(silent)
    assert served(collector)


def test_a_body_that_never_ends_is_refused_and_its_rest_not_waited_for(
    collector: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_TIMEOUT_S", 0.3)
    endless = connect()
    endless.sendall(f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    for _ in range(70):
        endless.sendall(chunk)
    status, problem = answer_of(endless)
    assert (status, problem["rule"]) == (413, "body-size")
    trickle(endless, chunk)
    assert served(collector)


def test_a_body_that_trickles_is_refused(collector: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.3)
    slow = connect()
    slow.sendall(f"{POST}Content-Length: 100000\r\n\r\n".encode())
    slow.settimeout(0.02)
    received = b""
    while not received:
        slow.sendall(b"x")
        try:
            received = slow.recv(65_536)
        except TimeoutError:
            continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"body-timeout" in received + slow.recv(65_536)
    assert served(collector)


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
        b"GET /v1/status HTTP/1.1\r\n\r\n",  # no Host
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000,
        b"GET /" + b"x" * 20_000,
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 4_000,
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        POST.encode() + b"Content-Length: -1\r\n\r\n",
        POST.encode() + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        POST.encode() + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        POST.encode() + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
    ],
    ids=["garbage", "TLS", "no host", "header", "path", "headers", "NUL", "negative", "two lengths", "coding", "chunk"],
)
def test_what_is_no_http_is_a_problem_like_all_else(collector: Any, connect: Any, sent: bytes) -> None:
    connection = connect()
    connection.sendall(sent)
    status, problem = answer_of(connection)
    assert status in (400, 501)
    assert problem["rule"] == "http-malformed"
    assert is_closed(connection)
    assert served(collector)


def test_a_hundred_requests_in_one_breath_are_answered_in_order(collector: Any, connect: Any) -> None:
    connection = connect()
    paths = [f"/nowhere/{number}" for number in range(100)]
    connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode())
    stream = connection.makefile("rb")
    for path in paths:
        assert stream.readline().startswith(b"HTTP/1.1 404 ")
        headers = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
        answer = stream.read(int({name.lower(): value for name, value in headers.items()}[b"content-length"]))
        assert f"GET {path}: ".encode() in answer


def test_with_too_many_connections_the_one_that_waits_longest_leaves(
    collector: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "MAX_CONNECTIONS", 10)
    idle = [connect() for _ in range(30)]
    assert served(collector)
    assert all(is_closed(connection) for connection in idle[:20])
    last = idle[-1]
    last.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
    assert last.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_websocket_is_not_taken_for_a_client_that_waits(
    collector: Any, phone_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websockets.sync.client import connect as open_websocket

    monkeypatch.setattr(patience, "HEAD_TIMEOUT_S", 0.2)
    monkeypatch.setattr(patience, "MAX_CONNECTIONS", 2)
    token = phone_of(collector).session()["token"]
    address = collector.base_url.replace("http", "ws") + f"/v1/measurement/latency?access_token={token}"
    with open_websocket(address, proxy=None) as websocket:
        url = httpx.URL(collector.base_url)
        for _ in range(5):
            with socket.create_connection((url.host, url.port), timeout=60) as silent:
                assert is_closed(silent)
        assert websocket.ping().wait(60)


BOMBS = """
import gzip, json, resource, sys
from client_sdk.errors import EnvelopeError
from client_sdk.signing.envelope import MAX_BODY_BYTES, open_envelope, seal
from client_sdk.signing.jws import sign_detached
from client_sdk.signing.keys import SigningKey
from collector.intake.decode import decode_line

key = SigningKey.generate()
def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def opened(body):
    try:
        return open_envelope(body, sign_detached(body, key, "maille-envelope"), lambda _: key.public).lines
    except EnvelopeError as error:
        return error.rule
def bomb(piece, times):
    import zlib
    stream, body = zlib.compressobj(9, zlib.DEFLATED, 31), b""
    for _ in range(times):
        body += stream.compress(piece)
    return body + stream.flush()
bombs = [bomb(b" " * 1_000_000, 100), bomb(b"\\n" * 1_000_000, 100), bomb(b"{}\\n" * 300_000, 100)]
assert all(len(body) <= MAX_BODY_BYTES for body in bombs)
lines = [b'{"id":' + b"[" * 8_000, b'{"id":"' + b"\\\\u0000" * 2_500 + b'"}', b'{"seq":' + b"9" * 16_000 + b"}"]
lines += [b"[" * 16_384, b'{"":' * 4_096, b'"' + b"x" * 16_382 + b'"', b"{" + b'"a":1,' * 2_700 + b'"a":1}']
good = seal([b"{}"] * 500, key)
for line in opened(good.body):
    decode_line(line)
before = peak_kb()
rules = [opened(body) for body in bombs * 5]
for line in lines * 70:
    assert decode_line(line).rule
print(json.dumps({"rules": sorted(set(rules)), "grown_kb": peak_kb() - before}))
"""


def test_no_bomb_takes_more_memory_than_its_bounds(database_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", BOMBS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rules"] == ["envelope-text-size"]
    # of a hundred megabytes of text 4 MiB are ever decompressed, and copied a few times
    assert told["grown_kb"] < 24 * 1024

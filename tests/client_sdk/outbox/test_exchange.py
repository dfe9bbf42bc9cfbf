"""One request to a collector never takes, nor reads, more than it may."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from client_sdk.errors import CollectorError
from client_sdk.messages import use_language
from client_sdk.outbox.exchange import IN_FRENCH, refusal, send_envelope
from client_sdk.signing.envelope import Envelope

ENVELOPE = Envelope(b"x" * 10_000, "signature")


class Endless:
    """A server that answers without end: slowly, or as fast as it goes."""

    def __init__(self, *, slowly: bool) -> None:
        self.received = b""
        self._slowly = slowly
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            while b"\r\n\r\n" not in self.received or not self.received.endswith(b"x" * 10_000):
                self.received += connection.recv(65_536)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/jose\r\n\r\n")
                while not self._over.wait(0.01 if self._slowly else 0):
                    connection.sendall(b"e" * (1 if self._slowly else 65_536))
            except ConnectionError:
                pass  # the client had enough

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def endless(request: pytest.FixtureRequest) -> Iterator[Endless]:
    server = Endless(slowly=request.param)
    yield server
    server.close()


@pytest.mark.parametrize("endless", [True], indirect=True)
def test_an_answer_that_takes_too_long_is_left(endless: Endless) -> None:
    with httpx.Client(timeout=5) as client, pytest.raises(CollectorError, match="no answer") as caught:
        send_envelope(ENVELOPE, endless.url, client, deadline_s=0.3)
    assert caught.value.status is None
    head = endless.received.split(b"\r\n\r\n")[0].lower()
    assert b"content-length: 10000" in head
    assert b"transfer-encoding" not in head


@pytest.mark.parametrize("endless", [False], indirect=True)
def test_an_answer_without_end_is_read_no_further_than_a_receipt(endless: Endless) -> None:
    with httpx.Client(timeout=5) as client:
        assert len(send_envelope(ENVELOPE, endless.url, client)) < 2 * 1024 * 1024


def test_a_refusal_says_in_french_what_a_collector_details_in_english() -> None:
    from collector.errors import PROBLEMS

    assert set(PROBLEMS) >= set(IN_FRENCH)
    told = {"rule": "rate-device", "detail": "device: more than 600 samples a day"}
    answer = httpx.Response(
        429,
        json=told,
        headers={"Content-Type": "application/problem+json", "Retry-After": "60"},
        request=httpx.Request("POST", "http://collector/v1/envelopes"),
    )
    use_language("fr")
    try:
        assert str(refusal(answer)) == (
            "http://collector/v1/envelopes a répondu 429 : trop de relevés ou d’enveloppes de cet appareil "
            "(device: more than 600 samples a day) ; il demande d’attendre 60 s"
        )
    finally:
        use_language("en")

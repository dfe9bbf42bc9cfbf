"""Connections that never get round to a request are not waited for, and what is no HTTP is told so like all else.

uvicorn waits for ever for the head of a first request, and for the end of a body whose request was answered; it answers
what is no HTTP in plain text.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from collector.problems import problem

HEAD_TIMEOUT_S = 30.0
"""Ours: a head of 500 bytes then needs 140 bit/s; as long for what is left of a body after its answer."""

MAX_HEAD_BYTES = 16 * 1024
"""h11's own default, written down: a head of this protocol takes 600 bytes."""

MAX_CONNECTIONS = 800
"""Ours: below the 1,024 open files that many systems grant a process. Beyond, whoever has waited longest without a
request has to leave: a client that means it sends its head within a second."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP protocol with an end to its patience."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, at the cost of another that waits longer where there are too many."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MAX_CONNECTIONS:
            waiting = [one for one in self.connections if isinstance(one, PatientProtocol) and one._deadline]
            longest = min(waiting, key=lambda one: one._deadline.when() if one._deadline else 0.0)
            longest._wait_no_more()  # the connection is lost only later: it must not be taken for a second one
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Serve; while an answer is due nobody waits for the client."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the other protocol."""
        self._wait_no_more()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next head, and what is left of the body before it."""
        self._wait()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Tell that this is no HTTP as a problem, where an answer can still be given."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        answer = problem("http-malformed", "request: is not HTTP/1.1, or its head is longer than 16 KiB")
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        self._wait_no_more()
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

"""The server's side of a measuring connection: bytes counted as they arrive, and little kept waiting to be sent."""

import asyncio
import socket
import struct
import time
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from client_sdk.measurement.payload import PayloadMeter
from client_sdk.measurement.waiting import WaitingBytes
from collector.measurement.tcp_info import read_tcp_info, silence_s

EXTENSION = "maille.connection"
"""Name in the scope's extensions under which the application finds the connection."""

UNSENT_BYTES = 1 << 20
"""Ours: unsent bytes that the kernel takes from us at most, so that the end of a test does not wait behind megabytes.
On a slow line its own limit is far lower. With 128 KiB the sender of a long and lossy line seems to have little to say
and is held back: a tenth slower at 100 Mbit/s, 150 ms and 1 %."""


class MeasuringProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol that knows the payload that came, of complete messages or not.

    Attributes:
        arrived_at_s: ``time.perf_counter()`` of the last byte of payload.
        waiting: what the system holds back for a lost packet before it.
        lost: set when the connection is over.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.arrived_at_s = 0.0
        self.waiting = WaitingBytes(None)
        self.lost = asyncio.Event()
        self._meter = PayloadMeter()
        self._socket: Any = None
        self._last_told: dict[str, int] = {}
        self._acknowledged_at_s = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep the kernel's queue short."""
        self._socket = transport.get_extra_info("socket")
        self.waiting = WaitingBytes(self._socket)
        if self._socket is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        super().connection_made(transport)

    @property
    def payload_bytes(self) -> int:
        """Payload of binary messages that has arrived."""
        return self._meter.total

    def data_received(self, data: bytes) -> None:
        """Count, then let uvicorn read."""
        before = self._meter.total
        self._meter.feed(data)
        if self._meter.total > before:
            self.arrived_at_s = time.perf_counter()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep what the system knows before it forgets."""
        self.tcp_info()
        self.lost.set()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Leave a client that has not ended the connection itself; what is unsent would otherwise wait for it."""
        if self.lost.is_set():
            return
        if self._socket is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def tcp_info(self) -> dict[str, int]:
        """What the system counts on this connection, in its last state where it is over; empty if it does not tell."""
        if not self.lost.is_set() and (told := read_tcp_info(self._socket)):
            self._last_told = told
            self._acknowledged_at_s = time.perf_counter() - silence_s(self._socket)
        return self._last_told

    def acknowledged_at_s(self) -> float:
        """``time.perf_counter()`` when the other end last acknowledged anything; 0 where the system does not tell."""
        self.tcp_info()
        return self._acknowledged_at_s

    async def send(self, message: Any) -> None:
        """Take a refusal before the upgrade for an answer, which uvicorn otherwise reports as a failure."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def handle_connect(self, event: Request) -> None:
        """Let the application see the connection."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = self

"""The server's side of a measuring connection: bytes counted as they arrive, and little kept waiting to be sent."""

import socket
import time
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from client_sdk.measurement.waiting import WaitingBytes

EXTENSION = "maille.connection"
"""Name in the scope's extensions under which the application finds the connection."""

UNSENT_BYTES = 128 * 1024
"""Ours: unsent bytes that the kernel takes from us, so that the end of a test does not wait behind megabytes."""


class MeasuringProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol that knows how many bytes came after the handshake, complete messages or not."""

    arrived = 0
    arrived_at_s = 0.0  # time.perf_counter() of the last of them
    waiting = WaitingBytes(None)

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep the kernel's queue short."""
        opened = transport.get_extra_info("socket")
        self.waiting = WaitingBytes(opened)
        if opened is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Count, then let uvicorn read."""
        if self.handshake_complete:
            self.arrived += len(data)
            self.arrived_at_s = time.perf_counter()
        super().data_received(data)

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

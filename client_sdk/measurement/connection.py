"""A WebSocket connection that counts what arrives, keeps only texts, and ends soon when it is told to."""

import asyncio
import contextlib
import socket
import struct
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from client_sdk.measurement.payload import PayloadMeter
from client_sdk.measurement.stop_rule import Arrival
from client_sdk.measurement.waiting import WaitingBytes

CLOSE_GRACE_S = 0.5
"""Ours: how long the other end may take to agree to the end, while what is on its way still costs data."""

_ARRIVAL_SPACING_S = 0.005
"""Arrivals closer than this are one: a hundred in a bucket are enough to interpolate its edges."""

_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
_BYTES_ACKED = struct.Struct("=120xQ")
"""Place of ``tcpi_bytes_acked`` in Linux's ``struct tcp_info`` (linux/tcp.h)."""


class MeteredConnection(ClientConnection):
    """Binary messages are counted as their bytes come and never put together; texts are received as usual.

    Attributes:
        opened_at_s: ``loop.time()`` when the handshake was complete: time 0 of a test.
        grown_at_s: ``loop.time()`` when payload last arrived; that of the opening before any did.
        arrivals: payload of binary messages over time.
        stop_at_bytes: sets ``enough`` when as much has arrived.
        enough: see ``stop_at_bytes``.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.opened_at_s = 0.0
        self.grown_at_s = 0.0
        self.arrivals: list[Arrival] = []
        self.stop_at_bytes: int | None = None
        self.enough = asyncio.Event()
        self._meter = PayloadMeter()
        self._in_binary_message = False
        self._waiting = WaitingBytes(None)

    @property
    def payload_bytes(self) -> int:
        """Payload of binary messages that has arrived."""
        return self._meter.total

    @property
    def ip_family(self) -> Literal["ipv4", "ipv6"]:
        """Of the connection; IPv4 inside IPv6 is IPv4."""
        peer = str(self.remote_address[0])
        return "ipv6" if ":" in peer and not peer.startswith("::ffff:") else "ipv4"

    def elapsed_s(self) -> float:
        """Time since the handshake."""
        return self.loop.time() - self.opened_at_s

    def data_received(self, data: bytes) -> None:
        """Count, then let the protocol have its bytes."""
        now_s, before = self.loop.time(), self._meter.total
        self._meter.feed(data)
        super().data_received(data)
        if self._meter.total == before or not self.opened_at_s:
            return
        self.grown_at_s = now_s
        self.note_arrival(max(0.0, now_s - self.opened_at_s))
        if self.stop_at_bytes is not None and self._meter.total >= self.stop_at_bytes:
            self.enough.set()

    def note_arrival(self, elapsed_s: float, waiting_bytes: int = 0) -> None:
        """Write down what has arrived by now; also when nothing came, so that a pause is seen as one.

        Args:
            elapsed_s: time since the handshake.
            waiting_bytes: what the system holds back, for a lost packet before it.
        """
        before = self.arrivals[-1][1] if self.arrivals else 0
        is_close = len(self.arrivals) > 1 and elapsed_s - self.arrivals[-2][0] < _ARRIVAL_SPACING_S
        if is_close:
            self.arrivals.pop()
        self.arrivals.append((elapsed_s, max(before, self._meter.total + waiting_bytes)))

    def process_event(self, event: Any) -> None:
        """Leave binary messages out of the queue of received messages."""
        if self.response is None:
            self.opened_at_s = self.grown_at_s = self.loop.time()
            self._waiting = WaitingBytes(self._socket())
        elif isinstance(event, Frame):
            if event.opcode in (Opcode.TEXT, Opcode.BINARY):
                self._in_binary_message = event.opcode is Opcode.BINARY
            if event.opcode in (Opcode.BINARY, Opcode.CONT) and self._in_binary_message:
                return
        super().process_event(event)

    def waiting_bytes(self) -> int:
        """Bytes that have arrived but not been handed over, since one before them is missing."""
        return self._waiting.now()

    def limit_unsent(self, size: int) -> None:
        """Let the system hold at most about ``size`` bytes that have not left yet, where it can be told to."""
        with contextlib.suppress(OSError):
            self._socket().setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, size)

    def acknowledged_bytes(self) -> int | None:
        """Bytes that the other end's system acknowledged, TLS and headers included; None where nobody tells."""
        try:
            return int(_BYTES_ACKED.unpack_from(self._socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192))[0])
        except (OSError, AttributeError, struct.error):
            return None

    async def end(self) -> None:
        """Say goodbye, wait a moment for the answer, then drop what is still on its way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_GRACE_S):
                await self.close()
        with contextlib.suppress(OSError):  # unsent data would otherwise go on leaving, and cost
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        await self.wait_closed()

    def _socket(self) -> Any:
        return self.transport.get_extra_info("socket")

"""UDP echoes in the format of RTR's ping, https://github.com/rtr-nettest/open-rmbt-udp-ping.

A request has 24 bytes, ``RP01``, a sequence number and a token of 16; an answer has 8, ``RR01`` and the number, or
``RE01`` where the address that asks is not the one that the token was made for: the probe was answered all the same.
"""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from client_sdk.measurement.latency import ProbeProtocol, SteadyProber
from client_sdk.measurement.opening import OpeningError, resolve
from client_sdk.measurement.route import Route, RouteError

TOKEN_BYTES = 16

_REOPEN_S = 3.0
"""Ours: silence after which the socket is made anew, since a modem that reconnects has another address."""

_KEEP_OLD_S = 2.0
"""What was sent on the old socket is lost after 2 s anyway."""


@dataclass(frozen=True, slots=True)
class EchoAccess:
    """Where echoes are answered, and the token that makes them be.

    Attributes:
        host: name or address.
        port: UDP port.
        token: 16 bytes.
        expires_at: end of the token's life, where the collector says so.
    """

    host: str
    port: int
    token: bytes
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.token) != TOKEN_BYTES:
            raise ValueError(f"echo token: got {len(self.token)} bytes, expected {TOKEN_BYTES}")


def request_packet(seq: int, token: bytes) -> bytes:
    """The 24 bytes of a request."""
    return struct.pack("!4sI16s", b"RP01", seq, token)


def read_answer(packet: bytes) -> tuple[int, bool] | None:
    """Sequence number, and whether the token was made for another address; None where it is no answer."""
    if len(packet) != 8 or packet[:4] not in (b"RR01", b"RE01"):
        return None
    return struct.unpack("!I", packet[4:])[0], packet[:4] == b"RE01"


class EchoProber(SteadyProber):
    """UDP echoes at a steady rate, for a test or for hours: 88 bytes an exchange over IPv4, headers included.

    It never raises for what a network does: a probe that cannot leave is lost, and the way out is tried again.

    Attributes:
        address_changed: an answer said that our address is not the token's: ask for a new token when there is time.
    """

    protocol: ProbeProtocol = "udp"

    def __init__(self, echo: EchoAccess, rate_hz: float, route: Route | None = None) -> None:
        super().__init__(rate_hz)
        self.address_changed = False
        self._echo = echo
        self._route = route or Route()
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: tuple[str, int] = ("", 0)
        self._turn = 0
        self._opened_at_s = 0.0
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the socket; where that fails now, it is tried again while probing."""
        self._opened_at_s = time.monotonic()
        try:
            addresses = await resolve(self._echo.host, self._route)
        except OpeningError:
            return
        if not self.pending.answered:  # a host of several addresses may answer on another one
            addresses = addresses[self._turn % len(addresses) :] + addresses[: self._turn % len(addresses)]
            self._turn += 1
        for family, address in addresses:
            try:
                sock = self._prepared(family, address)
            except (OSError, RouteError):
                continue
            loop = asyncio.get_running_loop()
            fresh, _ = await loop.create_datagram_endpoint(lambda: _Answers(self), sock=sock)
            if (old := self._transport) is not None:
                loop.call_later(_KEEP_OLD_S, old.close)
            self._transport, self._remote = fresh, (address, self._echo.port)
            return

    def hear(self, packet: bytes, sender: str) -> None:
        """Take in a datagram; one of another sender is none of ours."""
        if sender != self._remote[0] or (answer := read_answer(packet)) is None:
            return
        seq, elsewhere = answer
        self.pending.answer(seq)
        self.address_changed |= elsewhere

    def probe(self, seq: int) -> None:
        """Send one probe."""
        if self._transport is not None:
            with suppress(OSError):
                self._transport.sendto(request_packet(seq, self._echo.token), self._remote)
        now_s = time.monotonic()
        silent_s = now_s - max(self.pending.heard_at_s or 0.0, self._opened_at_s)
        if silent_s >= _REOPEN_S and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.create_task(self.open())

    async def close(self) -> None:
        """Close the socket."""
        if self._reopening is not None:
            self._reopening.cancel()
            with suppress(asyncio.CancelledError):
                await self._reopening
        if self._transport is not None:
            self._transport.close()

    def _prepared(self, family: int, address: str) -> socket.socket:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:  # whether there is a way there at all
            self._route.prepare(trial)
            trial.connect((address, self._echo.port))
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            self._route.prepare(sock)
        except BaseException:
            sock.close()
            raise
        return sock


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, prober: EchoProber) -> None:
        self._prober = prober

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._prober.hear(data, addr[0])

    def error_received(self, exc: Exception) -> None:
        """An unreachable network is a probe without an answer, which its time-out tells."""

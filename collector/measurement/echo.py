"""UDP echoes in the format of RTR's ping: 24 bytes in, 8 bytes out, so that nothing is amplified.

``RP01`` + sequence number (4 bytes, big-endian) + token (16) is answered by ``RR01`` + the number, or ``RE01`` + the
number where the token was made for another address, as happens behind a translator. A token is
time (4) ‖ HMAC-SHA256(seed, time)[:8] ‖ HMAC-SHA256(seed, time ‖ address of 16 bytes)[:4]; one that is malformed,
forged or out of its window gets no answer. https://github.com/rtr-nettest/open-rmbt-udp-ping
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EARLY = timedelta(seconds=30)
LATE = timedelta(hours=4)
"""RTR's window around the token's time."""

_REQUEST = struct.Struct("!4sI4s8s4s")


@dataclass(frozen=True, slots=True)
class EchoEndpoint:
    """Where echoes are answered.

    Attributes:
        host: name that devices use, empty where it is the collector's.
        port: UDP port.
        seed: secret of the tokens.
    """

    host: str
    port: int
    seed: bytes

    def grant(self, address: str | None, now: datetime) -> tuple[bytes, datetime]:
        """A token for the address that asks, and when it stops being answered."""
        return make_token(self.seed, address, now), now + LATE


def make_token(seed: bytes, address: str | None, now: datetime) -> bytes:
    """The 16 bytes of a token; without an address it is answered by ``RE01`` from everywhere."""
    moment = struct.pack("!I", int(now.timestamp()))
    return moment + _digest(seed, moment)[:8] + _digest(seed, moment + _address_bytes(address))[:4]


def answer(packet: bytes, address: str, seed: bytes, now: datetime) -> bytes | None:
    """The answer to a datagram; None where it gets none."""
    if len(packet) != _REQUEST.size:
        return None
    head, seq, moment, packet_hash, address_hash = _REQUEST.unpack(packet)
    if head != b"RP01" or not hmac.compare_digest(packet_hash, _digest(seed, moment)[:8]):
        return None
    made_at = datetime.fromtimestamp(struct.unpack("!I", moment)[0], UTC)
    if not -EARLY <= now - made_at <= LATE:
        return None
    same = hmac.compare_digest(address_hash, _digest(seed, moment + _address_bytes(address))[:4])
    return struct.pack("!4sI", b"RR01" if same else b"RE01", seq)


class EchoServer(asyncio.DatagramProtocol):
    """Answers what deserves an answer; keeps nothing."""

    def __init__(self, seed: bytes, clock: Callable[[], datetime]) -> None:
        self._seed = seed
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        """The socket is ours."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer at once, in the event loop: the round trip is what is measured."""
        reply = answer(data, addr[0], self._seed, self._clock())
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


async def serve_echo(opened: socket.socket, seed: bytes, clock: Callable[[], datetime]) -> asyncio.DatagramTransport:
    """Answer on a bound UDP socket until the transport is closed."""
    opened.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: EchoServer(seed, clock), sock=opened)
    return transport


def _digest(seed: bytes, message: bytes) -> bytes:
    return hmac.new(seed, message, hashlib.sha256).digest()


def _address_bytes(address: str | None) -> bytes:
    """16 bytes, an IPv4 address as the last four after ten of zeros and two of ones (RFC 4291 §2.5.5.2)."""
    if not address:
        return bytes(16)
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.packed if found.version == 6 else ipaddress.IPv6Address(f"::ffff:{found}").packed

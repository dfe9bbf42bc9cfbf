"""Whom a measuring client may meet: ndt7 servers of every manner, echo servers, and a link of a known rate."""

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from client_sdk.measurement.stop_rule import StopRule

NDT7 = Subprotocol("net.measurementlab.ndt.v7")
UUID = "a-server-of-another-project"

HURRIED = StopRule(bucket_s=0.1, min_s=0.6, max_s=1.5, wall_s=2.5, stall_s=0.6, silence_s=1.0)
"""The rule with every time shortened, so that a test of an ending does not wait for it."""

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def ndt7_server(
    handler: Handler,
    *,
    process_request: Callable[[ServerConnection, Request], Response | None] | None = None,
    subprotocols: list[Subprotocol] | None = None,
    **options: Any,
) -> AsyncIterator[str]:
    """A server that treats every connection as ``handler`` does; its base address."""

    running: set[asyncio.Task[Any]] = set()

    async def guarded(connection: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        with suppress(ConnectionClosed, asyncio.CancelledError):
            await handler(connection)
        running.discard(task)

    async with serve(
        guarded,
        "127.0.0.1",
        0,
        subprotocols=[NDT7] if subprotocols is None else subprotocols,
        process_request=process_request,
        compression=None,
        max_size=1 << 24,
        ping_interval=None,
        close_timeout=0.2,
        **options,
    ) as server:
        try:
            yield f"ws://127.0.0.1:{port_of(server)}"
        finally:  # one that waits for ever must not hold up the end
            for task in running:
                task.cancel()


def port_of(server: Any) -> int:
    """The port a server listens on."""
    return int(next(iter(server.sockets)).getsockname()[1])


async def hear(connection: ServerConnection, take: Callable[[Any], None]) -> None:
    """Give every message to ``take`` as it comes, until the connection ends, however that is."""
    async for message in connection:
        take(message)


async def send_for(
    connection: ServerConnection, seconds: float, *, message_bytes: int = 8192, pause_s: float = 0
) -> int:
    """Send binary messages for a while; how many bytes."""
    end_s, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end_s:
        await connection.send(bytes(message_bytes))
        sent += message_bytes
        await asyncio.sleep(pause_s)
    return sent


async def count_upload(connection: ServerConnection, *, kind: str = "AppInfo", factor: float = 1.0) -> None:
    """Receive for ever, and say what came: in ``AppInfo`` or in ``TCPInfo``; ``factor`` lies about it."""
    start_s, received = time.monotonic(), 0
    name = {"AppInfo": "NumBytes", "TCPInfo": "BytesReceived"}[kind]

    async def tell() -> None:
        while True:
            await asyncio.sleep(0.05)
            elapsed_us = round((time.monotonic() - start_s) * 1e6)
            told = {kind: {"ElapsedTime": elapsed_us, name: round(received * factor)}}
            await connection.send(json.dumps({"ConnectionInfo": {"UUID": UUID}, "Origin": "server", **told}))

    teller = asyncio.create_task(tell())
    try:
        async for message in connection:
            received += len(message) if isinstance(message, bytes) else 0
    finally:
        teller.cancel()
        await asyncio.gather(teller, return_exceptions=True)


@asynccontextmanager
async def link(to_port: int, bits_per_second: float, *, pass_after_s: float = 0) -> AsyncIterator[int]:
    """A link of a known rate each way to a local port; the port of its near end.

    What the sender's system and this process hold ready is not what the link has carried: as in a modem.
    """
    chunk = max(256, int(bits_per_second / 8 * 0.01))
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due_s = asyncio.get_running_loop().time() + pass_after_s
        with suppress(ConnectionError):
            while data := await reader.read(chunk):
                now_s = asyncio.get_running_loop().time()
                due_s = max(due_s, now_s) + len(data) * 8 / bits_per_second
                await asyncio.sleep(due_s - now_s)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        writers.extend((writer, far_writer))
        for pair in ((reader, far_writer), (far_reader, writer)):
            tasks.add(asyncio.create_task(carry(*pair)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield port_of(server)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # the transports close in the loop's next round


@dataclass
class EchoServer(asyncio.DatagramProtocol):
    """Answers as ``answer`` says: the packets to send back for a request, by its number.

    Attributes:
        answer: gives delay in seconds and packet of each answer.
        requests: what came.
    """

    answer: Callable[[int], list[tuple[float, bytes]]]
    requests: list[bytes] = field(default_factory=list)
    senders: set[Any] = field(default_factory=set)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.requests.append(data)
        self.senders.add(addr)
        magic, seq, _ = struct.unpack("!4sI16s", data)
        assert magic == b"RP01"
        for delay_s, packet in self.answer(seq):
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, self._send, packet, addr)
            else:
                self._send(packet, addr)

    def _send(self, packet: bytes, addr: Any) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(packet, addr)


@asynccontextmanager
async def echo_server(
    answer: Callable[[int], list[tuple[float, bytes]]], port: int = 0
) -> AsyncIterator[tuple[int, EchoServer]]:
    """A UDP server; its port, and itself."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: EchoServer(answer), local_addr=("127.0.0.1", port))
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()


def echoed(seq: int, magic: bytes = b"RR01") -> bytes:
    """The answer to a request."""
    return struct.pack("!4sI", magic, seq)

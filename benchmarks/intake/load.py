"""Load over real HTTP with connections kept alive: as much as is answered, or so much a second whatever is answered."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

CONNECTIONS = 32
"""Ours: requests under way at once, as many devices that upload at the same moment."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: requests answered, how long they took together, and each one's latency in order of its end."""

    seconds: float
    latencies_ms: list[float]

    def percentile_ms(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class LoadError(Exception):
    """A request was not answered with 200."""


def request_of(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of one request."""
    members = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in members.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def get_of(path: str) -> bytes:
    """The bytes of a request that only reads."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\r\n".encode()


async def send_all(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Loaded:
    """Closed loop: each connection sends its next request when the last is answered."""
    waiting = deque(requests)
    latencies_ms: list[float] = []

    async def work() -> None:
        connection = _Connection(port)
        while waiting:
            request, start_s = waiting.popleft(), time.perf_counter()
            await connection.ask(request)
            latencies_ms.append((time.perf_counter() - start_s) * 1000)
        connection.close()

    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(work())
    return Loaded(time.perf_counter() - start_s, latencies_ms)


async def send_steadily(port: int, requests: Sequence[bytes], per_second: float) -> Loaded:
    """Open loop: a request is due every so often, and its latency counts from when it was due, sent late or not.

    It goes over a connection that is free, or over a new one: nothing waits here.
    """
    free: list[_Connection] = []
    latencies_ms: list[float] = []
    start_s = time.perf_counter()

    async def send(request: bytes, due_s: float) -> None:
        connection = free.pop() if free else _Connection(port)
        await connection.ask(request)
        latencies_ms.append((time.perf_counter() - due_s) * 1000)
        free.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for number, request in enumerate(requests):
            due_s = start_s + number / per_second
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            tasks.create_task(send(request, due_s))
    for connection in free:
        connection.close()
    return Loaded(time.perf_counter() - start_s, latencies_ms)


IDLE_S = 3.0
"""Ours: uvicorn ends a connection that was idle for 5 s, and a request that crosses that end is lost."""


class _Connection:
    """One connection to the service, kept alive; made anew where the service ended it, or is about to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._used_s = 0.0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()

    async def ask(self, request: bytes) -> bytes:
        """Send one request and read its answer's body."""
        idle_s = time.perf_counter() - self._used_s
        if self._streams is None or self._streams[0].at_eof() or idle_s > IDLE_S:
            self.close()
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise LoadError(f"{head.decode()}{body[:500].decode(errors='replace')}")
        self._used_s = time.perf_counter()
        return body

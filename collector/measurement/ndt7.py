"""The ndt7 endpoints, to M-Lab's protocol of version 0.11: each direction counted where it arrives.

https://github.com/m-lab/ndt-server/blob/main/spec/ndt7-protocol.md. Ours are the members ``max_bytes`` and ``max_ms``
of the query, which end a test early, and measurements that say when the last byte arrived.
"""

import asyncio
import os
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from client_sdk.measurement.ndt7 import (
    COUNTERFLOW_S,
    FIRST_MESSAGE_BYTES,
    SUBPROTOCOL,
    Direction,
    Received,
    measurement,
    next_size,
    read_measurement,
    received_by_peer,
)
from client_sdk.sample import new_sample_id
from collector.errors import BusyError, RefusedError, RequestError
from collector.measurement.connection import EXTENSION, MeasuringProtocol
from collector.measurement.tokens import Ticket, check_token
from collector.problems import problem_of
from collector.storage.witnessed import Witness, record_witness

MAX_QUERY_BYTES = 4096
MAX_MS = 15_000
"""The reference server's longest run; a test is expected to take 10 s, and either side may close after 13 s."""

DEFAULT_MS = 10_000
MESSAGE_CAP = 1 << 16
"""Ours: below the protocol's 1 << 24, so that receivers that count whole messages keep their resolution."""

TRANSFERS_PER_TOKEN = 2
"""Ours, per direction: one that failed may be tried again."""

LATENCY_S = 60.0
_LONGEST_HEADER_BYTES = 14
_RETRY_AFTER_S = 20
_GRACE_S = 2.0
_DONE, _BAD_DATA = 1000, 1003  # RFC 6455 §7.4.1

routes = APIRouter()


class Slots:
    """The transfers that run now, what tokens were used for, and the random bytes; touched by the event loop only."""

    def __init__(self, slots: int, *, open_to_all: bool = False) -> None:
        self.open_to_all = open_to_all
        self.noise = os.urandom(MESSAGE_CAP)  # nothing on the way can compress it
        self._free = slots
        self._used: Counter[tuple[str, Direction]] = Counter()

    def take(self, ticket: Ticket | None, direction: Direction) -> None:
        """Take a slot.

        Raises:
            BusyError: none is free.
            RequestError: ``measurement-token``: the token was used up.
        """
        if self._free == 0:
            raise BusyError("measurement-busy", "measurement: all slots are taken", _RETRY_AFTER_S)
        if ticket is not None:
            if self._used[ticket.test_id, direction] >= TRANSFERS_PER_TOKEN:
                raise RequestError("measurement-token", "access_token: used up, ask for a new session")
            self._used[ticket.test_id, direction] += 1
            if len(self._used) > 10_000:  # tokens of that long ago have expired
                self._used = Counter({(ticket.test_id, direction): self._used[ticket.test_id, direction]})
        self._free -= 1

    def give_back(self) -> None:
        """Free a slot."""
        self._free += 1


class _Transfer:
    """One transfer while it runs."""

    def __init__(
        self, websocket: WebSocket, direction: Direction, ticket: Ticket | None, limits: tuple[int, int]
    ) -> None:
        self.websocket = websocket
        self.direction = direction
        self.ticket = ticket
        self.max_bytes, self.max_ms = limits
        self.start_s = time.perf_counter()
        self.counted = Received(0.0, 0)  # by the receiver
        self.sent = self.complete = self.framing = 0
        self.connection: MeasuringProtocol = websocket.scope["extensions"][EXTENSION]
        self.uuid = ticket.test_id if ticket else new_sample_id()

    def elapsed_s(self) -> float:
        """Since the end of the handshake."""
        return time.perf_counter() - self.start_s

    def is_over(self) -> bool:
        """Whether the limits say stop."""
        moved = self.sent if self.direction == "download" else self.counted.bytes
        return moved >= self.max_bytes or self.elapsed_s() * 1000 >= self.max_ms

    def arrived(self) -> int:
        """Bytes of an upload that came, of a message that is not complete yet too."""
        # of a message that is on its way its head may be there too
        return max(self.complete, self.connection.arrived - self.framing - _LONGEST_HEADER_BYTES)

    def count_arrivals(self) -> None:
        """Bring an upload's count up to the last byte that came."""
        arrived = self.arrived()
        if arrived > self.counted.bytes:
            self.counted = Received(max(0.0, self.connection.arrived_at_s - self.start_s), arrived)

    def count_waiting(self) -> None:
        """Bring an upload's count up to now, with what the system holds back for a lost packet before it."""
        self.count_arrivals()
        waiting = self.connection.waiting.now()
        self.counted = Received(self.elapsed_s(), max(self.counted.bytes, self.arrived() + waiting))

    async def tell(self) -> None:
        """Send a measurement: what was received of an upload, what was sent of a download."""
        told = self.counted if self.direction == "upload" else Received(self.elapsed_s(), self.sent)
        info = {"UUID": self.uuid, **_addresses(self.websocket)}
        await self.websocket.send_text(measurement("server", self.direction, told, ConnectionInfo=info))


@routes.websocket("/ndt/v7/download")
async def download(websocket: WebSocket) -> None:
    """Send random bytes until the limits, the client or the clock says stop."""
    await _serve(websocket, "download")


@routes.websocket("/ndt/v7/upload")
async def upload(websocket: WebSocket) -> None:
    """Count what arrives, and say so as it does."""
    await _serve(websocket, "upload")


@routes.websocket("/v1/measurement/latency")
async def latency(websocket: WebSocket) -> None:
    """Answer pings, for devices whose network lets no UDP through; the connection does nothing else."""
    try:
        _, _ = _admit(websocket)
    except RefusedError as error:
        await websocket.send_denial_response(problem_of(error))
        return
    await websocket.accept()
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(LATENCY_S):
            while True:
                await websocket.receive_text()


async def _serve(websocket: WebSocket, direction: Direction) -> None:
    slots: Slots = websocket.app.state.slots
    try:
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            raise RequestError("measurement-protocol", f"Sec-WebSocket-Protocol: expected {SUBPROTOCOL}")
        ticket, query = _admit(websocket)
        limits = (_limit(query, "max_bytes", 1 << 50), min(_limit(query, "max_ms", DEFAULT_MS), MAX_MS))
        slots.take(ticket, direction)
    except RefusedError as error:
        await websocket.send_denial_response(problem_of(error))
        return
    try:
        started_at = websocket.app.state.collector.clock()
        await websocket.accept(subprotocol=SUBPROTOCOL)
        transfer = _Transfer(websocket, direction, ticket, limits)
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):  # the client may leave at any time
            async with asyncio.timeout(MAX_MS / 1000 + _GRACE_S):
                await websocket.close(await (_download if direction == "download" else _upload)(transfer, slots.noise))
    finally:
        slots.give_back()
    await _witness(transfer, started_at)


async def _download(transfer: _Transfer, noise: bytes) -> int:
    """Send until it is over; the code to close with."""
    listener = asyncio.create_task(_listen(transfer))
    try:
        size, told_s = FIRST_MESSAGE_BYTES, -COUNTERFLOW_S
        while not transfer.is_over() and not listener.done():
            await transfer.websocket.send_bytes(noise[:size])
            transfer.sent += size
            size = next_size(size, transfer.sent, MESSAGE_CAP)
            if transfer.elapsed_s() - told_s >= COUNTERFLOW_S:
                told_s = transfer.elapsed_s()
                await transfer.tell()
        return listener.result() if listener.done() else _DONE
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await listener


async def _listen(transfer: _Transfer) -> int:
    """Hear what a download's receiver says it got; a binary message is against the protocol and ends the test."""
    while True:
        message = await transfer.websocket.receive()
        if message["type"] == "websocket.disconnect":
            return _DONE
        if message.get("bytes") is not None:
            return _BAD_DATA
        received = received_by_peer(read_measurement(message.get("text") or ""))
        if received is not None and received.bytes >= transfer.counted.bytes:
            transfer.counted = received


async def _upload(transfer: _Transfer, _: bytes) -> int:
    """Count until it is over; the code to close with."""
    teller = asyncio.create_task(_tell_arrivals(transfer))
    try:
        while not transfer.is_over():
            remaining_s = transfer.max_ms / 1000 - transfer.elapsed_s()
            try:
                async with asyncio.timeout(max(remaining_s, 0)):
                    message = await transfer.websocket.receive()
            except TimeoutError:
                break
            if message["type"] == "websocket.disconnect":
                return _DONE
            text, data = message.get("text"), message.get("bytes")
            length = len(data) if data is not None else len((text or "").encode())
            transfer.framing += _header_bytes(length) + (0 if data is not None else length)
            transfer.complete += length if data is not None else 0
            transfer.count_arrivals()
    finally:
        teller.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
            await teller
    await transfer.tell()
    return _DONE


async def _tell_arrivals(transfer: _Transfer) -> None:
    """Say what arrived, four times a second, on the quarters: buckets of half a second then end where it was counted.

    Oftener would cost a slow uplink: each message is acknowledged on it.
    """
    while True:
        await asyncio.sleep(COUNTERFLOW_S - transfer.elapsed_s() % COUNTERFLOW_S)
        transfer.count_waiting()
        await transfer.tell()


async def _witness(transfer: _Transfer, started_at: datetime) -> None:
    """Keep what the server saw; a download is witnessed by what the device said it got, at most what was sent."""
    if transfer.ticket is None:
        return
    counted = transfer.counted
    witness = Witness(
        device=transfer.ticket.device,
        test_id=transfer.ticket.test_id,
        direction=transfer.direction,
        started_at=started_at,
        bytes=min(counted.bytes, transfer.sent) if transfer.direction == "download" else counted.bytes,
        duration_ms=round(min(counted.elapsed_s, transfer.elapsed_s()) * 1000, 3),
    )
    with suppress(BusyError):  # the sample will be flagged as unwitnessed, which is what it is
        await run_in_threadpool(record_witness, transfer.websocket.app.state.collector.store, witness)


def _admit(websocket: WebSocket) -> tuple[Ticket | None, dict[str, str]]:
    """The ticket and query of a client that may measure.

    Raises:
        RequestError: the query is too long, or the token does not hold.
    """
    raw: bytes = websocket.scope["query_string"]
    if len(raw) > MAX_QUERY_BYTES:
        raise RequestError("measurement-protocol", f"query: {len(raw)} bytes, expected at most {MAX_QUERY_BYTES}")
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        query.setdefault(name, value)  # duplicates are ignored
    collector = websocket.app.state.collector
    if websocket.app.state.slots.open_to_all and "access_token" not in query:
        return None, query
    header = websocket.headers.get("authorization", "")
    token = query.get("access_token") or (header[7:] if header.lower().startswith("bearer ") else "")
    return check_token(token, collector.key, collector.clock()), query


def _limit(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else default


def _addresses(websocket: WebSocket) -> dict[str, Any]:
    """Both ends of the connection, which the protocol shows to the client; they are kept nowhere."""
    client, server = websocket.client, websocket.scope.get("server")
    return {
        "Client": f"{client.host}:{client.port}" if client else "",
        "Server": f"{server[0]}:{server[1]}" if server else "",
    }


def _header_bytes(length: int) -> int:
    """Bytes of the head of a client's frame, its mask included (RFC 6455 §5.2)."""
    return (2 if length < 126 else 4 if length < 1 << 16 else 10) + 4

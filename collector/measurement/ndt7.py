"""The ndt7 endpoints, to M-Lab's protocol of version 0.11: each direction counted where it arrives.

https://github.com/m-lab/ndt-server/blob/main/spec/ndt7-protocol.md. Ours are the members ``max_bytes`` and ``max_ms``
of the query, which end a test early, and an upload's count of messages that are not complete yet.
"""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from client_sdk.bounds import instant_text
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
from collector.measurement.admission import MESSAGE_CAP, Slots, admit, limit
from collector.measurement.connection import EXTENSION, MeasuringProtocol
from collector.measurement.tokens import Ticket
from collector.problems import problem_of
from collector.storage.witnessed import Witness, record_witness

DEFAULT_MS = 10_000
MAX_MS = 13_000
"""The protocol expects 10 s, and lets either side close after 13 s."""

GRACE_S = 2.0
"""Ours: time for the end of a test on a slow link; every connection is over by 15 s, as the reference server's."""

TELLING_SHARE = 0.003
"""Ours: what the measurements of a download may take of the link that it measures."""

LATENCY_S = 180.0
_DONE, _BAD_DATA = 1000, 1003  # RFC 6455 §7.4.1
_ENDED = (TimeoutError, WebSocketDisconnect, RuntimeError, OSError)
"""How a transfer whose client left ends."""

routes = APIRouter()


class _Transfer:
    """One transfer while it runs."""

    def __init__(
        self, websocket: WebSocket, direction: Direction, ticket: Ticket | None, limits: tuple[int, int]
    ) -> None:
        self.websocket = websocket
        self.direction = direction
        self.ticket = ticket
        self.max_bytes, self.max_ms = limits
        self.started_at: datetime = websocket.app.state.collector.clock()
        self.start_s = time.perf_counter()
        self.asn = _asn(websocket)
        self.counted = Received(0.0, 0)  # by the receiver
        self.sent = self.told = 0
        self.connection: MeasuringProtocol = websocket.scope["extensions"][EXTENSION]
        self.info = {
            "UUID": ticket.test_id if ticket else new_sample_id(),
            "StartTime": instant_text(self.started_at),
            **_addresses(websocket),
        }

    def elapsed_s(self) -> float:
        """Since the end of the handshake."""
        return time.perf_counter() - self.start_s

    def is_over(self) -> bool:
        """Whether the limits say stop."""
        moved = self.sent if self.direction == "download" else self.connection.payload_bytes
        return moved >= self.max_bytes or self.elapsed_s() * 1000 >= self.max_ms

    def count_waiting(self) -> None:
        """Bring an upload's count up to now, with what the system holds back for a lost packet before it."""
        arrived = self.connection.payload_bytes + self.connection.waiting.now()
        self.counted = Received(self.elapsed_s(), max(self.counted.bytes, arrived))

    def settle(self) -> None:
        """Bring an upload's count to what arrived, exactly, and when the last of it did."""
        arrived_s = self.connection.arrived_at_s - self.start_s
        self.counted = Received(max(self.counted.elapsed_s, arrived_s), self.connection.payload_bytes)

    async def tell(self) -> None:
        """Send a measurement: what was received of an upload, what was sent of a download."""
        told = self.counted if self.direction == "upload" else Received(self.elapsed_s(), self.sent)
        tcp_info = self.connection.tcp_info()
        more = {"TCPInfo": tcp_info | {"ElapsedTime": round(self.elapsed_s() * 1e6)}} if tcp_info else {}
        text = measurement("server", self.direction, told, ConnectionInfo=self.info, **more)
        self.told += len(text)
        await self.websocket.send_text(text)

    def witness(self, ticket: Ticket) -> Witness:
        """What the server saw. A download's bytes are those that the other end's system acknowledged."""
        seen, duration_s = self.counted.bytes, self.counted.elapsed_s
        if self.direction == "download":
            acknowledged = self.connection.tcp_info().get("BytesAcked")
            if acknowledged is not None and self.sent:
                seen = round(self.sent * min(1.0, acknowledged / (self.sent + self.told)))
                duration_s = self.connection.acknowledged_at_s() - self.start_s
            seen = min(seen, self.sent)
        return Witness(
            device=ticket.device,
            test_id=ticket.test_id,
            direction=self.direction,
            started_at=self.started_at,
            bytes=seen,
            duration_ms=round(max(0.0, min(duration_s, self.elapsed_s())) * 1000, 3),
            asn=self.asn,
        )


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
    slots: Slots = websocket.app.state.slots
    try:
        admit(websocket)
        slots.take_latency()
    except RefusedError as error:
        await websocket.send_denial_response(problem_of(error))
        return
    try:
        with suppress(*_ENDED):
            await websocket.accept()
            async with asyncio.timeout(LATENCY_S):
                while (await websocket.receive())["type"] != "websocket.disconnect":
                    pass
    finally:
        slots.give_back_latency()


async def _serve(websocket: WebSocket, direction: Direction) -> None:
    slots: Slots = websocket.app.state.slots
    try:
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            raise RequestError("measurement-protocol", f"Sec-WebSocket-Protocol: expected {SUBPROTOCOL}")
        ticket, query = admit(websocket)
        limits = (limit(query, "max_bytes", 1 << 50), min(limit(query, "max_ms", DEFAULT_MS), MAX_MS))
        slots.take(ticket, direction)
    except RefusedError as error:
        await websocket.send_denial_response(problem_of(error))
        return
    transfer = None
    try:
        with suppress(*_ENDED):  # the client may leave at any time
            await websocket.accept(subprotocol=SUBPROTOCOL)
            transfer = _Transfer(websocket, direction, ticket, limits)
            async with asyncio.timeout(limits[1] / 1000 + GRACE_S):
                await _run(transfer, slots.noise)
    finally:
        if transfer is not None:
            transfer.connection.drop()
        slots.give_back()
    if transfer is not None and ticket is not None:
        with suppress(BusyError):  # the sample will be flagged as unwitnessed, which is what it is
            await run_in_threadpool(record_witness, websocket.app.state.collector.store, transfer.witness(ticket))


async def _run(transfer: _Transfer, noise: bytes) -> None:
    """Transfer, and see the connection end."""
    code = await (_download(transfer, noise) if transfer.direction == "download" else _upload(transfer))
    with suppress(WebSocketDisconnect, RuntimeError, OSError):
        await transfer.websocket.close(code)
    await transfer.connection.lost.wait()


async def _download(transfer: _Transfer, noise: bytes) -> int:
    """Send until it is over; the code to close with."""
    listener = asyncio.create_task(_listen(transfer))
    try:
        size, told_s = FIRST_MESSAGE_BYTES, -COUNTERFLOW_S
        while not transfer.is_over() and not listener.done():
            await transfer.websocket.send_bytes(noise[:size])
            transfer.sent += size
            size = next_size(size, transfer.sent, MESSAGE_CAP)
            is_time = transfer.elapsed_s() - told_s >= COUNTERFLOW_S
            if is_time and transfer.told <= TELLING_SHARE * transfer.sent:
                told_s = transfer.elapsed_s()
                await transfer.tell()
        if not listener.done():
            await transfer.tell()
            return _DONE
        return listener.result()
    finally:
        await _stop(listener)


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


async def _upload(transfer: _Transfer) -> int:
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
    finally:
        await _stop(teller)
        transfer.settle()
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


async def _stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, *_ENDED):
        await task


def _asn(websocket: WebSocket) -> int | None:
    """The network that the client comes from, where a database was configured; not its address."""
    networks = websocket.app.state.networks
    return None if networks is None or websocket.client is None else networks.asn_of(websocket.client.host)


def _addresses(websocket: WebSocket) -> dict[str, str]:
    """Both ends of the connection, which the protocol shows to the client; they are kept nowhere."""
    client, server = websocket.client, websocket.scope.get("server")
    return {
        "Client": _endpoint(client.host, client.port) if client else "",
        "Server": _endpoint(*server) if server else "",
    }


def _endpoint(host: str, port: int | None) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

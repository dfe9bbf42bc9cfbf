"""One ndt7 transfer in one direction, counted where it arrives, never by what the sender wrote.

A download counts payload bytes as they come, of messages that are not complete yet too. An upload counts what the
server says it received, and nothing else: on a slow link a sender's own count is wrong by several times, since
everything between it and the link swallows data first. Time 0 is the end of the WebSocket handshake. The protocol is
M-Lab's, version 0.11: https://github.com/m-lab/ndt-server/blob/main/spec/ndt7-protocol.md.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed

from client_sdk.measurement.connection import MeteredConnection
from client_sdk.measurement.interfaces import carried_bytes, interface_of
from client_sdk.measurement.ndt7 import (
    COUNTERFLOW_S,
    FIRST_MESSAGE_BYTES,
    Direction,
    Received,
    connection_uuid,
    measurement,
    next_size,
    read_measurement,
    received_by_peer,
)
from client_sdk.measurement.opening import OpeningError, open_websocket
from client_sdk.measurement.route import Route, RouteError
from client_sdk.measurement.stop_rule import RULE, Arrival, StopRule, stop_reason
from client_sdk.measurement.transfer import Transfer
from client_sdk.messages import tr
from client_sdk.sample import Outcome, StopReason

UPLOAD_MESSAGE_CAP = 1 << 16
"""Ours, where others go to 1 << 20: a server that counts whole messages keeps its resolution on a mobile uplink."""

FAST_UNSENT_BYTES = 1 << 20  # ours; with 1 << 17, a sender seems to lack data on a long and lossy line, and is slowed

Progress = Callable[[float, int], None]
"""Seconds since the handshake, and bytes at the receiver."""

_LAST_COUNT_S = 1.0
"""Ours: how long the server may take to count the last bytes of an upload; it tells every 0.25 s or so."""

_CLOCK_SLACK_S = 8.0
"""A server may start its clock when the connection is accepted, before the handshake of at most 8 s."""


async def transfer(
    base_url: str,
    direction: Direction,
    *,
    query: dict[str, str] | None = None,
    max_bytes: int | None = None,
    full_length: bool = False,
    rule: StopRule = RULE,
    route: Route | None = None,
    progress: Progress | None = None,
) -> Transfer:
    """Move bytes until the rule, the byte cap or the time says stop. Never raises for what a network does.

    Args:
        base_url: ``ws://`` or ``wss://`` address that ``/ndt/v7/…`` is below.
        direction: which way.
        query: more members of the query, like the access token.
        max_bytes: stop there; a server of ours is told, too.
        full_length: leave the rule out.
        rule: parameters.
        route: which interface to leave by.
        progress: called several times a second.
    """
    limits = {"max_ms": str(round(rule.wall_s * 1000)), **({"max_bytes": str(max_bytes)} if max_bytes else {})}
    url = f"{base_url.rstrip('/')}/ndt/v7/{direction}?{urlencode({**(query or {}), **limits})}"
    try:
        connection = await open_websocket(url, route or Route())
    except OpeningError as error:
        refused, wait_s = error.is_refused, error.retry_after_s
        return Transfer(outcome=error.outcome, problem=str(error), is_refused=refused, retry_after_s=wait_s)
    except RouteError as error:
        return Transfer(outcome="error", problem=str(error))
    interface = (route or Route()).interface or interface_of(connection.local_address[0])
    before = carried_bytes(interface) if interface else None
    kind = _Download if direction == "download" else _Upload
    running = kind(connection, max_bytes, full_length, rule, progress or (lambda seconds, count: None))
    try:
        reason = await running.run()
        arrivals = tuple(running.arrivals)  # what comes while the connection ends belongs to no bucket
    finally:
        await connection.end()
    after = carried_bytes(interface) if interface else None
    outcome = running.outcome(reason)
    return Transfer(
        outcome=outcome,
        problem="" if outcome == "ok" else running.problem,
        stop=reason,
        arrivals=arrivals,
        payload_bytes=connection.payload_bytes + running.sent,
        server_id=running.server_id,
        ip_family=connection.ip_family,
        interface=interface,
        interface_bytes=(after[0] - before[0], after[1] - before[1]) if before and after else None,
    )


class _Running:
    """A transfer while it runs; what both directions share."""

    def __init__(
        self,
        connection: MeteredConnection,
        max_bytes: int | None,
        full_length: bool,
        rule: StopRule,
        progress: Progress,
    ) -> None:
        self.connection = connection
        self.max_bytes = max_bytes
        self.full_length = full_length
        self.rule = rule
        self.progress = progress
        self.sent = 0
        self.server_id: str | None = None
        self.problem = ""

    @property
    def arrivals(self) -> list[Arrival]:
        """Bytes at the receiver over time."""
        return self.connection.arrivals

    async def run(self) -> StopReason:
        """Move bytes until something says stop."""
        reader = asyncio.create_task(self._read())
        others = self.begin()
        enough = asyncio.create_task(self.connection.enough.wait())
        try:
            while True:
                await asyncio.wait({reader, enough}, timeout=self.pause_s(), return_when=asyncio.FIRST_COMPLETED)
                reason = await self.look(closed=reader.done())
                self.progress(*(self.arrivals[-1] if self.arrivals else (0.0, 0)))
                if reason is not None:
                    return reason
        finally:
            for task in (reader, enough, *others):
                task.cancel()
            await asyncio.gather(reader, enough, *others, return_exceptions=True)

    def begin(self) -> list[asyncio.Task[None]]:
        """Start what else has to run."""
        return []

    def pause_s(self) -> float:
        """How long to wait before the next look."""
        return COUNTERFLOW_S

    async def look(self, *, closed: bool) -> StopReason | None:
        """Whether to stop now."""
        raise NotImplementedError

    def hear(self, told: dict[str, object]) -> None:
        """Take in a measurement of the server's."""

    def outcome(self, reason: StopReason) -> Outcome:
        """How the transfer ended."""
        if self.arrivals and self.arrivals[-1][1]:
            return "stalled" if reason == "stalled" else "ok"
        return "no_data" if reason == "stalled" else "websocket"

    def closed_by_peer(self, elapsed_s: float) -> StopReason:
        """Servers of this protocol end by themselves at about 10 s: that is no early end."""
        return "time_cap" if elapsed_s >= self.rule.max_s - self.rule.bucket_s else "closed"

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self.connection:
                if isinstance(message, str):
                    told = read_measurement(message)
                    self.server_id = self.server_id or connection_uuid(told)
                    self.hear(told)


class _Download(_Running):
    """Counts what arrives on the connection, and tells the server."""

    def begin(self) -> list[asyncio.Task[None]]:
        self.connection.stop_at_bytes = self.max_bytes
        return []

    def pause_s(self) -> float:
        """To the next half of a bucket, so that buckets end where the rule looks."""
        return COUNTERFLOW_S - self.connection.elapsed_s() % COUNTERFLOW_S

    async def look(self, *, closed: bool) -> StopReason | None:
        elapsed_s = self.connection.elapsed_s()
        self.connection.note_arrival(elapsed_s, self.connection.waiting_bytes())
        await self._tell(elapsed_s)
        reason = stop_reason(
            self.arrivals,
            now_s=elapsed_s,
            quiet_s=self.connection.loop.time() - self.connection.grown_at_s,
            max_bytes=self.max_bytes,
            full_length=self.full_length,
            rule=self.rule,
        )
        if reason is None and closed:
            self.problem = tr("the server closed the connection", "le serveur a fermé la connexion")
            return self.closed_by_peer(elapsed_s)
        return reason

    async def _tell(self, elapsed_s: float) -> None:
        if self.connection.paused:  # nothing leaves: the count must not wait for the way out
            return
        with suppress(ConnectionClosed):
            received = Received(elapsed_s, self.connection.payload_bytes)
            await self.connection.send(measurement("client", "download", received))


class _Upload(_Running):
    """Sends until told to stop, and believes the server's count alone."""

    def begin(self) -> list[asyncio.Task[None]]:
        self.connection.stop_at_bytes = 1  # binary messages against the direction of the test
        self._counted: list[Arrival] = []
        self._grown_at_s = self._moved_at_s = self.connection.loop.time()
        self._acknowledged = self._first_acknowledged = self.connection.acknowledged_bytes()
        return [asyncio.create_task(self._send())]

    @property
    def arrivals(self) -> list[Arrival]:
        return self._counted

    def hear(self, told: dict[str, object]) -> None:
        """A count that goes back, or beyond what was sent, is none."""
        received = received_by_peer(told)
        if received is None or told.get("Origin") == "client":
            return
        before_s, before = self._counted[-1] if self._counted else (0.0, 0)
        most = self.sent + self.sent // 8 + FIRST_MESSAGE_BYTES  # a kernel counts headers too
        in_time = before_s < received.elapsed_s <= self.connection.elapsed_s() + _CLOCK_SLACK_S
        if not in_time or not before <= received.bytes <= most:
            return
        if received.bytes > before:
            self._grown_at_s = self._moved_at_s = self.connection.loop.time()
        self._counted.append((received.elapsed_s, received.bytes))

    async def look(self, *, closed: bool) -> StopReason | None:
        now_s, local_s = self.connection.loop.time(), self.connection.elapsed_s()
        acknowledged = self.connection.acknowledged_bytes()
        if acknowledged != self._acknowledged:  # data passes, although the server has not said so yet
            self._acknowledged, self._moved_at_s = acknowledged, now_s
        at_s, total = self._counted[-1] if self._counted else (0.0, 0)
        reason = stop_reason(
            self._counted,
            now_s=at_s if total else local_s,
            quiet_s=now_s - self._moved_at_s,
            max_bytes=self.max_bytes,
            full_length=self.full_length,
            rule=self.rule,
        )
        if reason is not None:
            return reason
        if self.connection.payload_bytes:
            self.problem = tr("the server sent data during an upload", "le serveur a envoyé pendant la montée")
            return "error"
        is_all_sent = self.max_bytes is not None and self.sent >= self.max_bytes
        if is_all_sent and total and (closed or now_s - self._moved_at_s >= _LAST_COUNT_S):
            return "byte_cap"
        if closed:
            self.problem = tr("the server closed the connection", "le serveur a fermé la connexion")
            return self.closed_by_peer(max(at_s, local_s))
        return "time_cap" if local_s >= self.rule.wall_s else None

    def outcome(self, reason: StopReason) -> Outcome:
        """Data that was acknowledged but never counted was carried: the server has the trouble."""
        found = super().outcome(reason)
        if found == "no_data" and self._was_delivered():
            self.problem = tr("the server did not count what it received", "le serveur n’a pas compté sa réception")
            return "websocket"
        return "websocket" if reason == "error" else found

    def _was_delivered(self) -> bool:
        before, after = self._first_acknowledged, self._acknowledged
        return before is None or after is None or after - before >= FIRST_MESSAGE_BYTES

    async def _send(self) -> None:
        noise = os.urandom(UPLOAD_MESSAGE_CAP)  # nothing on the way can compress it
        size = 0
        with suppress(ConnectionClosed):
            while self.max_bytes is None or self.sent < self.max_bytes:
                wanted = next_size(size, self.sent, UPLOAD_MESSAGE_CAP) if size else FIRST_MESSAGE_BYTES
                if wanted != size:
                    size = wanted
                    self.connection.limit_unsent(2 * size if size < UPLOAD_MESSAGE_CAP else FAST_UNSENT_BYTES)
                self.sent += size
                await self.connection.send(noise[:size])

"""Round trips by WebSocket pings, where the network lets no UDP through."""

import asyncio
from contextlib import suppress

from websockets.exceptions import ConcurrencyError, ConnectionClosed
from websockets.typing import Subprotocol

from client_sdk.measurement.connection import MeteredConnection
from client_sdk.measurement.latency import LOSS_S, ProbeProtocol, SteadyProber
from client_sdk.measurement.opening import open_websocket
from client_sdk.measurement.route import Route


class WebSocketProber(SteadyProber):
    """Pings over one WebSocket connection. TCP sends a lost packet again, so that loss shows as a long round trip."""

    protocol: ProbeProtocol = "websocket"

    def __init__(
        self, url: str, rate_hz: float, route: Route | None = None, *, subprotocol: Subprotocol | None = None
    ) -> None:
        super().__init__(rate_hz)
        self._url = url
        self._route = route or Route()
        self._subprotocol = subprotocol
        self._connection: MeteredConnection | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect.

        Raises:
            OpeningError: no connection, or a server that refuses.
            RouteError: the interface cannot be used.
        """
        self._connection = await open_websocket(self._url, self._route, subprotocol=self._subprotocol)

    def probe(self, seq: int) -> None:
        """Send one probe."""
        task = asyncio.create_task(self._ping(seq))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def close(self) -> None:
        """Close the connection."""
        for task in list(self._waiting):
            task.cancel()
        if self._connection is not None:
            await self._connection.end()

    async def _ping(self, seq: int) -> None:
        assert self._connection is not None
        with suppress(ConnectionClosed, ConcurrencyError, TimeoutError):
            async with asyncio.timeout(LOSS_S):
                await (await self._connection.ping(seq.to_bytes(4)))
            self.pending.answer(seq)

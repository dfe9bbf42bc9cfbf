"""Echoes of one channel: a session with the collector, a prober on the modem's way, and word of both.

The token of echoes lives for hours, so that a modem that loses its data goes on asking, which is the whole point. Where
echoes are lost a connection to the collector is tried too, to tell a network that carries nothing from a collector, or
a path for UDP, that does not answer.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from client_sdk.errors import CollectorError
from client_sdk.measurement.access import Access
from client_sdk.measurement.echo import EchoProber
from client_sdk.measurement.latency import Probe, SteadyProber
from client_sdk.measurement.opening import OpeningError
from client_sdk.measurement.route import Route, RouteError
from client_sdk.measurement.websocket_ping import WebSocketProber
from client_sdk.survey.channel import Channel
from client_sdk.survey.peer import Peer
from client_sdk.survey.saying import Link
from client_sdk.survey.way import Way, try_connection

ECHO_BYTES = 88
"""One exchange over IPv4: 24 + 28 out, 8 + 28 back."""

RENEW_S = 3600.0
"""Ours: the collector's window is 4 h; a session an hour old is renewed when data passes."""

LOOK_EVERY_S = 0.25
"""Ours: how often finished echoes are taken."""

WEBSOCKET_FOR_S = 120.0
"""Ours: after so long over WebSocket, UDP is tried again; the collector ends such a connection after some minutes."""

NEVER_S = (math.inf, -math.inf)

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 30.0
"""Ours: between attempts to open a session; the modem may regain data at any moment."""


Result = TypeVar("Result")


class Echoes:
    """Keeps a prober going for one channel while it is wanted.

    Args:
        channel: whose echoes they are.
        peer: the collector.
        rate_hz: echoes a second.
        route: the modem's way now; None where it has none, or must not be used.
        spent: told of the bytes that echoes used.
        told: given the echoes that finished.
    """

    def __init__(
        self,
        channel: Channel,
        peer: Peer,
        rate_hz: float,
        route: Callable[[], Route | None],
        spent: Callable[[int], None],
        told: Callable[[list[Probe]], None] = lambda probes: None,
    ) -> None:
        self._told = told
        self._channel, self._peer, self._rate_hz = channel, peer, rate_hz
        self._route, self._spent = route, spent
        self._wanted = asyncio.Event()
        self._resting = asyncio.Event()
        self._resting.set()
        self._access: Access | None = None
        self._access_at_s = -math.inf
        self._udp_blocked = 0
        self._websocket_until_s = -math.inf
        self._try: asyncio.Task[None] | None = None
        self._down_s = NEVER_S
        self.trouble: str | None = None

    def want(self) -> None:
        """Send echoes from now on."""
        self._wanted.set()

    async def rest(self) -> None:
        """Send none; returns when the last one is answered or lost."""
        self._wanted.clear()
        await self._resting.wait()

    async def run(self) -> None:
        """Until cancelled."""
        wait_s = FIRST_WAIT_S
        try:
            while True:
                await self._wanted.wait()
                self._resting.clear()
                try:
                    wait_s = await self._once(wait_s)
                finally:
                    self._channel.set_link(Link())
                    self._resting.set()
        finally:
            if self._try:
                self._try.cancel()

    async def _once(self, wait_s: float) -> float:
        """Open what is needed and send until something changes; how long to wait after the next failure."""
        route = self._route()
        way = await self._while_wanted(self._peer.way(route)) if route is not None else None
        if way is None or not way.is_up():
            await self._sleep(1.0)
            return wait_s
        access = await self._while_wanted(self._session(way.route))
        prober = self._prober(access, way.route) if access else None
        if prober is None:
            await self._sleep(wait_s * random.uniform(0.5, 1.0))
            return min(wait_s * 2, LONGEST_WAIT_S)
        try:
            async with prober:
                await self._send(prober, way)
        except (OpeningError, RouteError) as error:
            self.trouble = str(error)
            if prober.protocol == "websocket":
                self._leave_websocket()
            await self._sleep(FIRST_WAIT_S)
        return FIRST_WAIT_S

    async def _while_wanted(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """Wait for something that may take long where nothing passes; None once echoes are no longer wanted."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and self._wanted.is_set():
                await asyncio.wait({task}, timeout=LOOK_EVERY_S)
            return task.result() if task.done() else None
        finally:
            task.cancel()

    async def _send(self, prober: SteadyProber, way: Way) -> None:
        began_s, answered, up_s = time.monotonic(), 0, time.monotonic()
        self._down_s = NEVER_S
        interface = way.route.interface
        self._channel.set_link(way.link(prober.protocol, echoing=True))
        while self._wanted.is_set():
            await self._sleep(LOOK_EVERY_S)
            link = way.link(prober.protocol, echoing=True)
            if link.up:
                up_s = time.monotonic()
            else:
                self._down_s = (up_s, time.monotonic())
            taken = self._that_left(prober.take())
            self._channel.add_probes(taken)
            self._told(taken)
            self._channel.set_link(link)
            self._spent(len(taken) * ECHO_BYTES)
            answered += sum(probe.rtt_ms is not None for probe in taken)
            self.trouble = None if answered else self.trouble
            now_s = time.monotonic()
            if self._channel.settler.needs_try(now_s) and (self._try is None or self._try.done()):
                self._try = asyncio.create_task(self._try_connection(way))
            route = self._route()
            if route is None or route.interface != interface or self._is_over(prober, answered, now_s - began_s):
                break
        # what is on its way is answered or lost before anything else begins
        for _ in range(int(2.1 / LOOK_EVERY_S) + 1):
            prober.rate_hz = 0.001
            self._channel.add_probes(self._that_left(prober.take()))
            if prober.pending.is_empty():
                break
            await asyncio.sleep(LOOK_EVERY_S)
        self._channel.add_probes(self._that_left(prober.take()))

    def _that_left(self, probes: list[Probe]) -> list[Probe]:
        """Without the probes that could not leave the device, since its interface was down: nobody lost them."""
        since_s, until_s = self._down_s
        return [probe for probe in probes if probe.rtt_ms is not None or not since_s <= probe.sent_at_s <= until_s]

    def _is_over(self, prober: SteadyProber, answered: int, lasted_s: float) -> bool:
        """Whether a new session or another protocol should be tried."""
        now_s = time.monotonic()
        if self._channel.settler.blocked:
            self._access = None
            if prober.protocol == "udp":
                # a collector that was started again answers the next time; a network that drops UDP does not
                self._udp_blocked += 1
                if self._udp_blocked > 1:
                    self._websocket_until_s = now_s + WEBSOCKET_FOR_S
            return True
        if answered and prober.protocol == "udp":
            self._udp_blocked = 0
        if prober.protocol == "websocket":
            return lasted_s >= WEBSOCKET_FOR_S
        moved = isinstance(prober, EchoProber) and prober.address_changed and lasted_s > 60
        if answered and (moved or now_s - self._access_at_s >= RENEW_S):
            self._access_at_s = -math.inf
            return True
        return False

    async def _session(self, route: Route) -> Access | None:
        """A session young enough; an old one where no new one is to be had."""
        now_s = time.monotonic()
        websocket = now_s < self._websocket_until_s
        if self._access and not websocket and now_s - self._access_at_s < RENEW_S:
            return self._access
        try:
            self._access = await self._peer.open(route)
        except CollectorError as error:
            self.trouble = str(error)
            if websocket:
                self._leave_websocket()
            return self._access or self._peer.recalled()
        self._access_at_s = time.monotonic()
        return self._access

    def _leave_websocket(self) -> None:
        """No connection is to be had either: ask by UDP again, which alone can tell that nothing passes."""
        self._websocket_until_s, self._udp_blocked = -math.inf, 0
        self._channel.settler.doubt()

    def _prober(self, access: Access, route: Route) -> SteadyProber | None:
        if access.echo and time.monotonic() >= self._websocket_until_s:
            return EchoProber(access.echo, self._rate_hz, route)
        if access.latency_url:
            return WebSocketProber(access.latency_url, self._rate_hz, route)
        return None

    async def _try_connection(self, way: Way) -> None:
        if result := await try_connection(way):
            self._channel.settler.tried(result)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than echoes are wanted."""
        end_s = time.monotonic() + seconds
        while self._wanted.is_set() and (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, LOOK_EVERY_S))

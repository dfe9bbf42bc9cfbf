"""The collector as a survey meets it: where it is, how to get a session, and what is still of use without one."""

import asyncio
from dataclasses import replace
from pathlib import Path

from client_sdk.measurement.access import Access, open_access
from client_sdk.measurement.bound_client import client_over
from client_sdk.measurement.opening import OpeningError, Remote, resolve
from client_sdk.measurement.route import Route
from client_sdk.outbox.queue import PinnedCollector
from client_sdk.signing.keys import SigningKey
from client_sdk.survey.remembered import recall, remember
from client_sdk.survey.threads import in_thread
from client_sdk.survey.way import Way

LOOK_UP_TIMEOUT_S = 5.0
"""Ours: where nothing passes, a name takes the system a minute to give up; what was known before serves as well."""


class Peer:
    """The collector to measure with, and the device's key.

    Args:
        collector: pinned when the device enrolled.
        key: of the device.
        folder: of the device's files.
    """

    def __init__(self, collector: PinnedCollector, key: SigningKey, folder: Path) -> None:
        self.collector, self.key, self._folder = collector, key, folder
        self._remote = Remote.of(collector.url)
        self._addresses: list[tuple[int, str]] = []

    async def way(self, route: Route) -> Way | None:
        """The way to the collector over a route; None while nobody knows its address."""
        if not self._addresses:
            await self._look_up(route)
        if not self._addresses and (kept := recall(self._folder, self.collector.key.thumbprint)):
            self._addresses = [kept.remote[:2]]
        ways = [Way(route, self._remote.host, (*address, self._remote.port)) for address in self._addresses]
        return next((way for way in ways if way.is_up()), ways[0] if ways else None)

    async def open(self, route: Route) -> Access:
        """A measuring session, asked for over a route.

        Raises:
            NoAccessError: none is to be had.
        """

        def ask() -> Access:
            with client_over(route) as client:
                return open_access(self.collector, self.key, client)

        access = await in_thread(ask, "session")
        await self._look_up(route)
        way = await self.way(route)
        if access.echo is None or way is None:
            return access
        if access.echo.host == self._remote.host:  # from now on without a look-up
            access = replace(access, echo=replace(access.echo, host=way.remote[1]))
            assert access.echo
            echo = access.echo
            await in_thread(lambda: remember(self._folder, self.collector.key.thumbprint, echo, way.remote), "remember")
        return access

    def recalled(self) -> Access | None:
        """The echoes of an earlier session, where they are still answered; nothing else can be done with it."""
        kept = recall(self._folder, self.collector.key.thumbprint)
        return Access(ndt7_url="", echo=kept.echo) if kept else None

    async def _look_up(self, route: Route) -> None:
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
                self._addresses = await resolve(self._remote.host, route)
        except (OpeningError, TimeoutError):
            return

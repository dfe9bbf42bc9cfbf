"""The way from a modem to the collector: whether it is there, what it is, and whether anything answers at its end."""

import asyncio
import socket
import time
from dataclasses import dataclass

from client_sdk.measurement.route import Route, RouteError
from client_sdk.survey import settling
from client_sdk.survey.saying import Link
from client_sdk.survey.settling import Try


@dataclass(frozen=True, slots=True)
class Way:
    """How a channel reaches the collector now.

    Attributes:
        route: what its sockets are bound to.
        host: name of the collector.
        remote: its address family, address and TCP port.
    """

    route: Route
    host: str
    remote: tuple[int, str, int]

    def is_up(self) -> bool:
        """Whether a packet could leave: the interface is there and has a way to the collector. Sends nothing."""
        family, address, port = self.remote
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as trial:
                self.route.prepare(trial)
                trial.connect((address, port))
        except (OSError, RouteError):
            return False
        return True

    def link(self, protocol: str, *, echoing: bool) -> Link:
        """As a fence tells it."""
        family, address, port = self.remote
        return Link(
            echoing=echoing,
            up=self.is_up(),
            path=self.route.kind((address, port)),
            server=self.host,
            protocol="websocket" if protocol == "websocket" else "udp",
            ip_family="ipv6" if family == socket.AF_INET6 else "ipv4",
        )


async def try_connection(way: Way) -> Try | None:
    """Try to reach the collector by TCP; None where nothing could leave the device, which says nothing."""
    began_s = time.monotonic()
    family, address, port = way.remote
    if not way.is_up():
        return None
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            sock.setblocking(False)
            way.route.prepare(sock)
            async with asyncio.timeout(settling.TRY_TIMEOUT_S):
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except (ConnectionRefusedError, ConnectionResetError):
            reached = True
        except TimeoutError:
            reached = False
        except (OSError, RouteError):
            if not way.is_up():
                return None
            reached = False
        else:
            reached = True
    return Try(began_s, time.monotonic(), reached)

"""Open a connection to a measuring server: name, TCP, TLS, WebSocket, each with its own kind of failure.

Only what the network may be blamed for carries a blame: no name, no TCP connection, no answer in time. A server that
refuses, is busy, hangs up or speaks something else was reached, so the network carried the packets there and back.
"""

import asyncio
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from client_sdk import __version__
from client_sdk.errors import MailleError
from client_sdk.measurement.connection import MeteredConnection
from client_sdk.measurement.route import Route, RouteError
from client_sdk.messages import tr
from client_sdk.sample import Outcome
from client_sdk.system_errors import unreachable

NDT7 = Subprotocol("net.measurementlab.ndt.v7")

OPEN_TIMEOUT_S = 8.0
"""From the name to the end of the handshake; the specification of ndt7 asks for 5 to 10 s."""

_FIRST_ADDRESSES_TIMEOUT_S = 3.0
"""Ours: a host's address that does not answer by then leaves room for its next one."""

MAX_MESSAGE_BYTES = 1 << 24
"""The largest message of ndt7, which an implementation may not refuse."""

_QUEUED_TEXTS = 64

_seen_addresses: dict[str, list[tuple[int, str]]] = {}
"""Addresses that a host's name had last: a dead link must not show itself as an unknown name."""


class OpeningError(MailleError):
    """No measuring connection could be opened.

    Attributes:
        outcome: how a test ends that needed it.
        is_refused: the host answered that nothing listens there.
        retry_after_s: what a busy server asks to wait, where it says so.
    """

    def __init__(
        self, outcome: Outcome, message: str, *, is_refused: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.is_refused = is_refused
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a URL leads."""

    host: str
    port: int
    is_secure: bool

    @classmethod
    def of(cls, url: str) -> "Remote":
        """Read a ``ws``, ``wss``, ``http`` or ``https`` address.

        Raises:
            OpeningError: it is none.
        """
        try:
            parts = urlsplit(url)
            is_secure = parts.scheme in ("wss", "https")
            if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
                raise ValueError("expected ws://HOST or wss://HOST")
            return cls(parts.hostname, parts.port or (443 if is_secure else 80), is_secure)
        except ValueError as error:
            raise OpeningError("error", f"{url}: {error}") from error


async def resolve(host: str, route: Route) -> list[tuple[int, str]]:
    """Address families and addresses of a host, in the system's order.

    The system asks by whichever way it likes, so that a name which a bound test cannot look up says nothing about the
    interface it is bound to: the addresses of the last time are taken then.

    Raises:
        OpeningError: the name has none.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(found: list[Any] | None, error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(found or [])

    def look_up() -> None:  # in a thread of its own, which nothing waits for: a dead resolver takes a minute
        try:
            found, error = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), None
        except OSError as failure:
            found, error = None, failure
        except UnicodeError as failure:
            found, error = None, socket.gaierror(socket.EAI_NONAME, str(failure))
        try:
            loop.call_soon_threadsafe(settle, found, error)
        except RuntimeError:
            return  # the loop has ended meanwhile

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        addresses = [(family, str(place[0])) for family, _, _, _, place in await answer]
    except OSError as error:
        if host in _seen_addresses:
            return _seen_addresses[host]
        raise OpeningError("dns" if route.interface is None else "error", _told(host, unreachable(error))) from error
    _seen_addresses[host] = addresses
    return addresses


async def open_websocket(
    url: str, route: Route, *, subprotocol: Subprotocol | None = NDT7, timeout_s: float = OPEN_TIMEOUT_S
) -> MeteredConnection:
    """Open a WebSocket that counts what arrives on it.

    Args:
        url: ``ws://`` or ``wss://``, with its query.
        route: what carries it.
        subprotocol: asked for, and expected in the answer; None: none.
        timeout_s: for all stages together.

    Raises:
        OpeningError: with the outcome of the stage that failed.
        RouteError: the interface is not there.
    """
    remote = Remote.of(url)
    sock: socket.socket | None = None
    try:
        async with asyncio.timeout(timeout_s):
            sock = await _connected(remote, route)
            connection = await _upgraded(url, remote, sock, subprotocol)
    except TimeoutError as error:
        outcome: Outcome = "timeout" if sock else "tcp"
        reason = tr(f"no answer in {timeout_s:g} s", f"pas de réponse en {timeout_s:g} s")
        raise OpeningError(outcome, _told(remote.host, reason)) from error
    except OSError as error:
        raise _opening_error(remote.host, error, "websocket") from error
    if connection.subprotocol != subprotocol:
        await connection.end()
        reason = tr(f"does not speak {subprotocol}", f"ne parle pas {subprotocol}")
        raise OpeningError("websocket", _told(remote.host, reason))
    return connection


async def _connected(remote: Remote, route: Route) -> socket.socket:
    addresses = await resolve(remote.host, route)
    before = route.carried_bytes() if route.interface else None
    failure: OSError = TimeoutError()
    for index, (family, address) in enumerate(addresses):
        is_last = index == len(addresses) - 1
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            route.prepare(sock)
            async with asyncio.timeout(None if is_last else _FIRST_ADDRESSES_TIMEOUT_S):
                await asyncio.get_running_loop().sock_connect(sock, (address, remote.port))
            route.check(sock)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    after = route.carried_bytes() if route.interface else None
    if before and after and after[1] == before[1]:
        raise RouteError(_told(str(route.interface), tr("nothing left by this interface", "rien n’est parti par là")))
    raise _opening_error(remote.host, failure, "tcp")


async def _upgraded(
    url: str, remote: Remote, sock: socket.socket, subprotocol: Subprotocol | None
) -> MeteredConnection:
    options: dict[str, Any] = {"sock": sock}
    if remote.is_secure:
        from httpx import create_ssl_context

        options |= {"ssl": create_ssl_context(), "server_hostname": remote.host}
    address = url.replace("http", "ws", 1) if url.startswith("http") else url
    try:
        connection = await connect(
            address,
            subprotocols=[subprotocol] if subprotocol else None,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=_QUEUED_TEXTS,
            ping_interval=None,
            proxy=None,
            open_timeout=None,
            user_agent_header=f"maille/{__version__}",
            create_connection=MeteredConnection,
            **options,
        )
    except InvalidStatus as error:
        raise _refused_upgrade(remote.host, error) from error
    except (InvalidHandshake, InvalidURI) as error:
        raise OpeningError("websocket", f"{remote.host}: {error}") from error
    except ValueError as error:  # a redirection, which is not followed
        raise OpeningError("http", f"{remote.host}: {error}") from error
    finally:
        if "connection" not in locals():
            sock.close()
    assert isinstance(connection, MeteredConnection)
    return connection


def _refused_upgrade(host: str, error: InvalidStatus) -> OpeningError:
    status = error.response.status_code
    is_busy = status in (429, 503)
    wait = error.response.headers.get("Retry-After", "")
    return OpeningError(
        "busy" if is_busy else "http",
        _told(host, tr(f"answered {status}", f"a répondu {status}")),
        retry_after_s=float(wait) if is_busy and wait.isascii() and wait.isdigit() else None,
    )


def _opening_error(host: str, error: OSError, stage: Outcome) -> OpeningError:
    reason = _told(host, unreachable(error))
    if isinstance(error, ssl.SSLError):
        return OpeningError("tls", reason)
    if isinstance(error, ConnectionRefusedError):
        return OpeningError("error", reason, is_refused=True)
    return OpeningError(stage, reason)


def _told(place: str, reason: str) -> str:
    return f"{place}{tr(':', ' :')} {reason}"

"""An HTTP client whose requests leave by a route: what opens a bound test has to go the way the test goes."""

import http.client
import socket
import ssl
from typing import Any

import httpx

from client_sdk.measurement.route import Route, RouteError

_TIMEOUT_S = 10.0


def client_over(route: Route) -> httpx.Client:
    """A client over the route; an ordinary one where the route binds nothing."""
    if route.interface is None:
        return httpx.Client(timeout=_TIMEOUT_S)
    return httpx.Client(timeout=_TIMEOUT_S, transport=_BoundTransport(route), trust_env=False)


class _BoundTransport(httpx.BaseTransport):
    """One connection per request, over sockets that are bound before they are connected."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._tls = httpx.create_ssl_context()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer.

        Raises:
            httpx.TransportError: no answer; the cause says why.
        """
        is_secure = request.url.scheme == "https"
        host, port = request.url.host, request.url.port or (443 if is_secure else 80)
        timeouts: dict[str, Any] = request.extensions.get("timeout", {})
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.sock = self._connected(host, port, timeouts.get("connect"), is_secure=is_secure)
        except (OSError, RouteError) as error:
            kind = httpx.ConnectTimeout if isinstance(error, TimeoutError) else httpx.ConnectError
            raise kind(str(error), request=request) from error
        try:
            connection.sock.settimeout(timeouts.get("read"))
            headers = {name: value for name, value in request.headers.items() if name != "connection"}
            connection.request(request.method, request.url.raw_path.decode("ascii"), request.read(), headers)
            answer = connection.getresponse()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read(), request=request)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except (OSError, http.client.HTTPException) as error:
            raise httpx.ReadError(str(error), request=request) from error
        finally:
            connection.close()

    def _connected(self, host: str, port: int, timeout_s: float | None, *, is_secure: bool) -> socket.socket:
        failure: OSError = OSError(f"{host}: no address")
        for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(timeout_s)
                self._route.prepare(sock)
                sock.connect(place)
                self._route.check(sock)
                return self._tls.wrap_socket(sock, server_hostname=host) if is_secure else sock
            except (ssl.SSLError, RouteError):
                sock.close()
                raise
            except OSError as error:
                sock.close()
                failure = error
        raise failure

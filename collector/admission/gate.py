"""The first thing that a request meets, whatever it asks for: the limit of its network."""

import ipaddress
import logging

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from collector.admission.admit import Admission
from collector.errors import BusyError
from collector.problems import problem_of

_logger = logging.getLogger(__name__)


class Gate:
    """ASGI middleware that refuses the requests of a network that sends too many.

    Args:
        app: what stands behind.
        admission: counts.
        behind_proxy: the addresses of clients come from a proxy that is believed.
    """

    def __init__(self, app: ASGIApp, admission: Admission, *, behind_proxy: bool) -> None:
        self._app = app
        self._admission = admission
        self._looks_for_proxy = not behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, and answer or pass on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        client = scope.get("client")
        address = client[0] if client else None
        if self._looks_for_proxy:
            self._look_for_proxy(scope, address)
        try:
            self._admission.request(address)
        except BusyError as error:
            answer = problem_of(error)
            if scope["type"] == "websocket":
                return await WebSocket(scope, receive, send).send_denial_response(answer)
            return await answer(scope, receive, send)
        return await self._app(scope, receive, send)

    def _look_for_proxy(self, scope: Scope, address: str | None) -> None:
        """Warn once where all clients seem to share the address of a proxy that nobody named."""
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]) and _is_near(address):
            self._looks_for_proxy = False
            _logger.warning(
                "a request came with X-Forwarded-For, which is not believed: if a proxy of yours sends it, name that "
                "proxy in MAILLE_TRUSTED_PROXIES, or all its clients share the limits of one network"
            )


def _is_near(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_private
    except ValueError:
        return False

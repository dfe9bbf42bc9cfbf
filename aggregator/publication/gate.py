"""Who may read which releases: ASGI middleware around whatever application reads them.

The public's server shows the public's releases and nothing else. The team's stands behind a password, or behind a
reverse proxy that has its own login, and marks every answer.
"""

import asyncio
import base64
import binascii
import hmac
import logging
import secrets
import time
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.publication.banner import Banner
from aggregator.publication.errors import PublicationError
from aggregator.publication.password import PasswordHash
from aggregator.publication.shelf import Shelf
from collector.admission.admit import network_of
from collector.admission.rate import Rate

GUESSES, GUESSES_PERIOD_S = 5, 300.0
"""Ours: wrong passwords that one network may send at once, and again over so long: 1,440 a day after the first five."""

TEAM_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'self' data: blob:; script-src 'self' blob:; style-src 'self' "
    "'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Maille-Audience": "team",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

_PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>Maille</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="font:1rem/1.5 sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem">
<h1>Réservé à l’équipe-projet</h1><p>{french}</p>
<div lang="en"><h2>For the project team alone</h2><p>{english}</p></div></body></html>
"""

_NOT_FOUND = {
    "type": "urn:maille:problem:not-found",
    "title": "Not found",
    "status": 404,
    "detail": "nothing is published here at the moment",
    "rule": "not-found",
}

_logger = logging.getLogger(__name__)


class Login(Protocol):
    """What tells the team from everybody else."""

    async def refusal(self, scope: Scope) -> Response | None:
        """What a request is answered that is not the team's; None where it is."""
        ...


class Password:
    """HTTP Basic (RFC 7617) with one password for the team; whatever name is given with it is ignored.

    Args:
        known: its hash.
        behind_proxy: clients' addresses are the last of ``X-Forwarded-For``, which a proxy of ours wrote.
    """

    def __init__(self, known: PasswordHash, *, behind_proxy: bool = False) -> None:
        self._known = known
        self._behind_proxy = behind_proxy
        self._guesses = Rate(GUESSES, GUESSES_PERIOD_S)
        self._one_at_a_time = asyncio.Lock()
        # a page is a hundred requests: once accepted, the password is known again by a digest that only we can make
        self._seal = secrets.token_bytes(32)
        self._accepted = b""

    async def refusal(self, scope: Scope) -> Response | None:
        """401 without the password, 429 after too many wrong ones."""
        headers = Headers(scope=scope)
        password = _password_in(headers.getlist("Authorization"))
        if password is None:
            return _asked()
        seal = hmac.digest(self._seal, password.encode("utf-8", "surrogatepass"), "sha256")
        if hmac.compare_digest(seal, self._accepted):
            return None
        client = network_of(self._address(scope, headers))
        async with self._one_at_a_time:  # wrong ones cannot be tried in parallel, nor take more than one core
            wait_s = self._guesses.wait_s(client, time.monotonic())
            if wait_s:
                return _slowed(wait_s)
            if await run_in_threadpool(self._known.matches, password):
                self._accepted = seal
                return None
            self._guesses.take(client, time.monotonic())
        _logger.warning("the team's password was wrong")
        return _asked()

    def _address(self, scope: Scope, headers: Headers) -> str | None:
        if self._behind_proxy:
            return ",".join(headers.getlist("X-Forwarded-For")).rpartition(",")[2].strip() or None
        client = scope.get("client")
        return client[0] if client else None


class ProxyLogin:
    """A reverse proxy's login: it names the person in a header, which nobody but the proxy can send us.

    Args:
        header: that the proxy sets, or removes, on every request.
    """

    def __init__(self, header: str) -> None:
        self._header = header

    async def refusal(self, scope: Scope) -> Response | None:
        """403 unless the header is there once and names somebody."""
        named = Headers(scope=scope).getlist(self._header)
        if len(named) == 1 and named[0].strip():
            return None
        return _refusal(
            403,
            "Le serveur mandataire n’a nommé personne : connectez-vous par son adresse.",
            "The proxy named nobody: log in at its address.",
        )


class OneAudience:
    """Serves nothing from a shelf that holds a release of another audience, however it came there."""

    def __init__(self, app: ASGIApp, shelf: Shelf) -> None:
        self._app, self._shelf = app, shelf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the shelf, and pass on or answer."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        try:
            self._shelf.require_sound()
        except PublicationError as error:
            _logger.error("%s", error)
            answer = JSONResponse(_NOT_FOUND, 404, media_type="application/problem+json")
            return await _answer(answer, scope, receive, send)
        return await self._app(scope, receive, send)


class TeamOnly:
    """Passes on what comes from the team, and marks every answer as the team's alone."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app, self._login = app, login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and mark."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [name for name in headers if name.startswith("access-control-")]:
                    del headers[name]  # open data may be read by any page, this may not
                headers.update(TEAM_HEADERS)
            await send(message)

        refused = await self._login.refusal(scope)
        if refused is not None:
            return await _answer(refused, scope, receive, marked)
        # whatever is compressed could not be given the banner
        asked = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        return await self._app({**scope, "headers": asked}, receive, Banner(marked))


def gated(app: ASGIApp, shelf: Shelf, login: Login | None = None) -> ASGIApp:
    """An application that reads a shelf, for its audience alone.

    Args:
        app: serves what is in the shelf's folder.
        shelf: of one audience.
        login: what tells the team from everybody else; the public needs none.

    Raises:
        ValueError: the team's without a login, or the public's with one.
        PublicationError: the shelf holds a release of another audience.
    """
    if (shelf.audience == "team") != (login is not None):
        raise ValueError(f"audience {shelf.audience!r}: expected a login for the team, and none for the public")
    shelf.require_sound()
    inner = OneAudience(app, shelf)
    return TeamOnly(inner, login) if login is not None else inner


def _password_in(given: list[str]) -> str | None:
    """The password of an ``Authorization`` header; None where there is none that can be read."""
    scheme, _, encoded = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return None
    try:
        _, found, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    # no control characters (RFC 7617 §2); scrypt would not tell a trailing NUL from none
    return password if found and password.isprintable() else None


def _asked() -> Response:
    answer = _refusal(
        401,
        "Le mot de passe de l’équipe est demandé ; le nom d’utilisateur est libre.",
        "The team’s password is asked for; any user name will do.",
    )
    answer.headers["WWW-Authenticate"] = 'Basic realm="Maille (equipe projet)", charset="UTF-8"'
    return answer


def _slowed(wait_s: float) -> Response:
    seconds = int(wait_s) + 1
    answer = _refusal(
        429,
        f"Trop de mots de passe erronés. Réessayez dans {seconds} secondes.",
        f"Too many wrong passwords. Try again in {seconds} seconds.",
    )
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _refusal(status: int, french: str, english: str) -> Response:
    return HTMLResponse(_PAGE.format(french=french, english=english), status)


async def _answer(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":  # no route of ours is a WebSocket
        await receive()
        return await send({"type": "websocket.close", "code": 1008})
    return await answer(scope, receive, send)

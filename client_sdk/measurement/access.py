"""Ask a collector for a measuring session: where to measure, and the tokens that open it."""

import base64
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from client_sdk.bounds import instant_text
from client_sdk.errors import CollectorError
from client_sdk.measurement.echo import EchoAccess
from client_sdk.messages import tr
from client_sdk.outbox.exchange import refusal
from client_sdk.outbox.queue import PinnedCollector
from client_sdk.sample import Outcome
from client_sdk.signing.jws import sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import MEASUREMENT_REQUEST, MEASUREMENT_TOKEN
from client_sdk.system_errors import cause_of

_TIMEOUT_S = 10.0


class NoAccessError(CollectorError):
    """No measuring session could be opened.

    Attributes:
        outcome: how a test ends here, where that is a fact about the place or a busy collector; None where it is the
            collector's own trouble, or someone's who answers in its stead: then there is nothing to record.
    """

    def __init__(
        self,
        message: str,
        outcome: Outcome | None = None,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status, retry_after_s)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where to measure, and the tokens that open it.

    Attributes:
        ndt7_url: base address of the ndt7 endpoints.
        test_id: of the session, as the collector's own record has it.
        token: opens the transfers; None where none is asked for.
        latency_url: WebSocket that answers pings.
        echo: where UDP echoes are answered; None where they are not.
        expires_at: end of the token's life.
    """

    ndt7_url: str
    test_id: str | None = None
    token: str | None = None
    latency_url: str | None = None
    echo: EchoAccess | None = None
    expires_at: datetime | None = None

    @property
    def is_collector(self) -> bool:
        """Whether a collector of ours answers, rather than any ndt7 server."""
        return self.test_id is not None

    @classmethod
    def of_server(cls, url: str) -> "Access":
        """Any ndt7 server, by its address; it answers pings on its upload connection, as every WebSocket does."""
        base = url.rstrip("/")
        return cls(ndt7_url=base, latency_url=f"{base}/ndt/v7/upload")


def open_access(collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> Access:
    """Ask the collector for a measuring session.

    Raises:
        NoAccessError: it could not be reached, refuses the device or is busy, or someone else answered.
    """
    wish = {"collector": collector.key.thumbprint, "requested_at": instant_text(datetime.now(UTC))}
    try:
        answer = client.post(
            f"{collector.url}/v1/measurement/sessions",
            content=sign_compact(json.dumps(wish).encode(), key, MEASUREMENT_REQUEST).encode(),
            headers={"Content-Type": "application/jose"},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
        )
    except httpx.HTTPError as error:
        raise _unreachable(collector.url, error) from error
    if answer.status_code in (429, 503):
        told = refusal(answer)
        raise NoAccessError(str(told), "busy", status=told.status, retry_after_s=told.retry_after_s)
    if answer.status_code >= 400:
        told = refusal(answer)
        raise NoAccessError(str(told), status=told.status, retry_after_s=told.retry_after_s)
    try:
        return _access(collector, answer.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAccessError(
            tr(
                f"{answer.url}: the answer is not a Maille collector’s, perhaps a network that asks to log in first",
                f"{answer.url} : la réponse n’est pas celle d’un collecteur, peut-être un réseau qui demande de "
                "s’identifier",
            )
        ) from error


def _access(collector: PinnedCollector, told: dict[str, Any]) -> Access:
    token = str(told["token"])
    verify_compact(token, {collector.key.thumbprint: collector.key}.get, MEASUREMENT_TOKEN)
    url = httpx.URL(collector.url)
    base = str(told.get("ndt7_url") or url.copy_with(scheme="wss" if url.scheme == "https" else "ws")).rstrip("/")
    echo = told.get("echo")
    return Access(
        ndt7_url=base,
        test_id=str(told["test_id"])[:64],
        token=token,
        latency_url=f"{base}/v1/measurement/latency?access_token={token}",
        echo=None
        if echo is None
        else EchoAccess(
            str(echo.get("host") or url.host),
            int(echo["port"]),
            base64.b64decode(echo["token"], validate=True),
            datetime.fromisoformat(echo["expires_at"]) if "expires_at" in echo else None,
        ),
        expires_at=datetime.fromisoformat(told["expires_at"]),
    )


def _unreachable(url: str, error: httpx.HTTPError) -> NoAccessError:
    """What an unanswered request says of the network; nothing, where the other end refused, or hung up."""
    reason = cause_of(error)
    told = tr(f"{url}: no answer ({reason}); try again later", f"{url} : pas de réponse ({reason}) ; réessayez")
    causes = _causes(error)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return NoAccessError(
            tr(f"{url}: refuses connections; try again later", f"{url} : connexion refusée ; réessayez plus tard")
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return NoAccessError(told, "tls")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NoAccessError(told, "dns")
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return NoAccessError(told, "tcp")
        case httpx.TimeoutException():
            return NoAccessError(told, "timeout")
        case _:
            return NoAccessError(told)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found

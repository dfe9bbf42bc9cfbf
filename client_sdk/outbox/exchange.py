"""One request to a collector, and what its answer means."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from client_sdk.errors import CollectorError, ReceiptError
from client_sdk.messages import tr
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER, Envelope
from client_sdk.system_errors import cause_of

DEADLINE_S = 300.0
"""Ours: the longest that one envelope may take, 50 kB at 1.4 kbit/s."""

IN_FRENCH = {
    "jws-unknown-key": "l’appareil n’est pas enrôlé ici",
    "device-revoked": "l’appareil n’est plus accepté ici",
    "device-replaced": "l’appareil a une clé plus récente",
    "jws-signature": "la signature ne correspond pas",
    "enrolment-collector": "l’enrôlement est destiné à un autre collecteur",
    "enrolment-invitation": "l’invitation ne peut pas servir",
    "enrolment-privacy-notice": "une autre notice s’applique",
    "rate-network": "trop de requêtes de ce réseau",
    "rate-device": "trop de relevés ou d’enveloppes de cet appareil",
    "rate-enrolment": "trop de nouveaux appareils de ce réseau",
    "storage-full": "le disque du collecteur est plein",
    "storage-unavailable": "la base du collecteur est hors d’atteinte",
    "intake-busy": "trop d’enveloppes attendent",
    "measurement-busy": "trop de mesures sont en cours",
    "measurement-token": "le jeton de mesure manque, est faux ou périmé",
    "internal": "le collecteur a échoué",
}
"""Refusals that a person may meet, by their rule; a collector gives its details in English."""

_PIECE_BYTES = 4096
_MAX_ANSWER_BYTES = 1024 * 1024


def request(client: httpx.Client, method: str, url: str, **arguments: object) -> httpx.Response:
    """One request; a redirection is not followed, since only the pinned address counts.

    Raises:
        CollectorError: no answer, or one that says no; with the collector's own words where it gave some.
    """
    try:
        answer = client.request(method, url, follow_redirects=False, **arguments)  # type: ignore[arg-type]
    except httpx.InvalidURL as error:
        raise CollectorError(f"{url}: {error}") from error
    except httpx.HTTPError as error:
        raise _no_answer(url, error) from error
    if answer.status_code >= 400:
        raise refusal(answer)
    return answer


def send_envelope(envelope: Envelope, url: str, client: httpx.Client, *, deadline_s: float = DEADLINE_S) -> str:
    """Send an envelope; what should be the receipt, not yet verified.

    Args:
        envelope: to send.
        url: address of the collector.
        client: makes the request.
        deadline_s: the most that it may take, all in all; one operation of the client's may outlast it.

    Raises:
        CollectorError: no answer, or one that says no.
        ReceiptError: someone else answered.
    """
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(envelope.body)),
        SIGNATURE_HEADER: envelope.signature,
    }
    answer = _within(deadline_s, client, f"{url}/v1/envelopes", envelope.body, headers)
    if answer.status_code >= 400:
        raise refusal(answer)
    if answer.status_code != 200 or answer.headers.get("Content-Type", "").partition(";")[0] != "application/jose":
        raise ReceiptError(
            tr(
                f"{answer.url}: the answer ({answer.status_code}) is not a receipt of the collector, perhaps a network "
                "that asks to log in first; nothing was marked as sent",
                f"{answer.url} : la réponse ({answer.status_code}) n’est pas un reçu du collecteur, peut-être un "
                "réseau qui demande de s’identifier ; rien n’est marqué comme envoyé",
            )
        )
    return answer.text


def refusal(answer: httpx.Response) -> CollectorError:
    """The error that an answer of status 400 or more stands for."""
    status, wait_s = answer.status_code, _retry_after_s(answer)
    problem = _problem(answer)
    reason = problem.get("detail") or answer.reason_phrase
    known = IN_FRENCH.get(problem.get("rule", ""))
    in_french = f"{known} ({reason})" if known else reason
    text = tr(f"{answer.url} answered {status}: {reason}", f"{answer.url} a répondu {status} : {in_french}")
    if wait_s is not None:
        text += tr(f"; it asks to wait {wait_s:.0f} s", f" ; il demande d’attendre {wait_s:.0f} s")
    return CollectorError(text, status, wait_s, problem.get("rule"))


def _within(deadline_s: float, client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """The whole answer, as long as it is no longer and takes no longer than a receipt may."""
    deadline = time.monotonic() + deadline_s

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), _PIECE_BYTES):
            in_time()
            yield body[start : start + _PIECE_BYTES]

    def in_time() -> None:
        if time.monotonic() > deadline:
            raise httpx.WriteTimeout(f"took more than {deadline_s:.0f} s")

    received = b""
    try:
        with client.stream("POST", url, content=pieces(), headers=headers, follow_redirects=False) as answer:
            for piece in answer.iter_bytes():
                in_time()
                received += piece
                if len(received) > _MAX_ANSWER_BYTES:
                    break
    except httpx.InvalidURL as error:
        raise CollectorError(f"{url}: {error}") from error
    except httpx.HTTPError as error:
        raise _no_answer(url, error) from error
    kept = {name: value for name, value in answer.headers.items() if name in ("content-type", "retry-after", "date")}
    return httpx.Response(answer.status_code, headers=kept, content=received, request=answer.request)


def _no_answer(url: str, error: httpx.HTTPError) -> CollectorError:
    reason = cause_of(error)
    return CollectorError(
        tr(f"{url}: no answer ({reason}); try again later", f"{url} : pas de réponse ({reason}) ; réessayez")
    )


def _problem(answer: httpx.Response) -> dict[str, str]:
    """The collector's own words and rule, where the answer has them; the sender is not verified."""
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return {}
    try:
        members = answer.json()
        given = {name: str(members[name]) for name in ("detail", "rule") if name in members}
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError):
        return {}
    # one printable line of it, no more
    return {name: "".join(c if c.isprintable() else " " for c in text)[:300] for name, text in given.items()}


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds to wait (RFC 9110 §10.2.3); a date is compared with the answer's own, since our clock may be wrong."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = _instant(text)
    except ValueError:
        return None
    try:
        now = _instant(answer.headers.get("Date", ""))
    except ValueError:
        now = datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _instant(text: str) -> datetime:
    instant = parsedate_to_datetime(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

"""Send what is pending and apply the receipts.

Three troubles, three meanings. *Transport*: no answer, a server that asks to wait, or an answer from someone who is
not the collector; nothing changed, send again later. *Refusal*: the collector understood and says no to the envelope;
sending again will not help, but nothing is lost. *Rejection*: one sample broke a rule; it is kept and shown, the others
went through.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from client_sdk.errors import CollectorError, MailleError, ReceiptError
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox, PinnedCollector, RejectedSample
from client_sdk.signing.envelope import CONTENT_TYPE, MAX_LINES, SIGNATURE_HEADER, Envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import open_receipt

Progress = Callable[[str, float], None]
"""Label and share done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """What one upload did: samples newly stored, samples the collector already had, samples rejected."""

    envelopes: int
    sent: int
    duplicates: int
    rejected: tuple[RejectedSample, ...]


def upload(outbox: Outbox, key: SigningKey, client: httpx.Client, progress: Progress | None = None) -> UploadSummary:
    """Send every pending sample to the collector the device enrolled at last.

    Args:
        outbox: where the samples are; what was settled stays settled whatever is raised.
        key: the device's key.
        client: makes the requests; no base URL is needed.
        progress: called after each envelope.

    Raises:
        MailleError: the device is enrolled nowhere.
        CollectorError: transport trouble (``is_transport_trouble``) or refusal.
        ReceiptError: the answer is not a receipt of the pinned collector.
    """
    collector = sending_to(outbox)
    total = outbox.counts().pending
    envelopes, sent, duplicates, max_lines = 0, 0, 0, MAX_LINES
    rejected: list[RejectedSample] = []
    while envelope := outbox.next_envelope(key, max_lines=max_lines):
        try:
            jws = _sent(envelope, collector, client)
        except CollectorError as error:
            held = outbox.release(envelope) if error.status == 413 else 0
            if held <= 1:
                raise
            max_lines = held // 2
            continue
        settled = outbox.settle(envelope, open_receipt(jws, collector.key, envelope.sha256), jws, collector)
        envelopes += 1
        sent += settled.sent
        duplicates += settled.duplicates
        rejected.extend(settled.rejected)
        if progress:
            done = sent + duplicates + len(rejected)
            progress(tr("sending", "envoi"), min(1.0, done / max(total, 1)))
    return UploadSummary(envelopes, sent, duplicates, tuple(rejected))


def sending_to(outbox: Outbox) -> PinnedCollector:
    """The collector to send to.

    Raises:
        MailleError: the device is enrolled nowhere.
    """
    for collector in outbox.collectors():
        return collector
    raise MailleError(
        tr(
            "this device is not enrolled: run `maille device enrol URL` first",
            "cet appareil n’est pas enrôlé : lancez d’abord `maille device enrol URL`",
        )
    )


def is_transport_trouble(error: MailleError) -> bool:
    """True where trying again later, or elsewhere, may help: no answer, a busy server, or a captive portal."""
    if isinstance(error, CollectorError):
        return error.status is None or error.status in (408, 425, 429) or error.status >= 500
    return isinstance(error, ReceiptError)


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
        reason = str(error) or type(error).__name__
        raise CollectorError(
            tr(f"{url}: no answer ({reason}); try again later", f"{url} : pas de réponse ({reason}) ; réessayez")
        ) from error
    if answer.status_code >= 400:
        raise refusal(answer)
    return answer


def refusal(answer: httpx.Response) -> CollectorError:
    """The error that an answer of status 400 or more stands for."""
    status, wait_s = answer.status_code, _retry_after_s(answer)
    reason = _problem_detail(answer) or answer.reason_phrase
    text = tr(f"{answer.url} answered {status}: {reason}", f"{answer.url} a répondu {status} : {reason}")
    if wait_s is not None:
        text += tr(f"; it asks to wait {wait_s:.0f} s", f" ; il demande d’attendre {wait_s:.0f} s")
    return CollectorError(text, status, wait_s)


def _sent(envelope: Envelope, collector: PinnedCollector, client: httpx.Client) -> str:
    answer = request(
        client,
        "POST",
        f"{collector.url}/v1/envelopes",
        content=envelope.body,
        headers={"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: envelope.signature},
    )
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


def _problem_detail(answer: httpx.Response) -> str | None:
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return None
    try:
        detail = answer.json()["detail"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None
    # the sender is not verified: one printable line of it, no more
    return "".join(c if c.isprintable() else " " for c in str(detail))[:300]


def _retry_after_s(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None

"""Enrolment: the device learns the collector's key, pins it, and proves that it holds its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from client_sdk.errors import CollectorError, DeviceKeyError, MailleError
from client_sdk.messages import tr
from client_sdk.outbox.exchange import request
from client_sdk.outbox.pins import renew_key
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.signing.envelope import MAX_BODY_BYTES, MAX_LINES
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.key_statements import leads_to
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.statement_types import ENROLMENT

CONTENT_TYPE = "application/jose"


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """What the collector does with the samples, in both languages."""

    version: str
    french: str
    english: str

    def text(self) -> str:
        """The notice in the reader's language."""
        return tr(self.english, self.french)


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """What a collector says of itself, before anything is sent to it.

    Attributes:
        url: its address.
        version: of its program.
        key: its public key.
        notice: what it does with the samples.
        max_samples: of an envelope, where it states a limit below the protocol's.
        max_body_bytes: the same.
        key_statements: by which it changed its key, as it gave them.
    """

    url: str
    version: str
    key: VerifyingKey
    notice: PrivacyNotice
    max_samples: int | None = None
    max_body_bytes: int | None = None
    key_statements: tuple[object, ...] = ()

    def follows(self, thumbprint: str) -> bool:
        """Whether its key is the one of that thumbprint, or took its place."""
        return leads_to(thumbprint, self.key.thumbprint, self.key_statements)


def read_status(url: str, client: httpx.Client) -> CollectorStatus:
    """Ask a collector who it is.

    Raises:
        CollectorError: no answer, or not a collector's.
    """
    base = url.rstrip("/")
    answer = request(client, "GET", f"{base}/v1/status")
    try:
        status = _object(answer)
        notice = status["privacy_notice"]
        texts = notice["text"]
        return CollectorStatus(
            base,
            str(status["version"]),
            VerifyingKey.from_jwk(status["collector_key"]),
            PrivacyNotice(str(notice["version"]), str(texts["fr"]), str(texts["en"])),
            _limit(status, "max_samples", MAX_LINES),
            _limit(status, "max_body_bytes", MAX_BODY_BYTES),
            tuple(given) if isinstance(given := status.get("key_statements"), list) else (),
        )
    except (ValueError, KeyError, TypeError, DeviceKeyError) as error:
        raise _not_a_collector(answer) from error


def enrol(
    url: str,
    key: SigningKey,
    outbox: Outbox,
    invitation: str | None = None,
    client: httpx.Client | None = None,
    *,
    collector_thumbprint: str | None = None,
    accept_notice: Callable[[PrivacyNotice], bool] | None = None,
    key_created_at: str | None = None,
) -> PinnedCollector:
    """Enrol the device, or, with an invitation, raise it to the tier of field teams.

    Args:
        url: address of the collector, as given by the project.
        key: the device's key.
        outbox: where the collector's key is pinned.
        invitation: code given to a field team.
        client: makes the requests; one is made and closed where it is None.
        collector_thumbprint: thumbprint that the collector's key must have, from the join link.
        accept_notice: shows the privacy notice and says whether it is accepted; where it is None, the caller
            answers for the acceptance.
        key_created_at: when the device's key was made, where that is known.

    Raises:
        CollectorError: no answer, a refusal, or not a collector.
        MailleError: the key is not the expected one, or the notice was declined; nothing was sent.
    """
    if client is None:
        with httpx.Client(timeout=30) as own:
            return enrol(
                url,
                key,
                outbox,
                invitation,
                own,
                collector_thumbprint=collector_thumbprint,
                accept_notice=accept_notice,
                key_created_at=key_created_at,
            )
    status = read_status(url, client)
    _expect_key(status, outbox, collector_thumbprint, outbox.known_thumbprint(status.url))
    if accept_notice and not accept_notice(status.notice):
        raise MailleError(tr("privacy notice not accepted: not enrolled", "notice refusée : appareil non enrôlé"))
    claims = {
        "jwk": key.public.jwk,
        "collector": status.key.thumbprint,
        "privacy_notice_version": status.notice.version,
        **({"invitation": invitation} if invitation else {}),
        **({"key_created_at": key_created_at} if key_created_at else {}),
    }
    answer = request(
        client,
        "POST",
        f"{status.url}/v1/devices",
        content=sign_compact(json.dumps(claims).encode(), key, ENROLMENT).encode(),
        headers={"Content-Type": CONTENT_TYPE},
    )
    try:
        enrolled = _object(answer)
        if enrolled["device"] != key.public.thumbprint or enrolled["collector_key"] != status.key.jwk:
            raise ValueError("about another device or collector")
        pinned = PinnedCollector(
            status.url,
            status.key,
            str(enrolled["tier"]),
            str(enrolled["enrolled_at"]),
            status.max_samples,
            status.max_body_bytes,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _not_a_collector(answer) from error
    outbox.pin(pinned)
    return pinned


def renewed(outbox: Outbox, collector: PinnedCollector, client: httpx.Client) -> PinnedCollector:
    """The collector under the key that it has now: another than the pinned one only where that one signed for it.

    Raises:
        CollectorError: no answer, or not a collector's.
        MailleError: it shows a key that the pinned one did not sign for.
    """
    status = read_status(collector.url, client)
    _expect_key(status, outbox, None, collector.key.thumbprint)
    return replace(collector, key=status.key)


def _expect_key(status: CollectorStatus, outbox: Outbox, expected: str | None, known: str | None) -> None:
    """Refuse a key that is neither the expected one nor the known one, nor took its place; follow it where it did."""
    found = status.key.thumbprint
    if expected is not None and not status.follows(expected):
        raise MailleError(
            tr(
                f"collector key: got {found}, expected {expected}: {status.url} is not the collector you were given",
                f"clé du collecteur : {found} au lieu de {expected} : {status.url} n’est pas le collecteur annoncé",
            )
        )
    if known is None or known == found:
        return
    if status.follows(known):
        renew_key(outbox, known, status.key)
    elif expected is None:
        raise MailleError(
            tr(
                f"collector key: {status.url} now shows {found}, pinned was {known}; if its project announced the "
                "change, use its new join link, or give the new key with --collector-key",
                f"clé du collecteur : {status.url} présente {found}, la clé connue est {known} ; si le projet a "
                "annoncé ce changement, prenez son nouveau lien, ou donnez la nouvelle clé avec --collector-key",
            )
        )


def _limit(status: dict[str, Any], name: str, usual: int) -> int | None:
    """A limit that the collector states, where it is smaller than the protocol's."""
    limits = status.get("limits")
    value = limits.get(name) if isinstance(limits, dict) else None
    return value if type(value) is int and 1 <= value < usual else None


def _object(answer: httpx.Response) -> dict[str, Any]:
    value = answer.json()
    if answer.status_code not in (200, 201) or not isinstance(value, dict):
        raise ValueError(answer.status_code)
    return value


def _not_a_collector(answer: httpx.Response) -> CollectorError:
    return CollectorError(
        tr(
            f"{answer.url}: the answer ({answer.status_code}) is not a Maille collector’s; check the address, or log "
            "in to the network first",
            f"{answer.url} : la réponse ({answer.status_code}) n’est pas celle d’un collecteur Maille ; vérifiez "
            "l’adresse, ou identifiez-vous d’abord sur le réseau",
        )
    )

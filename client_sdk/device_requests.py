"""What a device may ask a collector for itself, signed by its key: a new key, an account, a copy, their erasure."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from client_sdk.bounds import instant_text
from client_sdk.errors import CollectorError
from client_sdk.messages import tr
from client_sdk.mine.account import Account, read_account
from client_sdk.outbox.exchange import refusal, request
from client_sdk.outbox.queue import PinnedCollector
from client_sdk.signing.jws import JwsError, read_object, sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import ACCESS, CONTRIBUTIONS, ERASURE, ERASURE_RECEIPT, ROTATION, ROTATION_PROOF

_JOSE = {"Content-Type": "application/jose"}

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Erased:
    """What a collector says that it erased, and its signed word for it."""

    erased_at: str
    samples: int
    envelopes: int
    receipt: str


def rotate_at(collector: PinnedCollector, old: SigningKey, new: SigningKey, client: httpx.Client) -> None:
    """Have a collector take the new key in the old one's place; the same again changes nothing.

    Raises:
        CollectorError: no answer, a refusal, or an answer that is not the collector's.
    """
    named = {"device": old.public.thumbprint, "collector": collector.key.thumbprint}
    answer = _post(
        collector,
        "rotations",
        old,
        ROTATION,
        client,
        jwk=new.public.jwk,
        proof=sign_compact(json.dumps(named).encode(), new, ROTATION_PROOF),
    )
    try:
        if answer.json()["device"] != new.public.thumbprint:
            raise ValueError("about another device")
    except (ValueError, KeyError, TypeError) as error:
        raise _someone_else(str(answer.url)) from error


def download_copy(
    collector: PinnedCollector, key: SigningKey, file: Path, client: httpx.Client, progress: Progress | None = None
) -> int:
    """Fetch all that a collector has of this device; the file is there whole or not at all.

    Returns:
        Its length in bytes.

    Raises:
        CollectorError: no answer, a refusal, or an answer that is not the collector's.
        OSError: the file cannot be written.
    """
    url, aside = f"{collector.url}/v1/devices/access", file.with_name(f".{file.name}.partial")
    content, received = _signed(collector, key, ACCESS), 0
    try:
        with aside.open("wb") as written:
            aside.chmod(0o600)  # it says where somebody was
            with client.stream("POST", url, content=content, headers=_JOSE, follow_redirects=False) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise refusal(answer)
                total = int(answer.headers.get("Content-Length", "0"))
                for piece in answer.iter_bytes():
                    written.write(piece)
                    received += len(piece)
                    if progress:
                        progress(tr("copy", "copie"), min(1.0, received / max(total, 1)))
        if answer.status_code != 200 or received != total or not zipfile.is_zipfile(aside):
            raise _someone_else(url)
        aside.replace(file)
    except (httpx.HTTPError, ValueError) as error:
        raise CollectorError(tr(f"{url}: no answer ({error})", f"{url} : pas de réponse ({error})")) from error
    finally:
        aside.unlink(missing_ok=True)
    return received


def contributions_at(collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> Account:
    """A collector's account of what this device contributed.

    Raises:
        CollectorError: no answer, a refusal, or an answer that is not the collector's.
    """
    answer = _post(collector, "contributions", key, CONTRIBUTIONS, client)
    try:
        account = read_account(answer.json())
        if account.device != key.public.thumbprint:
            raise ValueError("about another device")
    except (ValueError, KeyError, TypeError) as error:
        raise _someone_else(str(answer.url)) from error
    return account


def erase_at(collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> Erased:
    """Have a collector erase everything of this device.

    Raises:
        CollectorError: no answer, a refusal, or an answer that it did not sign.
    """
    answer = _post(collector, "erasure", key, ERASURE, client)
    receipt = answer.text.strip()
    try:
        payload, _ = verify_compact(receipt, {collector.key.thumbprint: collector.key}.get, ERASURE_RECEIPT)
        told = read_object(payload, "receipt")
        if told["device"] != key.public.thumbprint:
            raise ValueError("about another device")
        return Erased(str(told["erased_at"]), int(told["samples"]), int(told["envelopes"]), receipt)
    except (JwsError, ValueError, KeyError, TypeError) as error:
        raise _someone_else(str(answer.url)) from error


def _post(
    collector: PinnedCollector, path: str, key: SigningKey, typ: str, client: httpx.Client, **members: object
) -> httpx.Response:
    content = _signed(collector, key, typ, **members)
    return request(client, "POST", f"{collector.url}/v1/devices/{path}", content=content, headers=_JOSE)


def _signed(collector: PinnedCollector, key: SigningKey, typ: str, **members: object) -> bytes:
    said = {
        "jwk": key.public.jwk,
        "collector": collector.key.thumbprint,
        "requested_at": instant_text(datetime.now(UTC)),
        **members,
    }
    return sign_compact(json.dumps(said).encode(), key, typ).encode()


def _someone_else(url: str) -> CollectorError:
    return CollectorError(
        tr(
            f"{url}: the answer is not the collector’s, perhaps a network that asks to log in first",
            f"{url} : la réponse n’est pas celle du collecteur, peut-être un réseau qui demande de s’identifier",
        )
    )

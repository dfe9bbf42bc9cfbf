"""Erasure (RGPD art. 17): database, stored envelopes and archive; the signed answer is the device's proof."""

import json
import logging
from datetime import datetime

from client_sdk.bounds import instant_text
from client_sdk.signing.jws import sign_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import ERASURE, ERASURE_RECEIPT
from collector.intake.devices import find_own_keys
from collector.intake.signed_request import read_device_request
from collector.secret import load_or_create_secret
from collector.settings import Settings
from collector.storage.archive import write_archive
from collector.storage.archive.place import Place
from collector.storage.devices import find_keys
from collector.storage.erasures import erase_device, overwrite_deleted, reapply_erasures
from collector.storage.store import Store

_log = logging.getLogger(__name__)


def erase(jws: bytes, store: Store, settings: Settings, key: SigningKey, now: datetime) -> str:
    """Erase the device that signed the request with the key inside it; asked again, the answer says the same.

    What takes long is left to :func:`finish_erasure`.

    Args:
        jws: compact JWS of type ``maille-erasure``.
        store: where everything is.
        settings: say where tombstones are kept.
        key: the collector's.
        now: instant of reception.

    Returns:
        Compact JWS of type ``maille-erasure-receipt``; what it says is committed.

    Raises:
        DeviceError: the device is unknown and was not erased, or its key was replaced.
        JwsError: the signature does not hold.
        RequestError: ``device-request``.
    """
    collector = key.public.thumbprint
    _, device = read_device_request(jws, ERASURE, None, collector, now)
    if find_keys(store, device.thumbprint):
        find_own_keys(store, device.thumbprint)
    tombstone = erase_device(store, settings.erasures, device.thumbprint, now)
    members = {
        "device": device.thumbprint,
        "collector": collector,
        "erased_at": instant_text(tombstone.erased_at),
        "samples": tombstone.samples,
        "envelopes": tombstone.envelopes,
    }
    return sign_compact(json.dumps(members, separators=(",", ":")).encode(), key, ERASURE_RECEIPT)


def rewrite_archive(store: Store, settings: Settings) -> None:
    """Write the archive's months from which something went, where there is an archive."""
    if Place(settings.archive).months():
        write_archive(store, settings.archive, load_or_create_secret(settings.device_token_key))


def finish_erasure(store: Store, settings: Settings) -> None:
    """After the answer: let go of what the database keeps of deleted rows, then write the archive's months anew."""
    overwrite_deleted(store)
    rewrite_archive(store, settings)


def erase_again(store: Store, settings: Settings) -> int:
    """After a backup was restored: erase what it brought back of erased devices, from the archive too.

    Returns:
        How many keys were erased.
    """
    erased = reapply_erasures(store, settings.erasures)
    if erased:
        _log.warning("%d keys of erased devices had come back with a restored database: erased again", erased)
        finish_erasure(store, settings)
    return erased

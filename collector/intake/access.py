"""Access (RGPD art. 15 and 20): everything that a device sent, and all that is known of it, in one ZIP.

It is written to a file without a name, so that neither memory nor a connection to the database is held while a slow
network carries it.
"""

import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from client_sdk.bounds import instant_text
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import Receipt, sign_receipt
from client_sdk.signing.statement_types import ACCESS
from collector.intake.access_readme import README
from collector.intake.devices import find_any_key, find_own_keys
from collector.intake.signed_request import read_device_request
from collector.storage.holdings import envelopes_of, invitation_label, samples_of, witnesses_of
from collector.storage.records import Device
from collector.storage.store import Store


def grant_access(jws: bytes, store: Store, folder: Path, key: SigningKey, now: datetime) -> IO[bytes]:
    """The ZIP for the device that signed the request, open for reading at its start.

    Args:
        jws: compact JWS of type ``maille-access``.
        store: where everything is.
        folder: where the file without a name may lie.
        key: the collector's, which signs the receipts again.
        now: instant of reception.

    Raises:
        DeviceError: the device is unknown, or its key was replaced.
        JwsError: the signature does not hold.
        RequestError: ``device-request``.
        OSError: the disk is full.
    """
    _, signer = read_device_request(
        jws, ACCESS, lambda thumbprint: find_any_key(store, thumbprint), key.public.thumbprint, now
    )
    keys = find_own_keys(store, signer.thumbprint)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        _write(file, store, keys, key)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _write(file: IO[bytes], store: Store, keys: Sequence[Device], collector_key: SigningKey) -> None:
    names = [key.thumbprint for key in keys]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("README.txt", README)
        written.writestr("device.json", json.dumps(_device(store, keys), ensure_ascii=False, indent=1) + "\n")
        for name, rows in (("samples", samples_of(store, names)), ("witnesses", witnesses_of(store, names))):
            with written.open(f"{name}.ndjson", "w", force_zip64=True) as lines:
                for row in rows:
                    lines.write(_line(row))
        for envelope in envelopes_of(store, names):
            receipt = Receipt(
                envelope_sha256=envelope.sha256,
                received_at=instant_text(envelope.received_at),
                verdicts=envelope.verdicts,
            )
            description = {
                "device": envelope.device,
                "envelope_sha256": envelope.sha256,
                "received_at": receipt.received_at,
                "signature": envelope.signature,
                "receipt": sign_receipt(receipt, collector_key),
            }
            place = f"envelopes/{envelope.device[:8]}-{envelope.sha256}"
            written.writestr(zipfile.ZipInfo(f"{place}.ndjson.gz"), envelope.body)  # compressed as it came
            written.writestr(f"{place}.json", json.dumps(description, indent=1) + "\n")


def _device(store: Store, keys: Sequence[Device]) -> dict[str, Any]:
    latest = keys[-1]
    return {
        "device": latest.thumbprint,
        "tier": latest.tier,
        "invitation": invitation_label(store, latest.invitation),
        "privacy_notice_version": latest.privacy_notice_version,
        "keys": [
            {
                "thumbprint": key.thumbprint,
                "jwk": key.jwk,
                "enrolled_at": instant_text(key.enrolled_at),
                "key_created_at": _instant(key.key_created_at),
                "revoked_at": _instant(key.revoked_at),
                "revoked_from": _instant(key.revoked_from),
            }
            for key in keys
        ],
    }


def _line(row: Mapping[str, Any]) -> bytes:
    members = {
        name: instant_text(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)

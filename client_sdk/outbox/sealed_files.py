"""Sealed envelopes as files, for a USB stick: anyone may carry them, and nobody can change them.

Of each envelope a folder holds ``maille-DEVICE-SHA256.ndjson.gz``, the signed bytes, which any program opens, and
``maille-DEVICE-SHA256.json``, the signature and whom it is for (names are cut short: 8 and 16 characters). The second
is written last: without it an envelope is not there. A receipt stands beside them, as
``maille-DEVICE-SHA256.COLLECTOR.jws``.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from client_sdk.outbox.queue import PinnedCollector
from client_sdk.signing.envelope import MAX_BODY_BYTES, Envelope

FORMAT = "maille-envelope-1"

_MAX_DESCRIPTION_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Addressee:
    """A collector that an envelope is for; its owner enrolled there."""

    url: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class SealedFile:
    """An envelope in a folder.

    Attributes:
        path: of its description.
        device: thumbprint of who signed it, as the description says.
        envelope: what is to be sent.
        addressees: where to.
        samples: how many it holds, as the description says.
    """

    path: Path
    device: str
    envelope: Envelope
    addressees: tuple[Addressee, ...]
    samples: int

    def receipt_path(self, addressee: Addressee) -> Path:
        """Where the receipt of a collector stands, once there is one."""
        return self.path.with_name(f"{self.path.stem}.{addressee.thumbprint[:8]}.jws")


def write_sealed(
    folder: Path, envelope: Envelope, device: str, collectors: Sequence[PinnedCollector], samples: int
) -> SealedFile:
    """Write an envelope into a folder; it is there whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    addressees = tuple(Addressee(one.url, one.key.thumbprint) for one in collectors)
    path = folder / f"maille-{device[:8]}-{envelope.sha256[:16]}.json"
    description = {
        "format": FORMAT,
        "device": device,
        "envelope_sha256": envelope.sha256,
        "signature": envelope.signature,
        "samples": samples,
        "collectors": [asdict(addressee) for addressee in addressees],
    }
    write_whole(_body_path(path), envelope.body)
    write_whole(path, json.dumps(description, indent=1).encode() + b"\n")
    return SealedFile(path, device, envelope, addressees, samples)


def read_sealed(folder: Path) -> tuple[list[SealedFile], list[Path]]:
    """The envelopes in a folder, by name, and the descriptions that do not fit their bytes or cannot be read.

    Raises:
        OSError: the folder cannot be read.
    """
    found: list[SealedFile] = []
    unusable: list[Path] = []
    for path in sorted(one for one in folder.iterdir() if one.name.startswith("maille-") and one.suffix == ".json"):
        try:
            found.append(_read(path))
        except (OSError, ValueError, KeyError, TypeError):
            unusable.append(path)
    return found, unusable


def write_whole(path: Path, content: bytes) -> None:
    """Write a file aside, then give it its name: it is there whole or not at all, and on the disk.

    Raises:
        OSError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # not every file system of a stick can
        handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(path: Path) -> SealedFile:
    members: dict[str, Any] = json.loads(_bounded(path, _MAX_DESCRIPTION_BYTES))
    body = _bounded(_body_path(path), MAX_BODY_BYTES)
    if members["format"] != FORMAT or hashlib.sha256(body).hexdigest() != members["envelope_sha256"]:
        raise ValueError(path.name)
    texts = [members["device"], members["signature"]]
    addressees = tuple(Addressee(one["url"], one["thumbprint"]) for one in members["collectors"])
    texts += [text for one in addressees for text in (one.url, one.thumbprint)]
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() for text in texts):
        raise ValueError(path.name)
    if not all(set(one.thumbprint) <= _THUMBPRINT_LETTERS for one in addressees):
        raise ValueError(path.name)
    return SealedFile(path, texts[0], Envelope(body, texts[1]), addressees, int(members["samples"]))


_THUMBPRINT_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def _bounded(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(path.name)
    return content


def _body_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.ndjson.gz")

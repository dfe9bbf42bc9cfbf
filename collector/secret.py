"""Secrets that a collector makes for itself: 32 random bytes in a file of their own."""

import secrets
from pathlib import Path

from client_sdk.messages import tr
from client_sdk.signing.keys import create_secret_file
from collector.errors import SettingsError

SECRET_BYTES = 32


def load_or_create_secret(path: Path) -> bytes:
    """Read the bytes, or make some that only their owner can read; of two racing makers one wins.

    Raises:
        SettingsError: the file does not hold 32 bytes.
    """
    if not path.exists():
        create_secret_file(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SettingsError(
            tr(
                f"{path}: got {len(secret)} bytes, expected {SECRET_BYTES}",
                f"{path} : {len(secret)} octets, {SECRET_BYTES} attendus",
            )
        )
    return secret

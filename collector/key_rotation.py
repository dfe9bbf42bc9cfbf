"""The collector changes its key: the old one signs a statement that names the new one, and is gone.

Nothing else has to be signed by the old key again: receipts are signed anew, and devices follow the statements.
"""

import os
from datetime import datetime

from client_sdk.bounds import instant_text
from client_sdk.signing.jws import JwsError
from client_sdk.signing.key_statements import names_of, sign_key_statement
from client_sdk.signing.keys import SigningKey
from collector.settings import Settings


def read_statements(settings: Settings) -> list[str]:
    """Every statement, the oldest first; a line that was cut short was never given to anyone."""
    try:
        lines = settings.key_statements.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if _is_statement(line)]


def rotate_collector_key(settings: Settings, now: datetime) -> tuple[str, str]:
    """Make a new key, have the old one sign for it, and put it in its place; a run that was cut short is finished.

    A server that runs goes on with the old key until it is started again.

    Args:
        settings: say where keys are.
        now: instant to put in the statement.

    Returns:
        Thumbprints of the old and the new key.

    Raises:
        DeviceKeyError: a key cannot be read.
        OSError: the statement cannot be written; the old key is still in its place.
    """
    aside = settings.collector_key.with_name("collector-key.next.pem")
    old = SigningKey.load_or_create(settings.collector_key)
    new = SigningKey.load_or_create(aside)
    step = (old.public.thumbprint, new.public.thumbprint)
    if step not in [names_of(statement) for statement in read_statements(settings)]:
        line = sign_key_statement(old, new.public, instant_text(now)) + "\n"
        handle = os.open(settings.key_statements, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "a") as opened:
            opened.write(("\n" if opened.tell() else "") + line)  # whatever a run before left half written
            opened.flush()
            os.fsync(opened.fileno())
    aside.replace(settings.collector_key)
    folder = os.open(settings.data, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return step


def _is_statement(line: str) -> bool:
    try:
        names_of(line)
    except JwsError:
        return False
    return True

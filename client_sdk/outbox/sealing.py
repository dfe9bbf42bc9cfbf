"""How many samples go into one envelope."""

from collections.abc import Sequence

from client_sdk.signing.envelope import MAX_BODY_BYTES, Envelope, seal
from client_sdk.signing.keys import SigningKey

MAX_SEALED_TEXT = 512 * 1024
"""Ours: text of one envelope, so that a weak uplink can carry it."""


def seal_first(lines: Sequence[bytes], key: SigningKey, max_body_bytes: int | None = None) -> tuple[Envelope, int]:
    """Seal as many lines as one envelope may hold, from the first on; one in any case.

    Args:
        lines: at least one encoded sample.
        key: the device's.
        max_body_bytes: largest compressed body; the protocol's limit where None.

    Returns:
        the envelope, and how many lines it holds.
    """
    count, text_bytes = 0, 0
    for line in lines:
        text_bytes += len(line) + 1
        if count and text_bytes > MAX_SEALED_TEXT:
            break
        count += 1
    envelope = seal(lines[:count], key)
    while count > 1 and len(envelope.body) > (max_body_bytes or MAX_BODY_BYTES):
        count = (count + 1) // 2
        envelope = seal(lines[:count], key)
    return envelope, count

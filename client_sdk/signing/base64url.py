"""Base64url without padding, read strictly: one text for one value (RFC 7515 §2, RFC 4648 §3.5)."""

import base64


def encode_base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Inverse of :func:`encode_base64url`.

    Raises:
        ValueError: padding, characters outside the alphabet, or unused bits that are not zero.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:  # the alphabet, or not ASCII at all
        raise ValueError("not base64url") from error
    if encode_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw

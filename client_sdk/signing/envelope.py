"""An envelope: 1 to 500 samples as NDJSON, gzip, signed as a detached JWS over the compressed bytes.

The signature is checked before anything is decompressed, and decompression is bounded.
"""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from client_sdk.errors import EnvelopeError
from client_sdk.signing.jws import FindKey, JwsError, sign_detached, verify_detached
from client_sdk.signing.keys import SigningKey

TYPE = "maille-envelope"
CONTENT_TYPE = "application/vnd.maille.envelope"
SIGNATURE_HEADER = "Maille-Signature"

# Bounds of the protocol (ours): 500 samples of this vocabulary take about 400 kB of text and 40 kB of gzip.
MAX_LINES = 500
MAX_LINE_BYTES = 16 * 1024
MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels: ``body`` is the compressed NDJSON, ``signature`` its detached JWS."""

    body: bytes
    signature: str

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the body: the identity of the envelope."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """What a verified envelope holds: who signed it, and its lines, not yet decoded."""

    device: str
    sha256: str
    lines: tuple[bytes, ...]


def seal(lines: Sequence[bytes], key: SigningKey) -> Envelope:
    """Compress and sign encoded samples. The same lines and key give the same envelope.

    Args:
        lines: 1 to 500 encoded samples (:func:`client_sdk.sample.encode`), without line feeds.
        key: the device's key.

    Raises:
        EnvelopeError: too few or too many lines, a line too long, or the text too large.
    """
    text = b"\n".join(lines) + b"\n"
    for number, line in enumerate(_bounded_lines(text), start=1):
        if len(line) > MAX_LINE_BYTES:
            raise EnvelopeError("line-size", f"line {number}: {len(line)} bytes, expected at most {MAX_LINE_BYTES}")
    body = gzip.compress(text, compresslevel=9, mtime=0)
    return Envelope(body, sign_detached(body, key, TYPE))


def open_envelope(body: bytes, signature: str, find_key: FindKey) -> OpenedEnvelope:
    """Verify an envelope, then decompress it within bounds and split it into lines, of any length within the text's.

    Args:
        body: the bytes as they arrived.
        signature: the detached JWS.
        find_key: from thumbprint to the device's key.

    Raises:
        EnvelopeError: the envelope as a whole must be refused; ``rule`` says why.
    """
    if len(body) > MAX_BODY_BYTES:
        raise EnvelopeError("envelope-size", f"envelope: {len(body)} bytes, at most {MAX_BODY_BYTES} expected")
    try:
        key = verify_detached(signature, body, find_key, TYPE)
    except JwsError as error:
        raise EnvelopeError(error.rule, str(error)) from error
    return OpenedEnvelope(key.thumbprint, hashlib.sha256(body).hexdigest(), _bounded_lines(_decompressed(body)))


def _decompressed(body: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = stream.decompress(body, MAX_TEXT_BYTES + 1)
    except zlib.error as error:
        raise EnvelopeError("envelope-gzip", f"envelope: is not gzip ({error})") from error
    if len(text) > MAX_TEXT_BYTES:
        raise EnvelopeError("envelope-text-size", f"envelope: holds more than {MAX_TEXT_BYTES} bytes of text")
    if not stream.eof:
        raise EnvelopeError("envelope-gzip", "envelope: gzip stream is cut short")
    if stream.unused_data:
        raise EnvelopeError("envelope-gzip", "envelope: bytes follow the end of the gzip stream")
    return text


def _bounded_lines(text: bytes) -> tuple[bytes, ...]:
    too_large = len(text) > MAX_TEXT_BYTES
    text = text.removesuffix(b"\n")
    found = text.count(b"\n") + 1 if text else 0  # counted first: 4 million line feeds are not worth a list
    if not 1 <= found <= MAX_LINES:
        raise EnvelopeError("envelope-lines", f"envelope: {found} samples, expected 1 to {MAX_LINES}")
    if too_large:
        raise EnvelopeError("envelope-text-size", f"envelope: holds more than {MAX_TEXT_BYTES} bytes of text")
    return tuple(text.split(b"\n"))

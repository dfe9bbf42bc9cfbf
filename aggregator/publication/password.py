"""The team's password: its scrypt hash, as a line of a file, and what compares it."""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from client_sdk.signing.keys import create_secret_file

LEAST_CHARACTERS = 12
"""Ours: three words that do not belong together. Guesses are slowed down as well, see :mod:`.gate`."""

BLOCKS, BLOCK_SIZE, LANES = 2**15, 8, 3
"""Cost of scrypt (RFC 7914), 32 MB: of those that OWASP's Password Storage Cheat Sheet holds equal."""

_MOST_BYTES = 2**26
_SCHEME = "scrypt"


@dataclass(frozen=True, slots=True, repr=False)
class PasswordHash:
    """Salt and hash; the password itself is kept nowhere."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> "PasswordHash":
        """Hash a new password.

        Raises:
            MailleError: it is too short, or holds what no keyboard writes.
        """
        if len(password) < LEAST_CHARACTERS or not password.isprintable():
            raise MailleError(
                tr(
                    f"password: {len(password)} characters, expected at least {LEAST_CHARACTERS}, printable ones",
                    f"mot de passe : {len(password)} caractères, il en faut au moins {LEAST_CHARACTERS}, affichables",
                )
            )
        salt = secrets.token_bytes(16)
        return cls(salt, _scrypt(password, salt))

    @classmethod
    def read(cls, file: Path) -> "PasswordHash":
        """What :meth:`write` wrote.

        Raises:
            MailleError: the file cannot be read, or holds something else.
        """
        try:
            scheme, blocks, size, lanes, salt, digest = file.read_text(encoding="ascii").strip().split("$")
            if (scheme, int(blocks), int(size), int(lanes)) != (_SCHEME, BLOCKS, BLOCK_SIZE, LANES):
                raise ValueError(f"{scheme} {blocks} {size} {lanes}")
            return cls(base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else tr("not a hash", "pas une empreinte")
            raise MailleError(
                tr(
                    f"{file}: {reason}; name a file that is not there yet, and the password is asked for and its hash "
                    "written there",
                    f"{file} : {reason} ; donnez le nom d'un fichier qui n'existe pas encore : le mot de passe sera "
                    "demandé et son empreinte y sera écrite",
                )
            ) from error

    def write(self, file: Path) -> None:
        """Write one line, readable by its owner alone; a file that is there already stays.

        Raises:
            MailleError: it cannot be written.
        """
        salt, digest = (base64.b64encode(part).decode() for part in (self.salt, self.digest))
        try:
            create_secret_file(file, f"{_SCHEME}${BLOCKS}${BLOCK_SIZE}${LANES}${salt}${digest}\n".encode())
        except OSError as error:
            raise MailleError(f"{file}: {error.strerror}") from error

    def matches(self, password: str) -> bool:
        """Whether this is the password; takes a quarter of a second of one core, and as long where it is not."""
        return hmac.compare_digest(_scrypt(password, self.salt), self.digest)


def _scrypt(password: str, salt: bytes) -> bytes:
    text = unicodedata.normalize("NFC", password).encode()  # keyboards differ in how they compose accents
    return hashlib.scrypt(text, salt=salt, n=BLOCKS, r=BLOCK_SIZE, p=LANES, maxmem=_MOST_BYTES)

"""Ed25519 keys of devices and collectors, named by their RFC 7638 thumbprint."""

import hashlib
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from client_sdk.errors import DeviceKeyError
from client_sdk.messages import tr
from client_sdk.signing.base64url import decode_base64url, encode_base64url

Jwk = dict[str, str]

_P = 2**255 - 19
_ORDER_8_Y = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})
"""The y of the eight points whose order divides 8 (RFC 8032: the cofactor); one signature fits many texts there."""


def is_thumbprint(text: str) -> bool:
    """A SHA-256 digest in base64url, 43 characters: the form of every RFC 7638 thumbprint here."""
    try:
        return len(decode_base64url(text)) == hashlib.sha256().digest_size
    except ValueError:
        return False


def create_secret_file(path: Path, content: bytes) -> None:
    """Make a file that only its owner can read; a file that exists stays as it is, so of two racing makers one wins.

    The file appears whole, except on a file system without hard links, where a reader may meet it half written.

    Args:
        path: of the file; its directory is made for its owner alone.
        content: all of it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_new(aside, content)
        try:
            os.link(aside, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            with suppress(FileExistsError):
                _write_new(path, content)
    finally:
        aside.unlink(missing_ok=True)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # a full disk: half a key would stand in the way of a whole one
        path.unlink()
        raise


class VerifyingKey:
    """The public half: verifies signatures, and is what travels and is stored (RFC 8037 JWK).

    Attributes:
        jwk: ``{"crv": "Ed25519", "kty": "OKP", "x": …}``.
        thumbprint: RFC 7638 thumbprint with SHA-256, base64url, 43 characters.
    """

    def __init__(self, public_key: Ed25519PublicKey) -> None:
        self._public_key = public_key
        raw = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.jwk: Jwk = {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(raw)}
        # the three required members in lexicographic order, without white space: RFC 7638 §3
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True).encode()
        self.thumbprint = encode_base64url(hashlib.sha256(canonical).digest())

    @classmethod
    def from_jwk(cls, jwk: object) -> "VerifyingKey":
        """Read a public JWK.

        Raises:
            DeviceKeyError: not an Ed25519 public key, one that proves nothing (a point of small order, or an
                encoding that is not canonical), or a private one was sent.
        """
        if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
            raise DeviceKeyError("jwk: expected an object with kty “OKP” and crv “Ed25519”")
        if "d" in jwk:
            raise DeviceKeyError("jwk: holds a private key (member d); send the public key only")
        try:
            raw = decode_base64url(jwk["x"])
            public_key = Ed25519PublicKey.from_public_bytes(raw)
        except (KeyError, TypeError, ValueError) as error:
            raise DeviceKeyError("jwk.x: expected 32 bytes in base64url") from error
        y = int.from_bytes(raw, "little") & (1 << 255) - 1  # the highest bit is the sign of x
        if y >= _P or y in _SMALL_ORDER_Y:
            raise DeviceKeyError("jwk.x: expected a public key, got a point of small order or not in canonical form")
        return cls(public_key)

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """True if ``signature`` (64 bytes) was made over ``signed`` by the private half (RFC 8032)."""
        try:
            self._public_key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key: a device's, or a collector's for its receipts."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public = VerifyingKey(private_key.public_key())

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """The key of a 32-byte seed (RFC 8032 §5.1.5): for test vectors and seeded simulations only."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read an unencrypted PKCS #8 PEM file.

        Raises:
            DeviceKeyError: the file is missing, unreadable or holds another kind of key.
        """
        try:
            private_key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            why = tr(f"cannot be read as a private key ({error})", f"ne peut être lu comme clé privée ({error})")
            raise DeviceKeyError(_unusable(path, why)) from error
        if not isinstance(private_key, Ed25519PrivateKey):
            why = tr("holds a key that is not Ed25519", "contient une clé qui n’est pas Ed25519")
            raise DeviceKeyError(_unusable(path, why))
        return cls(private_key)

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """Read the key, or make one that only its owner can read; of two racing processes one key wins."""
        if not path.exists():
            create_secret_file(path, cls.generate().pem())
        return cls.load(path)

    def pem(self) -> bytes:
        """Unencrypted PKCS #8 PEM."""
        return self._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, signed: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return self._private_key.sign(signed)


def _unusable(path: Path, why: str) -> str:
    return tr(
        f"{path}: {why}; put a copy of it back; a phone can also remove it and enrol again as a new device",
        f"{path} : {why} ; remettez-en une copie ; un téléphone peut aussi le supprimer et s’enrôler de nouveau",
    )

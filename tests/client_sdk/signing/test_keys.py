"""Keys and their names, against the vectors of RFC 8037 and RFC 8032."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.errors import DeviceKeyError
from client_sdk.signing.base64url import decode_base64url, encode_base64url
from client_sdk.signing.keys import SigningKey, VerifyingKey, create_secret_file, is_thumbprint

# RFC 8037, appendix A
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
SIGNED = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


def test_the_rfc_vectors_hold() -> None:
    key = SigningKey.from_seed(decode_base64url(D))

    assert key.public.jwk == {"crv": "Ed25519", "kty": "OKP", "x": X}
    assert key.public.thumbprint == THUMBPRINT
    assert encode_base64url(key.sign(SIGNED)) == SIGNATURE
    assert key.public.verifies(decode_base64url(SIGNATURE), SIGNED)
    assert not key.public.verifies(decode_base64url(SIGNATURE), SIGNED + b"x")


def test_the_name_of_a_key_does_not_depend_on_other_members() -> None:
    jwk = {"x": X, "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "mine"}

    assert VerifyingKey.from_jwk(jwk).thumbprint == THUMBPRINT


@pytest.mark.parametrize(
    ("jwk", "message"),
    [
        (None, "jwk: expected an object"),
        ("x", "jwk: expected an object"),
        ({"kty": "EC", "crv": "P-256", "x": X}, "jwk: expected an object with kty"),
        ({"kty": "OKP", "crv": "X25519", "x": X}, "jwk: expected an object with kty"),
        ({"kty": "OKP", "crv": "Ed25519"}, "jwk.x: expected 32 bytes"),
        ({"kty": "OKP", "crv": "Ed25519", "x": 3}, "jwk.x: expected 32 bytes"),
        ({"kty": "OKP", "crv": "Ed25519", "x": X[:-1]}, "jwk.x: expected 32 bytes"),
        ({"kty": "OKP", "crv": "Ed25519", "x": X + "="}, "jwk.x: expected 32 bytes"),
        ({"kty": "OKP", "crv": "Ed25519", "x": X, "d": D}, "jwk: holds a private key"),
    ],
)
def test_what_is_no_public_key_is_refused(jwk: Any, message: str) -> None:
    with pytest.raises(DeviceKeyError, match=message):
        VerifyingKey.from_jwk(jwk)


# RFC 8032 §5.1: the curve, for the points whose order divides the cofactor 8
P = 2**255 - 19
CURVE_D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def add(first: Point, second: Point) -> Point:
    (x1, y1), (x2, y2) = first, second
    product = CURVE_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def point_of_y(y: int) -> Point | None:
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    return (root, y) if root * root % P == square else None


def small_order_points() -> set[Point]:
    """Multiples by the order of the large subgroup of points of the curve."""
    order = 2**252 + 27742317777372353535851937790883648493
    found: set[Point] = set()
    for y in range(2, 40):
        if (point := point_of_y(y)) is not None:
            total = (0, 1)
            for bit in bin(order)[2:]:
                total = add(total, total)
                if bit == "1":
                    total = add(total, point)
            multiple = total
            for _ in range(8):
                found.add(multiple)
                multiple = add(multiple, total)
    return found


def test_a_point_of_small_order_is_no_key() -> None:
    points = small_order_points()
    assert len(points) == 8
    # every text that reads as one of them: either sign of x, and y or y + p where that fits into 255 bits
    texts = {
        (y | sign << 255).to_bytes(32, "little")
        for _, canonical in points
        for y in (canonical, canonical + P)
        if y < 2**255
        for sign in (0, 1)
    }
    assert len(texts) == 14
    for text in texts:
        with pytest.raises(DeviceKeyError, match=r"jwk\.x: expected a public key, got a point of small order"):
            VerifyingKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(text)})


@pytest.mark.parametrize("excess", range(19))
def test_a_key_has_one_text(excess: int) -> None:
    for sign in (0, 1):
        text = ((P + excess) | sign << 255).to_bytes(32, "little")
        with pytest.raises(DeviceKeyError, match="canonical"):
            VerifyingKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(text)})


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_made_is_accepted(seed: bytes) -> None:
    key = SigningKey.from_seed(seed).public

    assert VerifyingKey.from_jwk(key.jwk).thumbprint == key.thumbprint


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "device" / "key.pem"
    thumbprint = SigningKey.load_or_create(path).public.thumbprint

    assert SigningKey.load_or_create(path).public.thumbprint == thumbprint
    assert SigningKey.load(path).public.thumbprint == thumbprint
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]


def test_of_two_racing_processes_one_key_wins(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    program = (
        "import sys; from pathlib import Path; from client_sdk.signing.keys import SigningKey;"
        "print(SigningKey.load_or_create(Path(sys.argv[1])).public.thumbprint)"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]

    answers = {process.communicate()[0].strip() for process in racing}

    assert answers == {SigningKey.load(path).public.thumbprint}


def without_hard_links(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object] = lambda: None) -> None:
    def refuse(*_: object) -> None:
        meanwhile()
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_without_hard_links_a_key_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_hard_links(monkeypatch)
    path = tmp_path / "key.pem"
    thumbprint = SigningKey.load_or_create(path).public.thumbprint

    assert SigningKey.load_or_create(path).public.thumbprint == thumbprint
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False])
def test_a_key_that_another_process_made_meanwhile_stays(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, winner = tmp_path / "key.pem", SigningKey.generate()
    if links:
        path.write_bytes(winner.pem())
    else:
        without_hard_links(monkeypatch, lambda: path.write_bytes(winner.pem()))

    create_secret_file(path, SigningKey.generate().pem())

    assert SigningKey.load_or_create(path).public.thumbprint == winner.public.thumbprint
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        SigningKey.load_or_create(tmp_path / "key.pem")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_no_such_key_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(DeviceKeyError, match=r"key\.pem: cannot be read"):
        SigningKey.load(path)
    path.write_text("not a key")
    with pytest.raises(DeviceKeyError, match=r"key\.pem: cannot be read"):
        SigningKey.load(path)
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(DeviceKeyError, match="not Ed25519"):
        SigningKey.load(path)


@given(st.binary(max_size=70))
def test_base64url_comes_back(raw: bytes) -> None:
    text = encode_base64url(raw)

    assert decode_base64url(text) == raw
    assert "=" not in text


@pytest.mark.parametrize("text", ["A", "AB", "AAA=", "A A=", "+A", "/w", "_x", "é", "AA\n", "AAAA\n"])
def test_base64url_has_one_text_for_one_value(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        decode_base64url(text)


def test_a_thumbprint_is_recognised() -> None:
    assert is_thumbprint(THUMBPRINT)
    assert not any(map(is_thumbprint, ["", THUMBPRINT[:-1], THUMBPRINT + "A", "\0" * 43, "é" * 43, "\ud800"]))

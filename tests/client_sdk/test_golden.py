"""What was signed once opens for ever: with our code, and with two implementations of JOSE that are not ours."""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS, InvalidJWSSignature
from pydantic import TypeAdapter

from client_sdk.sample import Sample, check, encode
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.jws import verify_compact
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import LineVerdict, open_receipt

GOLDEN = Path(__file__).parent.parent / "golden"
KEYS: dict[str, Any] = json.loads((GOLDEN / "keys.json").read_text())
BODY = base64.b64decode((GOLDEN / "envelope.base64").read_text())
SHA256 = "027dc7955848ea747261febe7a5c77f57d0301fab9a0dc7155d6e5810a1124b6"
COMPACT = [("receipt", "collector"), ("enrolment", "device"), ("measurement", "device")]


def text_of(name: str) -> str:
    return (GOLDEN / f"{name}.jws").read_text().rstrip("\n")


def key_of(name: str) -> VerifyingKey:
    return VerifyingKey.from_jwk(KEYS[name]["jwk"])


@pytest.mark.parametrize("name", ["device", "collector"])
def test_keys_follow_from_their_seeds(name: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(KEYS[name]["seed_hex"])).public

    assert key.jwk == KEYS[name]["jwk"]
    assert key.thumbprint == KEYS[name]["thumbprint"]
    assert JWK(**KEYS[name]["jwk"]).thumbprint() == KEYS[name]["thumbprint"]
    assert OKPKey.import_key(KEYS[name]["jwk"]).thumbprint() == KEYS[name]["thumbprint"]


def test_the_sample_decodes_and_encodes_to_the_same_bytes() -> None:
    line = (GOLDEN / "sample.ndjson").read_bytes().removesuffix(b"\n")

    sample = TypeAdapter(Sample).validate_json(line)

    check(sample)
    assert sample.lte_rsrp_dbm == -107
    assert encode(sample) == line.replace(b'"lte_rsrp_dbm":-107,', b'"lte_rsrp_dbm":-107.0,')


def test_the_envelope_opens() -> None:
    opened = open_envelope(BODY, text_of("envelope"), {key_of("device").thumbprint: key_of("device")}.get)

    assert opened.device == KEYS["device"]["thumbprint"]
    assert opened.sha256 == SHA256
    assert b"".join(line + b"\n" for line in opened.lines) == (GOLDEN / "envelope.ndjson").read_bytes()


def test_the_receipt_opens() -> None:
    receipt = open_receipt(text_of("receipt"), key_of("collector"), SHA256)

    assert receipt.received_at == "2026-11-23T17:02:11.482Z"
    assert [verdict.verdict for verdict in receipt.verdicts] == ["stored", "duplicate", "rejected"]
    assert receipt.verdicts[2] == LineVerdict(
        line=3,
        verdict="rejected",
        sample_id="0198c8a3-9a78-7b01-9c44-0d1e2f3a4b5c",
        rule="sample-field",
        field="latitude",
        message="latitude: got 147.29101, expected number, ≥ -90, ≤ 90",
    )


@pytest.mark.parametrize(("name", "signer"), COMPACT)
def test_compact_signatures_open(name: str, signer: str) -> None:
    payload, key = verify_compact(text_of(name), {key_of(signer).thumbprint: key_of(signer)}.get, f"maille-{name}")

    assert key.thumbprint == KEYS[signer]["thumbprint"]
    assert isinstance(json.loads(payload), dict)


def test_jwcrypto_verifies_the_envelope_and_refuses_another() -> None:
    jws = JWS()
    jws.allowed_algs = ["Ed25519"]
    jws.deserialize(text_of("envelope"))
    jws.verify(JWK(**KEYS["device"]["jwk"]), detached_payload=BODY)

    other = JWS()
    other.allowed_algs = ["Ed25519"]
    other.deserialize(text_of("envelope"))
    with pytest.raises(InvalidJWSSignature):
        other.verify(JWK(**KEYS["device"]["jwk"]), detached_payload=BODY + b"\0")
    assert gzip.decompress(BODY) == (GOLDEN / "envelope.ndjson").read_bytes()
    assert hashlib.sha256(BODY).hexdigest() == SHA256


@pytest.mark.parametrize(("name", "signer"), COMPACT)
def test_jwcrypto_verifies_compact_signatures(name: str, signer: str) -> None:
    jws = JWS()
    jws.allowed_algs = ["Ed25519"]
    jws.deserialize(text_of(name), JWK(**KEYS[signer]["jwk"]))

    payload, _ = verify_compact(text_of(name), lambda _: key_of(signer), f"maille-{name}")
    assert jws.payload == payload


def test_joserfc_verifies_the_envelope() -> None:
    key = OKPKey.import_key(KEYS["device"]["jwk"])
    found = joserfc_jws.deserialize_compact(text_of("envelope"), key, algorithms=["Ed25519"], payload=BODY)

    assert found.payload == BODY
    assert found.headers()["kid"] == KEYS["device"]["thumbprint"]


@pytest.mark.parametrize(("name", "signer"), COMPACT)
def test_joserfc_verifies_compact_signatures(name: str, signer: str) -> None:
    key = OKPKey.import_key(KEYS[signer]["jwk"])
    found = joserfc_jws.deserialize_compact(text_of(name), key, algorithms=["Ed25519"])

    assert found.headers() == {"alg": "Ed25519", "kid": KEYS[signer]["thumbprint"], "typ": f"maille-{name}"}

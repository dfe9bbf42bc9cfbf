"""The known attacks on JSON Web Signatures, each by its name, on each route that takes one: none opens anything."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample, encode
from client_sdk.signing.base64url import decode_base64url, encode_base64url
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER
from client_sdk.signing.keys import SigningKey
from collector.errors import PROBLEMS
from collector.storage.tables import devices, envelopes, samples

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

L = 2**252 + 27742317777372353535851937790883648493  # order of Ed25519's group, RFC 8032 §5.1
IDENTITY = bytes([1]) + bytes(31)  # the point of order 1: with it any text has the signature (IDENTITY, 0)
ROUTES = {"envelopes": "maille-envelope", "devices": "maille-enrolment", "measurement/sessions": "maille-measurement"}
Sign = Callable[[bytes], bytes]


@dataclass
class Forge:
    """Makes statements for one route in the name of an enrolled device, and sends them."""

    route: str
    phone: Any
    body: bytes

    @property
    def is_detached(self) -> bool:
        return self.route == "envelopes"

    def header(self, **changes: Any) -> str:
        more = {"b64": False, "crit": ["b64"]} if self.is_detached else {}
        header = {"alg": "Ed25519", "kid": self.phone.key.public.thumbprint, "typ": ROUTES[self.route]} | more | changes
        return json.dumps({name: value for name, value in header.items() if value is not ...})

    def jws(self, header: str = "", sign: Sign | None = None, **changes: Any) -> str:
        first = encode_base64url((header or self.header(**changes)).encode())
        payload = self.body if self.is_detached else encode_base64url(self.payload()).encode()
        signature = (sign or self.phone.key.sign)(first.encode() + b"." + payload)
        return f"{first}.{'' if self.is_detached else payload.decode()}.{encode_base64url(signature)}"

    def payload(self) -> bytes:
        members = {"collector": self.phone.collector.key.public.thumbprint}
        if self.route == "devices":
            members |= {
                "jwk": self.phone.key.public.jwk,
                "privacy_notice_version": self.phone.collector.app.state.notice.version,
            }
        else:
            members |= {"requested_at": instant_text(datetime.now(UTC))}
        return json.dumps(members).encode()

    def send(self, jws: str) -> httpx.Response:
        headers = {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: jws}
        if not self.is_detached:
            headers = {"Content-Type": "application/jose"}
        answer: httpx.Response = self.phone.http.post(
            f"/v1/{self.route}", content=self.body if self.is_detached else jws.encode(), headers=headers
        )
        return answer


def mac(secret: Callable[[Forge], bytes], forge: Forge, alg: str = "HS256") -> str:
    digest = hashlib.sha256 if alg == "HS256" else hashlib.sha512
    return forge.jws(alg=alg, sign=lambda text: hmac.new(secret(forge), text, digest).digest())


def raw_key(forge: Forge) -> bytes:
    return decode_base64url(forge.phone.key.public.jwk["x"])


def scalar_changed(forge: Forge, change: Callable[[int], int]) -> str:
    """The good signature (R, S) with another S."""

    def sign(text: bytes) -> bytes:
        good = forge.phone.key.sign(text)
        return bytes(good[:32] + change(int.from_bytes(good[32:], "little")).to_bytes(32, "little"))

    return forge.jws(sign=sign)


def unsigned(forge: Forge, **changes: Any) -> str:
    return forge.jws(sign=lambda _: b"", **changes)


STRANGER = SigningKey.from_seed(b"?" * 32)
NO_HEADER, NO_CRIT, NO_ALG, NO_TEXT = "jws-header", "jws-critical", "jws-algorithm", "jws-malformed"
NO_MATCH, NO_TYPE = "jws-signature", "jws-type"
ATTACKS: dict[str, tuple[Callable[[Forge], str], str]] = {
    **{
        f"alg {alg!r}, unsigned": (lambda forge, alg=alg: unsigned(forge, alg=alg), NO_ALG)
        for alg in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            None,
            ...,
            [],
            ["Ed25519"],
            {"": 1},
            0,
            True,
            "ed25519",
            "Ed25519 ",
        )
    },
    **{
        f"alg {alg}": (lambda forge, alg=alg: forge.jws(alg=alg), NO_ALG) for alg in ("ES256", "Ed448", "none", "HS256")
    },
    "HS256, secret: the public key": (lambda forge: mac(raw_key, forge), NO_ALG),
    "HS512, secret: the public key": (lambda forge: mac(raw_key, forge, "HS512"), NO_ALG),
    "HS256, secret: its text": (lambda forge: mac(lambda f: f.phone.key.public.jwk["x"].encode(), forge), NO_ALG),
    "HS256, secret: empty": (lambda forge: mac(lambda _: b"", forge), NO_ALG),
    "Ed25519 said, HMAC made": (
        lambda forge: forge.jws(sign=lambda text: hmac.new(raw_key(forge), text, hashlib.sha512).digest()),
        NO_MATCH,
    ),
    "unsigned": (unsigned, NO_MATCH),
    "a key of the attacker's in jwk": (lambda forge: forge.jws(jwk=STRANGER.public.jwk, sign=STRANGER.sign), NO_HEADER),
    "the device's own key in jwk": (lambda forge: forge.jws(jwk=forge.phone.key.public.jwk), NO_HEADER),
    **{
        f"a key by {name}": (lambda forge, name=name: forge.jws(**{name: "https://x.example/k"}), NO_HEADER)
        for name in ("jku", "x5u", "x5t", "x5t#S256", "cty", "zip", "url", "nonce")
    },
    "a key by x5c": (lambda forge: forge.jws(x5c=["MIIB"], sign=STRANGER.sign), NO_HEADER),
    **{
        f"crit {crit!r}": (lambda forge, crit=crit: forge.jws(crit=crit), NO_CRIT)
        for crit in (["exp"], ["b64", "exp"], ["exp", "b64"], ["b64", "b64"], [], "b64", None, [["b64"]], {"b64": 1})
    },
    "crit of a member that is there": (lambda forge: forge.jws(crit=["b64", "exp"], exp=1), NO_CRIT),
    **{
        f"b64 {b64!r}": (lambda forge, b64=b64: forge.jws(b64=b64, crit=["b64"]), NO_CRIT)
        for b64 in (True, 0, 0.0, 1, "false", "", None, [], ...)
    },
    "another device's name": (lambda forge: forge.jws(sign=STRANGER.sign), NO_MATCH),
    "kid a list": (lambda forge: forge.jws(kid=[forge.phone.key.public.thumbprint]), NO_HEADER),
    "kid absent": (lambda forge: forge.jws(kid=...), NO_HEADER),
    "kid a path": (lambda forge: forge.jws(kid="../../../../dev/null"), NO_HEADER),
    "the last of two alg is none": (
        lambda forge: forge.jws(header=forge.header()[:-1] + ', "alg": "none"}', sign=lambda _: b""),
        NO_ALG,
    ),
    "the last of two kid is another's": (
        lambda forge: forge.jws(header=forge.header()[:-1] + f', "kid": "{STRANGER.public.thumbprint}"}}'),
        "jws-unknown-key",
    ),
    **{
        f"typ {typ!r}": (lambda forge, typ=typ: forge.jws(typ=typ), NO_TYPE)
        for typ in ("maille-receipt", "maille-measurement-token", "MAILLE-ENVELOPE", "JWT", "", None, ...)
    },
    "S + L": (lambda forge: scalar_changed(forge, lambda s: s + L), NO_MATCH),
    "S + 8 L": (lambda forge: scalar_changed(forge, lambda s: s + 8 * L), NO_MATCH),
    "S negated": (lambda forge: scalar_changed(forge, lambda s: L - s), NO_MATCH),
    "S of the highest bits": (lambda forge: scalar_changed(forge, lambda s: s | 7 << 253), NO_MATCH),
    "all zero": (lambda forge: forge.jws(sign=lambda _: bytes(64)), NO_MATCH),
    "the identity as R": (lambda forge: forge.jws(sign=lambda _: IDENTITY + bytes(32)), NO_MATCH),
    "a byte after the signature": (
        lambda forge: forge.jws(sign=lambda text: forge.phone.key.sign(text) + b"x"),
        NO_MATCH,
    ),
    "a part after the signature": (lambda forge: forge.jws() + ".e30", NO_TEXT),
    "a dot after the signature": (lambda forge: forge.jws() + ".", NO_TEXT),
    "padding": (lambda forge: forge.jws() + "==", NO_TEXT),
    "a space inside": (lambda forge: forge.jws().replace(".", " .", 1), NO_TEXT),
    "a second statement after it": (lambda forge: f"{forge.jws()},{forge.jws()}", NO_TEXT),
    "the JSON form": (
        lambda forge: json.dumps(dict(zip(("protected", "payload", "signature"), forge.jws().split("."), strict=True))),
        NO_TEXT,
    ),
    "an encrypted form": (lambda forge: "e30.e30.e30.e30.e30", NO_TEXT),
}
# a statement for one route sent to another, its payload fit for both
ATTACKS |= {
    f"a statement for {other}": (lambda forge, typ=typ: forge.jws(typ=typ), NO_TYPE) for other, typ in ROUTES.items()
}


def rows(collector: Any) -> list[int]:
    with collector.store.engine.connect() as connection:
        return [
            connection.scalar(select(func.count()).select_from(table)) or 0 for table in (devices, envelopes, samples)
        ]


@pytest.fixture
def forge_of(collector: Any, phone_of: Any, make_sample: Callable[..., Sample]) -> Callable[[str], Forge]:
    phone = phone_of(collector)
    body = phone.seal([encode(make_sample())]).body
    return lambda route: Forge(route, phone, body)


@pytest.mark.parametrize("route", ROUTES)
def test_no_attack_opens_anything(collector: Any, forge_of: Callable[[str], Forge], route: str) -> None:
    forge = forge_of(route)
    before = rows(collector)
    for name, (attack, rule) in ATTACKS.items():
        if name == f"a statement for {route}":
            continue
        answer = forge.send(attack(forge))
        found = (answer.status_code, answer.json().get("rule"))
        assert found == (PROBLEMS[rule].status, rule), f"{name}: {answer.text}"
    assert rows(collector) == before
    assert forge.send(forge.jws()).status_code == 200, "the honest statement is refused too"


@pytest.mark.parametrize("route", ROUTES)
def test_what_the_collector_signed_itself_is_no_request(
    collector: Any, forge_of: Callable[[str], Forge], route: str
) -> None:
    forge = forge_of(route)
    receipt = forge_of("envelopes").send(forge_of("envelopes").jws()).text
    token = forge.phone.session()["token"]
    before = rows(collector)
    for statement in (receipt, token):
        header, payload, signature = statement.split(".")
        answer = forge.send(f"{header}..{signature}" if forge.is_detached else statement)
        # an enrolment's key is looked for inside: what has none is refused for that
        assert answer.json()["rule"] in ("jws-type", "enrolment-payload"), payload
    assert rows(collector) == before


def test_a_key_of_small_order_enrols_no_one(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector, enrolled=False)
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(IDENTITY)}
    text = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    name = encode_base64url(hashlib.sha256(text).digest())
    header = json.dumps({"alg": "Ed25519", "kid": name, "typ": "maille-enrolment"})
    payload = decode_base64url(phone.enrolment(jwk=jwk).split(".")[1])
    jws = ".".join(encode_base64url(part) for part in (header.encode(), payload, IDENTITY + bytes(32)))
    answer = phone.http.post("/v1/devices", content=jws, headers={"Content-Type": "application/jose"})
    assert (answer.status_code, answer.json()["rule"]) == (400, "enrolment-key")
    assert rows(collector) == [0, 0, 0]

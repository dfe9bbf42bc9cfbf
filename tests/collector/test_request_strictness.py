"""Hostile texts in signed requests are refused before they reach the database, and duplicates have one meaning."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from client_sdk.signing.base64url import encode_base64url
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER
from client_sdk.signing.keys import SigningKey
from collector.problems import problem
from collector.storage.devices import find_device

KEY = SigningKey.from_seed(b"s" * 32)
HOSTILE = {
    "NUL": '"\\u0000"',
    "half a surrogate pair": '"\\ud800"',
    "long": json.dumps("A" * 600),
    "SQL": '"\' OR 1=1 --"',
    "a list": "[1]",
    "null": "null",
}


def compact(header: str, payload: str, key: SigningKey = KEY) -> str:
    text = f"{encode_base64url(header.encode())}.{encode_base64url(payload.encode())}"
    return f"{text}.{encode_base64url(key.sign(text.encode()))}"


def header(typ: str, kid: str = f'"{KEY.public.thumbprint}"') -> str:
    return f'{{"alg":"Ed25519","typ":"{typ}","kid":{kid}}}'


def enrolment(collector: Any, **change: Any) -> dict[str, Any]:
    claims = {
        "jwk": KEY.public.jwk,
        "collector": collector.key.public.thumbprint,
        "privacy_notice_version": collector.app.state.notice.version,
    }
    return claims | change


def posted(collector: Any, path: str, jws: str) -> httpx.Response:
    return httpx.post(f"{collector.base_url}/v1/{path}", content=jws, headers={"Content-Type": "application/jose"})


@pytest.mark.parametrize("path", ["devices", "envelopes", "measurement/sessions"])
def test_a_kid_that_is_no_thumbprint_is_a_bad_request(path: str, collector: Any) -> None:
    for name, kid in HOSTILE.items():
        if path == "envelopes":
            encoded = encode_base64url(
                f'{{"alg":"Ed25519","b64":false,"crit":["b64"],"typ":"maille-envelope","kid":{kid}}}'.encode()
            )
            signature = f"{encoded}..{encode_base64url(KEY.sign(encoded.encode() + b'.x'))}"
            headers = {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: signature}
            answer = httpx.post(f"{collector.base_url}/v1/envelopes", content=b"x", headers=headers)
        else:
            typ = "maille-enrolment" if path == "devices" else "maille-measurement"
            answer = posted(collector, path, compact(header(typ, kid), json.dumps(enrolment(collector))))

        assert (answer.status_code, answer.json()["rule"]) == (400, "jws-header"), name
        assert answer.json()["detail"].startswith("kid: expected")


@pytest.mark.parametrize("path", ["devices", "envelopes", "measurement/sessions"])
def test_a_hostile_name_of_a_header_member_is_told_in_plain_characters(path: str, collector: Any) -> None:
    for name, shown in [
        ("\ud800", "\\ud800"),
        ("a\x1b[2Jb\x85\u202e", "a\\x1b[2Jb\\x85\\u202e"),
        ("x" * 300, "x" * 64),
        ("\ud800" * 60, "\\ud800" * 60),
    ]:
        member = f"{{{json.dumps(name)}:1,"
        if path == "envelopes":
            rest = header("maille-envelope").replace("{", '"b64":false,"crit":["b64"],')
            encoded = encode_base64url((member + rest).encode())
            signature = f"{encoded}..{encode_base64url(KEY.sign(encoded.encode() + b'.x'))}"
            headers = {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: signature}
            answer = httpx.post(f"{collector.base_url}/v1/envelopes", content=b"x", headers=headers)
        else:
            typ = "maille-enrolment" if path == "devices" else "maille-measurement"
            answer = posted(collector, path, compact(member + header(typ)[1:], json.dumps(enrolment(collector))))

        assert (answer.status_code, answer.json()["rule"]) == (400, "jws-header"), name
        assert answer.json()["detail"] == f"{shown}: not a header member of this protocol"


def test_no_text_can_fail_a_problem() -> None:
    answer = problem("internal", "half \ud800, control \x1b, line\nfeed, whole \U0001f600")

    assert json.loads(answer.body)["detail"] == "half \ud800, control \x1b, line\nfeed, whole \U0001f600"
    assert b"half \\ud800, control \\u001b" in answer.body


REFUSED: dict[str, tuple[Callable[[Any], str], int, str]] = {
    "NUL in the version": (
        lambda collector: json.dumps(enrolment(collector, privacy_notice_version="\0")),
        409,
        "enrolment-privacy-notice",
    ),
    "half a surrogate pair as invitation": (
        lambda collector: json.dumps(enrolment(collector, invitation="\ud800")),
        403,
        "enrolment-invitation",
    ),
    "number as invitation": (
        lambda collector: json.dumps(enrolment(collector, invitation=1)),
        400,
        "enrolment-payload",
    ),
    "unknown member": (lambda collector: json.dumps(enrolment(collector, email="a@b")), 400, "enrolment-payload"),
    "private key": (
        lambda collector: json.dumps(enrolment(collector, jwk=KEY.public.jwk | {"d": "x"})),
        400,
        "enrolment-key",
    ),
    "NaN": (lambda collector: json.dumps(enrolment(collector, invitation=float("nan"))), 400, "enrolment-payload"),
    "deep nesting": (lambda _: '{"jwk":' + "[" * 3000, 400, "enrolment-payload"),
    "the last duplicate is another collector": (
        lambda collector: json.dumps(enrolment(collector))[:-1] + ',"collector":"other"}',
        403,
        "enrolment-collector",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_enrolment_is_refused_with_its_reason(name: str, collector: Any) -> None:
    payload, status, rule = REFUSED[name]

    answer = posted(collector, "devices", compact(header("maille-enrolment"), payload(collector)))

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert find_device(collector.store, KEY.public.thumbprint) is None


def test_the_last_of_duplicate_members_counts_in_an_enrolment(collector: Any) -> None:
    payload = '{"collector":"other",' + json.dumps(enrolment(collector))[1:]
    twice = '{"alg":"none",' + header("maille-enrolment")[1:]

    assert posted(collector, "devices", compact(twice, payload)).status_code == 201

"""Enrolment over HTTP, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from client_sdk.errors import SampleError
from client_sdk.signing.keys import SigningKey
from collector.intake.devices import invite
from collector.storage.devices import find_device
from collector.storage.tables import devices

NOW = datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["rule"]


def test_a_device_enrols_once_and_may_say_so_again(running_collector: Any, phone_of: Any) -> None:
    now = [NOW]
    collector = running_collector(clock=lambda: now[-1])
    phone = phone_of(collector, enrolled=False)
    first = phone.enrol()
    assert first.status_code == 201
    assert first.json() == {
        "device": phone.key.public.thumbprint,
        "tier": "volunteer",
        "enrolled_at": "2026-11-20T08:00:00.123Z",
        "collector_key": collector.key.public.jwk,
    }
    now.append(NOW + timedelta(days=3))
    again = phone.enrol()
    assert again.status_code == 200
    assert again.json() == first.json()


def test_the_status_tells_who_the_collector_is(collector: Any, phone_of: Any) -> None:
    told = phone_of(collector).http.get("/v1/status").json()
    assert told["name"] == "maille-collector"
    assert told["collector_key"] == collector.key.public.jwk
    assert told["collector_thumbprint"] == collector.key.public.thumbprint
    assert told["privacy_notice"]["version"] == collector.app.state.notice.version
    assert set(told["privacy_notice"]["text"]) == {"fr", "en"}
    assert told["limits"] == {"max_body_bytes": 1048576, "max_samples": 500}


def test_what_cannot_be_accepted_enrols_no_one(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector, enrolled=False)
    other = SigningKey.generate()
    cases = [
        ({"collector": other.public.thumbprint}, (403, "enrolment-collector")),
        ({"collector": None}, (400, "enrolment-payload")),
        ({"collector": 3}, (400, "enrolment-payload")),
        ({"privacy_notice_version": "2020-01"}, (409, "enrolment-privacy-notice")),
        ({"privacy_notice_version": None}, (400, "enrolment-payload")),
        ({"invitation": "no-such-code"}, (403, "enrolment-invitation")),
        ({"invitation": 3}, (400, "enrolment-payload")),
        ({"surprise": 1}, (400, "enrolment-payload")),
        ({"jwk": None}, (400, "enrolment-payload")),
        ({"jwk": "key"}, (400, "enrolment-key")),
        ({"jwk": phone.key.public.jwk | {"x": "AAAA"}}, (400, "enrolment-key")),
        ({"jwk": phone.key.public.jwk | {"x": "A" * 43}}, (400, "enrolment-key")),
        ({"jwk": phone.key.public.jwk | {"x": "AQ" + "A" * 41}}, (400, "enrolment-key")),
        ({"jwk": phone.key.public.jwk | {"d": "AAAA"}}, (400, "enrolment-key")),
        ({"jwk": other.public.jwk}, (401, "jws-unknown-key")),
    ]
    for changes, expected in cases:
        assert refusal(phone.enrol(**changes)) == expected, changes
    assert find_device(collector.store, phone.key.public.thumbprint) is None


def test_another_keys_signature_proves_no_possession(collector: Any, phone_of: Any) -> None:
    phone, thief = phone_of(collector, enrolled=False), phone_of(collector, enrolled=False)
    header, payload, _ = phone.enrolment().split(".")
    _, _, signature = thief.enrolment().split(".")
    answer = phone.http.post(
        "/v1/devices", content=f"{header}.{payload}.{signature}", headers={"Content-Type": "application/jose"}
    )
    assert refusal(answer) == (403, "jws-signature")
    assert find_device(collector.store, phone.key.public.thumbprint) is None


def test_of_duplicate_members_the_last_one_counts(collector: Any, phone_of: Any) -> None:
    from client_sdk.signing.jws import sign_compact

    phone = phone_of(collector, enrolled=False)
    payload = (
        f'{{"privacy_notice_version":"2020-01","collector":"{collector.key.public.thumbprint}",'
        f'"privacy_notice_version":"{collector.app.state.notice.version}",'
        f'"jwk":{{"kty":"OKP","crv":"Ed25519","x":"AAAA","x":"{phone.key.public.jwk["x"]}"}}}}'
    )
    jws = sign_compact(payload.encode(), phone.key, "maille-enrolment")
    answer = phone.http.post("/v1/devices", content=jws, headers={"Content-Type": "application/jose"})
    assert answer.status_code == 201


def test_an_invitation_makes_a_field_team(collector: Any, phone_of: Any) -> None:
    code, _ = invite(collector.store, "Nièvre 2026", 2, timedelta(days=30), datetime.now(UTC))
    phone = phone_of(collector)
    typed = code.replace("-", " ").upper()
    assert phone.enrol(invitation=typed).json()["tier"] == "field_team"
    assert phone.enrol(invitation=code).json()["tier"] == "field_team"
    assert phone.enrol().json()["tier"] == "field_team"

    second, third = phone_of(collector, enrolled=False), phone_of(collector, enrolled=False)
    answer = second.enrol(invitation=code)
    assert (answer.status_code, answer.json()["tier"]) == (201, "field_team")
    assert refusal(third.enrol(invitation=code)) == (403, "enrolment-invitation")
    assert find_device(collector.store, third.key.public.thumbprint) is None
    assert phone.enrol(invitation=code).status_code == 200


def test_an_invitation_ends(running_collector: Any, phone_of: Any) -> None:
    now = [NOW]
    collector = running_collector(clock=lambda: now[0])
    code, _ = invite(collector.store, "team", 5, timedelta(days=1), NOW)
    phone = phone_of(collector)
    now[0] = NOW + timedelta(days=1)
    assert refusal(phone.enrol(invitation=code)) == (403, "enrolment-invitation")
    assert phone.enrol().json()["tier"] == "volunteer"


def test_the_code_itself_is_not_kept(collector: Any) -> None:
    code, invitation = invite(collector.store, "team", 1, timedelta(days=1), NOW)
    assert code not in repr(invitation)
    assert len(invitation.code_sha256) == 64


@pytest.mark.parametrize("label", ["", "x" * 65, "a\u202eb"])
def test_a_label_is_short_clean_text(label: str) -> None:
    with pytest.raises(SampleError, match=r"^label: "):
        invite(None, label, 1, timedelta(days=1), NOW)  # type: ignore[arg-type]


def test_a_revoked_device_may_neither_send_nor_enrol_again(
    collector: Any, phone_of: Any, make_sample: Callable[..., Any]
) -> None:
    phone = phone_of(collector)
    with collector.store.engine.begin() as connection:
        connection.execute(update(devices).values(revoked_at=NOW))
    assert refusal(phone.post(phone.seal([make_sample()]))) == (401, "device-revoked")
    assert refusal(phone.enrol()) == (401, "device-revoked")
    assert collector.store.count_samples() == 0

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol, read_status
from client_sdk.errors import CollectorError, MailleError
from client_sdk.outbox.queue import Outbox
from client_sdk.signing.keys import SigningKey
from collector.storage.devices import find_device

Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], str]


def test_enrolling_pins_the_collectors_key(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    pinned = enrol(live_collector.base_url + "/", key, outbox, client=client)
    assert pinned.url == live_collector.base_url
    assert pinned.key.thumbprint == live_collector.key.public.thumbprint
    assert pinned.tier == "volunteer"
    (kept,) = outbox.collectors()
    assert (kept.url, kept.key.jwk, kept.tier, kept.enrolled_at) == (
        pinned.url,
        pinned.key.jwk,
        pinned.tier,
        pinned.enrolled_at,
    )
    assert find_device(live_collector.store, key.public.thumbprint).tier == "volunteer"


def test_an_invitation_raises_the_tier(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    from collector.intake.devices import invite

    enrol(live_collector.base_url, key, outbox, client=client)
    code, _ = invite(live_collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    assert enrol(live_collector.base_url, key, outbox, code, client).tier == "field_team"
    assert [collector.tier for collector in outbox.collectors()] == ["field_team"]


def test_a_bad_invitation_is_refused_in_the_collectors_words(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    with pytest.raises(CollectorError, match="invitation") as caught:
        enrol(live_collector.base_url, key, outbox, "no-such-code", client)
    assert caught.value.status == 403
    assert outbox.collectors() == ()


def test_the_expected_key_must_be_shown(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    other = SigningKey.generate().public.thumbprint
    with pytest.raises(MailleError, match=f"expected {other}"):
        enrol(live_collector.base_url, key, outbox, client=client, collector_thumbprint=other)
    assert find_device(live_collector.store, key.public.thumbprint) is None
    right = live_collector.key.public.thumbprint
    assert enrol(live_collector.base_url, key, outbox, client=client, collector_thumbprint=right)


def test_a_changed_key_is_not_accepted_silently(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, pinned: Any
) -> None:
    outbox.pin(pinned(live_collector.base_url, SigningKey.generate().public))
    with pytest.raises(MailleError, match="pinned was"):
        enrol(live_collector.base_url, key, outbox, client=client)
    right = live_collector.key.public.thumbprint
    enrol(live_collector.base_url, key, outbox, client=client, collector_thumbprint=right)
    assert outbox.collectors()[0].key.thumbprint == right


def test_nothing_is_sent_where_the_notice_is_declined(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    shown: list[str] = []
    with pytest.raises(MailleError, match="not accepted"):
        enrol(
            live_collector.base_url,
            key,
            outbox,
            client=client,
            accept_notice=lambda notice: bool(shown.append(notice.text())),
        )
    assert len(shown[0]) > 100
    assert find_device(live_collector.store, key.public.thumbprint) is None
    assert outbox.collectors() == ()


@pytest.mark.parametrize("body", [b"<h1>log in</h1>", b"[]", b'{"version": "1"}', b'{"collector_key": {"kty": "RSA"}}'])
def test_who_is_not_a_collector_is_told(serve: Serve, client: httpx.Client, body: bytes) -> None:
    with pytest.raises(CollectorError, match="not a Maille collector’s"):
        read_status(serve(lambda _: (200, {}, body)), client)


@pytest.mark.parametrize("changed", ["device", "collector_key"])
def test_an_answer_about_another_device_or_collector_pins_nothing(
    outbox: Outbox, key: SigningKey, client: httpx.Client, serve: Serve, live_collector: Any, changed: str
) -> None:
    other = SigningKey.generate().public

    def through(request: Any) -> tuple[int, dict[str, str], bytes]:
        answer = httpx.request(
            request.method,
            live_collector.base_url + request.path,
            content=request.body,
            headers={"Content-Type": request.headers.get("Content-Type", "")},
        )
        members = answer.json()
        if request.method == "POST":
            members[changed] = other.jwk if changed == "collector_key" else other.thumbprint
        return answer.status_code, {}, json.dumps(members).encode()

    with pytest.raises(CollectorError, match="not a Maille collector’s"):
        enrol(serve(through), key, outbox, client=client)
    assert outbox.collectors() == ()


def test_an_address_that_is_none_is_told(client: httpx.Client) -> None:
    for address in ("collector.example", "http://[", "ftp://collector.example"):
        with pytest.raises(CollectorError, match=r"collector\.example|\["):
            read_status(address, client)


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({"max_samples": 40, "max_body_bytes": 9000}, (40, 9000)),
        ({"max_samples": 500, "max_body_bytes": 1048576}, (None, None)),
        ({"max_samples": 0, "max_body_bytes": "9000"}, (None, None)),
        (None, (None, None)),
    ],
)
def test_the_smaller_limits_of_a_collector_are_kept(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    serve: Serve,
    live_collector: Any,
    stated: Any,
    kept: tuple[int | None, int | None],
) -> None:
    def through(request: Any) -> tuple[int, dict[str, str], bytes]:
        answer = httpx.request(
            request.method,
            live_collector.base_url + request.path,
            content=request.body,
            headers={"Content-Type": request.headers.get("Content-Type", "")},
        )
        members = answer.json()
        if request.method == "GET":
            members["limits"] = stated
        return answer.status_code, {}, json.dumps(members).encode()

    enrol(serve(through), key, outbox, client=client)
    (collector,) = outbox.collectors()
    assert (collector.max_samples, collector.max_body_bytes) == kept


def test_the_key_of_a_collector_that_was_left_is_not_forgotten(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, pinned: Any
) -> None:
    before = pinned(live_collector.base_url, SigningKey.generate().public)
    outbox.pin(before)
    outbox.leave(before)
    with pytest.raises(MailleError, match="pinned was"):
        enrol(live_collector.base_url, key, outbox, client=client)

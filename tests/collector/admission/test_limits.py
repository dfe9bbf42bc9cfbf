"""Limits of rate over the real interface: who is refused, for how long, and who is not."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.messages import use_language
from client_sdk.outbox import backoff
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.signing.keys import SigningKey
from collector.admission.admit import DAY_S, Admission, network_of
from collector.admission.limits import LIMIT_VARIABLES, UNLIMITED, Limits
from collector.errors import BusyError, SettingsError
from collector.intake.devices import invite
from collector.settings import Settings
from collector.storage.devices import find_device

ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what never reaches the database."""


class Clock:
    """Seconds that pass when told."""

    def __init__(self, collector: Any) -> None:
        self.now_s = 0.0
        collector.app.state.admission.clock = lambda: self.now_s

    def wait(self, answer: httpx.Response) -> None:
        self.now_s += int(answer.headers["retry-after"])


def refused(answer: httpx.Response, rule: str) -> bool:
    if answer.status_code != 429:
        return False
    assert answer.json()["rule"] == rule
    assert int(answer.headers["retry-after"]) >= 1
    return True


@ON_ONE
def test_a_network_has_its_requests_and_then_waits(running_collector: Callable[..., Any]) -> None:
    collector = running_collector(limits=replace(UNLIMITED, network_requests_per_minute=3))
    clock = Clock(collector)
    with httpx.Client(base_url=collector.base_url, trust_env=False) as client:
        assert [client.get("/v1/status").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = client.get("/nowhere")
        assert refused(answer, "rate-network")
        assert answer.headers["retry-after"] == "20"
        clock.now_s += 19
        assert refused(client.get("/v1/status"), "rate-network")
        clock.now_s += 1
        assert client.get("/v1/status").status_code == 200
        assert refused(client.post("/v1/envelopes", content=b"x" * 3_000_000), "rate-network")
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        assert refused(client.get("/ndt/v7/download", headers=upgrade), "rate-network")


def test_new_devices_of_a_network_are_limited_and_nothing_else_is(
    running_collector: Callable[..., Any], phone_of: Any
) -> None:
    collector = running_collector(limits=replace(UNLIMITED, network_enrolments_per_day=2))
    clock = Clock(collector)
    first = phone_of(collector)
    assert first.enrol(privacy_notice_version="x").status_code == 409
    phone_of(collector)
    third = phone_of(collector, enrolled=False)
    answer = third.enrol()
    assert refused(answer, "rate-enrolment")
    assert answer.headers["retry-after"] == "43200"
    assert find_device(collector.store, third.key.public.thumbprint) is None
    assert first.enrol().status_code == 200  # enrolled before
    code, _ = invite(collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    assert phone_of(collector, enrolled=False).enrol(invitation="wrong").status_code == 403
    assert phone_of(collector, enrolled=False).enrol(invitation=code).status_code == 201
    clock.wait(answer)
    assert third.enrol().status_code == 201


def test_a_device_waits_and_a_field_team_has_its_multiple(
    running_collector: Callable[..., Any], phone_of: Any, make_sample: Any
) -> None:
    collector = running_collector(limits=replace(UNLIMITED, device_samples_per_day=10, field_team_factor=3))
    clock = Clock(collector)
    volunteer, team = phone_of(collector), phone_of(collector)
    code, _ = invite(collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    assert team.enrol(invitation=code).json()["tier"] == "field_team"

    def ten(phone: Any) -> httpx.Response:
        answer: httpx.Response = phone.post(phone.seal([make_sample() for _ in range(10)]))
        return answer

    assert [ten(team).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert ten(volunteer).status_code == 200
    answer = ten(volunteer)
    assert refused(answer, "rate-device")
    assert "10 samples a day" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) == DAY_S
    stored = collector.store.count_samples()
    clock.wait(answer)
    assert ten(volunteer).status_code == 200
    assert collector.store.count_samples() == stored + 10


def test_envelopes_are_counted_too_and_only_those_whose_signature_holds(
    running_collector: Callable[..., Any], phone_of: Any, make_sample: Any
) -> None:
    collector = running_collector(limits=replace(UNLIMITED, device_envelopes_per_minute=2))
    clock = Clock(collector)
    phone = phone_of(collector)
    first, second, third = (phone.seal([make_sample()]) for _ in range(3))
    for _ in range(5):
        assert phone.post(replace(first, body=first.body + b"x")).status_code == 403
    assert [phone.post(one).status_code for one in (first, second, third)] == [200, 200, 429]
    assert phone.post(first).status_code == 200  # its receipt again costs nothing
    clock.now_s += 30
    assert phone.post(third).status_code == 200


def test_what_the_database_could_not_take_is_not_counted(
    running_collector: Callable[..., Any], phone_of: Any, make_sample: Any
) -> None:
    collector = running_collector(
        limits=replace(UNLIMITED, device_envelopes_per_minute=1, network_enrolments_per_day=2)
    )
    Clock(collector)
    phone, stranger = phone_of(collector), phone_of(collector, enrolled=False)
    envelope = phone.seal([make_sample()])
    with_room = collector.store.room.check

    def no_room() -> None:
        raise BusyError("storage-full", "storage: 0 MB are free", 1)

    collector.store.room.check = no_room
    assert [phone.post(envelope).status_code for _ in range(3)] == [507] * 3
    assert [stranger.enrol().status_code for _ in range(3)] == [507] * 3
    collector.store.room.check = with_room
    assert phone.post(envelope).status_code == 200
    assert stranger.enrol().status_code == 201


def test_a_device_that_is_limited_delivers_everything_in_the_end(
    running_collector: Callable[..., Any], tmp_path: Path, make_sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = running_collector(
        limits=replace(
            UNLIMITED, device_samples_per_day=500, network_requests_per_minute=3, network_enrolments_per_day=1
        )
    )
    clock = Clock(collector)
    began_ms = backoff.now_ms()
    monkeypatch.setattr(backoff, "now_ms", lambda: began_ms + round(clock.now_s * 1000))
    key, waits = SigningKey.generate(), 0
    with httpx.Client(trust_env=False, timeout=60) as client, Outbox(tmp_path / "outbox.sqlite") as outbox:
        pinned = enrol(collector.base_url, key, outbox, client=client)
        outbox.add([make_sample() for _ in range(1_100)])
        while outbox.counts().pending:
            (one,) = upload(outbox, key, client).collectors
            assert one.trouble is None or one.trouble.status == 429
            next_try_ms = backoff.standing(outbox, pinned).next_try_ms
            if next_try_ms is not None:
                waits += 1
                clock.now_s = max(clock.now_s, (next_try_ms - began_ms) / 1000)
            assert waits < 20, "a wait that the collector asked for does not get in"
    assert collector.store.count_samples() == 1_100
    assert waits >= 2
    # 500 at once and 600 at 500 a day
    assert DAY_S < clock.now_s < 2 * DAY_S


@ON_ONE
@pytest.mark.parametrize(
    ("trusted", "headers", "one_network"),
    [
        ((), {"X-Forwarded-For": "203.0.113.9"}, True),
        (("192.0.2.1",), {"X-Forwarded-For": "203.0.113.9"}, True),
        (("127.0.0.0/8",), {"X-Forwarded-For": "203.0.113.9"}, False),
        (("127.0.0.1", "10.0.0.0/8"), {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.1.1"}, False),
        (("127.0.0.1",), {"Forwarded": "for=203.0.113.9"}, True),
    ],
)
def test_only_a_trusted_proxy_says_whose_request_it_is(
    running_collector: Callable[..., Any], trusted: tuple[str, ...], headers: dict[str, str], one_network: bool
) -> None:
    collector = running_collector(limits=replace(UNLIMITED, network_requests_per_minute=1), trusted_proxies=trusted)
    Clock(collector)
    with httpx.Client(base_url=collector.base_url, trust_env=False) as client:
        assert client.get("/v1/status").status_code == 200
        assert client.get("/v1/status", headers=headers).status_code == (429 if one_network else 200)
        if not one_network:
            same_network = {"X-Forwarded-For": "203.0.113.77"}
            assert client.get("/v1/status", headers=same_network).status_code == 429


@ON_ONE
def test_a_proxy_that_nobody_named_is_told_once(
    running_collector: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    collector = running_collector()
    with httpx.Client(base_url=collector.base_url, trust_env=False) as client:
        client.get("/v1/status")
        assert caplog.records == []
        for _ in range(3):
            client.get("/v1/status", headers={"X-Forwarded-For": "203.0.113.9"})
    (record,) = caplog.records
    assert "MAILLE_TRUSTED_PROXIES" in record.message
    assert "203.0.113" not in record.message


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "203.0.113.200", True),
        ("203.0.113.9", "203.0.114.9", False),
        ("::ffff:203.0.113.9", "203.0.113.10", True),
        ("2001:db8:1:2::1", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("203.0.113.9", "cb00:7100::", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("nobody", None, True),
    ],
)
def test_a_network_is_a_24_or_a_48(one: str, other: str | None, same: bool) -> None:
    assert (network_of(one) == network_of(other)) == same


def test_no_address_is_kept_and_the_salt_lasts_a_day() -> None:
    now_s = 0.0
    admission = Admission(Limits(network_requests_per_minute=2), lambda: now_s)
    admission.request("203.0.113.9")
    (kept,) = admission._requests._full_at_s
    assert isinstance(kept, bytes)
    assert len(kept) == 16
    assert network_of("203.0.113.9") not in kept
    for elsewhere in (Admission(Limits()), Admission(Limits())):
        elsewhere.request("203.0.113.9")
        assert kept not in elsewhere._requests._full_at_s
    now_s = DAY_S
    admission.request("203.0.113.9")
    (anew,) = admission._requests._full_at_s
    assert anew != kept


def test_each_limit_is_read_from_its_variable() -> None:
    settings = Settings.from_environment(
        {variable: str(number) for number, variable in enumerate(LIMIT_VARIABLES.values(), start=5)}
        | {"MAILLE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,", "MAILLE_MIN_FREE_MB": "7"}
    )
    assert list(asdict(settings.limits).values()) == [5, 6, 7, 8, 9]
    assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert settings.min_free_mb == 7


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MAILLE_FIELD_TEAM_FACTOR", "0", "from 1 to"),
        ("MAILLE_DEVICE_SAMPLES_PER_DAY", "-1", "from 0 to"),
        ("MAILLE_NETWORK_REQUESTS_PER_MINUTE", "many", "expected an integer"),
        ("MAILLE_MIN_FREE_MB", "-1", "from 0 to"),
        ("MAILLE_TRUSTED_PROXIES", "proxy.example", "got 'proxy.example', expected addresses"),
        ("MAILLE_TRUSTED_PROXIES", "10.0.0.1/8", "got '10.0.0.1/8', expected addresses"),
    ],
)
def test_a_limit_that_cannot_be_is_told(name: str, value: str, expected: str) -> None:
    use_language("en")
    with pytest.raises(SettingsError, match=f"^{name}: .*{expected}"):
        Settings.from_environment({name: value})

"""The simple measuring endpoints: bounded, counted at the receiver, for enrolled devices only."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from client_sdk.bounds import instant_text
from client_sdk.signing.jws import sign_compact

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
JOSE = {"Content-Type": "application/jose"}


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'collector.sqlite'}"


def session(phone: Any, now: datetime | None = None, **changes: Any) -> httpx.Response:
    members = {
        "collector": phone.collector.key.public.thumbprint,
        "requested_at": instant_text(now or datetime.now(UTC)),
    }
    jws = sign_compact(json.dumps(members | changes).encode(), phone.key, "maille-measurement")
    return phone.http.post("/v1/measurement/sessions", content=jws, headers=JOSE)


def bearer(phone: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {session(phone).json()['token']}"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["rule"]


def test_ping(collector: Any, phone_of: Any) -> None:
    answer = phone_of(collector).http.get("/v1/measurement/ping")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_download_has_the_size_asked_for_and_is_not_compressible(collector: Any, phone_of: Any) -> None:
    import zlib

    phone = phone_of(collector)
    answer = phone.http.get("/v1/measurement/download?max_bytes=3000001&max_ms=15000", headers=bearer(phone))
    assert (answer.status_code, len(answer.content)) == (200, 3_000_001)
    assert answer.headers["cache-control"] == "no-store"
    assert len(zlib.compress(answer.content[:500_000])) > 499_000


def test_a_download_ends_with_its_time(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    answer = phone.http.get("/v1/measurement/download?max_bytes=100000000&max_ms=1", headers=bearer(phone))
    assert answer.status_code == 200
    assert len(answer.content) < 100_000_000


def test_an_upload_is_counted_by_its_receiver(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    answer = phone.http.post(
        "/v1/measurement/upload", content=iter([b"x" * 65_536] * 20 + [b"y"]), headers=bearer(phone)
    )
    assert answer.status_code == 200
    assert answer.json()["bytes"] == 20 * 65_536 + 1
    assert answer.json()["duration_ms"] > 0


def test_one_token_serves_several_transfers(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    headers = bearer(phone)
    for _ in range(3):
        assert phone.http.get("/v1/measurement/download?max_bytes=10", headers=headers).status_code == 200
        assert phone.http.post("/v1/measurement/upload", content=b"x", headers=headers).json()["bytes"] == 1


@pytest.mark.parametrize("query", ["max_bytes=0", "max_bytes=100000001", "max_bytes=x", "max_ms=0", "max_ms=15001"])
def test_a_download_is_bounded(collector: Any, phone_of: Any, query: str) -> None:
    phone = phone_of(collector)
    answer = phone.http.get(f"/v1/measurement/download?{query}", headers=bearer(phone))
    assert refusal(answer) == (422, "parameter")
    assert answer.json()["detail"].startswith(query.split("=")[0] + ": ")


def test_only_an_enrolled_device_gets_a_token(collector: Any, phone_of: Any) -> None:
    stranger = phone_of(collector, enrolled=False)
    assert refusal(session(stranger)) == (401, "jws-unknown-key")


def test_a_request_for_a_token_is_for_this_collector_and_now(running_collector: Any, phone_of: Any) -> None:
    phone = phone_of(running_collector(clock=lambda: NOW))
    assert session(phone, NOW).json()["expires_at"] == "2026-11-20T08:05:00.000Z"
    assert session(phone, NOW - timedelta(minutes=15)).status_code == 200
    for changes in (
        {"requested_at": instant_text(NOW - timedelta(minutes=15, milliseconds=1))},
        {"requested_at": instant_text(NOW + timedelta(minutes=15, milliseconds=1))},
        {"requested_at": "now"},
        {"requested_at": None},
        {"collector": "another"},
    ):
        assert refusal(session(phone, NOW, **changes)) == (400, "measurement-request"), changes
    not_an_object = sign_compact(b"[]", phone.key, "maille-measurement")
    answer = phone.http.post("/v1/measurement/sessions", content=not_an_object, headers=JOSE)
    assert refusal(answer) == (400, "measurement-request")


def test_without_a_good_token_nothing_is_transferred(running_collector: Any, phone_of: Any) -> None:
    now = [NOW]
    collector = running_collector(clock=lambda: now[0])
    phone = phone_of(collector)
    token = session(phone, NOW).json()["token"]
    forged = sign_compact(
        json.dumps({"device": "x", "expires_at": "2099-01-01T00:00:00.000Z"}).encode(),
        phone.key,
        "maille-measurement-token",
    )
    receipt = phone.post(phone.seal([b"{}"])).text
    attempts = ["", "Bearer", f"Basic {token}", f"Bearer {token}x", f"Bearer {forged}", f"Bearer {receipt}"]
    for authorization in attempts:
        headers = {"Authorization": authorization} if authorization else {}
        assert refusal(phone.http.get("/v1/measurement/download", headers=headers)) == (401, "measurement-token")
        answer = phone.http.post("/v1/measurement/upload", content=b"x", headers=headers)
        assert refusal(answer) == (401, "measurement-token")
    good = {"Authorization": f"Bearer {token}"}
    assert phone.http.get("/v1/measurement/download?max_bytes=1", headers=good).status_code == 200
    now[0] = NOW + timedelta(minutes=5)
    assert refusal(phone.http.get("/v1/measurement/download?max_bytes=1", headers=good)) == (401, "measurement-token")


def test_transfers_share_a_few_slots_and_give_them_back(running_collector: Any, phone_of: Any) -> None:
    collector = running_collector(measurement_slots=1)
    phone, other = phone_of(collector), phone_of(collector)
    large = "/v1/measurement/download?max_bytes=100000000"
    with phone.http.stream("GET", large, headers=bearer(phone)) as running:
        assert running.status_code == 200
        busy = other.http.post("/v1/measurement/upload", content=b"x", headers=bearer(other))
        assert refusal(busy) == (503, "measurement-busy")
        assert int(busy.headers["retry-after"]) > 0
    # the first phone hung up in the middle: its slot comes back as soon as the server notices
    for _ in range(200):
        answer = other.http.post("/v1/measurement/upload", content=b"x", headers=bearer(other))
        if answer.status_code == 200:
            break
    assert answer.json()["bytes"] == 1

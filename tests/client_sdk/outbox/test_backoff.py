"""When a collector is tried again; the waiting outlives the program."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from client_sdk.errors import CollectorError
from client_sdk.outbox import backoff
from client_sdk.outbox.exchange import refusal
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import now_ms
from client_sdk.outbox.upload import may_upload
from client_sdk.signing.keys import SigningKey, VerifyingKey

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def collector(outbox: Outbox, pinned: Callable[[str, VerifyingKey], PinnedCollector]) -> PinnedCollector:
    made = pinned("https://collector.example", SigningKey.generate().public)
    outbox.pin(made)
    return made


def test_waits_spread_and_double_up_to_a_quarter_of_an_hour() -> None:
    longest = [max(backoff.wait_ms(failures) for _ in range(400)) for failures in range(1, 12)]
    caps = [min(900_000, 5_000 * 2**doublings) for doublings in range(11)]
    assert all(0.8 * cap < found <= cap for found, cap in zip(longest, caps, strict=True))
    assert min(backoff.wait_ms(11) for _ in range(400)) < 0.1 * 900_000  # full jitter reaches down to nothing


def test_what_the_collector_asks_is_the_least() -> None:
    assert 3_600_000 <= backoff.wait_ms(1, 3600.0) <= 3_605_000
    assert backoff.wait_ms(1, 1e9) <= 86_405_000
    assert 3_600_000 <= backoff.wait_ms(1, refused=True) <= 5_400_000


def test_waiting_outlives_the_program(outbox: Outbox, collector: PinnedCollector) -> None:
    assert backoff.is_due(outbox, collector)
    for _ in range(2):
        backoff.failed(outbox, collector, CollectorError("busy", 503, 60.0))
    with Outbox(outbox.path) as later:
        found = backoff.standing(later, collector)
        assert (found.failures, found.trouble, found.refused) == (2, "busy", False)
        assert found.next_try_ms
        assert 59_000 < found.next_try_ms - now_ms() <= 70_000
        assert not backoff.is_due(later, collector)
        backoff.reset(later, collector)
        assert backoff.standing(later, collector) == backoff.Standing(0, None, None, False)


def test_a_refusal_is_kept_apart(outbox: Outbox, collector: PinnedCollector) -> None:
    backoff.failed(outbox, collector, CollectorError("no", 403))
    found = backoff.standing(outbox, collector)
    assert (found.failures, found.refused) == (1, True)
    outbox.pin(collector)  # enrolling again forgives
    assert backoff.is_due(outbox, collector)


def test_a_clock_set_back_does_not_wait_for_its_return(
    outbox: Outbox, collector: PinnedCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    backoff.failed(outbox, collector, CollectorError("busy", 503, 60.0))
    monkeypatch.setattr("client_sdk.outbox.backoff.now_ms", lambda: 1_000_000)
    assert backoff.is_due(outbox, collector)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": format_datetime(NOW + timedelta(minutes=5), usegmt=True)}, None),
        (
            {
                "Retry-After": format_datetime(NOW + timedelta(minutes=5), usegmt=True),
                "Date": format_datetime(NOW, usegmt=True),
            },
            300.0,
        ),
        ({"Retry-After": "Sunday, 06-Nov-94 08:49:37 GMT"}, 0.0),
        ({"Retry-After": "soon"}, -1.0),
        ({"Retry-After": "-5"}, -1.0),
        ({}, -1.0),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], wait_s: float | None) -> None:
    answer = httpx.Response(503, headers=headers, request=httpx.Request("POST", "https://collector.example"))
    found = refusal(answer).retry_after_s
    if wait_s is None:  # without the answer's own date it is our clock's turn
        expected = max(0.0, (NOW + timedelta(minutes=5) - datetime.now(UTC)).total_seconds())
        assert found == pytest.approx(expected, abs=5)
    else:
        assert found == (None if wait_s < 0 else wait_s)


@pytest.mark.parametrize(
    ("policy", "wifi", "expected"),
    [
        ("always", None, True),
        ("always", False, True),
        ("wifi", True, True),
        ("wifi", False, False),
        ("wifi", None, False),
        ("manual", True, False),
    ],
)
def test_who_may_upload_unasked(policy: Any, wifi: bool | None, expected: bool) -> None:
    assert may_upload(policy, wifi) is expected

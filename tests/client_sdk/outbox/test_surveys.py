from collections.abc import Callable
from typing import Any

import pytest

from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import now_ms
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt


@pytest.fixture
def surveys(outbox: Outbox) -> Surveys:
    return Surveys(outbox)


def sample(**fields: Any) -> Sample:
    return Sample(
        **{"id": new_sample_id(), "seq": 0, "kind": "signal", "measured_at": "2026-11-20T08:00:00.000Z"} | fields
    )


def test_a_survey_is_unfinished_until_it_ends(surveys: Surveys) -> None:
    assert surveys.unfinished() is None
    first = surveys.begin({"campaign": "été"}, 1_000)
    surveys.alive(first, 5_000)
    surveys.alive(first, 4_000)
    found = surveys.unfinished()
    assert found
    assert (found.id, found.options, found.started_ms, found.alive_ms) == (first, {"campaign": "été"}, 1_000, 5_000)
    surveys.end(first, 6_000)
    assert surveys.unfinished() is None
    second = surveys.begin({}, 7_000)
    assert [one.id for one in surveys.all()] == [first, second]
    assert [one.ended_ms for one in surveys.all()] == [6_000, None]


def test_events_are_told_in_their_order(surveys: Surveys) -> None:
    survey = surveys.begin({}, 0)
    surveys.note(survey, 30, "stopped")
    surveys.note(survey, 10, "started", "by hand")
    surveys.note(survey, 10, "warning")
    assert [(event.at_ms, event.kind, event.detail) for event in surveys.events(survey)] == [
        (10, "started", "by hand"),
        (10, "warning", ""),
        (30, "stopped", ""),
    ]


def test_a_sample_and_its_place_are_one(outbox: Outbox, surveys: Surveys) -> None:
    survey = surveys.begin({}, 0)
    kept = sample(rat="lte")
    assert outbox.add([kept], survey=survey, modem="orange").added == 1
    assert outbox.add([kept], survey=survey, modem="other").added == 0
    outbox.add([sample()])
    (found,) = surveys.samples(survey)
    assert (found.modem, found.state) == ("orange", "pending")
    assert found.fields
    assert (found.fields["id"], found.fields["rat"]) == (kept.id, "lte")


def test_samples_are_there_after_they_were_sent(
    outbox: Outbox,
    surveys: Surveys,
    key: SigningKey,
    pinned: Callable[..., PinnedCollector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collectors = [pinned(f"https://{name}.example", SigningKey.generate().public) for name in ("one", "two")]
    for collector in collectors:
        outbox.pin(collector)
    survey = surveys.begin({}, 0)
    outbox.add([sample(), sample()], survey=survey)
    states = [[one.state for one in surveys.samples(survey)]]
    for collector in collectors:
        with Holder(outbox.path.parent) as holder:
            envelope = Delivery(outbox, collector).lease(key, holder)
        assert envelope
        verdicts = (LineVerdict(line=1, verdict="stored"), LineVerdict(line=2, verdict="rejected"))
        receipt = Receipt(envelope_sha256=envelope.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts)
        Delivery(outbox, collector).settle(envelope, receipt, "jws")
        states.append([one.state for one in surveys.samples(survey)])
    assert states == [["pending", "pending"], ["pending", "pending"], ["sent", "rejected"]]
    monkeypatch.setattr("client_sdk.outbox.queue.now_ms", lambda: now_ms() + 31 * 86_400_000)
    outbox.forget()
    assert [(one.state, one.fields is None) for one in surveys.samples(survey)] == [("sent", True), ("rejected", False)]

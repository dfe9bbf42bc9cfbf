import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.errors import CollectorError, MailleError, ReceiptError
from client_sdk.outbox.backoff import is_transport_trouble
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import now_ms
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample
from client_sdk.signing.base64url import decode_base64url
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import LineVerdict, Receipt, open_receipt, sign_receipt

NewSample = Callable[..., Sample]
Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], str]
Pinned = Callable[[str, VerifyingKey], PinnedCollector]


def stored_by(collector_key: SigningKey, request: Any, device: VerifyingKey, *, most: int = 500) -> tuple[Any, ...]:
    """Answer as a collector does that takes at most so many lines."""
    opened = open_envelope(request.body, request.headers["Maille-Signature"], lambda _: device)
    if len(opened.lines) > most:
        return 413, {}, b""
    verdicts = tuple(LineVerdict(line=line, verdict="stored") for line in range(1, len(opened.lines) + 1))
    receipt = Receipt(envelope_sha256=opened.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts)
    return 200, {"Content-Type": "application/jose"}, sign_receipt(receipt, collector_key).encode()


def test_everything_arrives_and_receipts_are_kept(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, new_sample: NewSample
) -> None:
    pinned = enrol(live_collector.base_url, key, outbox, client=client)
    outbox.add(new_sample() for _ in range(1203))
    told: list[float] = []
    summary = upload(outbox, key, client, lambda _, done: told.append(done))
    assert (summary.envelopes, summary.sent, summary.duplicates, summary.rejected) == (3, 1203, 0, ())
    assert told == sorted(told)
    assert told[-1] == 1
    assert outbox.counts().sent == 1203
    for jws in outbox.receipts():
        named = json.loads(decode_base64url(jws.split(".")[1]))["envelope_sha256"]
        assert open_receipt(jws, pinned.key, named).verdicts
    again = upload(outbox, key, client)
    assert (again.envelopes, again.sent) == (0, 0)


def test_what_the_collector_has_is_not_stored_twice(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, new_sample: NewSample
) -> None:
    enrol(live_collector.base_url, key, outbox, client=client)
    outbox.add(new_sample() for _ in range(10))
    (collector,) = outbox.collectors()
    holder = Holder(outbox.path.parent)
    lost = Delivery(outbox, collector).lease(key, holder, max_lines=4)
    assert lost
    client.post(
        f"{live_collector.base_url}/v1/envelopes",
        content=lost.body,
        headers={"Content-Type": "application/vnd.maille.envelope", "Maille-Signature": lost.signature},
    ).raise_for_status()  # the receipt is lost on the way
    assert Delivery(outbox, collector).release(lost, holder) == 4
    holder.close()
    summary = upload(outbox, key, client)
    assert (summary.sent, summary.duplicates) == (6, 4)
    assert outbox.counts().sent == 10


def test_one_rejected_sample_does_not_block_the_others(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, new_sample: NewSample
) -> None:
    enrol(live_collector.base_url, key, outbox, client=client)
    outbox.add(new_sample() for _ in range(5))
    outbox.connection.execute("UPDATE samples SET line = replace(line, '-112.0', '-1120.0') WHERE seq = 2")
    outbox.connection.execute("UPDATE samples SET line = CAST(line AS BLOB)")
    summary = upload(outbox, key, client)
    assert summary.sent == 4
    (rejected,) = summary.rejected
    assert (rejected.seq, rejected.rule, rejected.field) == (2, "sample-field", "lte_rsrp_dbm")
    assert outbox.rejected() == summary.rejected
    assert outbox.counts().pending == 0


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<h1>Welcome aboard, log in</h1>"),
        (200, {"Content-Type": "application/jose"}, b"eyJhbGciOiJFZDI1NTE5In0.e30.AAAA"),
        (302, {"Location": "http://login.example/"}, b""),
        (204, {}, b""),
    ],
    ids=["page", "jws of someone", "redirection", "nothing"],
)
def test_a_captive_portal_loses_nothing(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    serve: Serve,
    pinned: Pinned,
    new_sample: NewSample,
    answer: tuple[int, dict[str, str], bytes],
) -> None:
    outbox.pin(pinned(serve(lambda _: answer), SigningKey.generate().public))
    outbox.add(new_sample() for _ in range(3))
    trouble = upload(outbox, key, client).trouble
    assert isinstance(trouble, ReceiptError)
    assert "receipt" in str(trouble)
    assert is_transport_trouble(trouble)
    assert outbox.counts().pending == 3


def test_a_retry_sends_the_same_bytes(
    outbox: Outbox, key: SigningKey, client: httpx.Client, serve: Serve, pinned: Pinned, new_sample: NewSample
) -> None:
    collector_key, seen = SigningKey.generate(), []

    def respond(request: Any) -> Any:
        seen.append((request.body, request.headers["Maille-Signature"]))
        return (500, {}, b"") if len(seen) == 1 else stored_by(collector_key, request, key.public)

    outbox.pin(pinned(serve(respond), collector_key.public))
    outbox.add([new_sample()])
    assert "answered 500" in str(upload(outbox, key, client).trouble)
    outbox.add([new_sample()])  # joins the next envelope, not this one
    assert upload(outbox, key, client, by_hand=True).envelopes == 2
    assert seen[0] == seen[1] != seen[2]


def test_too_large_is_sealed_by_halves(
    outbox: Outbox, key: SigningKey, client: httpx.Client, serve: Serve, pinned: Pinned, new_sample: NewSample
) -> None:
    collector_key = SigningKey.generate()
    outbox.pin(pinned(serve(lambda r: stored_by(collector_key, r, key.public, most=70)), collector_key.public))
    outbox.add(new_sample() for _ in range(300))
    summary = upload(outbox, key, client)
    assert (summary.sent, outbox.counts().pending) == (300, 0)
    assert summary.envelopes == 9  # of 37 or fewer: 300, 150 and 75 were too many


def test_a_collector_too_small_for_one_sample_refuses(
    outbox: Outbox, key: SigningKey, client: httpx.Client, serve: Serve, pinned: Pinned, new_sample: NewSample
) -> None:
    outbox.pin(pinned(serve(lambda _: (413, {}, b"")), SigningKey.generate().public))
    outbox.add(new_sample() for _ in range(5))
    trouble = upload(outbox, key, client).trouble
    assert isinstance(trouble, CollectorError)
    assert trouble.status == 413
    assert not is_transport_trouble(trouble)
    assert (outbox.counts().pending, outbox.counts().in_flight) == (5, 0)


def test_a_busy_collector_is_left_alone_for_as_long_as_it_asks(
    outbox: Outbox, key: SigningKey, client: httpx.Client, serve: Serve, pinned: Pinned, new_sample: NewSample
) -> None:
    seen: list[Any] = []

    def respond(request: Any) -> Any:
        seen.append(request)
        problem = {"type": "urn:maille:problem:busy", "status": 503, "detail": "database: is being moved"}
        headers = {"Retry-After": "120", "Content-Type": "application/problem+json"}
        return 503, headers, json.dumps(problem).encode()

    outbox.pin(pinned(serve(respond), SigningKey.generate().public))
    outbox.add([new_sample()])
    trouble = upload(outbox, key, client).trouble
    assert isinstance(trouble, CollectorError)
    assert "503: database: is being moved; it asks to wait 120 s" in str(trouble)
    assert trouble.retry_after_s == 120
    assert is_transport_trouble(trouble)
    (waiting,) = upload(outbox, key, client).collectors
    assert waiting.waits_until_ms
    assert waiting.waits_until_ms - now_ms() > 110_000
    assert len(seen) == 1
    assert outbox.counts().pending == 1


def test_no_answer_is_transport_trouble(
    outbox: Outbox, key: SigningKey, client: httpx.Client, pinned: Pinned, new_sample: NewSample
) -> None:
    outbox.pin(pinned("http://127.0.0.1:9", SigningKey.generate().public))
    outbox.add([new_sample()])
    trouble = upload(outbox, key, client).trouble
    assert isinstance(trouble, CollectorError)
    assert "no answer" in str(trouble)
    assert trouble.status is None
    assert is_transport_trouble(trouble)
    assert outbox.counts().pending == 1


def test_an_unknown_device_is_refused_in_the_collectors_words(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any, new_sample: NewSample
) -> None:
    enrol(live_collector.base_url, key, outbox, client=client)
    stranger = SigningKey.generate()
    outbox.add([new_sample()])
    with pytest.raises(CollectorError, match=r"401: kid: .* is not an enrolled device; enrol again: `maille") as caught:
        upload(outbox, stranger, client).checked()
    assert caught.value.rule == "jws-unknown-key"
    assert not is_transport_trouble(caught.value)
    assert outbox.counts().pending == 1


def test_a_device_enrolled_nowhere_says_so(outbox: Outbox, key: SigningKey, client: httpx.Client) -> None:
    with pytest.raises(MailleError, match="maille device enrol LINK"):
        upload(outbox, key, client)

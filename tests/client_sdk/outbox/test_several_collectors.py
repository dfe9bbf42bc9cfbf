"""Every collector gets every sample, whatever the others do; two processes never send the same envelope at once."""

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.queue import Counts, Outbox, PinnedCollector
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import LineVerdict, Receipt, sign_receipt

NewSample = Callable[..., Sample]
Serve = Callable[[Callable[[Any], tuple[int, dict[str, str], bytes]]], str]
Pinned = Callable[[str, VerifyingKey], PinnedCollector]


class Answering:
    """A collector in miniature: says what it is told to, or takes everything."""

    def __init__(self, serve: Serve, device: VerifyingKey) -> None:
        self.key, self._device = SigningKey.generate(), device
        self.instead: tuple[int, dict[str, str], bytes] | None = None
        self.bodies: list[bytes] = []
        self.at_once, self.most_at_once = 0, 0
        self._changed = threading.Lock()
        self.url = serve(self.respond)

    def respond(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        with self._changed:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.bodies.append(request.body)
        try:
            return self.instead or self._stored(request)
        finally:
            with self._changed:
                self.at_once -= 1

    def _stored(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        opened = open_envelope(request.body, request.headers["Maille-Signature"], lambda _: self._device)
        verdicts = tuple(LineVerdict(line=line, verdict="stored") for line in range(1, len(opened.lines) + 1))
        receipt = Receipt(envelope_sha256=opened.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts)
        return 200, {"Content-Type": "application/jose"}, sign_receipt(receipt, self.key).encode()


@pytest.fixture
def far(serve: Serve, key: SigningKey) -> list[Answering]:
    return [Answering(serve, key.public) for _ in range(3)]


@pytest.fixture
def outbox(outbox: Outbox, far: list[Answering], pinned: Pinned) -> Outbox:
    for one in far:
        outbox.pin(pinned(one.url, one.key.public))
    return outbox


@pytest.mark.parametrize(
    ("instead", "refused"),
    [
        ((500, {}, b""), False),
        ((503, {"Retry-After": "600"}, b""), False),
        ((200, {"Content-Type": "text/html"}, b"log in"), False),
        ((400, {}, b""), True),
        ((403, {}, b""), True),
        ((413, {}, b""), True),
    ],
)
def test_one_that_fails_stops_no_other(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    far: list[Answering],
    new_sample: NewSample,
    instead: tuple[int, dict[str, str], bytes],
    refused: bool,
) -> None:
    from client_sdk.outbox import backoff

    far[1].instead = instead
    outbox.add(new_sample() for _ in range(20))
    summary = upload(outbox, key, client)
    assert [bool(one.trouble) for one in summary.collectors] == [False, True, False]
    assert [Delivery(outbox, one.collector).counts().sent for one in summary.collectors] == [20, 0, 20]
    assert outbox.counts() == Counts(pending=20, in_flight=20 if instead[0] != 413 else 0, sent=0, rejected=0)
    found = backoff.standing(outbox, summary.collectors[1].collector)
    assert (found.failures, found.refused) == (1, refused)

    # later: it is left alone while it waits, the others go on; a person may insist
    far[1].instead = None
    tries = len(far[1].bodies)
    outbox.add([new_sample()])
    backoff.failed(outbox, summary.collectors[1].collector, summary.trouble)  # type: ignore[arg-type]
    if instead[0] == 503 or refused:
        again = upload(outbox, key, client)
        assert [one.sent for one in again.collectors] == [1, 0, 1]
        assert again.collectors[1].waits_until_ms
        assert len(far[1].bodies) == tries
    far[1].instead = instead
    upload(outbox, key, client, by_hand=True)
    assert backoff.standing(outbox, summary.collectors[1].collector).failures == 1  # counted anew
    far[1].instead = None
    insisted = upload(outbox, key, client, by_hand=True)
    assert insisted.collectors[1].sent == 21
    assert outbox.counts() == Counts(pending=0, in_flight=0, sent=21, rejected=0)


def test_a_collector_that_is_left_gets_nothing_more(
    outbox: Outbox, key: SigningKey, client: httpx.Client, far: list[Answering], new_sample: NewSample
) -> None:
    outbox.add([new_sample()])
    outbox.leave(outbox.collectors()[0])
    upload(outbox, key, client).checked()
    assert [len(one.bodies) for one in far] == [1, 1, 0]


SEND = """
import sys
from pathlib import Path
import httpx
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.signing.keys import SigningKey
folder = Path(sys.argv[1])
with Outbox(folder / "outbox.sqlite") as outbox, httpx.Client(timeout=60) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(upload(outbox, SigningKey.load(folder / "key.pem"), client).checked().sent)
"""


def test_processes_share_the_work(outbox: Outbox, key: SigningKey, far: list[Answering], new_sample: NewSample) -> None:
    outbox.add(new_sample() for _ in range(2400))
    folder = outbox.path.parent
    (folder / "key.pem").write_bytes(key.pem())
    senders = [
        subprocess.Popen([sys.executable, "-c", SEND, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for sender in senders:
        assert sender.stdout
        assert sender.stdout.readline() == "ready\n"
    for sender in senders:
        assert sender.stdin
        sender.stdin.write("go\n")
        sender.stdin.flush()
    sent = [int(sender.communicate()[0]) for sender in senders]
    assert sum(sent) == 3 * 2400
    for one in far:
        assert one.most_at_once == 1
        assert len(one.bodies) == len(set(one.bodies)), "an envelope was sent twice"
    assert outbox.counts() == Counts(pending=0, in_flight=0, sent=2400, rejected=0)


def test_real_collectors_keep_every_sample_once(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    far: list[Answering],
    live_collector: Any,
    new_sample: NewSample,
) -> None:
    outbox.add(new_sample() for _ in range(30))
    enrol(live_collector.base_url, key, outbox, client=client)
    upload(outbox, key, client).checked()
    assert live_collector.store.count_samples() == 30
    assert upload(outbox, key, client).envelopes == 0

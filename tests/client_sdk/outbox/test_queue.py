import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from client_sdk.errors import ReceiptError, SampleError
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Counts, Outbox, PinnedCollector
from client_sdk.outbox.schema import OutboxError, OutboxFullError
from client_sdk.sample import Sample
from client_sdk.signing.envelope import Envelope, open_envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt

COLLECTOR = PinnedCollector(
    "https://collector.example", SigningKey.from_seed(b"c" * 32).public, "volunteer", "2026-11-23T16:00:00.000Z"
)
NewSample = Callable[..., Sample]


@pytest.fixture
def outbox(outbox: Outbox) -> Outbox:
    outbox.pin(COLLECTOR)
    return outbox


def sealed(outbox: Outbox, key: SigningKey, collector: PinnedCollector = COLLECTOR) -> Envelope:
    with Holder(outbox.path.parent) as holder:
        envelope = Delivery(outbox, collector).lease(key, holder)
    assert envelope
    return envelope


def receipt_for(envelope: Envelope, *verdicts: LineVerdict) -> Receipt:
    return Receipt(envelope_sha256=envelope.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts)


LOOK = """
import sys
from pathlib import Path
from client_sdk.outbox.queue import Outbox
with Outbox(Path(sys.argv[1])) as outbox:
    print(outbox.counts().pending)
"""


def test_another_process_leaves_the_log_that_this_one_still_writes(outbox: Outbox, new_sample: NewSample) -> None:
    """A survey opens the outbox once more to send, while it keeps recording, and somebody asks for the status."""

    def seen_by_another_process() -> int:
        done = subprocess.run([sys.executable, "-c", LOOK, outbox.path], check=True, capture_output=True, text=True)
        return int(done.stdout)

    with Outbox(outbox.path):
        pass
    assert seen_by_another_process() == 0
    outbox.add([new_sample()])
    assert seen_by_another_process() == 1


def test_one_bad_sample_adds_nothing(outbox: Outbox, new_sample: NewSample) -> None:
    with pytest.raises(SampleError, match="lte_rsrp_dbm: got -200, expected number, ≥ -156"):
        outbox.add([new_sample(), new_sample(lte_rsrp_dbm=-200)])
    assert outbox.counts().pending == 0


def test_an_envelope_is_bounded_in_text(outbox: Outbox, key: SigningKey, new_sample: NewSample) -> None:
    outbox.add(new_sample(campaign="c" * 64, client="é" * 64, device_model="m" * 64) for _ in range(500))
    outbox.connection.execute("UPDATE samples SET line = CAST(line || zeroblob(8000) AS BLOB)")
    envelope = sealed(outbox, key)
    lines = open_envelope(envelope.body, envelope.signature, lambda _: key.public).lines
    assert 1 < len(lines) < 500
    assert sum(len(line) + 1 for line in lines) <= 512 * 1024


def test_the_smaller_limits_of_a_collector_are_kept(outbox: Outbox, key: SigningKey, new_sample: NewSample) -> None:
    small = PinnedCollector(
        "https://small.example", SigningKey.generate().public, "volunteer", "then", max_samples=40, max_body_bytes=1500
    )
    outbox.pin(small)
    outbox.add(new_sample() for _ in range(200))
    assert outbox.collectors()[0] == small or outbox.collectors()[0].max_samples == 40
    envelope = sealed(outbox, key, outbox.collectors()[0])
    lines = open_envelope(envelope.body, envelope.signature, lambda _: key.public).lines
    assert 1 < len(lines) <= 40
    assert len(envelope.body) <= 1500
    assert len(open_envelope(*_parts(sealed(outbox, key)), lambda _: key.public).lines) == 200  # the other takes more


def _parts(envelope: Envelope) -> tuple[bytes, str]:
    return envelope.body, envelope.signature


@pytest.mark.parametrize(
    ("verdicts", "match"),
    [
        ((LineVerdict(line=3, verdict="stored"),), "names no sample of the envelope"),
        (
            (
                LineVerdict(line=1, verdict="stored"),
                LineVerdict(line=2, verdict="stored", sample_id="01a20c82-e10c-7cbf-b223-2b31c3430743"),
            ),
            "line 2 is about another sample",
        ),
    ],
)
def test_a_receipt_about_other_samples_changes_nothing(
    outbox: Outbox, key: SigningKey, new_sample: NewSample, verdicts: tuple[LineVerdict, ...], match: str
) -> None:
    outbox.add([new_sample(), new_sample()])
    envelope = sealed(outbox, key)
    with pytest.raises(ReceiptError, match=match):
        Delivery(outbox, COLLECTOR).settle(envelope, receipt_for(envelope, *verdicts), "jws")
    assert (outbox.counts().sent, outbox.counts().in_flight) == (0, 2)


def test_a_receipt_about_another_envelope_changes_nothing(
    outbox: Outbox, key: SigningKey, new_sample: NewSample
) -> None:
    outbox.add([new_sample()])
    envelope = sealed(outbox, key)
    other = Receipt(envelope_sha256="0" * 64, received_at="then", verdicts=(LineVerdict(line=1, verdict="stored"),))
    with pytest.raises(ReceiptError, match="another envelope"):
        Delivery(outbox, COLLECTOR).settle(envelope, other, "jws")
    assert outbox.counts().pending == 1


def test_samples_sealed_with_a_lost_key_are_sealed_again(outbox: Outbox, new_sample: NewSample) -> None:
    outbox.add([new_sample()])
    lost, key = sealed(outbox, SigningKey.generate()), SigningKey.generate()
    envelope = sealed(outbox, key)
    assert lost.body == envelope.body
    assert open_envelope(envelope.body, envelope.signature, lambda _: key.public).lines


def test_receipts_and_sent_text_are_forgotten_after_30_days(
    outbox: Outbox, key: SigningKey, new_sample: NewSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = new_sample()
    for day in (0, 29, 31):
        for module in ("queue", "delivery"):
            monkeypatch.setattr(
                f"client_sdk.outbox.{module}.now_ms", lambda day=day: 1_800_000_000_000 + day * 86_400_000
            )
        outbox.add([first if day == 0 else new_sample()])
        envelope = sealed(outbox, key)
        stored = receipt_for(envelope, LineVerdict(line=1, verdict="stored"))
        Delivery(outbox, COLLECTOR).settle(envelope, stored, f"receipt of day {day}")
        outbox.forget()
    assert outbox.receipts() == ("receipt of day 29", "receipt of day 31")
    texts = [line is None for (line,) in outbox.connection.execute("SELECT line FROM samples ORDER BY seq")]
    assert texts == [True, False, False]
    assert outbox.add([first]).known == 1  # its id is still known


def test_a_collector_joined_later_gets_what_is_still_there(
    outbox: Outbox, key: SigningKey, new_sample: NewSample, pinned: Callable[..., PinnedCollector]
) -> None:
    outbox.add([new_sample()])
    envelope = sealed(outbox, key)
    Delivery(outbox, COLLECTOR).settle(envelope, receipt_for(envelope, LineVerdict(line=1, verdict="stored")), "jws")
    assert outbox.counts() == Counts(pending=0, in_flight=0, sent=1, rejected=0)
    later = pinned("https://later.example", SigningKey.generate().public)
    outbox.pin(later)
    outbox.add([new_sample()])
    assert [Delivery(outbox, one).counts().pending for one in (COLLECTOR, later)] == [1, 2]
    outbox.leave(later)
    assert outbox.counts() == Counts(pending=1, in_flight=0, sent=1, rejected=0)
    assert [one.url for one in outbox.collectors()] == [COLLECTOR.url]
    outbox.pin(later)
    assert Delivery(outbox, later).counts().pending == 2


def test_samples_wait_where_the_device_is_enrolled_nowhere(
    tmp_path: Path, key: SigningKey, new_sample: NewSample
) -> None:
    with Outbox(tmp_path / "alone.sqlite") as outbox:
        outbox.add([new_sample()])
        assert outbox.counts().pending == 1
        outbox.pin(COLLECTOR)
        assert sealed(outbox, key)
        outbox.leave(COLLECTOR)
        assert outbox.counts() == Counts(pending=1, in_flight=0, sent=0, rejected=0)


def test_commits_reach_the_disk(outbox: Outbox) -> None:
    pragma = {
        name: outbox.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


def test_nobody_else_reads_where_somebody_was(tmp_path: Path, new_sample: NewSample) -> None:
    with Outbox(tmp_path / "home" / "outbox.sqlite") as outbox:
        outbox.add([new_sample()])
        modes = {path.name: path.stat().st_mode & 0o777 for path in outbox.path.parent.iterdir()}
        assert modes == dict.fromkeys(
            ["outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm", "outbox.sqlite.lock"], 0o600
        )
        assert outbox.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_outbox_records_no_more_and_drops_nothing(
    tmp_path: Path, key: SigningKey, new_sample: NewSample
) -> None:
    with Outbox(tmp_path / "small.sqlite", max_bytes=600_000) as outbox:
        outbox.pin(COLLECTOR)
        while outbox.size_bytes() < 500_000:
            outbox.add(new_sample() for _ in range(50))
        kept = outbox.counts().pending
        with pytest.raises(OutboxFullError, match=r"holds 1 MB, as much as it may.*`maille upload`"):
            outbox.add(new_sample() for _ in range(1000))
        assert outbox.counts().pending == kept > 100
        assert outbox.size_bytes() <= 600_000
        while outbox.counts().pending:  # what is full can still be sent
            envelope = sealed(outbox, key)
            lines = len(open_envelope(envelope.body, envelope.signature, lambda _: key.public).lines)
            stored = receipt_for(envelope, *(LineVerdict(line=n, verdict="stored") for n in range(1, lines + 1)))
            Delivery(outbox, COLLECTOR).settle(envelope, stored, "jws")
        # what was sent makes room, the oldest first, for as much as was ever recorded
        for _ in range(30):
            outbox.add(new_sample() for _ in range(20))
        seqs = [seq for (seq,) in outbox.connection.execute("SELECT seq FROM samples ORDER BY seq")]
        assert seqs == list(range(seqs[0], kept + 600))
        assert 0 < seqs[0] <= kept
        assert outbox.counts().pending == 600
        assert outbox.size_bytes() <= 600_000


def test_a_place_that_cannot_hold_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(OutboxError, match="cannot be opened as an outbox"):
        Outbox(tmp_path / "outbox.sqlite")
    (tmp_path / "file").touch()
    with pytest.raises(OutboxError, match="cannot be opened as an outbox"):
        Outbox(tmp_path / "file" / "outbox.sqlite")


def test_several_writers_share_one_outbox(tmp_path: Path, new_sample: NewSample) -> None:
    path = tmp_path / "outbox.sqlite"
    Outbox(path).close()

    def write() -> None:
        with Outbox(path) as outbox:
            for _ in range(25):
                outbox.add([new_sample()])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Outbox(path) as outbox:
        seqs = [seq for (seq,) in outbox.connection.execute("SELECT seq FROM samples ORDER BY seq")]
    assert seqs == list(range(75))

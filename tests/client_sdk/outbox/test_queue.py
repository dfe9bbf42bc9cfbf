import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from client_sdk.errors import ReceiptError, SampleError
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import OutboxError
from client_sdk.sample import Sample
from client_sdk.signing.envelope import Envelope, open_envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt

COLLECTOR_KEY = SigningKey.from_seed(b"c" * 32)
DEVICE_KEY = SigningKey.from_seed(b"d" * 32)
COLLECTOR = PinnedCollector("https://collector.example", COLLECTOR_KEY.public, "volunteer", "2026-11-23T16:00:00.000Z")


def sample_number(number: int) -> Sample:
    return Sample(
        id=f"01972b5c-ee02-7000-8000-{number:012x}", seq=0, kind="signal", measured_at="2026-11-23T16:34:00.123Z"
    )


def ids_in(envelope: Envelope) -> list[int]:
    lines = open_envelope(envelope.body, envelope.signature, lambda _: DEVICE_KEY.public).lines
    return [int(line.split(b'"id":"')[1][24:36], 16) for line in lines]


def receipt_for(envelope: Envelope, *verdicts: LineVerdict) -> Receipt:
    return Receipt(envelope_sha256=envelope.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts)


class OutboxMachine(RuleBasedStateMachine):
    """Whatever the order of events, each sample given is in exactly one state, and never two envelopes at once."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.sqlite"
        self.outbox = Outbox(self.path)
        self.outbox.pin(COLLECTOR)
        self.states: dict[int, str] = {}
        self.order: list[int] = []
        self.in_flight: Envelope | None = None

    @rule(numbers=st.lists(st.integers(0, 60), max_size=8))
    def add(self, numbers: list[int]) -> None:
        new = list(dict.fromkeys(number for number in numbers if number not in self.states))
        added = self.outbox.add(map(sample_number, numbers))
        assert (added.added, added.known) == (len(new), len(numbers) - len(new))
        self.states |= dict.fromkeys(new, "pending")
        self.order += new

    @rule(max_lines=st.integers(1, 6))
    def seal(self, max_lines: int) -> None:
        envelope = self.outbox.next_envelope(DEVICE_KEY, max_lines=max_lines)
        pending = [number for number in self.order if self.states[number] == "pending"]
        if self.in_flight:
            assert envelope == self.in_flight
        elif envelope is None:
            assert not pending
        else:
            assert ids_in(envelope) == pending[:max_lines]
        self.in_flight = envelope

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        assert self.in_flight
        held = ids_in(self.in_flight)
        named = data.draw(
            st.lists(st.sampled_from(["stored", "duplicate", "rejected", None]), min_size=len(held), max_size=len(held))
        )
        verdicts: list[Any] = [
            LineVerdict(line=line, verdict=verdict, rule="sample-field" if verdict == "rejected" else None)
            for line, verdict in enumerate(named, start=1)
            if verdict
        ]
        receipt = receipt_for(self.in_flight, *verdicts)
        if not verdicts:
            with pytest.raises(ReceiptError, match="names no sample"):
                self.outbox.settle(self.in_flight, receipt, "jws", COLLECTOR)
            return
        for repetition in range(2):
            settled = self.outbox.settle(self.in_flight, receipt, "jws", COLLECTOR)
            assert settled.sent == (named.count("stored") if repetition == 0 else 0)
        for number, verdict in zip(held, named, strict=True):
            if verdict:
                self.states[number] = "rejected" if verdict == "rejected" else "sent"
        self.in_flight = None

    @precondition(lambda self: self.in_flight)
    @rule()
    def release(self) -> None:
        assert self.in_flight
        assert self.outbox.release(self.in_flight) == len(ids_in(self.in_flight))
        self.in_flight = None

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path)

    @invariant()
    def every_sample_is_there_once(self) -> None:
        counts = self.outbox.counts()
        found = [counts.pending, counts.sent, counts.rejected]
        assert found == [list(self.states.values()).count(state) for state in ("pending", "sent", "rejected")]
        assert counts.in_flight == (len(ids_in(self.in_flight)) if self.in_flight else 0)
        rows = sqlite3.connect(self.path)
        try:
            kept = rows.execute("SELECT seq, id, state FROM samples ORDER BY seq").fetchall()
        finally:
            rows.close()
        assert kept == [(seq, sample_number(number).id, self.states[number]) for seq, number in enumerate(self.order)]

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.folder.cleanup()


TestOutboxLaws = OutboxMachine.TestCase
TestOutboxLaws.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


def test_one_bad_sample_adds_nothing(outbox: Outbox, new_sample: Callable[..., Sample]) -> None:
    with pytest.raises(SampleError, match="lte_rsrp_dbm: got -200, expected number, ≥ -156"):
        outbox.add([new_sample(), new_sample(lte_rsrp_dbm=-200)])
    assert outbox.counts().pending == 0


def test_an_envelope_is_bounded_in_text(outbox: Outbox, new_sample: Callable[..., Sample]) -> None:
    outbox.add(new_sample(campaign="c" * 64, client="é" * 64, device_model="m" * 64) for _ in range(500))
    outbox.connection.execute("UPDATE samples SET line = CAST(line || zeroblob(8000) AS BLOB)")
    envelope = outbox.next_envelope(DEVICE_KEY)
    assert envelope
    lines = open_envelope(envelope.body, envelope.signature, lambda _: DEVICE_KEY.public).lines
    assert 1 < len(lines) < 500
    assert sum(len(line) + 1 for line in lines) <= 512 * 1024


def test_a_receipt_about_another_envelope_changes_nothing(outbox: Outbox, new_sample: Callable[..., Sample]) -> None:
    outbox.pin(COLLECTOR)
    outbox.add([new_sample()])
    envelope = outbox.next_envelope(DEVICE_KEY)
    assert envelope
    other = Receipt(
        envelope_sha256="0" * 64,
        received_at="2026-11-23T17:00:00.000Z",
        verdicts=(LineVerdict(line=1, verdict="stored"),),
    )
    with pytest.raises(ReceiptError, match="another envelope"):
        outbox.settle(envelope, other, "jws", COLLECTOR)
    assert outbox.counts().pending == 1


def test_a_receipt_about_another_sample_changes_nothing(outbox: Outbox, new_sample: Callable[..., Sample]) -> None:
    outbox.pin(COLLECTOR)
    outbox.add([new_sample(), new_sample()])
    envelope = outbox.next_envelope(DEVICE_KEY)
    assert envelope
    swapped = Receipt(
        envelope_sha256=envelope.sha256,
        received_at="2026-11-23T17:00:00.000Z",
        verdicts=(
            LineVerdict(line=1, verdict="stored"),
            LineVerdict(line=2, verdict="stored", sample_id="01a20c82-e10c-7cbf-b223-2b31c3430743"),
        ),
    )
    with pytest.raises(ReceiptError, match="line 2 is about another sample"):
        outbox.settle(envelope, swapped, "jws", COLLECTOR)
    assert (outbox.counts().sent, outbox.counts().in_flight) == (0, 2)


def test_samples_sealed_with_a_lost_key_are_sealed_again(outbox: Outbox, new_sample: Callable[..., Sample]) -> None:
    outbox.add([new_sample()])
    lost = outbox.next_envelope(SigningKey.generate())
    envelope = outbox.next_envelope(DEVICE_KEY)
    assert lost
    assert envelope
    assert lost.body == envelope.body
    assert open_envelope(envelope.body, envelope.signature, lambda _: DEVICE_KEY.public).lines


def test_receipts_and_sent_text_are_forgotten_after_30_days(
    outbox: Outbox, new_sample: Callable[..., Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.pin(COLLECTOR)
    first = new_sample()
    for day in (0, 29, 31):
        monkeypatch.setattr("client_sdk.outbox.queue.now_ms", lambda day=day: 1_800_000_000_000 + day * 86_400_000)
        outbox.add([first if day == 0 else new_sample()])
        envelope = outbox.next_envelope(DEVICE_KEY)
        assert envelope
        stored = receipt_for(envelope, LineVerdict(line=1, verdict="stored"))
        outbox.settle(envelope, stored, f"receipt of day {day}", COLLECTOR)
    assert outbox.receipts() == ("receipt of day 29", "receipt of day 31")
    texts = [line is None for (line,) in outbox.connection.execute("SELECT line FROM samples ORDER BY seq")]
    assert texts == [True, False, False]
    assert outbox.add([first]).known == 1  # its id is still known


def test_commits_reach_the_disk(outbox: Outbox) -> None:
    pragma = {
        name: outbox.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


@pytest.mark.parametrize("damage", ["header", "page"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: str, new_sample: Callable[..., Sample]) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.add(new_sample() for _ in range(2000))
        outbox.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    place = slice(0, 100) if damage == "header" else slice(len(content) // 2, len(content) // 2 + 8192)
    content[place] = b"\xff" * len(content[place])
    path.write_bytes(content)
    with Outbox(path) as outbox:
        assert outbox.damaged
        assert outbox.damaged.read_bytes() == bytes(content)
        outbox.add([new_sample()])
        seq = outbox.connection.execute("SELECT seq FROM samples").fetchone()[0]
        assert seq >= 2000  # the counter never goes back
    with Outbox(path) as outbox:
        assert outbox.damaged is None
        assert outbox.counts().pending == 1


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="outbox of version 99, expected at most 2"):
        Outbox(path)


def test_a_place_that_cannot_hold_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(OutboxError, match="cannot be opened as an outbox"):
        Outbox(tmp_path / "outbox.sqlite")


def test_several_writers_share_one_outbox(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    Outbox(path).close()

    def write(first: int) -> None:
        with Outbox(path) as outbox:
            for number in range(first, first + 25):
                outbox.add([sample_number(number)])

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Outbox(path) as outbox:
        seqs = [seq for (seq,) in outbox.connection.execute("SELECT seq FROM samples ORDER BY seq")]
    assert seqs == list(range(75))

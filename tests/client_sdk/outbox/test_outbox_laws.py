"""Whatever the order of events, every sample reaches every collector once, and none is lost."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from client_sdk.outbox.delivery import LEASE_MS, Delivery
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.sample import Sample
from client_sdk.signing.envelope import Envelope, open_envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt

DEVICE = SigningKey.from_seed(b"d" * 32)
NAMES = ("one", "two")
PROCESSES = (0, 1)
COLLECTORS = {
    name: PinnedCollector(
        f"https://{name}.example", SigningKey.from_seed(name.encode() * 10 + b"xx").public, "volunteer", "then"
    )
    for name in NAMES
}


def sample_number(number: int) -> Sample:
    return Sample(
        id=f"01972b5c-ee02-7000-8000-{number:012x}", seq=0, kind="signal", measured_at="2026-11-23T16:34:00.123Z"
    )


def lines_in(envelope: Envelope) -> dict[int, bytes]:
    lines = open_envelope(envelope.body, envelope.signature, lambda _: DEVICE.public).lines
    return {int(json.loads(line)["id"][24:], 16): line for line in lines}


class FarCollector:
    """What a collector does: keeps each sample once, and answers every envelope, now and then without every line."""

    def __init__(self) -> None:
        self.lines: dict[int, bytes] = {}
        self.receipts: dict[str, Receipt] = {}
        self.left_out: set[int] = set()

    def receive(self, envelope: Envelope) -> Receipt:
        if envelope.sha256 not in self.receipts:
            held = lines_in(envelope)
            unnamed = {number for number in held if number % 11 == 5} - self.left_out if len(held) > 1 else set()
            self.left_out |= unnamed
            verdicts = tuple(
                LineVerdict(line=place, verdict=self._judge(number, line), sample_id=sample_number(number).id)
                for place, (number, line) in enumerate(held.items(), start=1)
                if number not in unnamed or len(unnamed) == len(held)
            )
            self.receipts[envelope.sha256] = Receipt(
                envelope_sha256=envelope.sha256, received_at="2026-11-23T17:00:00.000Z", verdicts=verdicts
            )
        return self.receipts[envelope.sha256]

    def _judge(self, number: int, line: bytes) -> Any:
        if number % 7 == 3:
            return "rejected"
        known = self.lines.setdefault(number, line)
        assert known == line, "a sample came back as other bytes"
        return "stored" if known is line else "duplicate"


class OutboxMachine(RuleBasedStateMachine):
    """Two collectors, and two processes that share one outbox and may be killed at any time."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.sqlite"
        self.now_ms = 1_800_000_000_000
        self.clock = pytest.MonkeyPatch()
        for module in ("queue", "delivery"):
            self.clock.setattr(f"client_sdk.outbox.{module}.now_ms", lambda: self.now_ms)
        self.outboxes = {process: Outbox(self.path) for process in PROCESSES}
        self.holders = {process: Holder(self.path.parent) for process in PROCESSES}
        self.order: list[int] = []
        self.settled: dict[str, dict[int, str]] = {name: {} for name in NAMES}
        self.far = {name: FarCollector() for name in NAMES}
        # what each process is sending, and until when nobody else may
        self.sending: dict[tuple[int, str], tuple[Envelope, int]] = {}
        self.enrolled: set[str] = set()
        for name in NAMES:
            self.enrol(name)

    @rule(numbers=st.lists(st.integers(0, 80), max_size=8), process=st.sampled_from(PROCESSES))
    def add(self, numbers: list[int], process: int) -> None:
        new = list(dict.fromkeys(number for number in numbers if number not in self.order))
        added = self.outboxes[process].add(map(sample_number, numbers))
        assert (added.added, added.known, added.hidden) == (len(new), len(numbers) - len(new), 0)
        self.order += new

    @rule(name=st.sampled_from(NAMES), process=st.sampled_from(PROCESSES), most=st.integers(1, 6))
    def lease(self, name: str, process: int, most: int) -> None:
        if (process, name) in self.sending:
            return
        envelope = self.delivery(process, name).lease(DEVICE, self.holders[process], max_lines=most)
        elsewhere = self.held_elsewhere(name, process)
        free = [number for number in self.waiting(name) if number not in elsewhere]
        if envelope is None:
            assert not free or name not in self.enrolled
            return
        held = lines_in(envelope)
        assert 0 < len(held) <= most
        assert not set(held) & elsewhere, "two processes send one sample at once"
        assert set(held) <= set(free) or self.was_late(name, held)
        self.sending[process, name] = (envelope, self.now_ms + LEASE_MS)

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), told=st.booleans())
    def send(self, data: st.DataObject, told: bool) -> None:
        process, name = data.draw(st.sampled_from(sorted(self.sending)))
        envelope, _ = self.sending.pop((process, name))
        receipt = self.far[name].receive(envelope)
        if not told:  # the receipt is lost on the way
            self.delivery(process, name).hand_back(envelope, self.holders[process])
            return
        for _ in range(2):  # settling twice changes nothing
            self.delivery(process, name).settle(envelope, receipt, "jws")
        held = list(lines_in(envelope)) if name in self.enrolled else []
        for verdict in receipt.verdicts if held else ():
            number = held[verdict.line - 1]
            self.settled[name].setdefault(number, "rejected" if verdict.verdict == "rejected" else "sent")

    @precondition(lambda self: self.sending)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        process, name = data.draw(st.sampled_from(sorted(self.sending)))
        envelope, _ = self.sending.pop((process, name))
        self.delivery(process, name).release(envelope, self.holders[process])

    @rule(process=st.sampled_from(PROCESSES))
    def kill(self, process: int) -> None:
        self.holders[process]._lock.close()  # as the system does
        self.outboxes[process].close()
        self.outboxes[process], self.holders[process] = Outbox(self.path), Holder(self.path.parent)
        self.sending = {held: what for held, what in self.sending.items() if held[0] != process}

    @rule(minutes=st.integers(1, 15))
    def wait(self, minutes: int) -> None:
        self.now_ms += minutes * 60_000

    @rule(name=st.sampled_from(NAMES))
    def leave(self, name: str) -> None:
        self.outboxes[0].leave(COLLECTORS[name])
        self.enrolled.discard(name)
        # what is on its way there is taken apart: once enrolled again, its samples may be on their way twice
        self.sending = {held: (what[0], 0 if held[1] == name else what[1]) for held, what in self.sending.items()}

    @rule(name=st.sampled_from(NAMES))
    def enrol(self, name: str) -> None:
        self.outboxes[0].pin(COLLECTORS[name])
        self.enrolled.add(name)

    @invariant()
    def every_sample_is_there_once(self) -> None:
        kept = self.outboxes[1].connection.execute("SELECT seq, id FROM samples ORDER BY seq").fetchall()
        assert kept == [(seq, sample_number(number).id) for seq, number in enumerate(self.order)]
        for name in NAMES:
            counts = self.delivery(1, name).counts()
            states = list(self.settled[name].values())
            assert (counts.sent, counts.rejected) == (states.count("sent"), states.count("rejected"))
            assert counts.pending == (len(self.order) - len(states) if name in self.enrolled else 0)

    def teardown(self) -> None:
        if not hasattr(self, "outboxes"):
            return
        try:
            self.everything_arrives()
        finally:
            self.clock.undo()
            for process in PROCESSES:
                self.outboxes[process].close()
                self.holders[process]._lock.close()
            self.folder.cleanup()

    def everything_arrives(self) -> None:
        self.kill(0)
        self.kill(1)
        for name in NAMES:
            self.enrol(name)
            while envelope := self.delivery(0, name).lease(DEVICE, self.holders[0]):
                self.delivery(0, name).settle(envelope, self.far[name].receive(envelope), "jws")
            assert self.delivery(0, name).counts().pending == 0
            assert sorted(self.far[name].lines) == sorted(number for number in self.order if number % 7 != 3)
        stored = [
            [(verdict.sample_id, name) for verdict in receipt.verdicts if verdict.verdict == "stored"]
            for name in NAMES
            for receipt in self.far[name].receipts.values()
        ]
        told = [one for verdicts in stored for one in verdicts]
        assert len(told) == len(set(told)), "stored twice"

    def delivery(self, process: int, name: str) -> Delivery:
        return Delivery(self.outboxes[process], COLLECTORS[name])

    def waiting(self, name: str) -> list[int]:
        return [number for number in self.order if number not in self.settled[name]]

    def held_elsewhere(self, name: str, process: int) -> set[int]:
        return {
            number
            for (other, to), (envelope, until_ms) in self.sending.items()
            if to == name and other != process and self.now_ms < until_ms
            for number in lines_in(envelope)
            if number not in self.settled[name]
        }

    def was_late(self, name: str, held: dict[int, bytes]) -> bool:
        """An envelope taken over from a process that was too slow may hold what that one settled meanwhile."""
        return bool(set(held) & set(self.waiting(name)))


TestOutboxLaws = OutboxMachine.TestCase
TestOutboxLaws.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

"""Where a fault happens: a database, its collectors, the devices that send to them, and the account of it all."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from collector_process import CollectorProcess
from invariants import check, read
from load import ANSWER_S, Device, Load
from wire import Wire


@dataclass
class Tally:
    """What happened in all rounds."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)

    def line(self) -> str:
        """The account in one line."""
        counts, waits = self.counts, sorted(self.recoveries_s)
        answered = sum(count for name, count in counts.items() if name.startswith("answered "))
        faults = ", ".join(f"{count} × {name}" for name, count in sorted(self.faults.items()))
        return (
            f"faults: {counts['held']} of {counts['rounds']} rounds held ({faults}); "
            f"{counts['envelopes']} envelopes sent {counts['sent']} times: {counts['receipts']} receipts, "
            f"{counts['no answer']} without an answer, {answered} told to come again; "
            f"{counts['samples']} samples stored, {counts['duplicates']} duplicates among the verdicts; "
            f"receipts for all again after {waits[len(waits) // 2]:.2f} s (median), {waits[-1]:.2f} s (longest)"
        )


class Stage:
    """One database with its collectors and its devices; rounds of faults follow each other on it.

    Args:
        folder: for what the collectors say.
        tally: the account.
        database_url: of the database, as it is read here.
        collectors: how many.
        wired: the devices reach each of them through a wire.
        settings: variables of their environment.
    """

    def __init__(
        self,
        folder: Path,
        tally: Tally,
        database_url: str,
        *,
        collectors: int = 1,
        wired: bool = False,
        **settings: str,
    ) -> None:
        self.tally, self.database_url = tally, database_url
        self.collectors = [CollectorProcess(folder, **settings) for _ in range(collectors)]
        self.collector = self.collectors[0]
        self.wires = [Wire(int(collector.url.rpartition(":")[2])) for collector in self.collectors if wired]
        self.devices: list[Device] = []
        self._http = httpx.Client(timeout=ANSWER_S, trust_env=False)

    def _addresses(self) -> list[str]:
        if self.wires:
            return [f"http://{wire.address}:{wire.port}" for wire in self.wires]
        return [collector.url for collector in self.collectors]

    @contextmanager
    def round(self, seed: int) -> Iterator[random.Random]:
        """New devices send while the block runs, from a moment before it; then all that must hold is checked.

        At the end of the block the fault is over: whatever still fails then is what recovery takes.
        """
        chance = random.Random(seed)
        self.tally.counts["rounds"] += 1
        self.load = Load(self._addresses, self._http)
        self.devices += self.load.devices
        try:
            with self.load.running(chance):
                self.load.await_receipts(chance.randint(1, 4))
                time.sleep(chance.uniform(0, 0.03))  # any moment
                yield chance
                self.tally.recoveries_s.append(self.load.await_receipts())
            self.check()
            self.load.finish()
            self.check(finished=True)
        finally:
            self._account()
        self.tally.counts["held"] += 1

    def check(self, *, finished: bool = False) -> None:
        """What must hold, by the database; no device sends meanwhile."""
        with self.load.held():
            check(self.database_url, self.load.devices, finished=finished, alone=False)

    def kept_without_receipt(self) -> int:
        """How many envelopes the database holds whose devices do not know it."""
        with self.load.held():
            receipted = sum(len(device.receipts) for device in self.load.devices)
            return len(read(self.database_url, self.load.devices)[1]) - receipted

    def close(self) -> None:
        """End the processes; what the first round left is still there, and nothing that no round knows of."""
        self._http.close()
        for part in (*self.wires, *self.collectors):
            part.close()
        check(self.database_url, self.devices, finished=True, alone=True)

    def _account(self) -> None:
        """Add up what a round's devices sent and were answered."""
        self.tally.counts += self.load.counts()
        self.tally.counts["samples"] += len(read(self.database_url, self.load.devices)[0])
        verdicts = [
            verdict.verdict
            for device in self.load.devices
            for _, receipt in device.receipts.values()
            for verdict in receipt.verdicts
        ]
        self.tally.counts["duplicates"] += verdicts.count("duplicate")

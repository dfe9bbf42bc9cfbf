"""The limit: verify, open, decode, judge and insert, with nothing around it; a program of its own, held on one core.

``python -m benchmarks.intake.limit DATABASE_URL DEVICES FILE`` takes in the pickled envelopes of FILE and prints the
seconds that it took and worked. No HTTP, no envelope kept, no look for what is known, no receipt; large transactions.
"""

import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.intake.fleet import Fleet
from client_sdk.signing.envelope import Envelope
from client_sdk.signing.keys import VerifyingKey
from collector.garbage import look_for_cycles_seldom
from collector.intake.accept import Bench, judge_envelope
from collector.storage.bulk import NewSample, insert_samples
from collector.storage.records import JudgedSample
from collector.storage.store import Store

GROUP = 50
"""Ours: envelopes in a transaction, 5,000 samples; more made it no faster."""


def take_in(store: Store, envelopes: Sequence[Envelope], keys: Mapping[str, VerifyingKey]) -> tuple[float, float]:
    """Seconds to take them in: by the clock, and of work of this process."""
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    now, bench = datetime.now(UTC), Bench(keys.get, lambda *_: {})
    for first in range(0, len(envelopes), GROUP):
        new: list[NewSample] = []
        for sent in envelopes[first : first + GROUP]:
            judged = judge_envelope(sent.body, sent.signature, now, bench)
            new += [(line, judged.envelope, "volunteer") for line in judged.lines if isinstance(line, JudgedSample)]
        with store.writing() as connection:
            insert_samples(connection, new)
    return time.perf_counter() - start_s, time.process_time() - start_cpu_s


def main(database_url: str, devices: str, file: str) -> None:
    """Take in the envelopes of a file, and print how long it took."""
    look_for_cycles_seldom()
    store = Store(database_url)
    envelopes: list[Envelope] = pickle.loads(Path(file).read_bytes())
    keys = {key.public.thumbprint: key.public for key in Fleet(int(devices)).keys}
    with store.writing():  # the connection is there when the clock starts
        pass
    print(*take_in(store, envelopes, keys))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

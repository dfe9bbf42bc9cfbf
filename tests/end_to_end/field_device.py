"""A field device in a process of its own, made to be killed: adds numbered samples and uploads them, for ever.

Run as ``field_device.py HOME JOURNAL``: for each line read it starts one life as a fresh process, which saves loading
the libraries each time, writes the process's id, and then how it ended. A number is written to the journal once the
outbox says that its sample is kept; the next life goes on where the outbox is.
"""

import os
import random
import sys
from pathlib import Path

import httpx

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey

LARGEST_BATCH = 40


def numbered_sample(number: int) -> Sample:
    """The sample that this number stands for, in every life."""
    return Sample(
        id=f"01972b5c-ee02-7000-8000-{number:012x}",
        seq=0,
        kind="signal",
        measured_at="2026-11-23T16:34:00.123Z",
        latitude=47.2,
        longitude=3.5,
        sim_plmn="20801",
        rat="lte",
        lte_rsrp_dbm=-60.0 - number % 90,
    )


def live(home: Path, journal: Path, client: httpx.Client) -> None:
    """Add and upload until killed."""
    key = SigningKey.load(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox, journal.open("ab", buffering=0) as kept:
        counts = outbox.counts()
        number = counts.pending + counts.sent + counts.rejected
        chance = random.Random(number)
        while True:
            for _ in range(chance.randint(1, 4)):
                batch = range(number, number + chance.randint(1, LARGEST_BATCH))
                outbox.add(map(numbered_sample, batch))
                number = batch.stop
                kept.write(f"{number}\n".encode())
            upload(outbox, key, client)


if __name__ == "__main__":
    unused = httpx.Client(timeout=30)  # each life opens its own connections with it
    for _ in sys.stdin:
        process = os.fork()
        if process == 0:
            live(Path(sys.argv[1]), Path(sys.argv[2]), unused)
        print(process, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)  # noqa: T201

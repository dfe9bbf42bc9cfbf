"""Nothing is sent while something is measured, by whatever process; a killed one keeps nobody waiting."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.outbox.file_lock import wait_until
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.quiet import is_measuring, measuring, measuring_async, sending
from client_sdk.outbox.upload import UploadSummary, upload
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey, VerifyingKey

MEASURE = """
import sys
from pathlib import Path
from client_sdk.outbox.quiet import measuring
with measuring(Path(sys.argv[1])):
    print("measuring", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def measuring_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURE, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "measuring\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_that_measures_is_seen_until_it_dies(
    tmp_path: Path, measuring_process: subprocess.Popen[str]
) -> None:
    assert is_measuring(tmp_path)
    with sending(tmp_path, wait=False) as allowed:
        assert not allowed
    measuring_process.kill()
    measuring_process.wait()
    with sending(tmp_path, wait=False) as allowed:
        assert allowed
    assert not is_measuring(tmp_path)


def test_an_upload_unasked_stops_and_one_by_hand_waits(
    outbox: Outbox,
    key: SigningKey,
    tmp_path: Path,
    measuring_process: subprocess.Popen[str],
    live_collector: Any,
    new_sample: Callable[..., Sample],
) -> None:
    from client_sdk.enrolment import enrol

    with httpx.Client() as client:
        enrol(live_collector.base_url, key, outbox, client=client)
    outbox.add([new_sample()])
    with httpx.Client() as client:
        (unasked,) = upload(outbox, key, client).collectors
    assert unasked.stopped_for_test
    assert (unasked.sent, unasked.trouble, outbox.counts().pending) == (0, None, 1)

    said: list[str] = []
    done: list[UploadSummary] = []

    def by_hand() -> None:
        with Outbox(outbox.path) as own, httpx.Client() as client:
            done.append(upload(own, key, client, lambda label, _: said.append(label), by_hand=True))

    waiting = threading.Thread(target=by_hand)
    waiting.start()
    assert wait_until(lambda: "waiting for the end of a measurement" in said, 30)
    assert not done
    measuring_process.communicate("")  # it ends
    waiting.join()
    assert done[0].sent == 1


def test_a_measurement_waits_for_the_envelope_that_is_on_its_way_and_is_next(
    outbox: Outbox,
    key: SigningKey,
    tmp_path: Path,
    serve: Callable[..., str],
    pinned: Callable[[str, VerifyingKey], PinnedCollector],
    new_sample: Callable[..., Sample],
) -> None:
    arrived, answer, seen = threading.Event(), threading.Event(), []

    def respond(request: Any) -> tuple[int, dict[str, str], bytes]:
        seen.append(request)
        arrived.set()
        answer.wait()
        return 413, {}, b""  # to be sent again by halves: many envelopes follow

    outbox.pin(pinned(serve(respond), SigningKey.generate().public))
    outbox.add(new_sample() for _ in range(8))

    def send() -> None:
        with Outbox(outbox.path) as own, httpx.Client() as client:
            upload(own, key, client)

    sender = threading.Thread(target=send)
    sender.start()
    assert arrived.wait(30)
    inside, leave = threading.Event(), threading.Event()

    def measure() -> None:
        with measuring(tmp_path):
            inside.set()
            leave.wait()

    measurer = threading.Thread(target=measure)
    measurer.start()
    assert wait_until(lambda: is_measuring(tmp_path), 30)  # it says so at once
    assert not inside.is_set()  # and waits for the envelope
    answer.set()
    sender.join()
    assert inside.wait(30)
    assert len(seen) == 1  # the next one was not sent
    leave.set()
    measurer.join()


def test_several_measure_at_once_and_a_program_goes_on_meanwhile(tmp_path: Path) -> None:
    async def both() -> list[str]:
        told: list[str] = []

        async def first() -> None:
            async with measuring_async(tmp_path), measuring_async(tmp_path):
                told.append("measuring")

        with sending(tmp_path, wait=False) as allowed:
            assert allowed
            task = asyncio.create_task(first())
            while not is_measuring(tmp_path):
                await asyncio.sleep(0)
            told.append("sending")
        await task
        return told

    assert asyncio.run(both()) == ["sending", "measuring"]

"""A device that is killed at any instant loses nothing and sends nothing twice, to either of its two collectors."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.signing.keys import SigningKey

LIVES = 60
IN_FLIGHT = 15
"""Least number of lives that end while an envelope is on its way."""
SCRIPT = Path(__file__).with_name("field_device.py")


class Device:
    """Starts lives of the device and ends them."""

    def __init__(self, home: Path, journal: Path) -> None:
        self._journal = journal
        command = [sys.executable, SCRIPT, home, journal]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def live_and_be_killed(self, after_s: float, *, working: bool) -> None:
        """One process, killed so long after it began, or after it kept its first samples."""
        assert self._process.stdin
        assert self._process.stdout
        before = self._journal.stat().st_size
        self._process.stdin.write("live\n")
        process = int(self._process.stdout.readline())
        while working and self._journal.stat().st_size == before:
            time.sleep(0.001)
        time.sleep(after_s)
        os.kill(process, signal.SIGKILL)
        assert int(self._process.stdout.readline()) == -signal.SIGKILL, "the device ended by itself"

    def close(self) -> None:
        self._process.communicate()


def query(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


@pytest.fixture
def device(home: Path, journal: Path) -> Iterator[Device]:
    started = Device(home, journal)
    yield started
    started.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_every_sample_arrives_once_whenever_the_device_is_killed(
    device: Device, home: Path, journal: Path, tmp_path: Path
) -> None:
    from collector.serving import running_collector
    from collector.settings import Settings

    chance = random.Random(20261123)
    key = SigningKey.load_or_create(home / "device-key.pem")
    killed_in_flight = 0
    servers = [tmp_path / "first", tmp_path / "second"]
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client())
        collectors = [
            stack.enter_context(running_collector(Settings(data=server, port=0, echo_port="off"))) for server in servers
        ]
        with Outbox(home / "outbox.sqlite") as outbox:
            for collector in collectors:
                enrol(collector.base_url, key, outbox, client=client)
        lives = 0
        while lives < LIVES or killed_in_flight < IN_FLIGHT:
            lives += 1
            assert lives < 10 * LIVES, "too few kills fell into an upload to show anything"
            device.live_and_be_killed(chance.uniform(0, 0.15), working=lives % 3 > 0)
            with Outbox(home / "outbox.sqlite") as outbox:
                assert outbox.damage is None
                counts = outbox.counts()
                kept = [int(line) for line in journal.read_bytes().split()]
                # what the outbox said it kept is there; at most the batch it had no time to speak of more
                assert counts.pending + counts.sent >= (kept[-1] if kept else 0)
                killed_in_flight += counts.in_flight > 0
        with Outbox(home / "outbox.sqlite") as outbox:
            upload(outbox, key, client, by_hand=True).checked()
            counts = outbox.counts()
        assert (counts.pending, counts.in_flight, counts.rejected) == (0, 0, 0)
    assert counts.sent > LIVES
    given = [f"01972b5c-ee02-7000-8000-{number:012x}" for number in range(counts.sent)]
    assert query(home / "outbox.sqlite", "SELECT id, seq FROM samples ORDER BY seq") == [
        (sample_id, number) for number, sample_id in enumerate(given)
    ]
    for server in servers:
        found = query(server / "collector.sqlite", "SELECT device, id, seq FROM samples ORDER BY seq")
        assert found == [(key.public.thumbprint, sample_id, number) for number, sample_id in enumerate(given)]
    assert list(home.glob("sending-*")) == [], "the locks of the dead are cleared away"

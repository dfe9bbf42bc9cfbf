"""``maille collector measure-server``: a process of its own beside a collector, on the same data."""

import asyncio
import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from client_sdk.measurement.ndt7 import SUBPROTOCOL
from collector.storage.witnessed import find_witnesses


@pytest.fixture
def measuring() -> Iterator[Callable[..., str]]:
    """``measuring(data, database_url, *options)`` starts one and gives its address."""
    with ExitStack() as stack:

        def start(data: Path, database_url: str, *options: str) -> str:
            kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILLE_")}
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from client_sdk.cli import main; main()",
                    *("collector", "measure-server", "--port", "0", "--data", str(data), "--json", *options),
                ],
                env=kept | {"PYTHONPATH": os.pathsep.join(sys.path), "MAILLE_DATABASE_URL": database_url},
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(_end, process)
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["open"] is ("--open" in options)
            return str(told["url"])

        yield start


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def download(base: str, query: str) -> int:
    async def whole() -> int:
        url = f"{base}/ndt/v7/download?max_bytes=100000&{query}"
        async with connect(url, subprotocols=[SUBPROTOCOL], compression=None, proxy=None) as connection:  # type: ignore[list-item]
            return sum([len(message) async for message in connection if isinstance(message, bytes)])

    return asyncio.run(whole())


def test_it_measures_for_its_collector_and_writes_the_same_witnesses(
    collector: Any, phone_of: Any, measuring: Callable[..., str]
) -> None:
    base = measuring(collector.settings.data, collector.settings.database_url)
    phone = phone_of(collector)
    granted = phone.session()
    received = download(base, f"access_token={granted['token']}")
    assert received >= 100_000
    deadline = time.monotonic() + 60
    while not (found := find_witnesses(collector.store, phone.key.public.thumbprint, [granted["test_id"]])):
        assert time.monotonic() < deadline, "no witness"
        time.sleep(0.02)
    assert received * 0.95 <= found[granted["test_id"], "download"].bytes <= received

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect(("127.0.0.1", int(base.rpartition(":")[2])))
        client.send(struct.pack("!4sI16s", b"RP01", 9, base64.b64decode(granted["echo"]["token"])))
        assert client.recv(100) == b"RR01\x00\x00\x00\x09"

    with pytest.raises(InvalidStatus):
        download(base, "")
    elsewhere = httpx.get(base.replace("ws", "http", 1) + "/v1/status", trust_env=False, timeout=120)
    assert elsewhere.status_code == 404  # nothing but measuring


def test_open_to_all_it_needs_no_token_and_witnesses_nothing(
    collector: Any, phone_of: Any, measuring: Callable[..., str]
) -> None:
    base = measuring(collector.settings.data, collector.settings.database_url, "--open")
    assert download(base, "") >= 100_000
    with pytest.raises(InvalidStatus):
        download(base, "access_token=wrong")
    phone = phone_of(collector)
    assert find_witnesses(collector.store, phone.key.public.thumbprint, [phone.session()["test_id"]]) == {}

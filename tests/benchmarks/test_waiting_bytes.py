"""Over a real lossy link: what the field client says has arrived is what the link has delivered, read or not."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks.link.line import LinkSettings
from benchmarks.link.link import open_link

SIZE = 1_500_000
RECEIVE = """
import json, selectors, socket, time
from client_sdk.measurement.waiting import WaitingBytes
with socket.create_server(("0.0.0.0", 0)) as server:
    print(server.getsockname()[1], flush=True)
    receiving, _ = server.accept()
receiving.setblocking(False)
following, seen, total, next_s = WaitingBytes(receiving), [], 0, time.monotonic() + 0.25
with receiving, selectors.DefaultSelector() as ready:
    ready.register(receiving, selectors.EVENT_READ)
    while True:
        if ready.select(max(0, next_s - time.monotonic())):
            data = receiving.recv(1 << 20)
            if not data:
                break
            total += len(data)
        if time.monotonic() >= next_s:
            next_s += 0.25
            seen.append((total, following.now()))
print(json.dumps(seen), flush=True)
"""
SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(bytes(int(sys.argv[3])))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="an emulated link needs root and /dev/net/tun"
)
def test_what_waits_for_a_lost_packet_is_seen_and_hardly_more_than_was_sent() -> None:
    async def story() -> list[tuple[int, int]]:
        async with (
            open_link(LinkSettings(rate_bps=4e6, delay_ms=100, loss=0.03, seed=3)) as link,
            link.process("right", sys.executable, "-c", RECEIVE) as receiving,
        ):
            assert receiving.stdout is not None
            port = (await receiving.stdout.readline()).decode().strip()
            await link.run("left", sys.executable, "-c", SEND, link.address("right"), port, str(SIZE))
            found: list[tuple[int, int]] = json.loads(await receiving.stdout.readline())
            return found

    seen = asyncio.run(story())

    assert max(waiting for _, waiting in seen) > 10_000
    # segments are taken to be full, which the last of what was sent at once is not
    assert all(total + waiting <= SIZE * 1.01 for total, waiting in seen)

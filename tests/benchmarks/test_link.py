"""A real link: it carries what TCP sends, no faster than its rate, and leaves nothing behind."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.link.line import LinkSettings
from benchmarks.link.link import Link, LinkError, open_link, require_link

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 60

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="an emulated link needs root and /dev/net/tun"
)

RECEIVE = """
import hashlib, socket
with socket.create_server(("0.0.0.0", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as received:
        whole = received.read()
        print(len(whole), hashlib.sha256(whole).hexdigest(), flush=True)
"""
SEND = """
import socket, sys
address, port, size = sys.argv[1:]
with socket.create_connection((address, int(port))) as connection:
    connection.sendall(bytes(number * 7 % 251 for number in range(int(size))))
"""
HOLD = """
import asyncio, json, os, sys
from benchmarks.link.line import LinkSettings
from benchmarks.link.link import open_link

async def hold():
    async with open_link(LinkSettings(rate_bps=1e6, delay_ms=20)) as link, link.process("right", "sleep", "600"):
        inodes = [int(await link.run(side, "stat", "-Lc", "%i", "/proc/self/ns/net")) for side in ("left", "right")]
        print(json.dumps({"inodes": inodes}), flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""


async def _transfer(link: Link, size: int) -> tuple[int, str]:
    async with link.process("right", sys.executable, "-c", RECEIVE) as receiving:
        assert receiving.stdout is not None
        port = (await receiving.stdout.readline()).decode().strip()
        await link.run("left", sys.executable, "-c", SEND, link.address("right"), port, str(size))
        length, digest = (await receiving.stdout.readline()).decode().split()
    return int(length), digest


async def _inodes(link: Link) -> set[int]:
    return {int(await link.run(side, "stat", "-Lc", "%i", "/proc/self/ns/net")) for side in ("left", "right")}


def _living_namespaces() -> set[int]:
    """Inodes of the network namespaces that some process is in or holds open."""
    found = set()
    for held in [*Path("/proc").glob("[0-9]*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*")]:
        try:
            if os.readlink(held).startswith("net:"):
                found.add(held.stat().st_ino)
        except OSError:
            continue  # ended meanwhile
    return found


def _wait_until_gone(inodes: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while left := inodes & _living_namespaces():
        assert time.monotonic() < deadline, f"namespaces still there: {left}"
        time.sleep(0.05)


@needs_root
def test_a_lossy_link_carries_everything_no_faster_than_its_rate_and_leaves_no_namespace() -> None:
    settings, size = LinkSettings(rate_bps=2e6, delay_ms=20, loss=0.02, seed=5), 250_000

    async def story() -> set[int]:
        async with open_link(settings) as link:
            inodes = await _inodes(link)
            before = await link.counters()
            length, digest = await _transfer(link, size)
            after = await link.counters()
            assert (length, digest) == (size, hashlib.sha256(bytes(n * 7 % 251 for n in range(size))).hexdigest())
            carried = after.delivered_bytes[0] - before.delivered_bytes[0]
            assert carried > size
            assert carried * 8 <= settings.rate_bps * (after.at_s - before.at_s) + 1500 * 8
            assert after.lost[0] > 0
            assert inodes <= _living_namespaces()
        return inodes

    inodes = asyncio.run(story())
    assert len(inodes) == 2
    _wait_until_gone(inodes)


@needs_root
def test_a_failure_inside_leaves_no_namespace() -> None:
    seen: set[int] = set()

    async def story() -> None:
        async with open_link(LinkSettings(rate_bps=1e6, delay_ms=20)) as link, link.process("left", "sleep", "600"):
            seen.update(await _inodes(link))
            await link.run("left", "false")

    with pytest.raises(LinkError, match="exit 1"):
        asyncio.run(story())
    assert len(seen) == 2
    _wait_until_gone(seen)


@needs_root
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_benchmark_leaves_no_namespace(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        said = json.loads(holder.stdout.readline())
        inodes = set(said["inodes"])
        assert inodes <= _living_namespaces()
        holder.send_signal(how)
        holder.wait(PATIENCE_S)

    _wait_until_gone(inodes)


def test_without_root_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LinkError, match="needs root"):
        require_link()


@needs_root
def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(LinkError, match="missing: no-such-program; on Debian: apt-get install its-package"):
        require_link({"no-such-program": "its-package"})

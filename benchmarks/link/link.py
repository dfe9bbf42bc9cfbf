"""A link to measure over, for as long as a block of code runs, and the processes at its ends."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.link.emulator import ADDRESSES
from benchmarks.link.line import LinkSettings

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = {"ip": "iproute2", "nsenter": "util-linux", "setpriv": "util-linux"}
"""Programs the link needs, and the Debian packages that have them."""

Side = Literal["left", "right"]


class LinkError(Exception):
    """The link cannot be built here, or broke; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the emulator has carried since it began; pairs are left to right, then right to left.

    Bytes are those of IP packets, headers included.
    """

    offered_bytes: tuple[int, int]
    delivered_bytes: tuple[int, int]
    delivered_packets: tuple[int, int]
    lost: tuple[int, int]
    overflowed: tuple[int, int]
    mean_late_ms: float
    latest_ms: float
    cpu_s: float
    at_s: float


class Link:
    """A running link. The left end is the field's, the right end the server's."""

    def __init__(self, settings: LinkSettings, emulator: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
        self.settings = settings
        self.congestion: str = said["congestion"]
        self._namespaces = dict(zip(("left", "right"), said["namespaces"], strict=True))
        self._emulator = emulator

    @staticmethod
    def address(side: Side) -> str:
        """IPv4 address of an end."""
        return ADDRESSES[side == "right"]

    def command(self, side: Side, *command: str) -> list[str]:
        """The command that runs another at an end of the link, and dies with this process."""
        enter = f"--net={self._namespaces[side]}"
        return ["nsenter", enter, "--", "setpriv", "--pdeathsig", "KILL", "--", *command]

    async def counters(self) -> Counters:
        """What the link has carried so far.

        Raises:
            LinkError: the emulator died.
        """
        assert self._emulator.stdin is not None
        assert self._emulator.stdout is not None
        self._emulator.stdin.write(b"counters\n")
        line = await self._emulator.stdout.readline()
        if not line:
            raise LinkError("the link's emulator died; its words are above")
        said: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(line).items()
        }
        return Counters(**said)

    async def run(self, side: Side, *command: str, timeout_s: float = 60) -> str:
        """Run a command at an end to its end, and give what it printed.

        Raises:
            LinkError: it failed, or took longer than ``timeout_s``; the message carries the end of its words.
        """
        async with self.process(side, *command, stderr=asyncio.subprocess.PIPE) as process:
            try:
                async with asyncio.timeout(timeout_s):
                    out, err = await process.communicate()
            except TimeoutError as error:
                raise LinkError(f"{' '.join(command)}: no end after {timeout_s:.0f} s") from error
        if process.returncode != 0:
            raise LinkError(f"{' '.join(command)}: exit {process.returncode}: {(err or out).decode()[-2000:]}")
        return out.decode()

    @contextlib.asynccontextmanager
    async def process(
        self, side: Side, *command: str, stdin: int = asyncio.subprocess.DEVNULL, stderr: int | None = None
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process at an end, ended with the block at the latest."""
        process = await asyncio.create_subprocess_exec(
            *self.command(side, *command),
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            cwd=ROOT,
            start_new_session=True,  # an interrupt from the keyboard is ours to handle
            limit=2**24,
        )
        try:
            yield process
        finally:
            await _end(process)


@contextlib.asynccontextmanager
async def open_link(settings: LinkSettings) -> AsyncIterator[Link]:
    """Build a link; it is gone, with its namespaces, when the block or this process ends, however that happens.

    TCP at both ends has the system's own congestion control: ``Link.congestion`` says which.

    Raises:
        LinkError: it cannot be built here; the message says why and what to do.
    """
    require_link()
    emulator = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.link.emulator",
        json.dumps(asdict(settings)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        assert emulator.stdout is not None
        line = await emulator.stdout.readline()
        if not line:
            raise LinkError("the link could not be built; its emulator's words are above")
        yield Link(settings, emulator, json.loads(line))
    finally:
        assert emulator.stdin is not None
        emulator.stdin.close()
        await _end(emulator)


def require_link(tools: dict[str, str] | None = None) -> None:
    """Check that a link can be built here.

    Args:
        tools: further programs that are needed, and the Debian packages that have them.

    Raises:
        LinkError: root, TUN devices or a program are missing.
    """
    if os.geteuid() != 0:
        raise LinkError("an emulated link needs root, for its network namespaces: run it again with sudo")
    if not Path("/dev/net/tun").exists():
        raise LinkError("an emulated link needs TUN devices, and there is no /dev/net/tun: modprobe tun")
    wanted = TOOLS | (tools or {})
    missing = [name for name in wanted if shutil.which(name) is None]
    if missing:
        packages = " ".join(sorted({wanted[name] for name in missing}))
        raise LinkError(f"missing: {', '.join(missing)}; on Debian: apt-get install {packages}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            async with asyncio.timeout(1):
                _signal(process, signal.SIGTERM)
                await process.wait()
        except TimeoutError:
            _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # not process.terminate(): it polls, and takes the exit from under asyncio's own watcher
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)

"""One row of the accuracy benchmark: a link, our server and iperf3's at its far end, both clients at its near one."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.link.link import Link, LinkError, open_link
from benchmarks.trial.rows import DIRECTIONS, Direction, Outcome, Row, Try

SLOW_MBPS = 8.0
PORT = 8420
START_TIMEOUT_S = 60.0
TEST_TIMEOUT_S = 60.0
"""Ours: of a whole test; its transfers, round trips and handshakes take 30 s on the slowest link."""

_MAILLE = str(Path(sys.executable).with_name("maille"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done on each row.

    Attributes:
        repetitions: of everything.
        slow_repetitions: the same on slow rows, where many run at a time and the losses of one try are few.
        iperf3_s: length of each of iperf3's transfers.
        ruled: whether a test that the stop rule ends is made, too.
    """

    repetitions: int
    slow_repetitions: int
    iperf3_s: int
    ruled: bool

    def repetitions_of(self, row: Row) -> int:
        """Of everything on a row."""
        return self.slow_repetitions if row.rate_mbps <= SLOW_MBPS else self.repetitions

    def steps(self, row: Row) -> int:
        """How many steps a row has, for a progress bar."""
        return self.repetitions_of(row) * (3 + self.ruled)


async def run_row(row: Row, plan: Plan, step: Callable[[], None]) -> Outcome:
    """Try everything on a row's link; a program that fails leaves its figures absent, and a fault that says why.

    Args:
        row: the link.
        plan: what to do.
        step: called after each step.

    Raises:
        LinkError: the link, the collector or the field device could not be started.
    """
    ours: list[dict[str, Any]] = []
    ruled: list[dict[str, Any]] = []
    iperf3: dict[Direction, list[dict[str, Any]]] = {"download": [], "upload": []}
    full_link_bytes: list[int] = []
    ruled_link_bytes: list[int] = []
    iperf3_link_bytes: list[int] = []
    with tempfile.TemporaryDirectory(prefix="maille-accuracy-") as folder:
        async with open_link(row.settings) as link, _field_device(link, Path(folder)) as device:
            for _ in range(plan.repetitions_of(row)):
                before = await _carried(link)
                ours.append(await device.test("full"))
                full_link_bytes.append(await _carried(link) - before)
                step()
                before = await _carried(link)
                for direction in DIRECTIONS:
                    iperf3[direction].append(await _iperf3(link, direction, plan.iperf3_s))
                    step()
                iperf3_link_bytes.append(await _carried(link) - before)
                if plan.ruled:
                    before = await _carried(link)
                    ruled.append(await device.test("ruled"))
                    ruled_link_bytes.append(await _carried(link) - before)
                    step()
            counters = await link.counters()
            congestion = link.congestion
    told = [*ours, *ruled]
    asked = [*told, *iperf3["download"], *iperf3["upload"]]
    return Outcome(
        row=row,
        tries={direction: _tries(direction, ours, ruled, iperf3[direction]) for direction in DIRECTIONS},
        rtts_ms=tuple(one["rtt_median_ms"] for one in told if "rtt_median_ms" in one),
        full_link_bytes=tuple(full_link_bytes),
        ruled_link_bytes=tuple(ruled_link_bytes),
        iperf3_link_bytes=tuple(iperf3_link_bytes),
        latest_ms=round(counters.latest_ms, 2),
        congestion=congestion,
        faults=tuple(dict.fromkeys(fault for one in asked if (fault := _fault(one)))),
    )


def _tries(
    direction: Direction, ours: list[dict[str, Any]], ruled: list[dict[str, Any]], iperf3: list[dict[str, Any]]
) -> tuple[Try, ...]:
    return tuple(
        Try(
            full_bps=full.get(f"{direction}_bps"),
            full_bytes=full.get(f"{direction}_bytes"),
            full_stop=full.get(f"{direction}_stop"),
            would_stop_bps=full.get(f"{direction}_would_stop_bps"),
            iperf3_bps=theirs.get("bits_per_second"),
            iperf3_bytes=theirs.get("bytes"),
            ruled_bps=short.get(f"{direction}_bps"),
            ruled_bytes=short.get(f"{direction}_bytes"),
            ruled_stop=short.get(f"{direction}_stop"),
        )
        for full, theirs, short in zip(ours, iperf3, ruled or [{}] * len(ours), strict=True)
    )


def _fault(told: dict[str, Any]) -> str | None:
    if "error" in told:
        return str(told["error"])
    if told.get("outcome", "ok") != "ok":
        return f"outcome {told['outcome']}"
    if "outcome" in told and told.get("rtt_protocol") != "udp":
        return f"round trips by {told.get('rtt_protocol')}, not by UDP"
    return None


async def _carried(link: Link) -> int:
    return sum((await link.counters()).delivered_bytes)


async def _iperf3(link: Link, direction: Direction, seconds: int) -> dict[str, Any]:
    """What iperf3's receiver got, by one stream: members of its ``sum_received``, or ``error``."""
    try:
        async with link.process(
            "right", "iperf3", "--server", "--one-off", "--forceflush", stderr=asyncio.subprocess.STDOUT
        ) as server:
            await _line_with(server, b"listening")
            towards_us = ["--reverse"] if direction == "download" else []
            said = await link.run(
                "left",
                *("iperf3", "--json", "--client", link.address("right"), "--time", str(seconds)),
                *towards_us,
                timeout_s=TEST_TIMEOUT_S,
            )
        found: dict[str, Any] = json.loads(said)["end"]["sum_received"]
    except (LinkError, TimeoutError, KeyError, ValueError) as error:
        return {"error": f"iperf3 {direction}: {error}"}
    return found


class _Device:
    """A field device that measures when told to."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def test(self, how: str) -> dict[str, Any]:
        """One test, ``full`` or ``ruled``: fields of the sample, or ``error``."""
        assert self._process.stdin is not None
        self._process.stdin.write(how.encode() + b"\n")
        try:
            async with asyncio.timeout(TEST_TIMEOUT_S):
                return await _object(self._process)
        except TimeoutError:
            raise LinkError(f"the field device did not end its test within {TEST_TIMEOUT_S:.0f} s") from None


@contextlib.asynccontextmanager
async def _field_device(link: Link, folder: Path) -> AsyncIterator[_Device]:
    """A collector at the far end and a device enrolled with it at the near end."""
    data = folder / "collector"
    serve = (_MAILLE, "collector", "serve", "--data", str(data), "--host", "0.0.0.0", "--port", str(PORT), "--json")
    url = f"http://{link.address('right')}:{PORT}"
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(START_TIMEOUT_S):
            collector = await stack.enter_async_context(link.process("right", *serve))
            await _object(collector)
            module = (sys.executable, "-m", "benchmarks.trial.field_device", url, str(folder))
            process = await stack.enter_async_context(link.process("left", *module, stdin=asyncio.subprocess.PIPE))
            await _object(process)
        yield _Device(process)


async def _object(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise LinkError("a process at an end of the link ended; its words are above")
    said: dict[str, Any] = json.loads(line)
    return said


async def _line_with(process: asyncio.subprocess.Process, word: bytes) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(START_TIMEOUT_S):
        while word not in await process.stdout.readline():
            if process.stdout.at_eof():
                raise LinkError("iperf3's server ended at once; its words are above")

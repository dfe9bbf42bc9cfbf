"""Whether the link is what it says: its raw rate, delay and loss with UDP packets, and the processor time it takes.

Usage: python -m benchmarks.link.selfcheck [--rate MBITPS]… [--delay MS]… [--loss SHARE]
"""

import argparse
import asyncio
import json
import statistics
import sys
from dataclasses import dataclass

from benchmarks.link.line import MTU_BYTES, LinkSettings
from benchmarks.link.link import Link, Side, open_link

OVERLOAD = 1.2
"""How much more than its rate is offered to the link."""

RATE_TOLERANCE = 0.01
DELAY_TOLERANCE_MS = 1.0
"""Ours: half of what a round trip over the link may err by in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """What a link did against what it says.

    Attributes:
        rate_bps: bits per second of IP packets that arrived, in each direction, while more was offered.
        rtt_ms: median round trip of lone small packets.
        loss: share lost at random of those that used the line, both directions together.
        cpu_share: processor time of the emulator per second while a direction was full.
        latest_ms: the latest that a packet was delivered after it was due.
    """

    rate_bps: tuple[float, float]
    rtt_ms: float
    loss: float
    cpu_share: float
    latest_ms: float

    def faults(self, settings: LinkSettings) -> list[str]:
        """What is not as the settings say: nothing, on a machine that is fast enough."""
        deliverable_bps = settings.rate_bps * (1 - self.loss)
        found = [
            f"rate {rate_bps / 1e6:.3f} Mbit/s instead of {deliverable_bps / 1e6:.3f}"
            for rate_bps in self.rate_bps
            if abs(rate_bps / deliverable_bps - 1) > RATE_TOLERANCE
        ]
        if abs(self.rtt_ms - settings.delay_ms) > DELAY_TOLERANCE_MS:
            found.append(f"round trip {self.rtt_ms:.2f} ms instead of {settings.delay_ms:g}")
        return found


async def check_link(link: Link, seconds: float = 3.0) -> Fidelity:
    """Measure a link with UDP packets: round trips while it is idle, then each direction full for ``seconds``."""
    rtt_ms = await _round_trip_ms(link)
    before = await link.counters()
    rates = await _raw_rate_bps(link, "left", seconds), await _raw_rate_bps(link, "right", seconds)
    after = await link.counters()
    lost = sum(after.lost) - sum(before.lost)
    carried = sum(after.delivered_packets) - sum(before.delivered_packets) + lost
    return Fidelity(
        rate_bps=rates,
        rtt_ms=rtt_ms,
        loss=lost / carried,
        cpu_share=(after.cpu_s - before.cpu_s) / (2 * seconds),
        latest_ms=after.latest_ms,
    )


async def _raw_rate_bps(link: Link, sender: Side, seconds: float) -> float:
    receiver: Side = "right" if sender == "left" else "left"
    async with link.process(receiver, sys.executable, "-m", "benchmarks.link.packets", "count") as counting:
        assert counting.stdout is not None
        port = json.loads(await counting.stdout.readline())["port"]
        to = f"{link.address(receiver)}:{port}"
        rate = str(link.settings.rate_bps * OVERLOAD)
        await link.run(sender, sys.executable, "-m", "benchmarks.link.packets", "flood", to, rate, str(seconds))
        counted: dict[str, float] = json.loads(await counting.stdout.readline())
    # the first packet starts the clock, so that it is not counted itself
    return (counted["packets"] - 1) * MTU_BYTES * 8 / counted["seconds"]


async def _round_trip_ms(link: Link) -> float:
    async with link.process("right", sys.executable, "-m", "benchmarks.link.packets", "echo") as echo:
        assert echo.stdout is not None
        port = json.loads(await echo.stdout.readline())["port"]
        to = f"{link.address('right')}:{port}"
        said = await link.run("left", sys.executable, "-m", "benchmarks.link.packets", "ping", to)
        rtts_ms: list[float] = json.loads(said)["rtts_ms"]
    return statistics.median(rtts_ms)


async def _main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--rate", type=float, action="append", metavar="MBITPS", help="rates; default 0.25 to 100")
    asked.add_argument("--delay", type=float, action="append", metavar="MS", help="round trips; default 20 and 150")
    asked.add_argument("--loss", type=float, default=0.0, metavar="SHARE", help="share of packets lost, default 0")
    options = asked.parse_args()
    wrong = False
    for rate in options.rate or (0.25, 1, 3, 8, 30, 100):
        for delay_ms in options.delay or (20, 150):
            settings = LinkSettings(rate_bps=rate * 1e6, delay_ms=delay_ms, loss=options.loss)
            async with open_link(settings) as link:
                fidelity = await check_link(link)
            faults = fidelity.faults(settings)
            wrong = wrong or bool(faults)
            rates = " ".join(f"{rate_bps / 1e6:8.3f}" for rate_bps in fidelity.rate_bps)
            print(
                f"{rate:6g} Mbit/s {delay_ms:4g} ms: {rates} Mbit/s, {fidelity.rtt_ms:6.2f} ms, "
                f"lost {fidelity.loss:.2%}, processor {fidelity.cpu_share:.0%}, latest {fidelity.latest_ms:.2f} ms"
                + "".join(f"; {fault}" for fault in faults),
                flush=True,
            )
    sys.exit(wrong)


if __name__ == "__main__":
    asyncio.run(_main())

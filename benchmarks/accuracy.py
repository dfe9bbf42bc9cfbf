"""How near the field client comes to the true rate and round trip of emulated links, beside iperf3 on the same ones.

Every rate, delay and loss is a row: a link of its own between two network namespaces, our collector and iperf3's server
at its far end, our client and iperf3's at its near one. On each: our test at full length without a byte cap, iperf3 in
both directions (one stream, the same congestion control, the receiver's count, its ramp included as iperf3 does), and
our test as its stop rule ends it. Figures of a row are medians of the repetitions.

The deliverable rate is what the link's rate leaves after the headers of IP, TCP with timestamps, and WebSocket; for
iperf3 after those of IP and TCP. Needs root, iperf3 and iproute2.
"""

import argparse
import asyncio
import contextlib
import json
import math
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.link.line import LinkSettings
from benchmarks.link.link import LinkError, open_link, require_link
from benchmarks.link.selfcheck import check_link
from benchmarks.trial.rows import DELAYS_MS, LOSSES, RATES_MBPS, TARGETS, Outcome, Row, figures, rows
from benchmarks.trial.run import SLOW_MBPS, Plan, run_row
from benchmarks.trial.table import progress_bar, save, table

FULL = Plan(repetitions=3, slow_repetitions=5, iperf3_s=10, ruled=True)
QUICK = Plan(repetitions=1, slow_repetitions=1, iperf3_s=3, ruled=True)
QUICK_ROWS = [Row(1, 20, 0), Row(8, 60, 0), Row(8, 60, 0.01), Row(30, 20, 0)]

CAPACITY_MBPS = 60
"""Ours: links of this much together run at the same time on two cores without holding each other up; a faster one runs
alone."""

LEAST_MBPS = 4
"""Ours: what the processes at the ends of a link cost at least, as if it were this fast: 15 links at once at most."""

SELF_CHECK_S = 1.0
LATE_MS = 10.0
"""Ours: a link that delivered a packet this late at least once was held up, and its row is to be doubted."""

RESULTS = Path(__file__).resolve().parent.parent / "artifacts" / "benchmarks"


def main() -> None:
    """Run the benchmark; the last line printed is its figures as a JSON object."""
    options = _options()
    plan = QUICK if options.quick else FULL
    if options.repetitions:
        plan = replace(plan, repetitions=options.repetitions, slow_repetitions=options.repetitions)
    chosen = QUICK_ROWS if options.quick and not (options.rate or options.delay or options.loss) else _chosen(options)
    repeated = sorted({plan.repetitions_of(row) for row in chosen})
    what = f"{len(chosen)} rows, {' or '.join(map(str, repeated))} repetitions of each"
    if options.quick:
        what += f", a smaller input: {', '.join(map(str, chosen))} (Mbit/s / ms / % lost), iperf3 for {plan.iperf3_s} s"
    print(what, flush=True)
    try:
        require_link({"iperf3": "iperf3"})
        outcomes, failed = asyncio.run(_until_told_to_end(chosen, plan))
    except LinkError as error:
        sys.exit(f"accuracy: {error}")
    except (KeyboardInterrupt, _ToldToEndError):
        sys.exit("accuracy: interrupted; the links are gone")
    print(table(outcomes))
    for outcome in outcomes:
        for fault in outcome.faults:
            print(f"{outcome.row}: {fault}")
        if outcome.latest_ms > LATE_MS:
            print(f"{outcome.row}: the link itself was up to {outcome.latest_ms:g} ms late: was the machine busy?")
    for row, reason in failed.items():
        print(f"{row}: could not be tried: {reason}")
    found = figures(outcomes)
    for name, target in TARGETS.items():
        value = found[name]
        verdict = "no row tells it" if value is None else "reached" if value <= target else "NOT REACHED"
        print(f"{name}: {value} (target: at most {target:g}: {verdict})")
    files = save(options.out, outcomes, found)
    print(f"Every row: {' and '.join(map(str, files))}")
    print(json.dumps({**found, "rows": len(outcomes), "rows_failed": len(failed), "quick": options.quick}))
    sys.exit(bool(failed))


class _ToldToEndError(Exception):
    """SIGTERM came."""


async def _until_told_to_end(chosen: list[Row], plan: Plan) -> tuple[list[Outcome], dict[Row, str]]:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    running = asyncio.create_task(_check_and_run(chosen, plan))
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise _ToldToEndError
        return running.result()
    finally:
        waiting.cancel()
        running.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)


async def _check_and_run(chosen: list[Row], plan: Plan) -> tuple[list[Outcome], dict[Row, str]]:
    await _check_fastest(chosen)
    with progress_bar(sum(map(plan.steps, chosen))) as step:
        return await _run_all(chosen, plan, step)


async def _check_fastest(chosen: list[Row]) -> None:
    """Say how true the fastest of the links is, with UDP packets alone."""
    fastest = max(chosen, key=lambda row: row.rate_mbps)
    settings = LinkSettings(rate_bps=fastest.settings.rate_bps, delay_ms=fastest.delay_ms)
    async with open_link(settings) as link:
        fidelity = await check_link(link, SELF_CHECK_S)
    rates = " and ".join(f"{rate_bps / 1e6:.2f}" for rate_bps in fidelity.rate_bps)
    faults = "; ".join(fidelity.faults(settings)) or "as it should be"
    print(
        f"Link of {fastest.rate_mbps:g} Mbit/s and {fastest.delay_ms:g} ms: {rates} Mbit/s of IP packets, "
        f"{fidelity.rtt_ms:.2f} ms, {fidelity.cpu_share:.0%} of a core: {faults}. TCP: {link.congestion}.",
        flush=True,
    )


async def _run_all(chosen: list[Row], plan: Plan, step: Callable[[], None]) -> tuple[list[Outcome], dict[Row, str]]:
    """Rows in their order, as many at a time as the machine carries."""
    outcomes: list[Outcome] = []
    failed: dict[Row, str] = {}
    capacity = _Capacity(CAPACITY_MBPS)

    async def run(row: Row, cost: int) -> None:
        try:
            outcomes.append(await run_row(row, plan, step))
        except (LinkError, TimeoutError) as error:
            failed[row] = str(error) or type(error).__name__
        finally:
            await capacity.give_back(cost)

    async with asyncio.TaskGroup() as running:
        for row in chosen:
            cost = min(max(math.ceil(row.rate_mbps), LEAST_MBPS), CAPACITY_MBPS)
            await capacity.take(cost)
            running.create_task(run(row, cost))
    return sorted(outcomes, key=lambda outcome: outcome.row), failed


class _Capacity:
    """What is left of the machine."""

    def __init__(self, whole: int) -> None:
        self._free, self._changed = whole, asyncio.Condition()

    async def take(self, cost: int) -> None:
        """Wait until so much is free, and take it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= cost)
            self._free -= cost

    async def give_back(self, cost: int) -> None:
        async with self._changed:
            self._free += cost
            self._changed.notify_all()


def _options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(
        prog="scripts/benchmark accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    repeated = f"{FULL.repetitions}, and {FULL.slow_repetitions} up to {SLOW_MBPS:g} Mbit/s"
    quick = f"a minute: {len(QUICK_ROWS)} rows, once, iperf3 for {QUICK.iperf3_s} s"
    asked.add_argument("--quick", action="store_true", help=quick)
    asked.add_argument("--rate", type=float, action="append", metavar="MBITPS", help="only rows of this rate")
    asked.add_argument("--delay", type=float, action="append", metavar="MS", help="only rows of this round trip")
    asked.add_argument("--loss", type=float, action="append", metavar="PERCENT", help="only rows of this loss")
    asked.add_argument("--repetitions", type=int, metavar="N", help=f"of each row; default {repeated}")
    asked.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help=f"default {RESULTS}")
    return asked.parse_args()


def _chosen(options: argparse.Namespace) -> list[Row]:
    losses = [percent / 100 for percent in options.loss] if options.loss else LOSSES
    return rows(options.rate or RATES_MBPS, options.delay or DELAYS_MS, losses)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()

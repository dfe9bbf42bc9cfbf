"""How often verdicts are wrong: the real path on simulated territories whose truth is known, beside other rules.

Every seed is a territory of 77 km square with four operators, whose maps are drawn under a regime (how optimistic their
tools are), measured by so many volunteers of whom a share is bad. FDP is the share of accused hexagons that are covered
as promised (p ≤ 5 %); rec3 the share of the bad hexagons (p ≥ 25 %) with at least 3 phones that is accused.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import fields
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, with the repository's root in reach

from benchmarks.simulator.adversaries import Mix
from benchmarks.simulator.outcome import Outcome, outcomes
from benchmarks.simulator.report import figures, report
from benchmarks.simulator.world import REGIMES

SEEDS = tuple(range(100, 110))
"""Not used to choose anything, but that 100 to 105 were looked at when more was asked of a strong contradiction; 0 to 9
are for development."""

VOLUNTEERS = (300, 1_000, 3_000)
BAD_SHARES = (0.0, 0.05)


def main() -> None:
    """Run, print tables, and the figures as the last line."""
    asked = _asked()
    began = time.monotonic()
    mix = Mix(**dict(zip((one.name for one in fields(Mix)), asked.mix, strict=True)))
    regimes = dict(asked.regimes)
    print(
        f"seeds {', '.join(map(str, asked.seeds))}; regimes {', '.join(f'{name} {dB}' for name, dB in asked.regimes)}; "
        f"volunteers {', '.join(map(str, asked.volunteers))}; "
        f"bad devices {', '.join(map('{:.0%}'.format, asked.adversaries))}"
        + (" — quick: fewer seeds and settings than the targets are for" if asked.quick else "")
    )
    found: list[Outcome] = []
    with ProcessPoolExecutor(max_workers=asked.processes) as pool:
        jobs = {
            pool.submit(_territories, seed, regimes, asked.volunteers, asked.adversaries, mix): seed
            for seed in asked.seeds
        }
        for number, job in enumerate(as_completed(jobs), start=1):
            found += job.result()
            print(f"{number} of {len(jobs)} seeds after {time.monotonic() - began:.0f} s", file=sys.stderr)
    settings = list(product(regimes, asked.volunteers, asked.adversaries))
    found.sort(key=lambda one: (one.seed, settings.index(_place(one))))
    print(report(found))
    territories = len(found)
    print(f"\n{territories} territories in {time.monotonic() - began:.0f} s with {asked.processes} processes")
    print(json.dumps({"benchmark": "decision", "figures": figures(found)}))


def _territories(
    seed: int,
    regimes: dict[str, tuple[float, ...]],
    volunteers: Sequence[int],
    bad_shares: Sequence[float],
    mix: Mix,
) -> list[Outcome]:
    return list(outcomes(seed, regimes, volunteers, bad_shares, mix))


def _place(one: Outcome) -> tuple[str, int, float]:
    return one.setting.regime, one.setting.volunteers, one.setting.bad_share


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="seeds 100 and 101, mixed, 1,000 volunteers: under a minute"
    )
    parser.add_argument("--seeds", type=_seeds, help="like 100-109 or 3,5,8 (100-109)")
    parser.add_argument(
        "--regimes",
        type=_regime,
        nargs="+",
        help=f"{', '.join(REGIMES)}, or the optimism of the four operators in dB, like 5,5,7,9 (all three)",
    )
    parser.add_argument("--volunteers", type=int, nargs="+", help="phones in all (300 1000 3000)")
    parser.add_argument("--adversaries", type=_share, nargs="+", help="shares of bad devices (0 0.05)")
    parser.add_argument(
        "--mix",
        type=_mix,
        default=(0.4, 0.2, 0.2, 0.2),
        help="of the bad devices, how many invent dead zones, shift positions, replay failures, praise bad places "
        "(0.4,0.2,0.2,0.2)",
    )
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1), help="at a time")
    asked = parser.parse_args()
    quick = asked.quick
    asked.seeds = asked.seeds or (SEEDS[:2] if quick else SEEDS)
    asked.regimes = asked.regimes or [(name, REGIMES[name]) for name in (("mixed",) if quick else REGIMES)]
    asked.volunteers = asked.volunteers or ((1_000,) if quick else VOLUNTEERS)
    asked.adversaries = asked.adversaries or BAD_SHARES
    return asked


def _seeds(text: str) -> tuple[int, ...]:
    """``100-109`` or ``3,5,8``."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _regime(text: str) -> tuple[str, tuple[float, ...]]:
    if text in REGIMES:
        return text, REGIMES[text]
    bias_db = _numbers(text)
    if len(bias_db) != 4:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {', '.join(REGIMES)}, or four numbers of dB")
    return text, bias_db


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"got {text}, expected a share between 0 and 1")
    return share


def _mix(text: str) -> tuple[float, ...]:
    shares = _numbers(text)
    if len(shares) != 4 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected four shares that add up to 1")
    return shares


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected numbers with commas between them") from error


if __name__ == "__main__":
    main()

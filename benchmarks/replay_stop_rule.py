"""What stopping early costs: the stop rule over recorded transfers, against the same transfers at full length.

Give a folder of G-NetTrack logs, or of zip archives of them. A transfer is a run of seconds in which the log says that
data was being received (``State`` begins with D) and some was; its first ten seconds stand for a test of full length.
The logs count once a second, so that each half-second bucket of the rule is half of a second's count: neighbours are
equal, and the rule sees less noise than a device would.
"""

import argparse
import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles

from client_sdk.measurement.stop_rule import RULE, figures

LEAST_S = 14
"""Transfers as long as those that the rule was chosen on."""

_TIME = "%Y.%m.%d_%H.%M.%S"


@dataclass(frozen=True, slots=True)
class Replay:
    """One transfer: what the rule told and what full length told."""

    moving: bool
    error: float
    bytes_share: float
    stop_s: float


def main() -> None:
    """Replay, print a table, and the figures as the last line."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("folder", type=Path, help="of G-NetTrack logs (.csv), or of zip archives of them")
    asked.add_argument("--quick", action="store_true", help="every fourth log: a smaller input")
    options = asked.parse_args()
    replays = [
        replay
        for number, (name, text) in enumerate(logs(options.folder))
        if not options.quick or number % 4 == 0
        for counts in transfers(text)
        if (replay := replayed(counts, moving="driving" in name.lower())) is not None
    ]
    if not replays:
        raise SystemExit(f"{options.folder}: holds no transfer of {LEAST_S} s or more")
    found: dict[str, float] = {}
    print(f"{'':<10}{'transfers':>10}{'median error':>14}{'90 %':>8}{'bytes':>8}{'time':>8}")
    for label, part in (
        ("static", [one for one in replays if not one.moving]),
        ("driving", [one for one in replays if one.moving]),
        ("all", replays),
    ):
        if len(part) > 1:
            told = summary(part)
            found |= {f"{label}_{name}": value for name, value in told.items()}
            print(
                f"{label:<10}{len(part):>10}{told['median_error_pct']:>13.1f}%{told['p90_error_pct']:>7.1f}%"
                f"{told['bytes_pct']:>7.0f}%{told['median_stop_s']:>7.1f}s"
            )
    print(json.dumps({"benchmark": "replay_stop_rule", "figures": found}))


def logs(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and text of every log."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".csv":
            yield str(path), path.read_text(errors="replace")
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".csv") and "/._" not in name and not name.startswith("__MACOSX"):
                        yield name, archive.read(name).decode("utf-8", "replace")


def transfers(text: str) -> Iterator[list[int]]:
    """Bytes of each second of the transfers in a log; rows of one second count once."""
    run: list[int] = []
    last: datetime | None = None
    for row in csv.DictReader(io.StringIO(text)):
        try:
            at = datetime.strptime(row["Timestamp"], _TIME).replace(tzinfo=UTC)  # only differences count
            kilobits = int(row["DL_bitrate"])
        except (ValueError, KeyError, TypeError):
            continue
        if last is not None and at == last:
            continue
        receives = str(row.get("State", "")).startswith("D") and kilobits > 0
        follows = last is not None and (at - last).total_seconds() == 1
        last = at
        if not (follows and receives):
            if len(run) >= LEAST_S:
                yield run
            run = []
        if receives:
            run.append(kilobits * 125)
    if len(run) >= LEAST_S:
        yield run


def replayed(counts: Sequence[int], *, moving: bool) -> Replay | None:
    """The rule over the first ten seconds of a transfer; None where they tell no rate."""
    whole = counts[: int(RULE.max_s)]
    told = figures([(float(second), total) for second, total in enumerate(accumulate(whole), start=1)])
    if not told.bps:
        return None
    stop_s, bps = told.would_stop_s or RULE.max_s, told.would_stop_bps or told.bps
    seconds = int(stop_s)
    used = sum(whole[:seconds]) + (stop_s - seconds) * (whole[seconds] if seconds < len(whole) else 0)
    return Replay(moving, abs(bps - told.bps) / told.bps, used / sum(whole), stop_s)


def summary(replays: Sequence[Replay]) -> dict[str, float]:
    """Figures of several transfers."""
    errors = [replay.error for replay in replays]
    return {
        "median_error_pct": round(100 * median(errors), 2),
        "p90_error_pct": round(100 * quantiles(errors, n=10, method="inclusive")[-1], 2),
        "bytes_pct": round(100 * sum(replay.bytes_share for replay in replays) / len(replays), 2),
        "median_stop_s": round(median(replay.stop_s for replay in replays), 2),
    }


if __name__ == "__main__":
    main()

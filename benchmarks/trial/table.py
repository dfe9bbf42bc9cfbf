"""How the accuracy benchmark shows and keeps its rows: a table, a CSV file, a JSON file and a bar while it runs."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.trial.rows import DIRECTIONS, Direction, Outcome

COLUMNS = (
    ("rate_mbps", "Mbit/s", "g"),
    ("delay_ms", "RTT ms", "g"),
    ("loss_pct", "lost %", "g"),
    ("direction", "", "s"),
    ("deliverable_mbps", "deliverable", ".4f"),
    ("ours_mbps", "ours", ".4f"),
    ("error_pct", "error %", ".2f"),
    ("iperf3_mbps", "iperf3", ".4f"),
    ("iperf3_error_pct", "error %", ".2f"),
    ("excess_points", "excess", "+.2f"),
    ("full_mb", "ours MB", ".2f"),
    ("iperf3_mb", "iperf3 MB", ".2f"),
    ("ruled_mb", "rule MB", ".2f"),
    ("bytes_ratio", "ratio", ".2f"),
    ("rule_difference_pct", "rule diff %", ".2f"),
    ("rtt_error_ms", "RTT err ms", ".2f"),
)
"""Name in the CSV file, heading of the table, and how a value is written there."""


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each row and direction; absent values are dashes."""
    lines = [[heading for _, heading, _ in COLUMNS]]
    for outcome in outcomes:
        for direction in DIRECTIONS:
            found = line(outcome, direction)
            lines.append(["—" if found[name] is None else format(found[name], form) for name, _, form in COLUMNS])
    widths = [max(len(one[column]) for one in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(one, widths, strict=True)) for one in lines)


def line(outcome: Outcome, direction: Direction) -> dict[str, Any]:
    """What one row says in one direction, by the names of :data:`COLUMNS`."""
    tries = outcome.tries[direction]
    return {
        "rate_mbps": outcome.row.rate_mbps,
        "delay_ms": outcome.row.delay_ms,
        "loss_pct": outcome.row.loss * 100,
        "direction": direction,
        "deliverable_mbps": outcome.row.deliverable_bps(direction) / 1e6,
        "ours_mbps": _median([one.full_bps for one in tries], 1e6),
        "error_pct": outcome.error_pct(direction),
        "iperf3_mbps": _median([one.iperf3_bps for one in tries], 1e6),
        "iperf3_error_pct": outcome.iperf3_error_pct(direction),
        "excess_points": outcome.excess_points(direction),
        "full_mb": _median([one.full_bytes for one in tries], 1e6),
        "iperf3_mb": _median([one.iperf3_bytes for one in tries], 1e6),
        "ruled_mb": _median([one.ruled_bytes for one in tries], 1e6),
        "bytes_ratio": outcome.bytes_ratio(),
        "rule_difference_pct": outcome.rule_difference_pct(direction),
        "rtt_error_ms": outcome.rtt_error_ms(),
    }


def save(folder: Path, outcomes: Sequence[Outcome], found: dict[str, float | None]) -> tuple[Path, Path]:
    """Write ``accuracy.csv``, a line for each row and direction, and ``accuracy.json``, every repetition."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, everything = folder / "accuracy.csv", folder / "accuracy.json"
    with rows.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, [name for name, _, _ in COLUMNS])
        writer.writeheader()
        writer.writerows(line(outcome, direction) for outcome in outcomes for direction in DIRECTIONS)
    told = {"figures": found, "rows": [asdict(outcome) for outcome in outcomes]}
    everything.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return rows, everything


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where somebody looks at a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=steps)
        yield lambda: bar.update(task, advance=1)


def _median(values: Sequence[float | None], unit: float) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) / unit if told else None

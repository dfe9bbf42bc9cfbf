"""Other rules on the same tests: what a reader may have in mind instead of ours. Each flags claimed hexagons.

The FCC-like rule follows the mobile challenge of 47 CFR 1.7006(e), quoted from memory: a geographic, a temporal and a
testing threshold together. It knows no devices and corrects for no multiplicity.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import LEDGER_RESOLUTION
from aggregator.synthetic.sites import OPERATORS
from benchmarks.simulator.world import Campaign

KEY = ["h3_r8", "operator"]
FEW_TESTS = 5
PROMISED_FAILURE, FALSE_DISCOVERIES = 0.05, 0.05
FCC_CHILDREN, FCC_TESTS, FCC_APART_H = 4, 2, 4
FCC_TESTING = ((21, 0.24), (30, 0.22), (46, 0.20), (61, 0.18), (71, 0.17), (100, 0.16))
"""Share of failures from so many tests on; below the first, 5 failures."""

RIVALS = (
    "majority of tests",
    "≥ 5 tests, ≥ 50 % fail",
    "≥ 5 tests, ≥ 25 % fail",
    "FCC-like",
    "binomial on tests, BH",
    "binomial on devices, BH",
)


def count_tests(done: Campaign) -> pd.DataFrame:
    """Per hexagon and operator: ``tests, failures, fcc`` (the geographic and temporal thresholds are reached)."""
    tests = done.tests[done.tests["context"] != "indoor"]
    h3_r9 = np.asarray(parent(tests["h3_cell"].to_numpy(), LEDGER_RESOLUTION))
    table = pd.DataFrame(
        {
            "h3_r8": parent(h3_r9, HEXAGON_RESOLUTION),
            "operator": np.array(OPERATORS)[done.devices.operator[tests["device"].to_numpy()]],
            "h3_r9": h3_r9,
            "hour": tests["second"].to_numpy() / 3600,
            "failed": tests["failed"].to_numpy(),
        }
    )
    counts = table.groupby(KEY).agg(tests=("failed", "size"), failures=("failed", "sum"))
    children = table.groupby([*KEY, "h3_r9"])["failed"].agg(["size", "sum"])
    shown = (children["size"] >= FCC_TESTS) & (children["sum"] >= 1)
    hours = table[table["failed"]].groupby(KEY)["hour"].agg(["min", "max"]).reindex(counts.index)
    counts["fcc"] = (shown.groupby(level=KEY).sum() >= FCC_CHILDREN) & (hours["max"] - hours["min"] >= FCC_APART_H)
    return counts.reset_index()


def flagged(rule: str, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows a rule accuses.

    Args:
        rule: one of :data:`RIVALS`.
        rows: claimed hexagons with ``tests, failures, fcc`` and our votes, ``devices, failing``; zeros where none.
    """
    tests, failures = rows["tests"].to_numpy(), rows["failures"].to_numpy()
    share = failures / np.maximum(tests, 1)
    match rule:
        case "majority of tests":
            return np.asarray(share > 0.5)
        case "≥ 5 tests, ≥ 50 % fail":
            return np.asarray((tests >= FEW_TESTS) & (share >= 0.5))
        case "≥ 5 tests, ≥ 25 % fail":
            return np.asarray((tests >= FEW_TESTS) & (share >= 0.25))
        case "FCC-like":
            reached = np.select(
                [tests >= least for least, _ in reversed(FCC_TESTING)],
                [share >= part for _, part in reversed(FCC_TESTING)],
                failures >= 5,
            )
            return np.asarray(rows["fcc"].to_numpy(bool) & reached.astype(bool))
        case "binomial on tests, BH":
            return _discoveries(failures, tests)
        case "binomial on devices, BH":
            return _discoveries(rows["failing"].to_numpy(), rows["devices"].to_numpy())
    raise ValueError(f"{rule}: expected one of {RIVALS}")


def _discoveries(failing: npt.NDArray[np.int64], counted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Benjamini and Hochberg (1995) on exact binomial tails, over what was counted at all."""
    p = binom.sf(failing - 1, counted, PROMISED_FAILURE)
    seen = np.flatnonzero(counted > 0)
    order = seen[np.argsort(p[seen], kind="stable")]
    passed = np.flatnonzero(p[order] <= FALSE_DISCOVERIES * np.arange(1, len(order) + 1) / max(len(order), 1))
    found = np.zeros(len(p), dtype=bool)
    found[order[: passed.max(initial=-1) + 1]] = True
    return found

"""How long the decision rule takes on a ledger of 350,000 tests, on one core.

The ledger is generated as binning leaves it: every test speaks about each technology, two in five have a rate and speak
about each threshold; 3,000 volunteers of four operators on 5,500 hexagons, claims with holes, so with edges. Timed is
the rule (votes, trust filter, comparison with q and e, at the four thresholds), apart from it the trust filter, and the
whole decision, which judges the windows of earlier quarters too and puts poor hexagons together.
``--quick`` takes 35,000 tests. The last line is JSON.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import h3.api.basic_int as h3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import parent
from aggregator.evidence.ledger import CAPABILITY, COUNTS, LEDGER, LEDGER_KEYS, TECHNOLOGIES, THRESHOLDS
from aggregator.judgement.comparison import compare
from aggregator.judgement.decision import decide
from aggregator.judgement.trust import quarantined
from aggregator.judgement.votes import device_votes, read_evidence, votable_rows, votes_of, with_hexagon

OPERATORS = np.array(["20801", "20810", "20815", "20820"])
SHARES = [0.34, 0.26, 0.20, 0.20]
DEVICES = 3_000
HEXAGONS = 5_500
DAYS = 365
FIRST_DAY = np.datetime64("2025-11-01")
PLACES_OF_A_DEVICE = 60
RUNS = 3


def main() -> None:
    """Time each part, and print its median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="35,000 tests")
    tests = 35_000 if parser.parse_args().quick else 350_000
    pa.set_cpu_count(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder)
        claims = generate(evidence, tests)
        last_day = (FIRST_DAY + DAYS - 1).astype(object)

        def rule() -> pd.DataFrame:
            ledger, capability = read_evidence(evidence)
            rows = with_hexagon(votable_rows(ledger, capability, last_day, DAYS))
            return compare(votes_of(rows)[0], claims)

        taken, verdicts = timed(rule)
        ledger, capability = read_evidence(evidence)
        ballots = device_votes(with_hexagon(votable_rows(ledger, capability, last_day, DAYS)), ["h3_r8"])
        trust, quarantine = timed(lambda: quarantined(ballots))
        whole, decision = timed(lambda: decide(evidence, claims).verdicts)
    size = f"{tests // 1000}k"
    print(
        f"{tests:,} tests, {len(ledger):,} rows of the ledger, {len(ballots):,} votes of {DEVICES:,} devices, one core"
    )
    print(f"{taken:6.2f} s  votes, trust, comparison: {len(verdicts):,} verdicts")
    print(f"{trust:6.2f} s  of which the trust filter: {len(quarantine):,} of the devices' layers left out")
    print(f"{whole:6.2f} s  the whole decision, with earlier quarters and parents: {len(decision):,} verdicts")
    print(decision.value_counts(["verdict", "strength", "resolution"]).sort_index().to_string())
    figures = {f"rule_seconds_{size}": taken, f"trust_seconds_{size}": trust, f"decision_seconds_{size}": whole}
    print(json.dumps({"benchmark": "rule", "figures": {name: round(value, 2) for name, value in figures.items()}}))


def timed(run: "object") -> "tuple[float, pd.DataFrame]":
    """Median of some runs in seconds, and what the last one gave."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = run()  # type: ignore[operator]
        taken.append(time.perf_counter() - start)
    return sorted(taken)[RUNS // 2], result


def generate(evidence: Path, tests: int) -> pd.DataFrame:
    """Write a ledger and the capabilities of its devices, and return claims.

    A device goes back to the same places, on some days; a place has a probability of failure, most of them small, and
    a device a shift of it.
    """
    draw = np.random.default_rng(20261127)
    area = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(44.6, 3.3, 8), 43)))[:HEXAGONS]
    children = np.array([sorted(h3.cell_to_children(int(cell), 9)) for cell in area])
    failure = draw.beta(0.3, 3.0, (len(area), 4))
    operator_of = draw.choice(4, DEVICES, p=SHARES)
    home = draw.integers(0, len(area), DEVICES)
    device = draw.choice(DEVICES, tests, p=draw.dirichlet(np.full(DEVICES, 0.6)))
    near = (home[device] + draw.integers(0, PLACES_OF_A_DEVICE, tests) ** 2 // 8) % len(area)
    operator = operator_of[device]
    shift = draw.normal(0, 0.5, DEVICES)[device]
    p = failure[near, operator]
    failed = draw.random(tests) < 1 / (1 + (1 - p) / np.maximum(p, 1e-9) * np.exp(-shift))
    has_rate = failed | (draw.random(tests) < 0.4)
    rate_mbps = np.where(failed, 0.0, draw.lognormal(2.7, 1.0, tests))
    day = FIRST_DAY + (draw.integers(0, DAYS // 6, tests) * 6 + device % 6)
    table = pd.DataFrame(
        {
            "h3_r9": children[near, draw.integers(0, 7, tests) % children.shape[1]],
            "operator": OPERATORS[operator],
            "device_token": np.char.add("device-", device.astype("U6")),
            "tier": "volunteer",
            "context": np.where(draw.random(tests) < 0.7, "vehicle", "outdoor"),
            "day": day,
            "tested_service": 1,
        }
    )
    served = np.where(failed, 0, np.where(draw.random(tests) < 0.2, 4, 3))
    parts = []
    for rank, technology in enumerate(TECHNOLOGIES, start=1):
        below = served < rank
        counts = {"failed_service": below.astype(int)}
        for threshold in THRESHOLDS[1:]:
            counts[f"tested_{threshold}"] = has_rate.astype(int)
            counts[f"failed_{threshold}"] = (has_rate & (below | (rate_mbps < float(threshold)))).astype(int)
        parts.append(table.assign(technology=technology, **counts))
    ledger = pd.concat(parts).groupby(list(LEDGER_KEYS), as_index=False)[list(COUNTS)].sum()
    pq.write_table(pa.Table.from_pandas(ledger, schema=LEDGER, preserve_index=False), evidence / "ledger.parquet")
    seen = table[["device_token", "day"]].drop_duplicates().sort_values(["device_token", "day"]).assign(best_rank=4)
    capability = pa.Table.from_pandas(seen, schema=CAPABILITY, preserve_index=False)
    pq.write_table(capability, evidence / "capability.parquet")
    claimed = draw.random((len(OPERATORS), len(TECHNOLOGIES), len(np.unique(parent(area, 6))))) < 0.9
    block = np.unique(parent(area, 6), return_inverse=True)[1]
    return pd.concat(
        [
            pd.DataFrame({"h3_r8": area, "declared_share": claimed[o, t, block].astype(float)}).assign(
                operator=OPERATORS[o], technology=technology, usage="data", level="BC", bounded=False
            )
            for o in range(len(OPERATORS))
            for t, technology in enumerate(TECHNOLOGIES)
        ],
        ignore_index=True,
    )


if __name__ == "__main__":
    main()

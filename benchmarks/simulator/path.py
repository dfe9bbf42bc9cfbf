"""The real path over a simulated world: claims imported, archive binned, votes cast, verdicts given, zones proposed."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.claims_table import read_claims
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION
from aggregator.judgement.decision import decide
from benchmarks.simulator.rivals import count_tests
from benchmarks.simulator.world import Campaign, World, archive

TECHNOLOGY, THRESHOLD = "4G", "3"
"""A reference test fails below 3 Mbit/s."""

KEY = ["h3_r8", "operator"]
VOTES = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle"]


def gather(world: World, done: Campaign, folder: Path) -> Path:
    """Write the campaign's archive and bin it; of the ledger, the technology that the truth is about is kept.

    Returns:
        Directory of the evidence.
    """
    archive(world, done, folder / "archive")
    return binned(folder)


def binned(folder: Path) -> Path:
    """Bin the archive of a folder."""
    evidence = folder / "evidence"
    bin_archive(folder / "archive", evidence)
    ledger = pq.read_table(evidence / "ledger.parquet", filters=[("technology", "=", TECHNOLOGY)])
    pq.write_table(ledger, evidence / "ledger.parquet")
    return evidence


def verdicts(evidence: Path, data: Path) -> pd.DataFrame:
    """Verdicts on the evidence and the claims in ``data``."""
    return decide(evidence, read_claims(data / "claims")).verdicts


def scored_rows(told: pd.DataFrame, truth: pd.DataFrame, done: Campaign) -> pd.DataFrame:
    """Every claimed hexagon with its truth, the crowd's verdict and its tests.

    A verdict that was given to the poor hexagons of a parent together counts as insufficient here: it tells one thing
    of all of them, and is scored apart.

    Returns:
        The columns of the truth; ``verdict, strength, p_value, e_value`` and the hexagon's own votes (zeros and empty
        where there are none); ``parent_verdict``, of the hexagons together; ``tests, failures, fcc``.
    """
    about = (told["technology"] == TECHNOLOGY) & (told["threshold"] == THRESHOLD) & (told["evidence"] == "crowd")
    crowd = told.loc[about, [*KEY, "verdict", "strength", "p", "e_value", "resolution", *VOTES]]
    own = crowd["resolution"] == HEXAGON_RESOLUTION
    crowd = crowd.assign(
        devices=crowd["votes_outdoor"] + crowd["votes_vehicle"],
        failing=crowd["failing_outdoor"] + crowd["failing_vehicle"],
        p_value=crowd["p"].where(own),
        e_value=crowd["e_value"].where(own),
        parent_verdict=crowd["verdict"].where(~own, ""),
        verdict=crowd["verdict"].where(own, "insufficient"),
        strength=crowd["strength"].where(own, ""),
    ).drop(columns=["p", "resolution"])
    rows = truth[truth["claimed"]].merge(crowd, on=KEY, how="left").merge(count_tests(done), on=KEY, how="left")
    words, counts = ["verdict", "strength", "parent_verdict"], [*VOTES, "devices", "failing", "tests", "failures"]
    rows[words] = rows[words].fillna("")
    rows[counts] = rows[counts].fillna(0).astype("int64")
    return rows.assign(fcc=rows["fcc"].eq(True))

"""The real path over a simulated world: claims imported, archive binned, votes cast, verdicts given, zones proposed."""

from pathlib import Path

import pandas as pd

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.claims_table import read_claims
from aggregator.judgement.decision import decide
from benchmarks.simulator.rivals import count_tests
from benchmarks.simulator.world import Campaign, World, archive

TECHNOLOGY, THRESHOLD = "4G", "3"
"""A reference test fails below 3 Mbit/s."""

KEY = ["h3_r8", "operator"]
VOTES = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle", "devices", "failing"]


def gather(world: World, done: Campaign, folder: Path) -> Path:
    """Write the campaign's archive and bin it.

    Returns:
        Directory of the evidence.
    """
    archive(world, done, folder / "archive")
    bin_archive(folder / "archive", folder / "evidence")
    return folder / "evidence"


def verdicts(evidence: Path, data: Path) -> pd.DataFrame:
    """Verdicts on the evidence and the claims in ``data``."""
    return decide(evidence, read_claims(data / "claims")).verdicts


def scored_rows(told: pd.DataFrame, truth: pd.DataFrame, done: Campaign) -> pd.DataFrame:
    """Every claimed hexagon with its truth, the crowd's verdict (empty without votes) and its tests.

    Returns:
        The columns of the truth; ``verdict, strength, p_value, e_value`` and the votes; ``tests, failures, fcc``.
    """
    about = (told["technology"] == TECHNOLOGY) & (told["threshold"] == THRESHOLD) & (told["evidence"] == "crowd")
    crowd = told.loc[about, [*KEY, "verdict", "strength", "p", "e_value", *VOTES]].rename(columns={"p": "p_value"})
    rows = truth[truth["claimed"]].merge(crowd, on=KEY, how="left").merge(count_tests(done), on=KEY, how="left")
    words, counts = ["verdict", "strength"], [*VOTES, "tests", "failures"]
    rows[words] = rows[words].fillna("")
    rows[counts] = rows[counts].fillna(0).astype("int64")
    return rows.assign(
        fcc=rows["fcc"].fillna(False).astype(bool),
        p_value=rows["p_value"].fillna(1.0),
        e_value=rows["e_value"].fillna(1.0),
    )

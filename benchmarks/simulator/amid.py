"""A rule beside ours that takes what phones around a hexagon found into account; it is measured, not used.

As many failing votes are withdrawn as ``contradicted`` wants. What is left must be unlikely where the claim is true,
less so than for ``contradicted``, and the posterior probability that it is true must be small: the law of the failure
probability given the votes around (``proposals.screening``), times the likelihood of the votes left.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import Ballot, upper_tail
from aggregator.judgement.votes import BALLOT
from aggregator.proposals.empirical_bayes import GRID, likelihoods
from aggregator.proposals.screening import field_of, laws_amid
from benchmarks.simulator.path import KEY, TECHNOLOGY, THRESHOLD

SIGNIFICANCE = 0.2
BESIDES, INSTEAD = "contradicted, or amid failures (.02)", "amid failures (.05) instead"
TRUE_AT_MOST = {BESIDES: 0.02, INSTEAD: 0.05}
"""Posterior probability that the claim is true; chosen on seeds below 10."""


def amid_failures(rows: pd.DataFrame, told: pd.DataFrame, claims: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Which of the claimed hexagons (rows) each variant accuses.

    Args:
        rows: ``h3_r8, operator, verdict``.
        told: every verdict.
        claims: as they were imported.
    """
    rule = Constants()
    about = (told["technology"] == TECHNOLOGY) & (told["threshold"] == THRESHOLD) & (told["evidence"] == "crowd")
    crowd = told[about & (told["votes_outdoor"] + told["votes_vehicle"] > 0)].reset_index(drop=True)
    field, at = field_of(crowd, claims, TECHNOLOGY, sorted(map(str, crowd["operator"].unique())), rule)
    edge = crowd["edge"].astype("boolean").fillna(False).to_numpy(bool)
    withdrawn = np.where(edge, rule.moderate_withdrawn_edge, rule.moderate_withdrawn_inside)
    left = Ballot(*(crowd[name].to_numpy(np.int64) for name in BALLOT)).without(withdrawn)
    devices = (crowd["votes_outdoor"] + crowd["votes_vehicle"]).to_numpy()
    unlikely = (upper_tail(left, rule.promised_failure, rule) <= SIGNIFICANCE) & (
        devices >= rule.least_devices + withdrawn
    )
    asked = np.flatnonzero(unlikely & crowd["claimed"].astype("boolean").fillna(False).to_numpy(bool))
    ballots = np.column_stack([left.votes_outdoor, left.failing_outdoor, left.votes_vehicle, left.failing_vehicle])
    posterior = laws_amid(field, at[0][asked], at[1][asked], rule) * likelihoods(ballots[asked], rule)
    covered = posterior[:, rule.promised_failure >= GRID].sum(axis=1) / posterior.sum(axis=1)
    chance = crowd.iloc[asked][KEY].assign(covered=covered)
    known = rows[KEY].merge(chance, on=KEY, how="left")["covered"].fillna(1.0).to_numpy()
    contradicted = (rows["verdict"] == "contradicted").to_numpy(bool)
    accused = {name: known <= most for name, most in TRUE_AT_MOST.items()}
    return accused | {BESIDES: accused[BESIDES] | contradicted}

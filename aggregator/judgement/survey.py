"""A field team's points: every outdoor test is one, held against the claim directly.

The team carries calibrated phones and tests outdoors at places it was sent to, so a point fails with probability p₀
itself when the claim is true, and every point counts, not every phone. What it measured in a vehicle is no point.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom

from aggregator.judgement.constants import Constants
from aggregator.judgement.grouping import group
from aggregator.judgement.multiplicity import benjamini_hochberg, survey_e_value

POINTS = ["points", "failing_points", "point_days"]


def count_points(rows: pd.DataFrame, key: list[str], constants: Constants) -> pd.DataFrame:
    """Points per place and subject.

    Of more than ``survey_points_per_place`` tests of one phone on one day within one resolution 9 cell, so many count,
    the failing ones in proportion, rounded down.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them, with the columns of ``key``.
        key: the columns that say where and on what; ``evidence`` among them.
        constants: of the decision rule.

    Returns:
        ``key`` and :data:`POINTS`, in the order of the keys; only what a field team measured outdoors.
    """
    outdoors = rows[(rows["evidence"] == "survey") & (rows["context"] == "outdoor")]
    spots = group(outdoors, [*key, "day", "device_token", "h3_r9"])
    tested, failed = spots.total(outdoors["tested"].to_numpy()), spots.total(outdoors["failed"].to_numpy())
    points = np.minimum(tested, constants.survey_points_per_place)
    failing = failed * points // np.maximum(tested, 1)
    at_spot = outdoors[[*key, "day"]].iloc[spots.first].reset_index(drop=True)
    days = group(at_spot, [*key, "day"])
    on_day = at_spot.iloc[days.first].reset_index(drop=True)
    places = group(on_day, key)
    counts = (places.total(days.total(points)), places.total(days.total(failing)), places.sizes)
    named = on_day[key].iloc[places.first].reset_index(drop=True)
    return named.assign(**dict(zip(POINTS, counts, strict=True)))


def with_survey_tails(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """Rows of evidence with ``surveyed`` and, for surveys, ``p``, ``p_poor``, ``q`` and ``e_value`` of their points.

    p is P[Bin(points, p₀) ≥ failing]; ``p_poor`` is P[Bin(points, 25 %) ≤ failing]; q is Benjamini and Hochberg's over
    the claimed hexagons and operators surveyed, of one technology and threshold.
    """
    survey = (rows["evidence"] == "survey").to_numpy()
    points, failing = (rows[name].to_numpy(np.int64) for name in POINTS[:2])
    enough = points >= constants.survey_least_points
    surveyed = survey & enough & (rows["point_days"].to_numpy() >= constants.survey_least_days)
    told = rows.assign(surveyed=surveyed)
    if not survey.any():
        return told
    p = np.asarray(binom.sf(failing - 1, points, constants.promised_failure))
    told["p"] = np.where(survey, p, told["p"])
    told["p_poor"] = np.where(survey, binom.cdf(failing, points, constants.poor_failure), told["p_poor"])
    is_claimed = rows["is_claimed"].to_numpy(bool)
    told["e_value"] = np.where(survey & is_claimed, survey_e_value(points, failing, constants), told["e_value"])
    asked = surveyed & is_claimed
    families = group(rows, ["technology", "threshold"]).labels
    for family in np.unique(families[asked]):
        chosen = asked & (families == family)
        told.loc[chosen, "q"] = benjamini_hochberg(p[chosen])
    return told

"""Figures of merit: what a list of accused hexagons is worth where the truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aggregator.judgement.constants import Constants
from aggregator.judgement.null import failing_vote_probability

LEVELS = (0.01, 0.05, 0.10, 0.20)
"""At which p-values of true claims are counted."""

TRUE_FAILURES = (0.02, 0.05, 0.10, 0.25)
NEAR = 1.25
"""A hexagon stands for a true failure probability when it lies within this factor of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One rule on one territory.

    Attributes:
        flagged: hexagons accused.
        false: of them, in truth covered as promised (p ≤ 5 %). bad: of them, p ≥ 25 %.
        bad_3: bad hypotheses with at least 3 phones; found_3: of them, accused.
        bad_all: all bad hypotheses. found: of them, accused.
    """

    flagged: int
    false: int
    bad: int
    bad_3: int
    found_3: int
    bad_all: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merit:
    """One rule over several territories, pooled."""

    flagged: float
    fdp: float
    worst_fdp: float
    precision: float
    recall_3: float
    recall: float


def score(rows: pd.DataFrame, flagged: npt.NDArray[np.bool_]) -> Score:
    """Score accusations.

    Args:
        rows: every claimed hexagon: ``good, bad, hypothesis`` of the truth, ``devices``.
        flagged: which are accused.
    """
    bad = (rows["bad"] & rows["hypothesis"]).to_numpy(bool)
    bad_3 = bad & (rows["devices"].to_numpy() >= 3)
    return Score(
        flagged=int(flagged.sum()),
        false=int((flagged & rows["good"].to_numpy(bool)).sum()),
        bad=int((flagged & rows["bad"].to_numpy(bool)).sum()),
        bad_3=int(bad_3.sum()),
        found_3=int((flagged & bad_3).sum()),
        bad_all=int(bad.sum()),
        found=int((flagged & bad).sum()),
    )


def pooled(scores: Sequence[Score]) -> Merit:
    """Pool territories: sums divided by sums, and the worst share of false accusations of any."""

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in scores)

    def ratio(part: str, whole: str) -> float:
        return total(part) / max(total(whole), 1)

    return Merit(
        flagged=total("flagged") / max(len(scores), 1),
        fdp=ratio("false", "flagged"),
        worst_fdp=max((one.false / max(one.flagged, 1) for one in scores), default=0.0),
        precision=ratio("bad", "flagged"),
        recall_3=ratio("found_3", "bad_3"),
        recall=ratio("found", "bad_all"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the null hypothesis says, and what happens where claims are true; sums, so that territories add up.

    Attributes:
        nulls: true claims with at least 2 phones. below: of them, p at most each of :data:`LEVELS`.
        e_total: sum of their e-values. e_20: of them, at least 20.
        votes, failing: per context and entry of :data:`TRUE_FAILURES`, in that order.
    """

    nulls: int
    below: tuple[int, ...]
    e_total: float
    e_20: int
    votes: tuple[int, ...]
    failing: tuple[int, ...]

    def __add__(self, other: "Calibration") -> "Calibration":
        """Both territories."""

        def both(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(x + y for x, y in zip(a, b, strict=True))

        return Calibration(
            nulls=self.nulls + other.nulls,
            below=both(self.below, other.below),
            e_total=self.e_total + other.e_total,
            e_20=self.e_20 + other.e_20,
            votes=both(self.votes, other.votes),
            failing=both(self.failing, other.failing),
        )


def calibration(rows: pd.DataFrame) -> Calibration:
    """Of one territory; ``rows`` also hold ``p_value``, ``e_value`` and the votes by context."""
    own = rows[rows["p_value"].notna()]  # nothing was judged together with neighbours
    nulls = own[own["hypothesis"] & own["good"] & (own["devices"] >= 2)]
    votes, failing = [], []
    for context in ("outdoor", "vehicle"):
        for failure in TRUE_FAILURES:
            near = rows[rows["hypothesis"] & rows["p"].between(failure / NEAR, failure * NEAR)]
            votes.append(int(near[f"votes_{context}"].sum()))
            failing.append(int(near[f"failing_{context}"].sum()))
    return Calibration(
        nulls=len(nulls),
        below=tuple(int((nulls["p_value"] <= level).sum()) for level in LEVELS),
        e_total=float(nulls["e_value"].sum()),
        e_20=int((nulls["e_value"] >= 20).sum()),
        votes=tuple(votes),
        failing=tuple(failing),
    )


def expected_failing() -> list[float]:
    """π for each context and entry of :data:`TRUE_FAILURES`, in the order of a calibration."""
    return [
        failing_vote_probability(failure, context, Constants())
        for context in ("outdoor", "vehicle")
        for failure in TRUE_FAILURES
    ]

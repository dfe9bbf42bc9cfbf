"""The verdicts as rules: each has an id, a version, a reason in one line and a condition on a frame of evidence.

They are tried in order and the first that holds decides. Where a rule that speaks the other way about the claim holds
as well, it is noted as a conflict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from aggregator.judgement.constants import Constants

Verdict = Literal["contradicted", "suspected", "confirmed", "unclaimed_service", "insufficient"]
Condition = Callable[[pd.DataFrame, Constants], "pd.Series[bool]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the verdict.

    Attributes:
        name: stable name; with the version it makes the id.
        version: changes whenever the condition does.
        verdict: what is said where it decides.
        strength: ``strong`` or ``moderate``, empty for verdicts without.
        speaks: against the claim, for it, or neither.
        reason: in one line, for people.
        holds: the condition.
    """

    name: str
    version: int
    verdict: Verdict
    strength: Literal["strong", "moderate", ""] = ""
    speaks: Literal["against", "for", ""] = ""
    reason: str
    holds: Condition

    @property
    def id(self) -> str:
        """Like ``contradicted-strong-2``; it travels with the verdict."""
        return f"{self.name}-{self.version}"


def _crowd(rows: pd.DataFrame, more: "int | pd.Series[int]", constants: Constants) -> "pd.Series[bool]":
    """Volunteers' votes, at least ``least_devices`` and as many more."""
    return rows["is_crowd"] & (rows["devices"] >= constants.least_devices + more)


def _contradicted(strength: str, tail: str) -> Condition:
    def holds(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
        enough = _crowd(rows, rows[f"withdrawn_{strength}"], constants)
        return rows["is_claimed"] & enough & (rows[tail] <= constants.significance)

    return holds


def _suspected(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    return rows["is_claimed"] & _crowd(rows, 0, constants) & (rows["p"] <= constants.significance)


def _served(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    return _crowd(rows, 0, constants) & (rows["p_poor"] <= constants.significance)


def _survey_contradicts(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    return rows["surveyed"] & rows["is_claimed"] & (rows["q"] <= constants.significance)


def _survey_serves(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    return rows["surveyed"] & (rows["p_poor"] <= constants.significance)


RULES: tuple[Rule, ...] = (
    Rule(
        name="no-claim-source",
        version=1,
        verdict="insufficient",
        reason="nobody told us what the operator declares here for this technology",
        holds=lambda rows, constants: ~rows["has_claim"],
    ),
    Rule(
        name="survey-contradicted",
        version=1,
        verdict="contradicted",
        strength="strong",
        speaks="against",
        reason="claimed; too many of a field team's outdoor points fail, all surveyed hexagons considered",
        holds=_survey_contradicts,
    ),
    Rule(
        name="survey-confirmed",
        version=1,
        verdict="confirmed",
        speaks="for",
        reason="claimed; so few of a field team's outdoor points fail that a quarter of failures would be surprising",
        holds=lambda rows, constants: rows["is_claimed"] & _survey_serves(rows, constants),
    ),
    Rule(
        name="survey-unclaimed-service",
        version=1,
        verdict="unclaimed_service",
        reason="not claimed, yet so few of a field team's outdoor points fail that a quarter would be surprising",
        holds=lambda rows, constants: ~rows["is_claimed"] & _survey_serves(rows, constants),
    ),
    Rule(
        name="survey-insufficient",
        version=1,
        verdict="insufficient",
        reason="a field team's outdoor points: fewer than 10, all on one day, or too mixed",
        holds=lambda rows, constants: ~rows["is_crowd"],
    ),
    Rule(
        name="contradicted-strong",
        version=2,
        verdict="contradicted",
        strength="strong",
        speaks="against",
        reason="claimed; today too many phones fail, even without the 2 most damaging ones (3 away from the edge) and "
        "were the loss in vehicles larger",
        holds=_contradicted("strong", "p_cautious"),
    ),
    Rule(
        name="contradicted-moderate",
        version=1,
        verdict="contradicted",
        strength="moderate",
        speaks="against",
        reason="claimed; too many phones fail even without the most damaging one (2 away from the edge), or were "
        "strong in an earlier window",
        holds=_contradicted("moderate", "p_moderate"),
    ),
    Rule(
        name="suspected",
        version=1,
        verdict="suspected",
        speaks="against",
        reason="claimed; too many phones fail, but it hangs on one or two of them",
        holds=_suspected,
    ),
    Rule(
        name="confirmed",
        version=1,
        verdict="confirmed",
        speaks="for",
        reason="claimed; so few phones fail that a quarter of failures would be surprising",
        holds=lambda rows, constants: rows["is_claimed"] & _served(rows, constants),
    ),
    Rule(
        name="unclaimed-service",
        version=1,
        verdict="unclaimed_service",
        reason="not claimed, yet so few phones fail that a quarter of failures would be surprising",
        holds=lambda rows, constants: ~rows["is_claimed"] & _served(rows, constants),
    ),
    Rule(
        name="insufficient",
        version=1,
        verdict="insufficient",
        reason="neither shown: too few phones, or too mixed",
        holds=lambda rows, constants: rows["devices"] >= 0,
    ),
)
"""In the order in which they decide; the last always holds."""

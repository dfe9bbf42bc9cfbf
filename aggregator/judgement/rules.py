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
        """Like ``contradicted-strong-1``; it travels with the verdict."""
        return f"{self.name}-{self.version}"


def _contradicted(strength: str) -> Condition:
    def holds(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
        enough = rows["devices"] >= constants.least_devices + rows[f"withdrawn_{strength}"]
        return rows["is_claimed"] & enough & (rows[f"p_{strength}"] <= constants.significance)

    return holds


def _suspected(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    enough = rows["devices"] >= constants.least_devices
    return rows["is_claimed"] & enough & (rows["p"] <= constants.significance)


def _served(rows: pd.DataFrame, constants: Constants) -> "pd.Series[bool]":
    return (rows["devices"] >= constants.least_devices) & (rows["p_poor"] <= constants.significance)


RULES: tuple[Rule, ...] = (
    Rule(
        name="survey-not-judged",
        version=1,
        verdict="insufficient",
        reason="a field team's points have a rule of their own, which this version does not have yet",
        holds=lambda rows, constants: rows["evidence"] != "crowd",
    ),
    Rule(
        name="no-claim-source",
        version=1,
        verdict="insufficient",
        reason="nobody told us what the operator declares here for this technology",
        holds=lambda rows, constants: ~rows["has_claim"],
    ),
    Rule(
        name="contradicted-strong",
        version=1,
        verdict="contradicted",
        strength="strong",
        speaks="against",
        reason="claimed; too many phones fail even without the 2 most damaging ones (3 away from the edge)",
        holds=_contradicted("strong"),
    ),
    Rule(
        name="contradicted-moderate",
        version=1,
        verdict="contradicted",
        strength="moderate",
        speaks="against",
        reason="claimed; too many phones fail even without the most damaging one (2 away from the edge)",
        holds=_contradicted("moderate"),
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

"""Evidence × claims → verdicts: votes, trust, comparison, hysteresis and escalation, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.comparison import compare_with
from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import DeclaredCoverage
from aggregator.judgement.escalation import escalated
from aggregator.judgement.hysteresis import earlier_days, held
from aggregator.judgement.trust import trusted
from aggregator.judgement.votes import last_day_in, read_evidence, votable_rows, votes_of, with_hexagon
from client_sdk.messages import tr

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    Attributes:
        verdicts: columns of :data:`aggregator.judgement.comparison.VERDICTS`, in the order of the keys.
        quarantine: devices that did not vote today, columns of :data:`aggregator.judgement.trust.QUARANTINE`.
    """

    verdicts: pd.DataFrame
    quarantine: pd.DataFrame


def decide(
    evidence: Path,
    claims: pd.DataFrame,
    *,
    last_day: date | None = None,
    window_days: int = 365,
    constants: Constants | None = None,
    excused: pd.DataFrame | None = None,
    within: NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> Decision:
    """A verdict for every hexagon, operator, technology, threshold and kind of evidence that somebody voted on.

    Args:
        evidence: directory with ``ledger.parquet`` and ``capability.parquet``.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        last_day: end of the window; by default the last day in the ledger.
        window_days: its length.
        constants: of the decision rule.
        excused: declared outages, see :func:`aggregator.judgement.votes.votable_rows`.
        within: only these hexagons; devices are trusted or not by what they did everywhere.
        progress: told what is being done, and the fraction done.
    """
    rule = constants or Constants()
    report = progress or (lambda label, fraction: None)
    report(tr("votes", "votes"), 0.0)
    ledger, capability = read_evidence(evidence)
    declared = DeclaredCoverage(claims, rule)

    def look(day: date) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        rows = with_hexagon(votable_rows(ledger, capability, day, window_days, excused=excused))
        votes, quarantine = votes_of(rows, rule)
        if within is not None:
            votes = votes[votes["h3_r8"].isin(within)]
        return rows, compare_with(votes, declared, rule), quarantine

    end = last_day or last_day_in(evidence) or date.min
    rows, verdicts, quarantine = look(end)
    if not ledger.empty:
        days = earlier_days(end)
        earlier = {}
        for step, day in enumerate(days):
            report(tr("earlier quarters", "trimestres précédents"), 0.3 + 0.4 * step / len(days))
            earlier[day] = look(day)[1]
        verdicts = held(verdicts, earlier)
    report(tr("parents", "parents"), 0.7)
    verdicts = escalated(verdicts, trusted(rows, quarantine), rule)
    report("", 1.0)
    return Decision(verdicts, quarantine)

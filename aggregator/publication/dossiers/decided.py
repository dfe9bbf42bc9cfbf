"""What the project team decided of a zone, in words."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from aggregator.judgement.wording import moment
from aggregator.proposals.decisions import Decision, Kind

WORDS: dict[Kind, str] = {"kept": "gardée", "set-aside": "écartée", "merged": "fusionnée", "open": "ouverte"}


def decision_on(zone_id: str, decisions: Sequence[Decision]) -> Decision | None:
    """The decision on one zone, if there is one."""
    return next((one for one in decisions if one.zone_id == zone_id), None)


def decision_lines(zone: "pd.Series[Any]", decisions: Sequence[Decision]) -> list[list[str]]:
    """What was decided of a proposed zone: name and text of each line."""
    found = decision_on(str(zone["zone_id"]), decisions)
    lines = told(found) if found else [["Décision", "aucune à ce jour"]]
    return lines + ([["Zones fusionnées ici", str(zone["merged"])]] if zone["merged"] else [])


def told(decision: Decision) -> list[list[str]]:
    """What one decision says: name and text of each line."""
    when = f", le {_day(decision.decided_on)}" if decision.decided_on else ""
    into = f" dans {decision.into}" if decision.into else ""
    lines = [
        ["Décision", f"{WORDS[decision.decision]}{into}{when}"],
        ["Motif", decision.reason],
        ["Note", decision.note],
        ["Réponse d’un opérateur", decision.operator_answer],
    ]
    return [line for line in lines if line[1]]


def _day(written: str) -> str:
    """A day in words where it is one; as the team wrote it otherwise."""
    try:
        return moment(date.fromisoformat(written).isoformat(), "fr")
    except ValueError:
        return written

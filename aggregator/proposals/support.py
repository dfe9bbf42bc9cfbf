"""What supports a zone: its people and roads, verdicts, phones, and the evidence its demand rests on."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.escalation import judged_places, once_per_parent
from aggregator.proposals.demand import BASES, Demand

SHARE_DECIMALS = 3
LACKING = 0.25
"""Ours: an operator absent from this share of a zone's people and roads is one that lacks there."""
SHARES = {
    "share_strong": "strong",
    "share_unclaimed": "unclaimed",
    "share_reported": "reported",
    "share_measured": "measured",
    "share_prior": "prior",
}
"""Column of a zone → what that share of its unmet demand rests on."""


def shares_of(demand: Demand, members: NDArray[np.intp]) -> dict[str, float]:
    """Share of the unmet demand of some hexagons that rests on each kind of evidence; all 0 without demand."""
    parts = demand.demand[members, None] * demand.u[members]
    whole = float(parts.sum())
    basis = demand.basis[members]
    return {
        column: round(float(parts[basis == BASES[name]].sum()) / whole, SHARE_DECIMALS) if whole > 0 else 0.0
        for column, name in SHARES.items()
    }


def class_of(shares: dict[str, float], enough: float) -> str:
    """Evidence class, by what the evidenced part of the unmet demand rests on.

    A: at least ``enough`` of it on strong verdicts, surveys or the operators' own maps; B: with what is reported; C:
    mostly on votes without a finding, or nothing is evidenced.
    """
    evidenced = 1.0 - shares["share_prior"]
    firm = shares["share_strong"] + shares["share_unclaimed"]
    if firm + shares["share_reported"] < enough * evidenced or firm + shares["share_reported"] <= 0:
        return "C"
    return "A" if firm >= enough * evidenced else "B"


def missing_operators(demand: Demand, members: NDArray[np.intp], reported: set[str]) -> list[str]:
    """Operators whose claim is contradicted or suspected here, or that are absent from a part of the demand."""
    shares = undeclared_shares(demand, members)
    return sorted(reported | {name for name, share in shares.items() if share >= LACKING})


def undeclared_shares(demand: Demand, members: NDArray[np.intp]) -> dict[str, float]:
    """Share of the demand of some hexagons where each operator declares nothing, and nobody found that it serves."""
    weight = demand.demand[members]
    total = float(weight.sum())
    if total <= 0:
        return dict.fromkeys(demand.operators, 0.0)
    absent = (demand.absent[members] * weight[:, None]).sum(axis=0) / total
    return {name: float(share) for name, share in zip(demand.operators, absent, strict=True)}


def ground_figures(demand: Demand, members: NDArray[np.intp]) -> dict[str, Any]:
    """People, roads and demand of a zone's hexagons.

    ``unmet_people`` is W, ``evidenced_people`` its part that rests on evidence: weighted, not numbers of people.
    """
    return {
        "people": round(float(demand.people[members].sum()), 1),
        "main_road_km": round(float(demand.main_km[members].sum()), 1),
        "other_road_km": round(float(demand.other_km[members].sum()), 1),
        "demand": round(float(demand.demand[members].sum()), 1),
        "unmet_people": round(float(demand.unmet[members].sum()), 1),
        "evidenced_people": round(float(demand.evidenced[members].sum()), 1),
        "dcc_subtracted": round(float(demand.subtracted[members].sum()), 1),
        "undeclared": json.dumps(
            {name: round(share, SHARE_DECIMALS) for name, share in undeclared_shares(demand, members).items()}
        ),
    }


def verdict_figures(own: pd.DataFrame, device_days: pd.DataFrame | None) -> dict[str, Any]:
    """Who measured a zone and what was found.

    Volunteers, or field teams where no volunteer measured; never both in one figure. ``hexagons`` are those measured.
    What is said of a parent's poor hexagons together is one verdict on one place and counts once, in ``contradicted``,
    ``suspected`` (places), ``verdicts`` and ``e_value``: the mean of the e-values of all claims tested in the zone,
    itself an e-value whatever their dependence (Vovk and Wang 2021).

    Args:
        own: prevailing verdicts of the zone's hexagons.
        device_days: ``h3_r8, operator, evidence, device_token, day`` behind them, for exact counts of devices; without
            it the figures are those of the best measured hexagon, since counts of devices do not add up.
    """
    claim = worst_by_place(own)
    table: dict[str, dict[str, int]] = {}
    said = once_per_parent(own)
    strength = said["strength"].fillna("")
    kinds = said["verdict"].where(strength == "", said["verdict"] + " " + strength)
    for (operator, kind), count in Counter(zip(said["operator"], kinds, strict=True)).items():
        table.setdefault(str(operator), {})[str(kind)] = count
    evidence = "crowd" if (own["evidence"] == "crowd").any() else "survey" if len(own) else "none"
    rows = own[own["evidence"] == evidence]
    tested = said[(said["evidence"] == evidence) & said["claimed"].fillna(False).astype(bool)]
    e_values = tested.get("e_value")
    figures: dict[str, Any] = {
        "hexagons": int(own["h3_r8"].nunique()),
        "contradicted": int((claim == "contradicted").sum()),
        "suspected": int((claim == "suspected").sum()),
        "verdicts": json.dumps(table, sort_keys=True),
        "evidence": evidence,
        "first_day": rows["first_day"].min() if len(rows) else None,
        "last_day": rows["last_day"].max() if len(rows) else None,
        "e_value": None if e_values is None or e_values.dropna().empty else float(f"{e_values.mean():.3g}"),
    }
    if rows.empty:
        return figures | {"devices": 0, "device_days": 0}
    if device_days is None:
        return figures | {"devices": int(rows["devices"].max()), "device_days": int(rows["device_days"].max())}
    behind = device_days.merge(rows[["h3_r8", "operator", "evidence"]], on=["h3_r8", "operator", "evidence"])
    return figures | {
        "devices": int(behind["device_token"].nunique()),
        "device_days": len(behind[["device_token", "day"]].drop_duplicates()),
    }


def worst_by_place(verdicts: pd.DataFrame) -> "pd.Series[str]":
    """``contradicted`` or ``suspected`` by place (hexagon, or parent judged as one), where some operator's claim is."""
    found = verdicts[verdicts["verdict"].isin(["contradicted", "suspected"])]
    return found.groupby(judged_places(found))["verdict"].min()

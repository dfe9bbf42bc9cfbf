"""Tables of what was measured in a zone, operator by operator; volunteers and field teams apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aggregator.judgement.wording import EXACT_UP_TO, STEP_ABOVE, period, rounded, whole
from client_sdk.operators import operator_name

VERDICTS = (
    *("contradicted strong", "contradicted moderate", "suspected"),
    *("confirmed", "unclaimed_service", "insufficient"),
)
"""Columns of the table, as the zone's ``verdicts`` name them."""

APPROXIMATELY = "≈"
"""Before a count that is rounded, where words have no room."""


def measured_rows(
    verdicts: Mapping[str, Mapping[str, int]], own: pd.DataFrame, operators: Sequence[str]
) -> dict[str, Any]:
    """Who measured what, of each operator.

    Args:
        verdicts: operator → verdict → hexagons, of the zone's table.
        own: published rows of the zone's hexagons, with the columns of ``scene.Scene.verdicts``.
        operators: to be listed, whether measured or not.

    Returns:
        ``measured``: for each operator its name, hexagons, one count for each of :data:`VERDICTS`, devices of a
        hexagon, device-days summed over hexagons, and period; no row where nobody measured. ``days_hidden``: whether
        some device-days are withheld. ``days_rounded``: whether some figure is rounded.
    """
    crowd = own[own["evidence"] == "crowd"]
    rows, hidden = [], False
    for operator in sorted({*operators, *verdicts}) if verdicts else ():
        counts = verdicts.get(operator, {})
        mine = _explained(crowd[crowd["operator"] == operator])
        missing = int(mine["days"].isna().sum())
        hidden |= missing > 0
        rows.append(
            [
                operator_name(operator),
                whole(sum(counts.values()), "fr"),
                *(whole(counts.get(name, 0), "fr") for name in VERDICTS),
                _range(mine["devices"]),
                _sum(mine["days"], missing > 0) if len(mine) else "—",
                span(mine),
            ]
        )
    some_rounded = any(APPROXIMATELY in text for row in rows for text in row)
    return {"measured": rows, "days_hidden": hidden, "days_rounded": some_rounded}


def surveyed_rows(own: pd.DataFrame) -> list[list[str]]:
    """What field teams concluded: operator, hexagons, points, contradicted, confirmed or served, period."""
    rows = []
    for operator, mine in own[own["evidence"] == "survey"].groupby("operator"):
        explained = _explained(mine)
        counts = mine["verdict"].value_counts()
        rows.append(
            [
                operator_name(str(operator)),
                whole(len(mine), "fr"),
                _sum(explained["devices"], False),
                whole(int(counts.get("contradicted", 0)), "fr"),
                whole(int(counts.get("confirmed", 0) + counts.get("unclaimed_service", 0)), "fr"),
                whole(int(counts.get("insufficient", 0)), "fr"),
                span(explained),
            ]
        )
    return rows


def span(rows: pd.DataFrame) -> str:
    """From the first to the last month, in words."""
    first, last = (rows[name][rows[name] != ""] for name in ("first", "last"))
    return period(str(first.min()), str(last.max()), "fr") if len(first) else "—"


def _explained(rows: pd.DataFrame) -> pd.DataFrame:
    """What each verdict rests on, or the counts of the quarter where there is none."""
    judged = rows["judged_devices"].notna()
    return pd.DataFrame(
        {
            "devices": rows["judged_devices"].where(judged, rows["devices"]).astype("Int64"),
            "days": rows["judged_device_days"].where(judged, rows["device_days"]).astype("Int64"),
            "first": rows["judged_first_month"].where(judged, rows["first_month"]),
            "last": rows["judged_last_month"].where(judged, rows["last_month"]),
        }
    )


def _range(devices: "pd.Series[int]") -> str:
    told = devices.dropna()
    if told.empty:
        return "—"
    least, most = int(told.min()), int(told.max())
    return nearly(least) if least == most else f"{nearly(least)} à {nearly(most)}"


def nearly(count: int) -> str:
    """A published count in few characters: ``≈ 25`` where it is rounded."""
    return f"{APPROXIMATELY} {whole(rounded(count), 'fr')}" if count > EXACT_UP_TO else whole(count, "fr")


def _sum(counts: "pd.Series[int]", some_hidden: bool) -> str:
    """Of published counts: exact where each of them is, and a lower bound where some are withheld."""
    told = counts.dropna()
    unsure, total = int((told > EXACT_UP_TO).sum()), int(told.sum())
    if some_hidden:
        return f"≥ {whole(total - STEP_ABOVE // 2 * unsure, 'fr')}"
    return nearly(total) if unsure else whole(total, "fr")

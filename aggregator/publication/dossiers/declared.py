"""What operators declare in a zone: the share of its hexagons' area, by operator and level."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, projected
from aggregator.judgement.declared import USAGE
from aggregator.judgement.wording import decimal
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.publication.dossiers.release_facts import Released, quarter_text
from client_sdk.operators import operator_name

LEVELS = {
    "TBC": "très bonne",
    "BC": "bonne",
    "CL": "limitée",
}
"""Arcep's levels, best first; others follow by name."""


def declared_rows(released: Released, outline: Any, operators: Sequence[str]) -> dict[str, Any]:
    """Share declared by each operator, for data service of the zones' technology.

    Args:
        released: the release.
        outline: of the zone, in EPSG:2154.
        operators: to be listed.

    Returns:
        ``levels``: names of the columns. ``declared``: for each operator its name, all levels together, each level,
        what is not declared, and the quarter of the map; dashes where no map was imported, or none that speaks of the
        zone.
    """
    technology = released.parameters.technology
    claims = released.claims[(released.claims["technology"] == technology) & (released.claims["usage"] == USAGE)]
    cells = _centred_in(outline)
    here = claims[claims["h3_r8"].isin(cells)]
    quarters = {
        str(one["operator"]): str(one.get("quarter") or "")
        for one in released.sources
        if (one.get("technology"), one.get("usage")) == (technology, USAGE)
    }
    found = {str(level) for level in claims["level"].dropna() if level}
    levels = [*(name for name in LEVELS if name in found), *sorted(found - LEVELS.keys())]
    rows = []
    for operator in operators:
        mine = here[here["operator"] == operator]
        imported = claims[claims["operator"] == operator]
        bounded = bool(imported["bounded"].fillna(False).any()) if "bounded" in imported else False
        known = mine["h3_r8"].nunique() if bounded else len(cells)
        quarter = quarter_text(quarters.get(operator, ""))
        if imported.empty or not known:
            rows.append([operator_name(operator), *["—"] * (len(levels) + 2), "carte non importée"])
            continue
        shares = {level: float(mine.loc[mine["level"] == level, "declared_share"].sum()) / known for level in levels}
        whole_share = min(1.0, float(mine["declared_share"].sum()) / known)
        told = [whole_share, *shares.values(), 1.0 - whole_share]
        partly = "" if known == len(cells) else f" (connu sur {percent(known / len(cells))})"
        rows.append([operator_name(operator), *map(percent, told), quarter + partly])
    return {"levels": [LEVELS.get(level, level) for level in levels], "declared": rows}


def percent(share: float) -> str:
    """``41 %``; ``< 1 %`` and ``> 99 %`` where rounding would say none or all."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 < share < 1:
        return "> 99 %"
    return f"{decimal(round(100 * share), 'fr', 0)} %"


def _centred_in(outline: Any) -> Any:
    """Hexagons whose centre is in an area of EPSG:2154, sorted."""
    cells = covering([projected(outline, LAMBERT_93, WGS_84)])
    centres = hexagon_centres(cells.tolist())
    places = shapely.points(lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()))
    return cells[np.asarray(shapely.intersects(outline, places))]

"""What operators declare in a zone: the share of its hexagons' area, by operator and level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, projected
from aggregator.judgement.declared import USAGE
from aggregator.judgement.wording import decimal
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.support import LACKING
from aggregator.publication.dossiers.release_facts import quarter_text
from client_sdk.operators import operator_name

LEVELS = {
    "TBC": "très bonne",
    "BC": "bonne",
    "CL": "limitée",
}
"""Arcep's levels, best first; others follow by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The maps of the zones' technology, data service.

    Attributes:
        shares: ``h3_r8, operator, level, declared_share``, sorted by hexagon.
        levels: those that occur, best first.
        operators: whose map was imported.
        bounded: those whose map says nothing outside its rows.
        quarters: operator → quarter of its map, where known.
    """

    shares: pd.DataFrame
    levels: tuple[str, ...]
    operators: frozenset[str]
    bounded: frozenset[str]
    quarters: Mapping[str, str]


def declared_of(claims: pd.DataFrame, sources: Sequence[Mapping[str, Any]], technology: str) -> Declared:
    """What operators declare for one technology.

    Args:
        claims: as ``claims_table.read_claims`` gives them.
        sources: of the claims, as the import wrote them.
        technology: of the zones.
    """
    own = claims[(claims["technology"] == technology) & (claims["usage"] == USAGE)]
    found = {str(level) for level in own["level"].dropna().unique() if level}
    return Declared(
        shares=own[["h3_r8", "operator", "level", "declared_share"]].sort_values("h3_r8", ignore_index=True),
        levels=(*(name for name in LEVELS if name in found), *sorted(found - LEVELS.keys())),
        operators=frozenset(map(str, own["operator"].unique())),
        bounded=frozenset(map(str, own.loc[own["bounded"].fillna(False).astype(bool), "operator"].unique())),
        quarters={
            str(one["operator"]): str(one.get("quarter") or "")
            for one in sources
            if (one.get("technology"), one.get("usage")) == (technology, USAGE)
        },
    )


def declared_rows(
    declared: Declared, outline: Any, operators: Sequence[str], undeclared: Mapping[str, float]
) -> dict[str, Any]:
    """Share of a zone declared by each operator.

    Args:
        declared: the maps.
        outline: of the zone, in EPSG:2154.
        operators: to be listed.
        undeclared: operator → share of the zone's demand where it declares nothing, as the zone's table has it.

    Returns:
        ``levels``: names of the columns. ``declared``: for each operator its name, all levels together, each level,
        what is not declared, the share of the demand without, and the quarter of the map; dashes where no map was
        imported, or none that speaks of the zone.
    """
    cells = _centred_in(outline)
    every = declared.shares["h3_r8"].to_numpy(np.int64)
    starts, ends = np.searchsorted(every, cells, "left"), np.searchsorted(every, cells, "right")
    spans = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
    here = declared.shares.iloc[np.concatenate([*spans, np.empty(0, np.int64)]).astype(np.int64)]
    rows = []
    for operator in operators:
        mine = here[here["operator"] == operator]
        known = mine["h3_r8"].nunique() if operator in declared.bounded else len(cells)
        if operator not in declared.operators or not known:
            rows.append([operator_name(operator), *["—"] * (len(declared.levels) + 3), "carte non importée"])
            continue
        by_level = mine.groupby("level")["declared_share"].sum() / known
        total = min(1.0, float(mine["declared_share"].sum()) / known)
        told = [total, *(float(by_level.get(level, 0.0)) for level in declared.levels), 1.0 - total]
        partly = "" if known == len(cells) else f" (connue sur {percent(known / len(cells))} de la zone)"
        quarter = quarter_text(declared.quarters.get(operator, ""))
        rows.append(
            [operator_name(operator), *map(percent, told), _without(undeclared.get(operator)), quarter + partly]
        )
    return {"levels": [LEVELS.get(level, level) for level in declared.levels], "declared": rows}


def _without(share: float | None) -> str:
    """A share of the demand; one that falls short of what makes an operator lack is not rounded up to it."""
    if share is None:
        return "—"
    return percent(share if share >= LACKING else min(share, LACKING - 0.01))


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

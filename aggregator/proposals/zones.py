"""Candidate zones: discs of 4 km around the most unmet demand, with what supports each of them.

A zone is a place to look at, not a finding. Each hexagon belongs to one zone, so the figures of the zones add up.
Zones that a team decided on stay where they were; the others are chosen on what those leave. Classes A and B rank
first: a zone of class C is to be measured before anything is proposed there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from aggregator.evidence.territory import commune_of
from aggregator.judgement.constants import Constants
from aggregator.proposals.areas import Area, Choice, decided_areas, wanted_areas
from aggregator.proposals.decisions import Decision, joined, places_of
from aggregator.proposals.demand import DEMAND_MODEL, Demand, prevailing, unmet_demand
from aggregator.proposals.discs import LAMBERT_93, hexagon_centres, lambert_93
from aggregator.proposals.identity import zone_ids
from aggregator.proposals.parameters import ZoneParameters
from aggregator.proposals.points import Ground, zone_points
from aggregator.proposals.support import (
    SHARES,
    class_of,
    ground_figures,
    missing_operators,
    shares_of,
    verdict_figures,
)
from aggregator.proposals.surroundings import Surroundings, decided_near, nearest_m, obliging, road_finder

ZONE_COLUMNS = [
    *("zone_id", "rank", "name", "h3_centre", "latitude", "longitude", "insee_dep", "communes", "people"),
    *("main_road_km", "other_road_km", "demand", "unmet_people", "evidenced_people", "undeclared"),
    *("hexagons", "contradicted", "suspected", "verdicts"),
    *("operators_missing", "devices", "device_days", "first_day", "last_day", "e_value", "evidence", "evidence_class"),
    *(*SHARES, "nearest_site_m", "nearest_site_operators", "nearest_planned_m", "dcc_near", "dcc_dossiers"),
    *("dcc_subtracted", "people_source", "decision", "merged", "demand_model"),
]
POINT_COLUMNS = [
    *("zone_id", "point_id", "name", "kind", "placed_on", "insee_com", "commune_name", "insee_dep"),
    *("latitude", "longitude", "x_lambert_93", "y_lambert_93", "nearest_site_m", "nearest_planned_m"),
]
SERVED = ("confirmed", "unclaimed_service")
"""Verdicts that find service: nothing is asked of the operator in that hexagon."""


def propose_zones(
    verdicts: pd.DataFrame,
    communes: gpd.GeoDataFrame,
    *,
    people: pd.Series,
    claims: pd.DataFrame,
    technology: str = "4G",
    threshold: str = "service",
    count: int = 10,
    radius_m: float = 4000.0,
    previous: pd.DataFrame | None = None,
    parameters: ZoneParameters | None = None,
    device_days: pd.DataFrame | None = None,
    surroundings: Surroundings | None = None,
    decisions: Sequence[Decision] = (),
    within: NDArray[np.int64] | None = None,
    constants: Constants | None = None,
    tell_choice: Callable[[Choice], None] | None = None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Choose the zones and their points of interest.

    Args:
        verdicts: as ``judgement.comparison.compare`` gives them.
        communes: as ``evidence.territory.read_communes`` gives them.
        people: people of each hexagon, indexed by ``h3_r8``.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        technology: whose verdicts count.
        threshold: ``service`` or Mbit/s of download.
        count: zones at most; fewer when nothing is left to gain.
        radius_m: radius of a disc.
        previous: zones of the last release, from which ids are kept.
        parameters: all of the above and the rest at once; then they count.
        device_days: see :func:`aggregator.proposals.support.verdict_figures`.
        surroundings: roads, antennas, the DCC's decisions.
        decisions: of the team, with their places (``decisions.located``).
        within: only these hexagons, sorted.
        constants: of the decision rule.
        tell_choice: told how good the choice is.

    Returns:
        Zones (``ZONE_COLUMNS``, ``op_<PLMN>`` columns, disc) by rank (classes A and B first, then by evidenced demand,
        then class C), then those a team set aside, with rank 0; and
        points (``POINT_COLUMNS``, ``op_`` columns of their own, point); both in EPSG:2154. Figures are of the hexagons
        that no zone of a better rank holds. ``evidence`` is ``crowd``, ``survey`` where only field teams measured, or
        ``none``. A disc of class A or B where no operator lacks is no zone.
    """
    chosen = parameters or ZoneParameters(technology=technology, threshold=threshold, count=count, radius_m=radius_m)
    around = surroundings or Surroundings()
    demand = unmet_demand(
        verdicts,
        claims,
        people,
        around.kilometres(),
        parameters=chosen,
        dcc=around.dcc,
        within=within,
        constants=constants or Constants(),
    )
    rows = prevailing(verdicts)
    rows = rows[(rows["technology"] == chosen.technology) & (rows["threshold"] == chosen.threshold)]
    ground = _ground(demand, rows, communes, around, chosen.weights.dcc_reach_m)
    noted = [one for one in decisions if one.decision == "open"]
    followed = [one for one in decisions if one.decision != "open"]
    decided, free = decided_areas(demand, ground.metres, followed, chosen.radius_m)
    left = max(0, chosen.count - sum(area.decision != "set-aside" for area in decided))
    areas, choice = wanted_areas(
        demand,
        ground.metres,
        free,
        left,
        chosen,
        lambda area: _class(demand, area, chosen) == "C" or bool(_lacking(demand, area, _own(demand, rows, area))),
    )
    if tell_choice:
        tell_choice(choice)
    homes = [int(_communes(ground, area).index[0]) for area in areas]
    names = zone_ids(
        [int(demand.cells[area.centre]) for area in areas],
        [str(communes["insee_dep"].iloc[row]) for row in homes],
        ground.metres[[area.centre for area in areas]],
        previous,
        radius_m=chosen.radius_m,
        reserved=[one.zone_id for one in followed],
        noted=places_of(noted),
    )
    ids = {area.centre: name for area, name in zip(areas, names, strict=True)}
    ranked = sorted(
        [*areas, *decided],
        key=lambda area: (
            area.decision == "set-aside",
            _class(demand, area, chosen) == "C",
            -area.gain,
            area.zone_id or ids[area.centre],
        ),
    )
    own_centres = np.array([area.centres[0] for area in ranked]).reshape(-1, 2)
    sites = nearest_m(around.sites, chosen.technology, own_centres)
    planned = nearest_m(around.planned, chosen.technology, own_centres)
    near = decided_near(around.dcc, [area.centres for area in ranked], chosen.radius_m)
    zones: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    taken = set[int]()
    for number, area in enumerate(ranked):
        zone_id = area.zone_id or ids[area.centre]
        own = _own(demand, rows, area)
        missing = _lacking(demand, area, own)
        lacking = {operator: int(operator in missing) for operator in demand.operators}
        zone = {"zone_id": zone_id, "rank": 0 if area.decision == "set-aside" else number + 1}
        zone |= _place(ground, demand, area) | ground_figures(demand, area.members)
        zone |= verdict_figures(own, device_days) | shares_of(demand, area.members)
        zone |= {f"op_{operator}": lacks for operator, lacks in lacking.items()}
        zone |= {"operators_missing": len(missing), "evidence_class": _class(demand, area, chosen)}
        zone |= {"nearest_site_m": sites[number][0], "nearest_site_operators": sites[number][1]}
        zone |= {"nearest_planned_m": planned[number][0], "dcc_near": near[number][0], "dcc_dossiers": near[number][1]}
        zone |= {"people_source": around.people_source, "decision": area.decision}
        zones.append(zone | {"merged": ", ".join(area.merged), "demand_model": DEMAND_MODEL})
        seats = [int(s) for s in np.flatnonzero(area.holds(ground.commune_metres, chosen.radius_m)) if s not in taken]
        taken.update(seats)
        if len(area.members) and area.decision != "set-aside":
            points += zone_points(ground, zone_id, area.members, seats, near_m=chosen.near_m, lacking=lacking)
    places = np.array([(point["x_lambert_93"], point["y_lambert_93"]) for point in points]).reshape(-1, 2)
    for column, masts in (("nearest_site_m", around.sites), ("nearest_planned_m", around.planned)):
        for point, (distance, _) in zip(points, nearest_m(masts, chosen.technology, places), strict=True):
            point[column] = distance
    flag_columns = [f"op_{operator}" for operator in demand.operators]
    outlines = [_outline(area, chosen.radius_m) for area in ranked]
    return (
        gpd.GeoDataFrame(
            _typed(pd.DataFrame(zones, columns=[*ZONE_COLUMNS, *flag_columns])), geometry=outlines, crs=LAMBERT_93
        ),
        gpd.GeoDataFrame(
            _typed(pd.DataFrame(points, columns=[*POINT_COLUMNS, *flag_columns])),
            geometry=shapely.points(places),
            crs=LAMBERT_93,
        ),
    )


def _class(demand: Demand, area: Area, parameters: ZoneParameters) -> str:
    return class_of(shares_of(demand, area.members), parameters.class_share)


def _own(demand: Demand, rows: pd.DataFrame, area: Area) -> pd.DataFrame:
    return rows[rows["h3_r8"].isin(demand.cells[area.members])]


def _lacking(demand: Demand, area: Area, own: pd.DataFrame) -> list[str]:
    reported = own.loc[own["verdict"].isin(["contradicted", "suspected"]), "operator"]
    return missing_operators(demand, area.members, set(reported.astype(str)))


def _outline(area: Area, radius_m: float) -> shapely.Geometry:
    """The disc; of a zone with others merged into it, all their discs, which may lie apart."""
    return shapely.union_all(shapely.buffer(shapely.points(area.centres), radius_m, quad_segs=16))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that may be empty keep their type where no row has a value."""
    may_be_empty = [name for name in ("nearest_site_m", "nearest_planned_m", "e_value") if name in table]
    return table.astype(dict.fromkeys(may_be_empty, "float64"))


def _ground(
    demand: Demand, rows: pd.DataFrame, communes: gpd.GeoDataFrame, surroundings: Surroundings, dcc_reach_m: float
) -> Ground:
    centres = hexagon_centres(demand.cells.tolist())
    metres = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist())
    commune_metres = lambert_93(communes["latitude"].tolist(), communes["longitude"].tolist())
    held = commune_of(communes, centres[:, 0], centres[:, 1])
    _, nearest = cKDTree(commune_metres).query(metres)
    found = rows[rows["verdict"].isin(["contradicted", "suspected"])]
    claim = found.groupby("h3_r8")["verdict"].min().reindex(demand.cells).fillna("")
    hexagons = pd.DataFrame(
        {
            "people": demand.people,
            "unmet": demand.unmet,
            "commune": np.where(held < 0, nearest, held),
            "claim": claim.to_numpy(),
            "needy": (claim != "").to_numpy() | demand.absent.any(axis=1),
        },
        index=pd.Index(demand.cells, name="h3_r8"),
    )
    finder = road_finder(surroundings.roads)
    served = rows[rows["verdict"].isin(SERVED)]
    return Ground(
        hexagons=hexagons,
        metres=metres,
        communes=communes,
        commune_metres=commune_metres,
        roads=finder,
        people_places=surroundings.people_places,
        served=frozenset(zip(served["h3_r8"].astype("int64").tolist(), served["operator"].astype(str), strict=True)),
        obliged=obliging(surroundings.dcc),
        reach_m=dcc_reach_m,
    )


LISTED_SHARE = 0.05
"""Ours: communes with less of a zone's unmet demand than this are not listed with it."""


def _communes(ground: Ground, area: Area) -> "pd.Series[float]":
    """Unmet demand of an area by commune (row position), most first; on equal demand, by code."""
    demand = ground.hexagons.iloc[area.members].groupby("commune")["unmet"].sum()
    codes = ground.communes["insee_com"]
    return demand.loc[sorted(demand.index, key=lambda row: (-demand[row], str(codes.iloc[row])))]


def _home(ground: Ground, area: Area) -> str:
    """Name of the commune with the most unmet demand in a zone, those merged into it apart."""
    apart = np.hypot(*(ground.metres[area.members][:, None, :] - area.centres[None, :, :]).transpose(2, 0, 1))
    own = area.members[apart.argmin(axis=1) == 0]
    home = _communes(ground, replace(area, members=own) if len(own) else area).index[0]
    return str(ground.communes["name"].iloc[home])


def _place(ground: Ground, demand: Demand, area: Area) -> dict[str, Any]:
    centre = int(demand.cells[area.centre])
    latitude, longitude = h3.cell_to_latlng(centre)
    unmet = _communes(ground, area)
    names = ground.communes["name"].iloc[unmet.index].tolist()
    listed = [name for name, part in zip(names, unmet, strict=True) if part >= LISTED_SHARE * unmet.sum() > 0]
    return {
        "name": joined([next(filter(None, area.names[:1]), _home(ground, area)), *area.names[1:]]),
        "h3_centre": h3.int_to_str(centre),
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
        "insee_dep": str(ground.communes["insee_dep"].iloc[unmet.index[0]]),
        "communes": ", ".join(map(str, listed or names[:1])),
    }

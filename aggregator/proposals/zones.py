"""Candidate zones: discs of 4 km around the most unmet demand, with what supports each of them.

A zone is a place to look at, not a finding. Each hexagon belongs to the first disc that holds it, so the figures of
the zones add up.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely import Point

from aggregator.evidence.territory import commune_of
from aggregator.proposals.demand import DEMAND_MODEL, DemandWeights, prevailing, unmet_demand
from aggregator.proposals.discs import LAMBERT_93, Disc, greedy_discs, hexagon_centres, lambert_93
from aggregator.proposals.identity import zone_ids
from aggregator.proposals.points import Ground, zone_points

ZONE_COLUMNS = [
    *("zone_id", "rank", "name", "h3_centre", "latitude", "longitude", "insee_dep", "communes", "people"),
    *("unmet_people", "hexagons", "contradicted", "suspected", "devices", "device_days", "first_day", "last_day"),
    *("evidence", "evidence_class", "demand_model"),
]
POINT_COLUMNS = [
    *("zone_id", "point_id", "name", "kind", "insee_com", "commune_name", "insee_dep"),
    *("latitude", "longitude", "x_lambert_93", "y_lambert_93"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneParameters:
    """How zones are proposed; the defaults are ours.

    Attributes:
        technology: whose verdicts count.
        threshold: ``service`` or Mbit/s of download.
        count: zones at most (a year's quota is 8 to 20).
        radius_m: radius of a disc.
        near_m: a commune's centre is a point of interest when unmet demand lies at most this far from it.
        firm_share: share of the unmet demand on strong verdicts or surveys from which the evidence is of class A.
        weights: weight of each verdict in the unmet demand.
    """

    technology: str = "4G"
    threshold: str = "service"
    count: int = 10
    radius_m: float = 4000.0
    near_m: float = 2000.0
    firm_share: float = 0.5
    weights: DemandWeights = field(default_factory=DemandWeights)


def propose_zones(
    verdicts: pd.DataFrame,
    communes: gpd.GeoDataFrame,
    *,
    people: pd.Series,
    technology: str = "4G",
    threshold: str = "service",
    count: int = 10,
    radius_m: float = 4000.0,
    previous: pd.DataFrame | None = None,
    parameters: ZoneParameters | None = None,
    device_days: pd.DataFrame | None = None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Choose the zones and their points of interest.

    Args:
        verdicts: as ``judgement.comparison.compare`` gives them.
        communes: as ``evidence.territory.read_communes`` gives them.
        people: people of each hexagon, indexed by ``h3_r8``.
        technology: whose verdicts count.
        threshold: ``service`` or Mbit/s of download.
        count: zones at most; fewer when nothing is left to gain.
        radius_m: radius of a disc.
        previous: zones of the last release, from which ids are kept.
        parameters: all of the above and the rest at once; then they count.
        device_days: ``h3_r8, operator, evidence, device_token, day``, one row per device-day behind ``verdicts``. With
            it, a zone's devices are counted exactly; without it, its figures are those of its best measured hexagon,
            since counts of devices do not add up.

    Returns:
        Zones (``ZONE_COLUMNS``, ``op_<PLMN>`` columns, disc) by rank, and points (``POINT_COLUMNS``, the same
        ``op_`` columns, point), both in EPSG:2154. ``unmet_people`` and the counts are of the hexagons that no zone
        of a better rank holds. ``evidence`` is ``crowd``, or ``survey`` where only field teams measured.
    """
    chosen = parameters or ZoneParameters(technology=technology, threshold=threshold, count=count, radius_m=radius_m)
    rows = prevailing(verdicts)
    rows = rows[(rows["technology"] == chosen.technology) & (rows["threshold"] == chosen.threshold)]
    hexagons = unmet_demand(rows, people, chosen.weights)
    centres = hexagon_centres(hexagons.index.tolist())
    metres = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist())
    hexagons["claim"] = _claims(rows).reindex(hexagons.index, fill_value="")
    commune_metres = lambert_93(communes["latitude"].tolist(), communes["longitude"].tolist())
    hexagons["commune"] = _commune_rows(communes, centres, metres, commune_metres)
    ground = Ground(hexagons, metres, communes, commune_metres)
    discs = greedy_discs(
        metres,
        hexagons["unmet"].to_numpy(),
        (hexagons["people"] > 0).to_numpy(),
        count=chosen.count,
        radius_m=chosen.radius_m,
    )
    centre_rows = [disc.centre for disc in discs]
    home = [_home(ground, disc) for disc in discs]
    ids = zone_ids(
        [int(hexagons.index[row]) for row in centre_rows],
        [str(communes["insee_dep"].iloc[row]) for row in home],
        metres[centre_rows],
        previous,
        radius_m=chosen.radius_m,
    )
    operators = sorted(rows["operator"].unique())
    zones, points, taken = [], [], set[int]()
    for rank, (disc, zone_id, row) in enumerate(zip(discs, ids, home, strict=True), start=1):
        own = rows[rows["h3_r8"].isin(hexagons.index[disc.members])]
        missing = set(own.loc[own["verdict"].isin(["contradicted", "suspected"]), "operator"])
        flags = {f"op_{operator}": int(operator in missing) for operator in operators}
        zone = {"zone_id": zone_id, "rank": rank, "name": str(communes["name"].iloc[row])}
        zone |= {"insee_dep": str(communes["insee_dep"].iloc[row])} | _place(ground, disc) | _figures(ground, disc)
        zone |= _evidence(own, device_days) | flags
        firm = hexagons["unmet_firm"].iloc[disc.members].sum() >= chosen.firm_share * disc.gain
        zones.append(zone | {"evidence_class": "A" if firm else "B", "demand_model": DEMAND_MODEL})
        reach = np.hypot(*(commune_metres - metres[disc.centre]).T) <= chosen.radius_m
        seats = [int(seat) for seat in np.flatnonzero(reach) if seat not in taken]
        taken.update(seats)
        points += [point | flags for point in zone_points(ground, zone_id, disc.members, seats, near_m=chosen.near_m)]
    flag_columns = [f"op_{operator}" for operator in operators]
    spots = metres[centre_rows]
    return (
        gpd.GeoDataFrame(
            pd.DataFrame(zones, columns=[*ZONE_COLUMNS, *flag_columns]),
            geometry=[Point(spot).buffer(chosen.radius_m, quad_segs=16) for spot in spots],
            crs=LAMBERT_93,
        ),
        gpd.GeoDataFrame(
            pd.DataFrame(points, columns=[*POINT_COLUMNS, *flag_columns]),
            geometry=[Point(cast(float, p["x_lambert_93"]), cast(float, p["y_lambert_93"])) for p in points],
            crs=LAMBERT_93,
        ),
    )


def write_proposals(
    zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame, into: Path, parameters: ZoneParameters = ZoneParameters()
) -> None:
    """Write ``zones.parquet``, ``points.parquet`` and ``parameters.json`` into a directory."""
    into.mkdir(parents=True, exist_ok=True)
    zones.to_parquet(into / "zones.parquet")
    points.to_parquet(into / "points.parquet")
    (into / "parameters.json").write_text(json.dumps(asdict(parameters), indent=2) + "\n", encoding="utf-8")


def read_parameters(proposals: Path) -> ZoneParameters:
    """The parameters ``write_proposals`` left there, or the defaults."""
    file = proposals / "parameters.json"
    if not file.exists():
        return ZoneParameters()
    members = json.loads(file.read_text(encoding="utf-8"))
    return ZoneParameters(**{**members, "weights": DemandWeights(**members["weights"])})


def _claims(rows: pd.DataFrame) -> pd.Series:
    """The worst verdict of each hexagon on its operators' claims, where there is one."""
    found = rows[rows["verdict"].isin(["contradicted", "suspected"])]
    return found.groupby("h3_r8")["verdict"].min()


def _commune_rows(
    communes: gpd.GeoDataFrame,
    centres: NDArray[np.float64],
    metres: NDArray[np.float64],
    commune_metres: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Position of each hexagon's commune: the outline that holds its centre, else the nearest centre."""
    held = commune_of(communes, centres[:, 0], centres[:, 1])
    _, nearest = cKDTree(commune_metres).query(metres)
    return np.where(held < 0, nearest, held)


def _home(ground: Ground, disc: Disc) -> int:
    """Position of the commune that holds most of a disc's unmet demand; on equal demand, the smallest code."""
    inside = ground.hexagons.iloc[disc.members]
    demand = inside.groupby("commune")["unmet"].sum()
    return int(min(demand.index, key=lambda row: (-demand[row], str(ground.communes["insee_com"].iloc[row]))))


def _place(ground: Ground, disc: Disc) -> dict[str, Any]:
    centre = int(ground.hexagons.index[disc.centre])
    latitude, longitude = h3.cell_to_latlng(centre)
    inside = ground.hexagons.iloc[disc.members]
    demand = inside[inside["unmet"] > 0].groupby("commune")["unmet"].sum()
    names = ground.communes["name"]
    order = sorted(demand.index, key=lambda row: (-demand[row], str(ground.communes["insee_com"].iloc[row])))
    return {
        "h3_centre": h3.int_to_str(centre),
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
        "communes": ", ".join(str(names.iloc[row]) for row in order),
    }


def _figures(ground: Ground, disc: Disc) -> dict[str, Any]:
    inside = ground.hexagons.iloc[disc.members]
    return {
        "people": round(float(inside["people"].sum()), 1),
        "unmet_people": round(disc.gain, 1),
        "contradicted": int((inside["claim"] == "contradicted").sum()),
        "suspected": int((inside["claim"] == "suspected").sum()),
    }


def _evidence(own: pd.DataFrame, device_days: pd.DataFrame | None) -> dict[str, Any]:
    """Who measured a zone: volunteers, or field teams where no volunteer did; never both in one figure."""
    evidence = "crowd" if (own["evidence"] == "crowd").any() else "survey"
    rows = own[own["evidence"] == evidence]
    figures: dict[str, Any] = {
        "hexagons": int(own["h3_r8"].nunique()),
        "evidence": evidence,
        "first_day": rows["first_day"].min(),
        "last_day": rows["last_day"].max(),
    }
    if device_days is None:
        return figures | {"devices": int(rows["devices"].max()), "device_days": int(rows["device_days"].max())}
    behind = device_days.merge(rows[["h3_r8", "operator", "evidence"]], on=["h3_r8", "operator", "evidence"])
    return figures | {
        "devices": int(behind["device_token"].nunique()),
        "device_days": len(behind[["device_token", "day"]].drop_duplicates()),
    }

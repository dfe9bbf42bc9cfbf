"""Points of interest of a zone: what a dossier of the DCC asks to be covered, in Lambert-93.

They are the centres of communes near needy hexagons, and one point per group of adjoining hexagons whose claim is
contradicted or suspected. A point is put where people are: the middle of the people of a grid, else the nearest road,
else the middle of the hexagon, and says which.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyproj import Transformer

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, transformer
from aggregator.proposals.discs import lambert_93
from aggregator.proposals.surroundings import RoadFinder

ROAD_REACH_M = 600.0
"""Ours: a point moves at most this far to a road, which keeps it within or beside its hexagon (edge 530 m)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What points are made from.

    Attributes:
        hexagons: indexed by ``h3_r8``: ``people``, ``unmet``, ``commune`` (row position in ``communes``), ``claim``
            (``contradicted``, ``suspected`` or empty), ``needy`` (a verdict or a map says that service lacks).
        metres: Lambert-93 of each hexagon's centre, in the same order.
        communes: as ``territory.read_communes`` gives them.
        commune_metres: Lambert-93 of each commune's centre.
        roads: finds the nearest road, where roads are known.
        people_places: ``h3_r8, latitude, longitude`` of the middle of each hexagon's people, where known.
    """

    hexagons: pd.DataFrame
    metres: NDArray[np.float64]
    communes: gpd.GeoDataFrame
    commune_metres: NDArray[np.float64]
    roads: RoadFinder | None = None
    people_places: pd.DataFrame | None = None


def components(cells: Iterable[int]) -> list[list[int]]:
    """Groups of adjoining cells: each sorted, the groups by their smallest cell."""
    left = set(cells)
    groups = []
    while left:
        group, edge = set[int](), {min(left)}
        while edge:
            group |= edge
            left -= edge
            edge = {near for cell in edge for near in h3.grid_disk(cell, 1)} & left
        groups.append(sorted(group))
    return groups


def zone_points(
    ground: Ground, zone_id: str, members: NDArray[np.intp], communes: Iterable[int], *, near_m: float
) -> list[dict[str, object]]:
    """Records of one zone's points, at least one: communes first, by code, then groups, most populated first.

    Args:
        ground: hexagons and communes of the territory.
        zone_id: identity of the zone.
        members: positions of the zone's hexagons.
        communes: positions of the communes whose centre is in the zone.
        near_m: a commune's centre is a point when a needy hexagon lies at most this far from it; in a zone without
            any, every commune's centre is.
    """
    inside = ground.hexagons.iloc[members]
    wanted = inside["needy"] if inside["needy"].any() else inside["unmet"] > 0
    needy = ground.metres[members[wanted.to_numpy()]]
    records = []
    for position in sorted(communes, key=lambda row: str(ground.communes["insee_com"].iloc[row])):
        here = ground.commune_metres[position]
        if len(needy) and np.hypot(*(needy - here).T).min() <= near_m:
            commune = ground.communes.iloc[position]
            metres, placed = here, "commune centre"
            if str(commune["outline_kind"]) == "official":  # then the centre is only some point inside the outline
                metres, placed = _inhabited(ground, members, position, here)
            records.append(_record(zone_id, "commune", str(commune["name"]), commune, metres, placed))
    claims = inside[inside["claim"] != ""]
    best = [_most_populated(claims.loc[group]) for group in components(map(int, claims.index))]
    for number, (cell, row) in enumerate(sorted(best, key=lambda one: (-one[1]["people"], one[0])), start=1):
        commune = ground.communes.iloc[int(row["commune"])]
        metres, placed = _place_in(ground, cell)
        name = f"{commune['name']}, lieu signalé {number}"
        records.append(_record(zone_id, "reported", name, commune, metres, placed))
    if not records:
        cell, row = _most_populated(inside.assign(people=inside["unmet"]))
        commune = ground.communes.iloc[int(row["commune"])]
        metres, placed = _place_in(ground, cell)
        records.append(_record(zone_id, "demand", f"{commune['name']}, lieu habité", commune, metres, placed))
    for number, record in enumerate(records, start=1):
        record["point_id"] = f"{zone_id}-P{number:02d}"
    return records


def _most_populated(rows: pd.DataFrame) -> tuple[int, dict[str, float]]:
    """The hexagon with the most ``people`` and its row; on equal numbers the smallest index."""
    ordered = rows.sort_index()
    cell = int(ordered.index.to_numpy(np.int64)[np.argmax(ordered["people"].to_numpy(float))])
    return cell, {name: float(rows[name].loc[cell]) for name in ("people", "commune")}


def _inhabited(
    ground: Ground, members: NDArray[np.intp], commune: int, here: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Where a commune's people are: on a grid its most populated hexagon of the zone, else the road near ``here``."""
    if ground.people_places is not None:
        rows = ground.hexagons.iloc[members]
        own = rows[(rows["commune"] == commune) & (rows["people"] > 0)]
        if len(own):
            return _place_in(ground, _most_populated(own)[0])
    road = ground.roads.nearest(here, ROAD_REACH_M) if ground.roads else None
    return (here, "commune outline") if road is None else (road, "road")


def _place_in(ground: Ground, cell: int) -> tuple[NDArray[np.float64], str]:
    """A place in a hexagon where somebody may stand."""
    if ground.people_places is not None:
        own = ground.people_places[ground.people_places["h3_r8"] == cell]
        if len(own):
            return lambert_93(own["latitude"].tolist(), own["longitude"].tolist())[0], "people"
    latitude, longitude = h3.cell_to_latlng(cell)
    middle = lambert_93([latitude], [longitude])[0]
    road = ground.roads.nearest(middle, ROAD_REACH_M) if ground.roads else None
    return (middle, "hexagon centre") if road is None else (road, "road")


@cache
def _from_lambert_93() -> Transformer:
    return transformer(LAMBERT_93, WGS_84)


def _record(
    zone_id: str, kind: str, name: str, commune: pd.Series, metres: NDArray[np.float64], placed: str
) -> dict[str, object]:
    x, y = round(float(metres[0]), 1), round(float(metres[1]), 1)
    longitude, latitude = _from_lambert_93().transform(x, y)
    return {
        "zone_id": zone_id,
        "point_id": "",
        "name": name,
        "kind": kind,
        "placed_on": placed,
        "insee_com": str(commune["insee_com"]),
        "commune_name": str(commune["name"]),
        "insee_dep": str(commune["insee_dep"]),
        "latitude": round(float(latitude), 6),
        "longitude": round(float(longitude), 6),
        "x_lambert_93": x,
        "y_lambert_93": y,
    }

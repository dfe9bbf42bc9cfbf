"""Points of interest of a zone: what a dossier of the DCC asks to be covered, in Lambert-93.

They are the centres of communes with unmet demand near, and one point per group of adjoining hexagons whose claim is
contradicted or suspected, at the centre of the group's most populated hexagon.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.proposals.discs import hexagon_centres, lambert_93


@dataclass(frozen=True, slots=True)
class Ground:
    """What points are made from.

    Attributes:
        hexagons: indexed by ``h3_r8``: ``people``, ``unmet``, ``commune`` (row position in ``communes``), ``claim``
            (``contradicted``, ``suspected`` or empty).
        metres: Lambert-93 of each hexagon's centre, in the same order.
        communes: as ``territory.read_communes`` gives them.
        commune_metres: Lambert-93 of each commune's centre.
    """

    hexagons: pd.DataFrame
    metres: NDArray[np.float64]
    communes: gpd.GeoDataFrame
    commune_metres: NDArray[np.float64]


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
    """Records of one zone's points: communes first, by code, then groups, most populated first.

    Args:
        ground: hexagons and communes of the territory.
        zone_id: identity of the zone.
        members: positions of the zone's hexagons.
        communes: positions of the communes whose centre is in the zone.
        near_m: a commune's centre is a point when unmet demand lies at most this far from it.
    """
    inside = ground.hexagons.iloc[members]
    needy = ground.metres[members[(inside["unmet"] > 0).to_numpy()]]
    records = []
    for position in sorted(communes, key=lambda row: str(ground.communes["insee_com"].iloc[row])):
        here = ground.commune_metres[position]
        if len(needy) and np.hypot(*(needy - here).T).min() <= near_m:
            commune = ground.communes.iloc[position]
            place = (float(commune["latitude"]), float(commune["longitude"]))
            records.append(_record(zone_id, "commune", str(commune["name"]), commune, place, here))
    claims = inside[inside["claim"] != ""]
    homes = {int(cell): int(row) for cell, row in zip(claims.index, claims["commune"], strict=True)}
    people = {int(cell): float(living) for cell, living in zip(claims.index, claims["people"], strict=True)}
    best = [max(group, key=lambda cell: (people[cell], -cell)) for group in components(people)]
    best.sort(key=lambda cell: (-people[cell], cell))
    for number, cell in enumerate(best, start=1):
        commune = ground.communes.iloc[homes[cell]]
        (latitude, longitude), *_ = hexagon_centres([cell]).tolist()
        metres = lambert_93([latitude], [longitude])[0]
        name = f"{commune['name']}, lieu signalé {number}"
        records.append(_record(zone_id, "reported", name, commune, (latitude, longitude), metres))
    for number, record in enumerate(records, start=1):
        record["point_id"] = f"{zone_id}-P{number:02d}"
    return records


def _record(
    zone_id: str,
    kind: str,
    name: str,
    commune: pd.Series,
    place: tuple[float, float],
    metres: NDArray[np.float64],
) -> dict[str, object]:
    return {
        "zone_id": zone_id,
        "point_id": "",
        "name": name,
        "kind": kind,
        "insee_com": str(commune["insee_com"]),
        "commune_name": str(commune["name"]),
        "insee_dep": str(commune["insee_dep"]),
        "latitude": round(place[0], 6),
        "longitude": round(place[1], 6),
        "x_lambert_93": round(float(metres[0]), 1),
        "y_lambert_93": round(float(metres[1]), 1),
    }

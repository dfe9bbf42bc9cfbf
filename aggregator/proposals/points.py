"""Points of interest of a zone: what a dossier of the DCC asks to be covered, in Lambert-93.

They are the centres of communes near needy hexagons, and one point per group of adjoining hexagons whose claim is
contradicted or suspected. A point is put where people are: the middle of the people of a grid, else the nearest road,
else the middle of the hexagon, and says which. It asks something of the operators that lack in the zone, but of none
whose service was found in its hexagon, nor of one that a decided point or site nearby obliges; where none is left there
is no point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, LAMBERT_93, WGS_84, transformer
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
        served: hexagons and operators whose service was found there.
        obliged: operator → places of the decided points and sites that oblige it.
        reach_m: an operator is asked nothing more this near one of these.
    """

    hexagons: pd.DataFrame
    metres: NDArray[np.float64]
    communes: gpd.GeoDataFrame
    commune_metres: NDArray[np.float64]
    roads: RoadFinder | None = None
    people_places: pd.DataFrame | None = None
    served: frozenset[tuple[int, str]] = frozenset()
    obliged: Mapping[str, cKDTree] = field(default_factory=dict)
    reach_m: float = 0.0

    def left_to_ask(self, lacking: Iterable[str], cell: int, metres: Sequence[float]) -> list[str]:
        """Those of some operators of which a point in a hexagon may ask something."""
        return [
            operator
            for operator in lacking
            if (cell, operator) not in self.served
            and not (
                operator in self.obliged
                and np.isfinite(self.obliged[operator].query(metres, distance_upper_bound=self.reach_m)[0])
            )
        ]


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
    ground: Ground,
    zone_id: str,
    members: NDArray[np.intp],
    communes: Iterable[int],
    *,
    near_m: float,
    lacking: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Records of one zone's points: communes first, by code, then groups, most populated first.

    In a zone that has neither, the inhabited place with the most unmet demand is a point.

    Args:
        ground: hexagons and communes of the territory.
        zone_id: identity of the zone.
        members: positions of the zone's hexagons.
        communes: positions of the communes whose centre is in the zone.
        near_m: a commune's centre is a point when a needy hexagon lies at most this far from it; in a zone without
            any, every commune's centre is.
        lacking: operators, with 1 for those that lack in the zone; each point has the same columns, of its own.
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
            records.append(_record(ground, lacking, "commune", commune, metres, placed))
    records = [record for record in records if _asks(record)]
    claims = inside[inside["claim"] != ""]
    best = [
        _first(ground, lacking, "reported", claims.loc[group], "people") for group in components(map(int, claims.index))
    ]
    reported = sorted((one for one in best if one), key=lambda one: (-one[0], one[1]))
    for number, (_, _, record) in enumerate(reported, start=1):
        records.append(record | {"name": f"{record['commune_name']}, lieu signalé {number}"})
    if not records and (place := _first(ground, lacking, "demand", inside[inside["unmet"] > 0], "unmet")):
        records.append(place[2] | {"name": f"{place[2]['commune_name']}, lieu habité"})
    return [
        record | {"zone_id": zone_id, "point_id": f"{zone_id}-P{number:02d}"}
        for number, record in enumerate(records, start=1)
    ]


def _asks(record: Mapping[str, Any]) -> int:
    """Operators that a point asks something of."""
    return sum(int(flag) for name, flag in record.items() if name.startswith("op_"))


def _first(
    ground: Ground, lacking: Mapping[str, int], kind: str, rows: pd.DataFrame, most: str
) -> tuple[float, int, dict[str, Any]] | None:
    """Of some hexagons the one with the most of a column, then the smallest index, whose point asks something.

    Returns:
        The hexagon's people, its index and the point; None where no point asks anything.
    """
    ordered = rows.rename_axis("cell").reset_index().sort_values([most, "cell"], ascending=[False, True])
    columns = [ordered[name].tolist() for name in ("cell", "commune", "people")]
    for cell, place, people in zip(*columns, strict=True):
        commune = ground.communes.iloc[int(place)]
        metres, placed = _place_in(ground, cell)
        record = _record(ground, lacking, kind, commune, metres, placed)
        if placed == "road":  # it may run beside the hexagon, where an operator serves
            middle = _record(ground, lacking, kind, commune, _middle(cell), "hexagon centre")
            record = middle if _asks(middle) > _asks(record) else record
        if _asks(record):
            return float(people), int(cell), record
    return None


def _inhabited(
    ground: Ground, members: NDArray[np.intp], commune: int, here: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Where a commune's people are: on a grid its most populated hexagon of the zone, else the road near ``here``."""
    if ground.people_places is not None:
        rows = ground.hexagons.iloc[members]
        own = rows[(rows["commune"] == commune) & (rows["people"] > 0)]
        if len(own):
            ordered = own.sort_index()
            return _place_in(ground, int(ordered.index[int(ordered["people"].argmax())]))
    road = ground.roads.nearest(here, ROAD_REACH_M) if ground.roads else None
    return (here, "commune outline") if road is None else (road, "road")


def _place_in(ground: Ground, cell: int) -> tuple[NDArray[np.float64], str]:
    """A place in a hexagon where somebody may stand."""
    if ground.people_places is not None:
        own = ground.people_places[ground.people_places["h3_r8"] == cell]
        if len(own):
            return lambert_93(own["latitude"].tolist(), own["longitude"].tolist())[0], "people"
    middle = _middle(cell)
    road = ground.roads.nearest(middle, ROAD_REACH_M) if ground.roads else None
    return (middle, "hexagon centre") if road is None else (road, "road")


def _middle(cell: int) -> NDArray[np.float64]:
    latitude, longitude = h3.cell_to_latlng(cell)
    return np.asarray(lambert_93([latitude], [longitude])[0])


@cache
def _from_lambert_93() -> Transformer:
    return transformer(LAMBERT_93, WGS_84)


def _record(
    ground: Ground,
    lacking: Mapping[str, int],
    kind: str,
    commune: pd.Series,
    metres: NDArray[np.float64],
    placed: str,
) -> dict[str, Any]:
    """A point of interest but for its ids, named after its commune, and what it asks of which operators."""
    x, y = round(float(metres[0]), 1), round(float(metres[1]), 1)
    longitude, latitude = _from_lambert_93().transform(x, y)
    asked = ground.left_to_ask(
        [operator for operator, lacks in lacking.items() if lacks],
        h3.latlng_to_cell(latitude, longitude, HEXAGON_RESOLUTION),
        (x, y),
    )
    return {
        "name": str(commune["name"]),
        "kind": kind,
        "placed_on": placed,
        "insee_com": str(commune["insee_com"]),
        "commune_name": str(commune["name"]),
        "insee_dep": str(commune["insee_dep"]),
        "latitude": round(float(latitude), 6),
        "longitude": round(float(longitude), 6),
        "x_lambert_93": x,
        "y_lambert_93": y,
        **{f"op_{operator}": int(operator in asked) for operator in lacking},
    }

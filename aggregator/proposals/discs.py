"""Greedy maximal coverage: the disc that holds the most unmet demand, then the next, until nothing is left to gain.

The gain is submodular, so the discs together hold at least 1 − 1/e of what the best choice would (Nemhauser, Wolsey
and Fisher 1978).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

LAMBERT_93 = "EPSG:2154"


@dataclass(frozen=True, slots=True)
class Disc:
    """One chosen disc.

    Attributes:
        centre: position of the chosen candidate.
        gain: demand inside that no earlier disc holds.
        members: positions of the hexagons inside that no earlier disc holds, ascending.
    """

    centre: int
    gain: float
    members: NDArray[np.intp]


def lambert_93(latitudes: Sequence[float], longitudes: Sequence[float]) -> NDArray[np.float64]:
    """Metres east and north in EPSG:2154, one row per position."""
    forward = Transformer.from_crs("EPSG:4326", LAMBERT_93, always_xy=True)
    x, y = forward.transform(np.asarray(longitudes, dtype=float), np.asarray(latitudes, dtype=float))
    return np.column_stack([x, y])


def hexagon_centres(cells: Sequence[int]) -> NDArray[np.float64]:
    """Latitude and longitude of each cell's centre, one row per cell."""
    return np.array([h3.cell_to_latlng(int(cell)) for cell in cells], dtype=float).reshape(-1, 2)


def greedy_discs(
    metres: NDArray[np.float64],
    demand: NDArray[np.float64],
    candidates: NDArray[np.bool_],
    *,
    count: int,
    radius_m: float,
) -> list[Disc]:
    """Choose up to ``count`` discs; on equal gains the one whose demand lies nearest its centre, then the earlier.

    Args:
        metres: one row per hexagon, projected.
        demand: demand of each hexagon, ≥ 0.
        candidates: which hexagons may be a centre.
        count: how many discs at most; fewer when the gain reaches 0.
        radius_m: a hexagon is inside when its centre is at most this far from the disc's.
    """
    left = demand.astype(float).copy()
    needy = np.flatnonzero(left > 0)
    if not len(needy):
        return []
    tree = cKDTree(metres)
    near = np.unique(np.concatenate([np.asarray(near) for near in tree.query_ball_point(metres[needy], radius_m)]))
    centres = near[candidates[near]].astype(np.intp)
    inside = [np.sort(np.asarray(found, dtype=np.intp)) for found in tree.query_ball_point(metres[centres], radius_m)]
    starts = np.cumsum([0, *(len(found) for found in inside)])
    columns = np.concatenate(inside) if inside else np.empty(0, dtype=np.intp)
    holds = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(centres), len(metres)))
    free = np.ones(len(metres), dtype=bool)
    chosen: list[Disc] = []
    while len(chosen) < count and len(centres):
        gains = holds @ left
        if gains.max() <= 0:
            break
        ties = np.flatnonzero(gains == gains.max())
        best = min(ties, key=lambda tie: (_spread(metres, left, centres[tie], inside[tie]), tie))
        members = inside[best][free[inside[best]]]
        chosen.append(Disc(int(centres[best]), float(gains[best]), members))
        left[members] = 0.0
        free[members] = False
    return chosen


def _spread(metres: NDArray[np.float64], left: NDArray[np.float64], centre: int, members: NDArray[np.intp]) -> float:
    """Demand of a disc times squared distance to its centre."""
    return float(((metres[members] - metres[centre]) ** 2).sum(axis=1) @ left[members])

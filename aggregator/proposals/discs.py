"""Greedy maximal coverage: the disc that holds the most unmet demand, then the next, until nothing is left to gain.

The gain is submodular, so the discs together hold at least 1 − 1/e of what the best choice would (Nemhauser, Wolsey
and Fisher 1978). What they surely hold of it on the data at hand is computed too, and is far better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from client_sdk.errors import MailleError
from client_sdk.messages import tr

LAMBERT_93 = "EPSG:2154"

MOST_HELD = 200_000_000
"""Ours: hexagons that all discs may hold together, at about 50 bytes each; France with discs of 4 km has 60 million."""

Floats = NDArray[np.float64]


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


@dataclass(frozen=True, slots=True)
class Reach:
    """Which hexagons each candidate's disc holds.

    Attributes:
        metres: (h, 2) of the hexagons, projected.
        centres: (c,) positions of the candidates, ascending.
        holds: (c, h) matrix of ones.
    """

    metres: Floats
    centres: NDArray[np.intp]
    holds: csr_matrix

    def only(self, kept: NDArray[np.bool_]) -> "Reach":
        """The discs (c,) to choose among."""
        return Reach(self.metres, self.centres[kept], self.holds[kept])

    def inside(self, row: int) -> NDArray[np.intp]:
        """Positions of the hexagons in the disc of a candidate, ascending."""
        return np.asarray(self.holds.indices[self.holds.indptr[row] : self.holds.indptr[row + 1]], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Discs in the order of their gain, and what no choice of as many discs can exceed."""

    discs: list[Disc]
    bound: float

    @property
    def total(self) -> float:
        """Demand they hold together."""
        return float(sum(disc.gain for disc in self.discs))

    @property
    def guarantee(self) -> float:
        """Share of the best choice's demand that they surely hold."""
        return 1.0 if self.bound <= 0 else min(1.0, self.total / self.bound)


def lambert_93(latitudes: Sequence[float], longitudes: Sequence[float]) -> Floats:
    """Metres east and north in EPSG:2154, one row per position."""
    x, y = _to_lambert_93().transform(np.asarray(longitudes, dtype=float), np.asarray(latitudes, dtype=float))
    return np.column_stack([x, y])


@cache
def _to_lambert_93() -> Transformer:
    return Transformer.from_crs("EPSG:4326", LAMBERT_93, always_xy=True)


def hexagon_centres(cells: Sequence[int]) -> Floats:
    """Latitude and longitude of each cell's centre, one row per cell."""
    return np.array([h3.cell_to_latlng(int(cell)) for cell in cells], dtype=float).reshape(-1, 2)


def reach(
    metres: Floats,
    demand: Floats,
    candidates: NDArray[np.bool_],
    radius_m: float,
    free: NDArray[np.bool_] | None = None,
) -> Reach:
    """The discs of all candidates that hold some demand.

    Args:
        metres: one row per hexagon, projected.
        demand: demand of each hexagon, ≥ 0.
        candidates: which hexagons may be a centre.
        radius_m: a hexagon is inside when its centre is at most this far from the disc's.
        free: hexagons that a disc may hold; by default all.

    Raises:
        MailleError: the discs are too large, or too many, for the memory of one machine.
    """
    count = len(metres)
    if not count:
        return Reach(metres, np.empty(0, dtype=np.intp), csr_matrix((0, 0)))
    tree = cKDTree(metres)
    together = int(tree.count_neighbors(tree, radius_m))
    if together > MOST_HELD:
        raise MailleError(
            tr(
                f"radius {radius_m / 1000:g} km: {count} discs of this radius hold {together} hexagons together, "
                f"expected at most {MOST_HELD}; choose a smaller radius or a smaller outline",
                f"rayon de {radius_m / 1000:g} km : {count} disques de ce rayon tiennent {together} hexagones "
                f"ensemble, attendu au plus {MOST_HELD} ; choisissez un rayon ou un territoire plus petit",
            )
        )
    pairs = tree.query_pairs(radius_m, output_type="ndarray").astype(np.int32)
    itself = np.arange(count, dtype=np.int32)
    rows = np.concatenate([itself, pairs[:, 0], pairs[:, 1]])
    columns = np.concatenate([itself, pairs[:, 1], pairs[:, 0]])
    able = candidates[rows] if free is None else candidates[rows] & free[columns]
    holds = csr_matrix((np.ones(int(able.sum())), (rows[able], columns[able])), shape=(count, count))
    holds.sort_indices()
    centres = np.flatnonzero(holds @ (demand > 0).astype(float) > 0).astype(np.intp)
    return Reach(metres, centres, holds[centres])


def greedy(discs: Reach, demand: Floats, count: int, part: Floats | None = None, least_share: float = 0.0) -> Chosen:
    """Choose up to ``count`` discs; on equal gains the one whose demand lies nearest its centre, then the earlier.

    With ``part`` of the demand, only discs are chosen of whose gain this is at least ``least_share``. The bound is the
    least, over the states the choice went through, of what was held then and the ``count`` largest gains still to be
    had: by submodularity no choice of ``count`` discs holds more (Minoux 1978).
    """
    left = demand.astype(float).copy()
    free = np.ones(len(demand), dtype=bool)
    chosen: list[Disc] = []
    bound, held = np.inf, 0.0
    while len(discs.centres):
        gains = discs.holds @ left
        bound = min(bound, held + float(np.sort(gains)[-count:].sum()))
        if part is not None:
            gains[discs.holds @ np.where(free, part, 0.0) < least_share * gains] = 0.0
        if len(chosen) == count or gains.max() <= 0:
            break
        ties = np.flatnonzero(gains == gains.max())
        best = min(ties, key=lambda tie: (_spread(discs, left, int(tie)), tie))
        disc = _disc(discs, int(best), left, free)
        chosen.append(disc)
        held += disc.gain
    return Chosen(chosen, bound if chosen else 0.0)


def in_order(discs: Reach, rows: Sequence[int], demand: Floats) -> list[Disc]:
    """The discs of some candidates, the one with the largest gain first, then what each adds."""
    left, free = demand.astype(float).copy(), np.ones(len(demand), dtype=bool)
    waiting, ordered = sorted(rows), list[Disc]()
    while waiting:
        gains = discs.holds[waiting] @ left
        row = waiting.pop(int(np.argmax(gains)))
        disc = _disc(discs, row, left, free)
        if disc.gain > 0:
            ordered.append(disc)
    return ordered


def greedy_discs(
    metres: Floats, demand: Floats, candidates: NDArray[np.bool_], *, count: int, radius_m: float
) -> list[Disc]:
    """Both steps at once: the discs of :func:`greedy` among those of :func:`reach`."""
    return greedy(reach(metres, demand, candidates, radius_m), demand, count).discs


def _disc(discs: Reach, row: int, left: Floats, free: NDArray[np.bool_]) -> Disc:
    """Take a disc: nothing of its demand is left, and its hexagons are no longer free."""
    inside = discs.inside(row)
    members = inside[free[inside]]
    gain = float(left[members].sum())
    left[members] = 0.0
    free[members] = False
    return Disc(int(discs.centres[row]), gain, members)


def _spread(discs: Reach, left: Floats, row: int) -> float:
    """Demand of a disc times squared distance to its centre."""
    inside = discs.inside(row)
    apart = discs.metres[inside] - discs.metres[discs.centres[row]]
    return float((apart**2).sum(axis=1) @ left[inside])

"""What ten candidate zones are worth beside those of somebody who knows the truth."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from aggregator.proposals.discs import greedy_discs, hexagon_centres, lambert_93
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import Floats
from benchmarks.simulator.ground import Ground

ZONES, RADIUS_M = 10, 4_000.0
MAIN_ROAD, LANE = 20.0, 4.0  # people that a kilometre is worth


def demand(ground: Ground) -> Floats:
    """People and roads of each hexagon, weighted, shape (hexagons,)."""
    metres = MAIN_ROAD * ground.by_hexagon(ground.main_road_m) + LANE * ground.by_hexagon(ground.lane_m)
    return np.asarray(ground.by_hexagon(ground.people_px) + metres / 1_000)


def unmet(ground: Ground, truth: pd.DataFrame, *, claimed_only: bool) -> Floats:
    """Demand times the share of operators that truly fail it (p ≥ 25 %), shape (hexagons,)."""
    counted = truth["bad"] & (truth["claimed"] if claimed_only else True)
    failing = truth[counted].groupby("h3_r8").size().reindex(ground.hexagons).fillna(0.0).to_numpy()
    return np.asarray(demand(ground) * failing / len(OPERATORS))


def zone_metres(ground: Ground) -> Floats:
    """Centres of the hexagons in Lambert-93, shape (hexagons, 2)."""
    centres = hexagon_centres(ground.hexagons.tolist())
    return np.asarray(lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()))


def held(metres: Floats, centres: Floats, worth: Floats) -> float:
    """What the union of the discs around these centres (n, 2) is worth."""
    inside = np.zeros(len(metres), dtype=bool)
    for centre in centres:
        inside |= np.hypot(*(metres - centre).T) <= RADIUS_M
    return float(worth[inside].sum())


def best(metres: Floats, worth: Floats) -> Floats:
    """Centres of the greedy discs on what is believed to be worth so much, shape (zones, 2)."""
    anywhere: npt.NDArray[np.bool_] = np.ones(len(metres), dtype=bool)
    discs = greedy_discs(metres, worth, anywhere, count=ZONES, radius_m=RADIUS_M)
    return metres[[disc.centre for disc in discs]]

"""What ten candidate zones are worth beside those of somebody who knows the truth.

Worth is demand times the share of operators that truly fail (p ≥ 25 %), in the union of the discs: of every hexagon, or
of the operators' claimed ones alone, where demand is then believed in claimed hexagons alone too.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aggregator.evidence.claims_table import read_claims
from aggregator.judgement.constants import Constants
from aggregator.proposals.demand import unmet_demand
from aggregator.proposals.discs import greedy_discs, hexagon_centres, lambert_93
from aggregator.proposals.parameters import ZoneParameters
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import Floats
from benchmarks.simulator.ground import Ground

PARAMETERS = ZoneParameters(technology="4G", threshold="3", count=10)
ORACLE, OURS = "oracle", "empirical Bayes"
MAPS_ALONE, MAJORITY = "unclaimed hexagons alone", "unclaimed, or a majority of tests fails"
WAYS = (OURS, MAPS_ALONE, MAJORITY)


def worth(
    ground: Ground, truth: pd.DataFrame, told: pd.DataFrame, rows: pd.DataFrame, data: Path
) -> dict[str, tuple[float, float]]:
    """What zones chosen in each way hold: of all unmet demand, and of that in claimed hexagons.

    Args:
        ground: the territory.
        truth: of every hexagon and operator.
        told: every verdict.
        rows: every claimed hexagon, with ``tests`` and ``failures``.
        data: where the imported claims are.
    """
    weight, metres = demand(ground), zone_metres(ground)
    claimed = truth.pivot(index="h3_r8", columns="operator", values="claimed").to_numpy(bool)
    failing = truth.pivot(index="h3_r8", columns="operator", values="bad").to_numpy(bool)
    tested = rows.assign(majority=2 * rows["failures"] > rows["tests"])
    naive = tested.pivot(index="h3_r8", columns="operator", values="majority")
    naive = naive.reindex(index=ground.hexagons, columns=list(OPERATORS)).fillna(False).to_numpy(bool)
    believed = {
        ORACLE: failing.astype(np.float64),
        OURS: _probable(ground, told, data),
        MAPS_ALONE: (~claimed).astype(np.float64),
        MAJORITY: (~claimed | naive).astype(np.float64),
    }
    found = {}
    for way, shares in believed.items():
        held_all, held_claimed = (
            held(metres, best(metres, weight * (shares * mask).mean(axis=1)), weight * (failing * mask).mean(axis=1))
            for mask in (np.ones_like(claimed), claimed)
        )
        found[way] = (held_all, held_claimed)
    return found


def _probable(ground: Ground, told: pd.DataFrame, data: Path) -> Floats:
    """u of each hexagon and operator, where zones are chosen on it, shape (hexagons, 4)."""
    people = pd.Series(ground.by_hexagon(ground.people_px), index=pd.Index(ground.hexagons, name="h3_r8"))
    found = unmet_demand(told, read_claims(data / "claims"), people, parameters=PARAMETERS, constants=Constants())
    table = pd.DataFrame(found.evidenced_u, index=found.cells, columns=list(found.operators))
    return table.reindex(index=ground.hexagons, columns=list(OPERATORS)).fillna(0.0).to_numpy()


def demand(ground: Ground) -> Floats:
    """People and roads of each hexagon, weighted, shape (hexagons,)."""
    of = PARAMETERS.weights
    metres = of.main_road_km * ground.by_hexagon(ground.main_road_m) + of.other_road_km * ground.by_hexagon(
        ground.lane_m
    )
    return np.asarray(of.person * ground.by_hexagon(ground.people_px) + metres / 1_000)


def zone_metres(ground: Ground) -> Floats:
    """Centres of the hexagons in Lambert-93, shape (hexagons, 2)."""
    centres = hexagon_centres(ground.hexagons.tolist())
    return np.asarray(lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()))


def held(metres: Floats, centres: Floats, worth: Floats) -> float:
    """What the union of the discs around these centres (n, 2) is worth."""
    inside = np.zeros(len(metres), dtype=bool)
    for centre in centres:
        inside |= np.hypot(*(metres - centre).T) <= PARAMETERS.radius_m
    return float(worth[inside].sum())


def best(metres: Floats, worth: Floats) -> Floats:
    """Centres of the greedy discs on what is believed to be worth so much, shape (zones, 2)."""
    anywhere: npt.NDArray[np.bool_] = np.ones(len(metres), dtype=bool)
    discs = greedy_discs(metres, worth, anywhere, count=PARAMETERS.count, radius_m=PARAMETERS.radius_m)
    return metres[[disc.centre for disc in discs]]

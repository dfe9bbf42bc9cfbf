"""What ten candidate zones are worth beside those of somebody who knows the truth.

Worth is demand times the share of operators that truly fail (p ≥ 25 %), in the union of the discs: of every hexagon, or
of the operators' claimed ones alone, where demand is then believed in claimed hexagons alone too.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aggregator.evidence.claims_table import read_claims
from aggregator.judgement.constants import Constants
from aggregator.proposals.areas import new_areas
from aggregator.proposals.demand import Demand, unmet_demand
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
        MAPS_ALONE: (~claimed).astype(np.float64),
        MAJORITY: (~claimed | naive).astype(np.float64),
    }
    found = {}
    of_claimed = pd.DataFrame(claimed, index=ground.hexagons, columns=list(OPERATORS))
    ours = _unmet(ground, told, data)
    for way in (ORACLE, *WAYS):
        figures = []
        for mask in (of_claimed | True, of_claimed):
            kept = mask.to_numpy()
            truly = weight * (failing * kept).mean(axis=1)
            if way == OURS:
                centres = _proposed(replace(ours, u=ours.u * _at(mask, ours)))
            else:
                centres = best(metres, weight * (believed[way] * kept).mean(axis=1))
            figures.append(held(metres, centres, truly))
        found[way] = (figures[0], figures[1])
    return found


def _unmet(ground: Ground, told: pd.DataFrame, data: Path) -> Demand:
    """What zones are chosen on."""
    hexagons = pd.Index(ground.hexagons, name="h3_r8")
    people = pd.Series(ground.by_hexagon(ground.people_px), index=hexagons)
    roads = {
        "main_km": ground.by_hexagon(ground.main_road_m) / 1_000,
        "other_km": ground.by_hexagon(ground.lane_m) / 1_000,
    }
    road_km = pd.DataFrame(roads, index=hexagons).reset_index()
    return unmet_demand(
        told, read_claims(data / "claims"), people, road_km, parameters=PARAMETERS, constants=Constants()
    )


def _at(mask: pd.DataFrame, demand: Demand) -> npt.NDArray[np.bool_]:
    """Where a mask by hexagon and operator holds, in the shape of a demand's u."""
    return mask.reindex(index=demand.cells, columns=list(demand.operators)).fillna(False).to_numpy(bool)


def _proposed(unmet: Demand) -> Floats:
    """Centres of the zones that Maille proposes, shape (zones, 2)."""
    metres = _metres(unmet.cells)
    areas, _ = new_areas(unmet, metres, np.ones(len(metres), dtype=bool), PARAMETERS.count, PARAMETERS)
    return np.array([area.centres[0] for area in areas])


def demand(ground: Ground) -> Floats:
    """People and roads of each hexagon, weighted, shape (hexagons,)."""
    of = PARAMETERS.weights
    metres = of.main_road_km * ground.by_hexagon(ground.main_road_m) + of.other_road_km * ground.by_hexagon(
        ground.lane_m
    )
    return np.asarray(of.person * ground.by_hexagon(ground.people_px) + metres / 1_000)


def zone_metres(ground: Ground) -> Floats:
    """Centres of the hexagons in Lambert-93, shape (hexagons, 2)."""
    return _metres(ground.hexagons)


def _metres(cells: npt.NDArray[np.int64]) -> Floats:
    centres = hexagon_centres(cells.tolist())
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

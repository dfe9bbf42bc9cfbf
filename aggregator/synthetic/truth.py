"""What only the generator knows: how often a reference test really fails in each hexagon, for each operator."""

import h3
import numpy as np
import pandas as pd
from scipy.stats import norm

from aggregator.synthetic.claims import LEVELS_ABOVE_DBM
from aggregator.synthetic.radio import NO_SERVICE_BELOW_DBM, SMALL_SCALE_DB, Air
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import TO_WGS_84, Floats, World

SPURIOUS = 0.01  # tests that fail for no reason of the network
GOOD, BAD = 0.05, 0.25


def failure_probability(world: World, air: Air, declared_dbm: Floats) -> pd.DataFrame:
    """Probability that a test by a median phone outdoors finds no service, over the roads of each hexagon.

    Returns:
        One row per hexagon crossed by a road and operator: ``h3_r8``, ``operator``, ``p`` (over the declared part of
        the roads where there is one, else over all), ``claimed`` (at least half of the roads are declared),
        ``condition``: ``good`` (p ≤ 5 %), ``mild``, ``bad`` (p ≥ 25 %).
    """
    points = np.vstack(list(world.roads.values()))
    row, column = world.grid.at(points)
    longitudes, latitudes = TO_WGS_84.transform(points[:, 0], points[:, 1])
    hexagons = [
        h3.str_to_int(h3.cell_to_parent(h3.latlng_to_cell(latitude, longitude, 9), 8))
        for latitude, longitude in zip(latitudes, longitudes, strict=True)
    ]
    tables = []
    for number, operator in enumerate(OPERATORS):
        margin = (NO_SERVICE_BELOW_DBM - air.rsrp_dbm[number, row, column]) / SMALL_SCALE_DB
        fails = SPURIOUS + (1 - SPURIOUS) * norm.cdf(margin)
        declared = declared_dbm[number, row, column] > LEVELS_ABOVE_DBM["CL"]
        table = pd.DataFrame({"h3_r8": hexagons, "p": fails, "declared": declared, "p_declared": fails})
        table["p_declared"] = table["p_declared"].where(declared)
        means = table.groupby("h3_r8").mean().reset_index()
        means["p"] = means["p_declared"].fillna(means["p"])
        means["claimed"] = means["declared"] >= 0.5
        tables.append(means.assign(operator=operator)[["h3_r8", "operator", "p", "claimed"]])
    truth = pd.concat(tables, ignore_index=True)
    truth["condition"] = np.select([truth["p"] >= BAD, truth["p"] > GOOD], ["bad", "mild"], "good")
    return truth

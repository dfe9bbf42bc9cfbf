"""Shares of hexagons that declared H3 cells fill, a finer one as the sevenths of its parents that it is."""

import h3
import numpy as np
import pandas as pd

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent


def cell_shares(added: pd.DataFrame, masks: list[int]) -> pd.DataFrame:
    """Shares of hexagons that H3 cells fill, for each mask of layers.

    Args:
        added: ``cell`` of any resolution, and ``layer``.
        masks: one bit per layer.
    """
    cell = added["cell"].to_numpy(np.int64)
    resolution = cell >> 52 & 15
    parts = [
        pd.DataFrame(
            {
                "cell": cell[resolution >= HEXAGON_RESOLUTION],
                "layer": added["layer"].to_numpy()[resolution >= HEXAGON_RESOLUTION],
            }
        )
    ]
    for row in np.flatnonzero(resolution < HEXAGON_RESOLUTION):
        children = h3.cell_to_children(h3.int_to_str(int(cell[row])), HEXAGON_RESOLUTION)
        parts.append(pd.DataFrame({"cell": list(map(h3.str_to_int, children)), "layer": added["layer"].iloc[row]}))
    every = pd.concat(parts, ignore_index=True).drop_duplicates()
    shares = []
    for mask in masks:
        inside = every.loc[(1 << every["layer"].to_numpy() & mask) != 0, "cell"].drop_duplicates().to_numpy(np.int64)
        weight = 7.0 ** (HEXAGON_RESOLUTION - (inside >> 52 & 15))
        shares.append(pd.Series(weight).groupby(parent(inside, HEXAGON_RESOLUTION)).sum())
    return pd.concat(shares, axis=1, keys=range(len(masks))).fillna(0.0)

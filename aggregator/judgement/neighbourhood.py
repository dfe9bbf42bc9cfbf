"""The hexagons around hexagons, as rows of one array."""

import numpy as np
from h3.api import basic_int as h3
from numpy.typing import NDArray

Cells = NDArray[np.int64]


def surroundings(hexagons: Cells, rings: int) -> Cells:
    """Hexagons at most ``rings`` away from each of ``hexagons`` (n,), itself among them.

    Returns:
        Cells (n, 1 + 3 rings (rings + 1)); the disk of a pentagon, which is smaller, repeats the cell itself.
    """
    width = 1 + 3 * rings * (rings + 1)
    found = np.repeat(hexagons.astype(np.int64)[:, None], width, axis=1)
    for row, cell in enumerate(hexagons.tolist()):
        disk = h3.grid_disk(cell, rings)
        found[row, : len(disk)] = disk
    return found


def positions(values: Cells, among: Cells) -> tuple[Cells, NDArray[np.bool_]]:
    """Where each of ``values`` stands in the sorted array ``among``, and whether it is there (else position 0)."""
    if len(among) == 0:
        return np.zeros(values.shape, dtype=np.int64), np.zeros(values.shape, dtype=bool)
    found = np.minimum(np.searchsorted(among, values), len(among) - 1)
    there = among[found] == values
    return np.where(there, found, 0), there

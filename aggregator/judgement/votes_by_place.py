"""Votes of single devices as matrices: one row per device in a hexagon, one column per technology and threshold.

The devices of a place, and those of the places around, are then sums of rows: what the trust filter compares.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.grouping import Groups, boundaries, coded, group
from aggregator.judgement.neighbourhood import positions, surroundings

LAYER = ["operator", "technology", "threshold"]
"""What a device is trusted about."""

Bools = NDArray[np.bool_]
Matrix = NDArray[Any]


class VotesByPlace:
    """Votes (rows, layers) of devices with one operator (``device`` numbers them) in hexagons.

    Attributes:
        present, failing, outdoor: whether there is a vote, fails, and is an outdoor one.
        succeeded: tests that succeeded.
        device: of each row, 0 to devices − 1.
        votes_somewhere: (devices, layers), whether the device has a vote at all.
    """

    def __init__(self, votes: pd.DataFrame) -> None:
        """Arrange votes as :func:`aggregator.judgement.votes.device_votes` gives them over ``h3_r8``."""
        rows = group(votes, ["device_token", "operator", "h3_r8"])
        self._named = votes[["device_token", "operator", "h3_r8"]].iloc[rows.first].reset_index(drop=True)
        layers = group(votes, LAYER[1:])
        self._layers = votes[LAYER[1:]].iloc[layers.first].reset_index(drop=True)
        at = rows.labels, layers.labels
        shape = len(self._named), len(self._layers)

        self.present, self.failing, self.outdoor = (np.zeros(shape, dtype=bool) for _ in range(3))
        self.succeeded = np.zeros(shape, dtype=np.int64)
        self.present[at] = True
        self.failing[at] = votes["failing"].to_numpy()
        self.outdoor[at] = votes["outdoor"].to_numpy()
        self.succeeded[at] = votes["succeeded"].to_numpy()
        operators, operator_count = coded(self._named["operator"])
        devices, _ = coded(self._named["device_token"])
        device = devices * operator_count + operators
        starts = boundaries(device)
        self._of_device = Groups(np.arange(len(device)), starts)
        self.device = self._of_device.labels
        self._arrange(self._named["h3_r8"].to_numpy(np.int64), operators)
        self.votes_somewhere: Bools = self.per_device(self.present) > 0

    def per_device(self, values: Matrix) -> Matrix:
        """Sums (devices, layers) of a matrix (rows, layers) over the hexagons of each device."""
        numbers = values if values.dtype.kind == "f" else values.astype(np.int64)
        starts = self._of_device.starts
        return np.add.reduceat(numbers, starts) if len(starts) else np.zeros((0, values.shape[1]), numbers.dtype)

    def others(self, marked: Bools) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Marked votes (rows, layers) of other devices in the hexagon of each row, and in the 6 next to it."""
        nothing = np.zeros((1, marked.shape[1]), dtype=np.int32)
        own = np.concatenate([marked.astype(np.int32), nothing])
        by_place = np.add.reduceat(own[self._of_place.order], self._of_place.starts) if len(marked) else nothing[:0]
        here = np.concatenate([by_place, nothing])
        near = sum((here[places] for places in self._near_places), np.zeros_like(by_place))
        near_own = sum((own[rows] for rows in self._near_rows), np.zeros_like(own[:-1]))
        return by_place[self._place] - own[:-1], near[self._place] - near_own

    def names(self, device: NDArray[np.int64], layer: NDArray[np.int64]) -> pd.DataFrame:
        """``device_token`` and :data:`LAYER` of devices and layers (n,)."""
        of_device = self._named[["device_token", "operator"]].iloc[self._of_device.first[device]]
        named = pd.concat(
            [of_device.reset_index(drop=True), self._layers.iloc[layer].reset_index(drop=True)], axis="columns"
        )
        return named.astype("str")

    def _arrange(self, hexagons: NDArray[np.int64], operators: NDArray[np.int64]) -> None:
        """Which rows share a place (an operator and a hexagon), and where the 6 hexagons around are."""
        cells, cell = np.unique(hexagons, return_inverse=True)
        around = surroundings(cells, 1)
        near, there = positions(around, cells)
        there &= around != cells[:, None]
        width = max(len(cells), 1)
        place = operators * width + cell
        order = np.argsort(place, kind="stable")
        self._of_place = Groups(order, boundaries(place[order]))
        self._place = self._of_place.labels
        places = place[self._of_place.first]
        operator_of, cell_of = np.divmod(places, width)
        self._near_places, self._near_rows = [], []
        row = self.device * width + cell
        for side in range(near.shape[1]):
            at, found = positions(operator_of * width + near[cell_of, side], places)
            self._near_places.append(np.where(found & there[cell_of, side], at, len(places)))
            at, found = positions(self.device * width + near[cell, side], row)
            self._near_rows.append(np.where(found & there[cell, side], at, len(row)))

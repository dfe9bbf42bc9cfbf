"""What may leave: no figure that rests on fewer than k volunteer devices, at any resolution or by difference.

Rows of the ledger are placed, each at most once. Where a hexagon has k devices for an operator, its rows stay there;
otherwise they move to the *remainder* of the parent at resolution 7, then 6, then 5, else they are dropped. A parent's
figure therefore leaves out the children that are published, and subtracting children from parents yields nothing.

One test speaks about several technologies and thresholds at once, so their figures in one cell are about nearly the
same devices, and the few that make the difference would be told by subtraction. Of these *readings* only those are
published whose devices, taken two readings at a time, are the same ones or differ by at least k; the others are
withheld in that cell. Readings are tried in the order of ``READINGS``, 4G service first, and the first of them that the
cell has decides whether the cell's rows stay or move.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.hexagons import parent
from aggregator.evidence.ledger import THRESHOLDS
from aggregator.judgement.votes import count_votes
from aggregator.judgement.wording import EXACT_UP_TO, STEP_ABOVE

K_VOLUNTEERS = 5
K_TEAM = 3
RESOLUTIONS = (8, 7, 6, 5)
READINGS = [(technology, threshold) for threshold in THRESHOLDS for technology in ("4G", "5G", "3G", "2G")]
"""Ours: service before rates, 4G first, because that is what claims and candidate zones are about."""


def rounded_counts(counts: pd.Series) -> pd.Series:
    """Counts up to 20 as they are, larger ones to the nearest 5; what is missing stays so."""
    return counts.where((counts <= EXACT_UP_TO) | counts.isna(), (counts + STEP_ABOVE // 2) // STEP_ABOVE * STEP_ABOVE)


@dataclass(frozen=True, slots=True)
class Readings:
    """Which readings of each cell and operator may be told.

    Attributes:
        reading: position in ``READINGS`` of every row (n,).
        group: number of the cell and operator of every row (n,).
        devices: distinct devices by group and reading (m, readings).
        told: whether each may be told (m, readings).
    """

    reading: NDArray[np.int64]
    group: NDArray[np.int64]
    devices: NDArray[np.int64]
    told: NDArray[np.bool_]

    @property
    def of_rows(self) -> NDArray[np.bool_]:
        """Whether the reading of each row may be told in its cell."""
        return np.asarray(self.told[self.group, self.reading])

    @property
    def leading(self) -> NDArray[np.bool_]:
        """Whether the leading reading of each row's cell may be told (n,)."""
        first = (self.devices > 0).argmax(axis=1)
        return np.asarray(self.told[np.arange(len(first)), first][self.group])


def tellable(rows: pd.DataFrame, cell: str, k: int) -> Readings:
    """The readings of each cell and operator that rest on k devices and differ from one another by none or by k.

    Args:
        rows: ``cell``, ``operator``, ``technology``, ``threshold``, ``device_token``; one device may have several rows.
        cell: name of the column that says where.
        k: least number of distinct devices.
    """
    numbers = {name: number for number, name in enumerate(READINGS)}
    reading = np.array(
        [numbers[name] for name in zip(rows["technology"], rows["threshold"], strict=True)], dtype=np.int64
    )
    group = rows.groupby([cell, "operator"], sort=True).ngroup().to_numpy().astype(np.int64)
    seen = pd.DataFrame({"group": group, "device": rows["device_token"].to_numpy(), "reading": reading})
    bits = seen.drop_duplicates()
    bits = bits.assign(mask=np.left_shift(np.int64(1), bits["reading"].to_numpy(np.int64)))
    # devices that have the same readings in a cell are alike: what matters is how many there are of each kind
    masks = bits.groupby(["group", "device"], as_index=False)["mask"].sum()
    kinds, size = np.unique(masks[["group", "mask"]].to_numpy(np.int64), axis=0, return_counts=True)
    owner, mask = kinds.T
    groups = int(group.max()) + 1 if len(group) else 0

    def counted(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(owner, weights=size * chosen, minlength=groups).astype(np.int64)

    devices = np.column_stack([counted(mask >> number & 1) for number in range(len(READINGS))])
    told = devices >= k
    for number in range(len(READINGS)):
        for earlier in range(number):
            apart = counted((mask >> number ^ mask >> earlier) & 1)
            told[:, number] &= ~(told[:, earlier] & (apart > 0) & (apart < k))
    return Readings(reading, group, devices, told)


def place(rows: pd.DataFrame, k: int = K_VOLUNTEERS) -> pd.DataFrame:
    """Where each row is published.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them.
        k: least number of distinct volunteer devices behind a figure. A field team's rows stay at resolution 8.

    Returns:
        The rows that may leave, with ``cell`` and ``resolution``; the others are gone.
    """
    survey = rows["evidence"] == "survey"
    cells = parent(rows["h3_r9"].astype("int64"), RESOLUTIONS[0])
    placed = [rows[survey].assign(cell=cells[survey], resolution=RESOLUTIONS[0])]
    left = rows[~survey]
    for resolution in RESOLUTIONS:
        here = left.assign(cell=parent(left["h3_r9"].astype("int64"), resolution), resolution=resolution)
        readings = tellable(here, "cell", k)
        placed.append(here[readings.leading & readings.of_rows])
        left = left[~readings.leading]
    return pd.concat(placed, ignore_index=True)


def summary(placed: pd.DataFrame) -> pd.DataFrame:
    """Exact figures of each published cell, counted as the decision rule counts votes.

    Returns:
        One row per cell and subject: ``devices, failing, tests, device_days, first_day, last_day``.
    """
    votes = count_votes(placed, ["cell", "resolution"])
    return votes.assign(
        devices=votes["votes_outdoor"] + votes["votes_vehicle"],
        failing=votes["failing_outdoor"] + votes["failing_vehicle"],
    )

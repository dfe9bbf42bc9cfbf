"""Groups of rows over several columns at once, as slices of one sorted order.

A ledger of a country has tens of millions of rows; packing the columns of a key into one integer and sorting once is
many times faster than hashing rows of texts, and the order of the result is that of the key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_ROOM = 2**62


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows in the order of their key: group g is ``order[starts[g]:starts[g + 1]]``.

    Attributes:
        order: positions of the rows (n,).
        starts: where each group starts in ``order`` (groups,).
    """

    order: Integers
    starts: Integers

    @property
    def first(self) -> Integers:
        """Position of a row of each group."""
        return self.order[self.starts]

    @property
    def sizes(self) -> Integers:
        """Rows of each group."""
        return np.diff(self.starts, append=len(self.order))

    def total(self, values: NDArray[np.generic]) -> Integers:
        """Sum of integers or booleans (n,) over each group."""
        if len(self.starts) == 0:
            return np.empty(0, dtype=np.int64)
        return np.asarray(np.add.reduceat(values[self.order].astype(np.int64), self.starts))

    def least(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Least value of each group."""
        ordered = values[self.order]
        return np.asarray(np.minimum.reduceat(ordered, self.starts)) if len(self.starts) else ordered

    def greatest(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Greatest value of each group."""
        ordered = values[self.order]
        return np.asarray(np.maximum.reduceat(ordered, self.starts)) if len(self.starts) else ordered

    @property
    def labels(self) -> Integers:
        """Number of the group of each row (n,)."""
        labels = np.empty(len(self.order), dtype=np.int64)
        labels[self.order] = np.repeat(np.arange(len(self.starts)), self.sizes)
        return labels


def group(frame: pd.DataFrame, columns: Sequence[str]) -> Groups:
    """Rows of a frame by the values of some columns, groups in the order of these values."""
    key = np.zeros(len(frame), dtype=np.int64)
    size = 1
    for column in columns:
        codes, values = coded(frame[column])
        if size * max(values, 1) >= _ROOM:
            distinct, key = np.unique(key, return_inverse=True)
            size = len(distinct)
        size *= max(values, 1)
        key = key * max(values, 1) + codes
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(key) else np.empty(0, dtype=np.int64)
    return Groups(order, starts.astype(np.int64))


def coded(column: pd.Series) -> tuple[Integers, int]:
    """Rank of each value among the distinct ones, in their order, and how many there are at most."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        ranks = np.empty(len(column.cat.categories), dtype=np.int64)
        ranks[np.argsort(column.cat.categories.to_numpy())] = np.arange(len(ranks))
        return ranks[column.cat.codes.to_numpy()] if len(column) else np.empty(0, dtype=np.int64), len(ranks)
    codes, values = pd.factorize(column, sort=True)
    return codes.astype(np.int64), len(values)

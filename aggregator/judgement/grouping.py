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
    key, _ = packed(frame, columns)
    order = np.argsort(key, kind="stable")
    return Groups(order, boundaries(key[order]))


def boundaries(ordered: Integers) -> Integers:
    """Where each run of equal values starts."""
    if len(ordered) == 0:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]).astype(np.int64)


def packed(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[Integers, list[int]]:
    """One integer per row (n,) in the order of the columns' values, and how many values each column may have.

    The key without its last column is the integer division by that column's number of values.
    """
    key = np.zeros(len(frame), dtype=np.int64)
    size, sizes = 1, []
    for column in columns:
        codes, values = coded(frame[column])
        if size * values >= _ROOM:
            distinct, key = np.unique(key, return_inverse=True)
            size = len(distinct)
        key = key * values + codes
        size *= values
        sizes.append(values)
    return key, sizes


def coded(column: pd.Series) -> tuple[Integers, int]:
    """Rank of each value among those there may be, in their order, and how many these are (at least 1)."""
    if len(column) == 0:
        return np.empty(0, dtype=np.int64), 1
    if isinstance(column.dtype, pd.CategoricalDtype):
        ranks = np.empty(len(column.cat.categories), dtype=np.int64)
        ranks[np.argsort(column.cat.categories.to_numpy())] = np.arange(len(ranks))
        return ranks[column.cat.codes.to_numpy()], len(ranks)
    values = column.to_numpy()
    if values.dtype.kind == "M":
        days = values.astype("datetime64[D]").astype(np.int64)
        return days - days.min(), int(days.max() - days.min()) + 1
    codes, distinct = pd.factorize(column, sort=True)
    return codes.astype(np.int64), len(distinct)


def match(rows: pd.DataFrame, among: pd.DataFrame, columns: Sequence[str]) -> Integers:
    """Position in ``among``, whose keys are distinct, of the row with the key of each of ``rows`` (n,); -1 for none."""
    left, right = np.zeros(len(rows), dtype=np.int64), np.zeros(len(among), dtype=np.int64)
    there = np.ones(len(rows), dtype=bool)
    for column in columns:
        values = pd.Index(among[column].unique())
        codes = _codes_in(values, rows[column])
        there &= codes >= 0
        left = left * len(values) + codes
        right = right * len(values) + _codes_in(values, among[column])
    order = np.argsort(right)
    if len(order) == 0:
        return np.full(len(rows), -1, dtype=np.int64)
    found = np.minimum(np.searchsorted(right[order], left), len(order) - 1)
    return np.where(there & (right[order][found] == left), order[found], -1)


def _codes_in(values: pd.Index, column: pd.Series) -> Integers:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.r_[values.get_indexer(column.cat.categories), -1]
        return np.asarray(codes[column.cat.codes.to_numpy()], dtype=np.int64)
    return np.asarray(values.get_indexer(pd.Index(column)), dtype=np.int64)

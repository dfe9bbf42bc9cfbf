"""Rows of a release in memory, and which of them lie where and when, or have which values.

Texts are dictionary-encoded, and a hexagon's outline is kept once, whatever the number of its rows: 560,000 rows of
70,000 hexagons take some 500 MB, most of it outlines, their index and JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.hexagons import Shapes
from aggregator.publication.described import Column
from aggregator.publication.reading.asked import Parameter
from aggregator.publication.reading.properties import described, filters
from aggregator.publication.reading.texts import members, packed
from aggregator.publication.reading.times import Interval, Times

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Collection:
    """A table whose rows lie at places.

    Attributes:
        name, title, description: what it is.
        key: columns that make the id of a row, joined by ``-``; the first one names its place.
        table: rows, those of one place together; no chunks, texts as dictionaries (n,).
        shapes: geometry of each place in CRS84 (m,).
        starts: first row of each place, and n (m + 1,).
        times: of each row, None where the collection has none.
        storage_crs: EPSG code that the file it comes from is in.
    """

    name: str
    title: str
    description: str
    key: tuple[str, ...]
    table: pa.Table
    shapes: Shapes
    starts: Rows
    times: Times | None
    storage_crs: int = 4326

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the places."""
        return shapely.STRtree(self.shapes)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What each column means."""
        return described(self.name, self.table.schema)

    @cached_property
    def filters(self) -> list[Parameter]:
        """Parameters that choose rows by the values of a column."""
        return filters(self.columns)

    @cached_property
    def members(self) -> pa.Table:
        """What each column says in JSON, see :mod:`~aggregator.publication.reading.texts`."""
        return members(self.table)

    @cached_property
    def packed(self) -> pa.Table:
        """The same of all columns in fewer pieces."""
        return packed(self.members)

    @cached_property
    def geometries(self) -> pa.Array:
        """GeoJSON of each place in CRS84 (m,)."""
        return pa.array(shapely.to_geojson(self.shapes), pa.string())

    @cached_property
    def extent(self) -> list[float] | None:
        """West, south, east, north; None where there is no row."""
        return [float(edge) for edge in shapely.total_bounds(self.shapes)] if len(self.shapes) else None

    @cached_property
    def _names(self) -> pd.Index:
        """What the first column of the key says at each place."""
        names: pd.Index = pd.Index(self.table[self.key[0]].take(pa.array(self.starts[:-1])).to_pylist())
        return names

    @cached_property
    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """H3 index of each place and its resolution, where places are cells (m,)."""
        cells = np.array([h3.str_to_int(name) for name in self._names], dtype=np.int64)
        return cells, cells >> 52 & 15

    def prepare(self) -> None:
        """Make what answers are put together from."""
        for made in (self.tree, self.geometries, self.packed, self._names, self.filters):
            len(made)

    def places_of(self, rows: Rows) -> NDArray[np.int64]:
        """Place of each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def meeting(self, area: shapely.Geometry) -> NDArray[np.int64]:
        """Places that an area in CRS84 meets, sorted."""
        return np.sort(self.tree.query(area, predicate="intersects"))

    def rows_at(self, places: NDArray[np.int64]) -> Rows:
        """Rows of places, in the order of the places."""
        first = self.starts[places]
        count = self.starts[places + 1] - first
        return np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())

    def select(
        self,
        *,
        places: NDArray[np.int64] | None = None,
        values: Mapping[str, Sequence[Any]] | None = None,
        during: Interval | None = None,
    ) -> Rows:
        """Rows at some places, with one of some values in each of some columns, and at some time; sorted."""
        rows = np.arange(len(self)) if places is None else self.rows_at(places)
        for name, wanted in (values or {}).items():
            rows = rows[self._among(name, rows, wanted)]
        if during is not None:
            rows = rows[:0] if self.times is None else rows[self.times.meet(during, rows)]
        return rows

    def _among(self, name: str, rows: Rows, wanted: Sequence[Any]) -> NDArray[np.bool_]:
        column = self.table[name].combine_chunks() if self.table[name].num_chunks != 1 else self.table[name].chunk(0)
        if pa.types.is_dictionary(column.type):
            codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)[rows]
            known = pc.index_in(pa.array(wanted, pa.string()), column.dictionary).drop_null().to_numpy()
            return np.isin(codes, known)
        part = column.take(pa.array(rows))
        found = pc.is_in(part, value_set=pa.array(wanted, column.type))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)

    def ids(self, table: pa.Table) -> pa.Array:
        """The id of each row of a part of the table."""
        parts = [table[name].combine_chunks().cast(pa.string()) for name in self.key]
        return pc.binary_join_element_wise(*parts, "-") if len(parts) > 1 else parts[0]

    def find(self, identity: str) -> int | None:
        """Row of an id; None where there is none."""
        name = identity if len(self.key) == 1 else identity.partition("-")[0]
        if name not in self._names:
            return None
        places = np.atleast_1d(np.arange(len(self.shapes))[self._names.get_loc(name)])
        rows = self.rows_at(places)
        position = pc.index(self.ids(self.table.take(pa.array(rows))), identity).as_py()
        return int(rows[position]) if position >= 0 else None


def runs(column: pa.ChunkedArray) -> Rows:
    """Where runs of equal values start, and the number of rows."""
    codes = column.combine_chunks().dictionary_encode() if len(column) else None
    if codes is None:
        return np.zeros(1, dtype=np.int64)
    numbers = codes.indices.to_numpy()
    return np.concatenate([[0], np.flatnonzero(numbers[1:] != numbers[:-1]) + 1, [len(numbers)]]).astype(np.int64)

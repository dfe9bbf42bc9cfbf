"""Packed keys come back as the columns they stand for, and are in their order."""

from typing import get_args

import duckdb
import h3
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import CONTEXTS
from aggregator.evidence.packing import (
    CAUSES,
    ORDERED_CONTEXTS,
    SERVED,
    TIERS,
    binned,
    code,
    columns_of,
    measure_and_bin,
    operator_code,
    place,
)
from aggregator.evidence.spreading import says
from aggregator.evidence.tallies import NO_RATE, RATE_AT_LEAST, RATE_KNOWN, RATE_LOST
from aggregator.evidence.usable import SERVER_OUTCOMES
from client_sdk.sample import Context, Outcome
from collector.storage.records import Tier

ROWS = ibis.table({"h3_cell": "int64", "plmn": "string", "served": "int8", "tier": "string", "context": "string"}, "t")
PACKED = ibis.duckdb.compile(
    ROWS.select(
        place=place(
            ROWS.h3_cell,
            operator_code(ROWS.plmn),
            ROWS.served,
            code(ROWS.tier, TIERS),
            code(ROWS.context, ORDERED_CONTEXTS),
        )
    )
)
KEYS = ["h3_r9", "operator", "technology", "tier", "context"]

cells = st.builds(
    lambda latitude, longitude, resolution: h3.latlng_to_cell(latitude, longitude, resolution),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.integers(9, 12),
)
plmns = st.integers(0, 999_999).flatmap(
    lambda number: st.sampled_from([f"{number:06d}", f"{number % 100_000:05d}", "20801", "208010", "00101"])
)
keys = st.tuples(cells, plmns, st.sampled_from(range(5)), st.sampled_from(TIERS), st.sampled_from(CONTEXTS))


@settings(max_examples=40, deadline=None)
@given(st.lists(keys, min_size=1, max_size=30))
def test_a_place_is_what_was_packed_and_sorts_as_it(rows: list[tuple[str, str, int, str, str]]) -> None:
    t = pd.DataFrame(  # noqa: F841 - DuckDB reads it by its name
        [(h3.str_to_int(cell), *rest) for cell, *rest in rows], columns=["h3_cell", "plmn", "served", "tier", "context"]
    )
    packed = duckdb.execute(str(PACKED)).df()["place"].to_numpy(np.int64)

    found = pd.DataFrame({name: column.to_pylist() for name, column in columns_of(packed).items()})
    expected = pd.DataFrame(
        [
            (h3.str_to_int(h3.cell_to_parent(cell, 9)), plmn, SERVED[served], tier, context)
            for cell, plmn, served, tier, context in rows
        ],
        columns=KEYS,
    )
    pd.testing.assert_frame_equal(found[KEYS], expected)
    by_number = found.iloc[np.argsort(packed, kind="stable")][KEYS].reset_index(drop=True)
    pd.testing.assert_frame_equal(by_number, expected.sort_values(KEYS, kind="stable").reset_index(drop=True))
    assert (packed >= 0).all()


@given(st.text("0123456789", min_size=5, max_size=6), st.text("0123456789", min_size=5, max_size=6))
def test_codes_of_operators_are_in_the_order_of_their_texts(one: str, other: str) -> None:
    assert (operator_code(one) < operator_code(other)) == (one < other)
    assert 0 <= operator_code(one) < 1 << 21


def test_a_bin_comes_back_with_its_measure_in_the_order_of_both() -> None:
    pairs = [
        (measure, number)
        for measure, bins in enumerate(MEASURES.values())
        for number in (bins.lowest - 2, bins.lowest - 1, 0, bins.highest + 1)
    ]
    column = ibis.table({"x": "int16"}, "t")
    packed = []
    for measure, number in pairs:
        query = ibis.duckdb.compile(column.select(bin=binned(measure, column.x)))
        packed.append(_of(str(query), number))
    measures, numbers = measure_and_bin(np.array(packed))
    assert list(zip(measures.tolist(), numbers.tolist(), strict=True)) == pairs
    assert sorted(packed) == [number for _, number in sorted(zip(pairs, packed, strict=True))]


def _of(query: str, x: int) -> int:
    t = pd.DataFrame({"x": np.array([x], dtype=np.int16)})  # noqa: F841 - DuckDB reads it by its name
    return int(duckdb.execute(query).df()["bin"][0])


def test_every_word_that_a_sample_may_carry_has_its_code() -> None:
    assert set(TIERS) == set(get_args(Tier))
    assert set(ORDERED_CONTEXTS) == set(get_args(Context))
    of_tests = set(get_args(Outcome)) - {"ok", *SERVER_OUTCOMES}
    assert set(CAUSES) == {"", "page", "no_service", "limited", *of_tests}
    for known in (TIERS, ORDERED_CONTEXTS, CAUSES, SERVED):
        assert list(known) == sorted(known)


@pytest.mark.parametrize(
    ("served", "rate", "failed", "on_3g", "on_4g"),
    [
        ("4G", NO_RATE, False, (1, 0, 0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0, 0, 0)),
        ("3G", NO_RATE, False, (1, 0, 0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 0, 0, 0, 0)),
        ("none", NO_RATE, True, (1, 1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 1)),
        ("3G", RATE_KNOWN + 1, False, (1, 0, 1, 0, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 1)),
        ("4G", RATE_LOST, True, (1, 1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 1)),
        ("4G", RATE_AT_LEAST + 2, False, (1, 0, 1, 0, 1, 0, 0, 0), (1, 0, 1, 0, 1, 0, 0, 0)),
    ],
)
def test_what_a_code_says_about_a_technology(
    served: str, rate: int, failed: bool, on_3g: tuple[int, ...], on_4g: tuple[int, ...]
) -> None:
    said = says(SERVED.index(served), rate, failed)
    assert (said[1], said[2]) == (on_3g, on_4g)

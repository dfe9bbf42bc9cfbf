import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.proposals.strata import DEEPEST, UNCLAIMED, UNKNOWN, claim_strata

MIDDLE = h3.latlng_to_cell(46.7722, 3.4817, 8)


def claims_on(cells: list[int], share: float = 1.0, **changes: object) -> pd.DataFrame:
    columns = {"operator": "20801", "technology": "4G", "usage": "data", "level": "", "declared_share": share}
    return pd.DataFrame({"h3_r8": cells, **columns, "bounded": False} | changes)


def strata_of(claims: pd.DataFrame, cells: list[int]) -> dict[int, int]:
    table = claim_strata(claims, "4G", np.array(sorted(cells)))
    return {int(cell): int(value) for cell, value in table["20801"].items()}


def test_rings_count_from_the_edge_of_the_claim() -> None:
    disk = h3.grid_disk(MIDDLE, 9)
    found = strata_of(claims_on(h3.grid_disk(MIDDLE, 7)), disk)
    for cell, stratum in found.items():
        away = h3.grid_distance(MIDDLE, cell)
        assert stratum == (UNCLAIMED if away > 7 else min(8 - away, DEEPEST))


@settings(max_examples=25, deadline=None)
@given(holes=st.lists(st.integers(0, 90), max_size=12, unique=True), bounded=st.booleans())
def test_a_ring_is_the_distance_to_the_nearest_hexagon_known_not_to_be_claimed(holes: list[int], bounded: bool) -> None:
    disk = sorted(h3.grid_disk(MIDDLE, 5))
    out = {disk[hole] for hole in holes}
    shares = [0.0 if cell in out else 1.0 for cell in disk]
    found = strata_of(claims_on(disk, declared_share=shares, bounded=bounded), disk)
    beyond = set() if bounded else set(h3.grid_ring(MIDDLE, 6))
    for cell in disk:
        apart = min((h3.grid_distance(cell, other) for other in out | beyond), default=DEEPEST)
        assert found[cell] == (UNCLAIMED if cell in out else min(apart, DEEPEST))


def test_where_no_source_speaks_nothing_is_known() -> None:
    near, far = h3.grid_disk(MIDDLE, 1), h3.grid_ring(MIDDLE, 9)
    found = strata_of(claims_on(near, bounded=True), [*near, *far])
    assert {found[cell] for cell in near} == {DEEPEST}
    assert {found[cell] for cell in far} == {UNKNOWN}


def test_levels_add_up_and_other_layers_do_not_count() -> None:
    parts = [
        claims_on([MIDDLE], 0.3, level="TBC"),
        claims_on([MIDDLE], 0.3, level="BC"),
        claims_on([MIDDLE], usage="voix", operator="20810"),
        claims_on([MIDDLE], technology="5G", operator="20815"),
    ]
    table = claim_strata(pd.concat(parts, ignore_index=True), "4G", np.array([MIDDLE]))
    assert list(table.columns) == ["20801"]
    assert table.loc[MIDDLE, "20801"] == 1
    weak = claim_strata(parts[0], "4G", np.array([MIDDLE]))
    assert weak.loc[MIDDLE, "20801"] == UNCLAIMED


def test_an_operator_of_another_country_is_none_here() -> None:
    elsewhere = h3.latlng_to_cell(53.07, 8.8, 8)
    table = claim_strata(claims_on([elsewhere], operator="26201"), "4G", np.array([MIDDLE]))
    assert table.shape == (1, 0)


def test_without_claims_there_are_no_columns() -> None:
    assert claim_strata(claims_on([MIDDLE]).iloc[:0], "4G", np.array([MIDDLE])).shape == (1, 0)

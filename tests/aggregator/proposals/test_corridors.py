"""Verdicts along lines: kilometres add up, gaps are those one would measure by hand."""

from collections.abc import Callable
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString

from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.proposals.corridors import SPEED_KMH, STATES, follow
from aggregator.proposals.paths import file_name, named_paths

Row = Callable[..., dict[str, object]]
ORIGIN = (740_000.0, 6_640_000.0)
KM = ("confirmed_km", "unclaimed_service_km", "contradicted_km", "suspected_km", "unclaimed_km", "unknown_km")


def lines(*named: tuple[str, list[tuple[float, float]]], kind: str = "other") -> gpd.GeoDataFrame:
    shapes = [LineString([(ORIGIN[0] + x, ORIGIN[1] + y) for x, y in metres]) for _, metres in named]
    table = {"name": [name for name, _ in named], "kind": kind}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=2154).to_crs(4326)


ROAD = lines(("D978", [(0, 0), (12_000, 3_000)]))
CUTS = cut_by_hexagons(named_paths(ROAD).geometry.to_numpy())
NO_CLAIMS = CLAIMS.empty_table().to_pandas()


def claims(cells: list[int], share: float, *, bounded: bool = False) -> pd.DataFrame:
    table = pd.DataFrame({"h3_r8": cells, "operator": "20801", "technology": "4G", "usage": "data", "level": "BC"})
    return table.assign(declared_share=share, bounded=bounded)


def test_pieces_of_a_name_join_and_branches_stay_apart() -> None:
    drawn = lines(
        ("D1", [(3_000, 0), (2_000, 0)]),
        ("D1", [(0, 0), (1_000, 0)]),
        ("D1", [(2_000, 0), (1_000, 0)]),
        ("D1", [(3_000, 0), (3_000, 400)]),
        ("D1", [(3_000, 0), (3_500, 0)]),
        ("D1", [(9_000, 9_000), (9_000, 9_600)]),
        ("", [(0, 0), (5_000, 0)]),
    )
    paths = named_paths(drawn)
    assert paths["name"].tolist() == ["D1"] * 4
    assert paths["part"].tolist() == [1, 2, 3, 4]
    assert paths["length_km"].tolist() == pytest.approx([3.0, 0.6, 0.5, 0.4], abs=1e-6)
    longest, alone = paths.geometry.iloc[0], paths.geometry.iloc[1]
    assert longest.coords[0] == pytest.approx(ORIGIN, abs=0.01), "from west to east"
    assert alone.coords[0][1] > alone.coords[-1][1], "from north to south"


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 19), unique=True, max_size=8), flips=st.integers(0, 2**9), shift=st.integers(0, 8))
def test_however_a_line_was_cut_into_pieces_it_is_one_line_again(cuts: list[int], flips: int, shift: int) -> None:
    points = [(500.0 * step, 400.0 * np.sin(step)) for step in range(21)]
    stops = [0, *sorted(cuts), 20]
    pieces = [points[a : b + 1] for a, b in pairwise(stops)]
    mixed = [piece[:: -1 if flips >> number & 1 else 1] for number, piece in enumerate(pieces)]
    mixed = mixed[shift % len(mixed) :] + mixed[: shift % len(mixed)]
    (path,) = named_paths(lines(*(("Line", piece) for piece in mixed))).geometry
    (whole,) = named_paths(lines(("Line", points))).geometry
    assert shapely.get_coordinates(path) == pytest.approx(shapely.get_coordinates(whole), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(said=st.lists(st.sampled_from(STATES[:5]), min_size=len(set(CUTS["h3_r8"])), max_size=len(set(CUTS["h3_r8"]))))
def test_kilometres_add_up_and_gaps_are_the_longest_runs(said: list[str], verdict_row: Row) -> None:
    cells = list(dict.fromkeys(CUTS["h3_r8"].tolist()))
    rows = [verdict_row(cell, *state.split(" ")) for cell, state in zip(cells, said, strict=True)]
    found = follow(ROAD, pd.DataFrame(rows), NO_CLAIMS, speed_kmh=90.0).table.iloc[0]
    assert found["length_km"] == pytest.approx(CUTS.length.sum() / 1000, abs=1e-9)
    assert found[list(KM)].sum() == pytest.approx(found["length_km"], abs=1e-9)
    of_cell = dict(zip(cells, said, strict=True))
    along = [(of_cell[cell], metres / 1000) for cell, metres in zip(CUTS["h3_r8"], CUTS.length, strict=True)]
    assert found["unconfirmed_gap_km"] == pytest.approx(_longest(along, lambda s: s not in STATES[:2]), abs=1e-6)
    assert found["doubted_gap_km"] == pytest.approx(_longest(along, lambda s: s in STATES[2:5]), abs=1e-6)
    assert found["doubted_gap_s"] == pytest.approx(found["doubted_gap_km"] / 90 * 3600)


def _longest(along: list[tuple[str, float]], held: Callable[[str], bool]) -> float:
    best = here = 0.0
    for state, km in along:
        here = here + km if held(state) else 0.0
        best = max(best, here)
    return best


def test_what_is_declared_and_what_was_measured_make_the_states(verdict_row: Row) -> None:
    one, two, three, four, five = list(dict.fromkeys(CUTS["h3_r8"].tolist()))[:5]
    verdicts = pd.DataFrame(
        [
            verdict_row(one, "contradicted", "moderate"),
            verdict_row(one, "confirmed", evidence="survey"),
            verdict_row(two, "insufficient"),
            verdict_row(three, "insufficient", claimed=False),
            verdict_row(four, "suspected", threshold="3"),
        ]
    )
    declared = claims([one, two, four, five], 0.3)
    declared = pd.concat([declared, claims([one, two, four], 0.4)], ignore_index=True)
    corridors = follow(ROAD, verdicts, declared, speed_kmh=SPEED_KMH["roads"])
    states = corridors.states.assign(h3_r8=corridors.pieces["h3_r8"].iloc[corridors.states["piece"]].to_numpy())
    found = states.drop_duplicates("h3_r8").set_index("h3_r8")["state"]
    assert found[[one, two, three]].tolist() == ["confirmed", "insufficient", "unclaimed"]
    assert found[[four, five]].tolist() == ["unmeasured", "unclaimed"], "levels add up; a share under a half is none"
    assert set(found.drop([one, two, three, four, five])) == {"unclaimed"}, "the source speaks about every hexagon"
    limited = follow(ROAD, verdicts, declared.assign(bounded=True), speed_kmh=90.0)
    assert set(limited.states["state"].iloc[5:]) == {"unmeasured"}


def test_a_stretch_does_not_go_on_across_what_is_left_out(verdict_row: Row) -> None:
    cells = list(dict.fromkeys(CUTS["h3_r8"].tolist()))
    verdicts = pd.DataFrame([verdict_row(cell, "suspected") for cell in cells])
    middle = cells[len(cells) // 2]
    kept = np.array([cell for cell in cells if cell != middle])
    whole = follow(ROAD, verdicts, NO_CLAIMS, speed_kmh=90.0).table.iloc[0]
    table = follow(ROAD, verdicts, NO_CLAIMS, speed_kmh=90.0, within=kept).table.iloc[0]
    assert whole["doubted_gap_km"] == pytest.approx(whole["length_km"])
    left_out = CUTS.length[CUTS["h3_r8"] == middle].sum() / 1000
    assert table["length_km"] == pytest.approx(whole["length_km"] - left_out)
    assert table["doubted_gap_km"] < table["length_km"] - 1


def test_a_path_names_a_file_anywhere() -> None:
    assert file_name("TGV PARIS - MARSEILLE", 2) == "TGV-PARIS-MARSEILLE-2"
    assert file_name("../../etc", 1) == "etc-1"
    assert file_name("///", 1) == "line-1"

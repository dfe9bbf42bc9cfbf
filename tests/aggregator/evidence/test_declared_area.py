import math
from typing import Any

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import Polygon, box

from aggregator.evidence.declared_area import DeclaredArea, Plane
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, outlines, projected
from aggregator.evidence.squares import Grid

CELLS = np.array(sorted(h3.str_to_int(cell) for cell in h3.grid_disk(h3.latlng_to_cell(47.0, 3.5, 8), 1)))
HEXAGONS = outlines(CELLS, LAMBERT_93)
PLANE = Plane.over(CRS.from_epsg(LAMBERT_93), CELLS)
WEST, SOUTH, EAST, NORTH = (50 * math.floor(bound / 50) for bound in shapely.total_bounds(HEXAGONS))
COLUMNS, ROWS = (EAST - WEST) // 50 + 1, (NORTH - SOUTH) // 50 + 1


def area_of(*levels: tuple[str | None, Shapes]) -> DeclaredArea:
    area = DeclaredArea(PLANE)
    for level, shapes in levels:
        area.add_polygons(level, np.array(list(shapes), dtype=object))
    return area


def shares(area: DeclaredArea, level: str = "") -> NDArray[np.float64]:
    table, _ = area.shares(("TBC", "BC", "CL"))
    own = table[table["level"] == level].set_index("h3_r8")["declared_share"]
    return np.asarray(own.reindex(CELLS, fill_value=0.0).to_numpy(float))


def exact(shape: Any) -> NDArray[np.float64]:
    return np.asarray(shapely.area(shapely.intersection(shape, HEXAGONS)) / shapely.area(HEXAGONS))


def squares_of(inside: NDArray[np.bool_], side: float = 50, west: float = WEST, south: float = SOUTH) -> Shapes:
    row, column = np.nonzero(inside)
    x, y = west + column * side, south + row * side
    return np.asarray(shapely.box(x, y, x + side, y + side))


def vectorised(inside: NDArray[np.bool_], side: float = 50, west: float = WEST, south: float = SOUTH) -> Any:
    return shapely.union_all(squares_of(inside, side, west, south))


@st.composite
def rasters(draw: st.DrawFn) -> NDArray[np.bool_]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blocks = random.random((ROWS // 4 + 1, COLUMNS // 4 + 1)) < draw(st.floats(0.1, 0.9))
    fine = random.random((ROWS, COLUMNS)) < draw(st.floats(0.0, 0.3))
    return np.asarray(np.kron(blocks, np.ones((4, 4), dtype=bool))[:ROWS, :COLUMNS] ^ fine)


@settings(max_examples=8, deadline=None)
@given(inside=rasters())
def test_squares_have_their_exact_shares_and_are_never_clipped(inside: NDArray[np.bool_]) -> None:
    shape = vectorised(inside)
    area = area_of(("", shapely.get_parts(shape)))
    assert not area._pieces
    assert shares(area) == pytest.approx(exact(shape), abs=1e-9)


@settings(max_examples=4, deadline=None)
@given(one=rasters(), other=rasters())
def test_a_union_is_exact_and_disjoint_parts_add_up(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> None:
    union = shares(area_of(("", [vectorised(one)]), ("", [vectorised(other)])))
    assert union == pytest.approx(exact(vectorised(one | other)), abs=1e-9)
    assert union.max() <= 1.0
    apart = shares(area_of(("", [vectorised(one)]))), shares(area_of(("", [vectorised(other & ~one)])))
    assert union == pytest.approx(apart[0] + apart[1], abs=1e-9)


def holed(x: float, y: float, radii: list[float], hole: float) -> Any:
    turns = np.linspace(0, 2 * math.pi, len(radii), endpoint=False)
    ring = [(x + r * math.cos(t), y + r * math.sin(t)) for r, t in zip(radii, turns, strict=True)]
    return shapely.difference(shapely.make_valid(Polygon(ring)), shapely.buffer(shapely.Point(x, y), hole, quad_segs=4))


shapes = st.builds(
    holed,
    st.floats(WEST, EAST),
    st.floats(SOUTH, NORTH),
    st.lists(st.floats(30, 2_500), min_size=4, max_size=40),
    st.floats(10, 1_000),
)


@settings(max_examples=7, deadline=None)
@given(best=st.lists(shapes, min_size=1, max_size=2), weak=st.lists(shapes, max_size=2), raster=rasters())
def test_levels_squares_and_other_polygons_together(best: list[Any], weak: list[Any], raster: Any) -> None:
    squares = vectorised(raster)
    area = area_of(("CL", [squares]), ("TBC", best), ("CL", weak))
    union_best = shapely.union_all(best)
    everything = shapely.union_all([union_best, *weak, squares])
    assert shares(area, "TBC") == pytest.approx(exact(union_best), abs=1e-5)
    assert shares(area, "CL") == pytest.approx(exact(everything) - exact(union_best), abs=1e-5)


def test_squares_across_tiles_and_batches_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.evidence.squares.TILE", 64)
    monkeypatch.setattr("aggregator.evidence.squares.MOST_EDGES", 10)
    inside = np.random.default_rng(5).random((ROWS, COLUMNS)) < 0.6
    shape = vectorised(inside)
    area = area_of(*[("", [part]) for part in shapely.get_parts(shape)])
    assert shares(area) == pytest.approx(exact(shape), abs=1e-9)


def test_rings_may_turn_either_way() -> None:
    outer = [(WEST, SOUTH), (EAST, SOUTH), (EAST, NORTH), (WEST, NORTH)]
    inner = [(WEST + 1_000, SOUTH + 1_000), (EAST - 1_000, SOUTH + 1_000), (EAST - 1_000, NORTH - 1_050)]
    inner.append((WEST + 1_000, NORTH - 1_050))
    small = box(WEST - 50, SOUTH - 50, WEST, SOUTH)  # tells the side of a square
    for shell, hole in ((outer, inner), (outer[::-1], inner), (outer, inner[::-1])):
        ring = Polygon(shell, [hole])
        assert shares(area_of(("", [ring, small]))) == pytest.approx(exact(ring), abs=1e-9)


@pytest.mark.parametrize(("system", "side"), [(WGS_84, 0.001), (3035, 100.0), (27700, 100.0), (3857, 150.0)])
def test_shares_are_right_in_the_system_of_any_file(system: int, side: float) -> None:
    """Held against exact areas in an equal-area projection centred there."""
    cells = np.array(sorted(h3.str_to_int(cell) for cell in h3.grid_disk(h3.latlng_to_cell(57.5, -4.2, 8), 2)))
    own = outlines(cells, system)
    west, south, east, north = shapely.total_bounds(own)
    random = np.random.default_rng(3).random((math.ceil((north - south) / side), math.ceil((east - west) / side)))
    shape = vectorised(random < 0.4, side, west, south)
    area = DeclaredArea(Plane.over(CRS.from_epsg(system), cells))
    area.add_polygons("", np.array([shape]))
    found, _ = area.shares()
    flat = "+proj=laea +lat_0=57.5 +lon_0=-4.2 +datum=WGS84"
    true = outlines(cells, flat)
    squares = projected(np.array(squares_of(random < 0.4, side, west, south)), system, flat)
    square, hexagon = shapely.STRtree(true).query(squares, predicate="intersects")
    areas = shapely.area(shapely.intersection(squares[square], true[hexagon]))
    expected = np.bincount(hexagon, areas, len(cells)) / shapely.area(true)
    table = dict(zip(found["h3_r8"], found["declared_share"], strict=True))
    assert [table.get(int(cell), 0.0) for cell in cells] == pytest.approx(expected.tolist(), abs=5e-4)


def test_squares_given_one_by_one_are_those_of_the_polygon() -> None:
    inside = np.random.default_rng(8).random((ROWS, COLUMNS)) < 0.3
    rows, columns = np.nonzero(inside)
    area = DeclaredArea(PLANE)
    area.add_squares("", Grid(WEST, SOUTH, 50, 50), columns, rows)
    area.add_squares("", Grid(WEST, SOUTH, 50, 50), columns[:100], rows[:100])
    assert shares(area) == pytest.approx(exact(vectorised(inside)), abs=1e-9)


def test_squares_larger_than_hexagons_are_clipped() -> None:
    area = DeclaredArea(PLANE)
    area.add_squares("", Grid(WEST, SOUTH, 1_000, 1_000), np.array([0, 1, 1]), np.array([0, 1, 1]))
    both = shapely.union_all(
        [box(WEST, SOUTH, WEST + 1_000, SOUTH + 1_000), shapely.box(WEST + 1e3, SOUTH + 1e3, WEST + 2e3, SOUTH + 2e3)]
    )
    assert shares(area) == pytest.approx(exact(both), abs=1e-9)


def test_without_a_territory_the_hexagons_are_those_touched() -> None:
    inside = np.zeros((ROWS, COLUMNS), dtype=bool)
    inside[20:50, 20:60] = True
    for shape in (vectorised(inside), shapely.buffer(vectorised(inside), 1)):
        area = DeclaredArea(Plane(CRS.from_epsg(LAMBERT_93)))
        area.add_polygons("", np.array([shape, box(WEST, SOUTH, WEST + 50, SOUTH + 50)]))
        table, _ = area.shares()
        whole = shapely.area(shape) + 2_500
        sizes = shapely.area(outlines(table["h3_r8"].to_numpy(np.int64), LAMBERT_93))
        assert (table["declared_share"] * sizes).sum() == pytest.approx(whole, rel=1e-9)


def test_h3_cells_are_sevenths_of_their_parent_and_count_once() -> None:
    parent = h3.int_to_str(int(CELLS[0]))
    children = [h3.str_to_int(cell) for cell in h3.cell_to_children(parent, 9)]
    area = DeclaredArea(PLANE)
    area.add_cells("CL", np.array([*children[:4], children[0]]))
    area.add_cells("TBC", np.array(children[:1]))
    area.add_cells("CL", np.array([h3.str_to_int(h3.cell_to_parent(h3.int_to_str(int(CELLS[-1])), 7))]))
    assert shares(area, "TBC")[0] == pytest.approx(1 / 7)
    assert shares(area, "CL")[0] == pytest.approx(3 / 7)
    assert shares(area, "CL")[-1] == 1


def test_known_places_are_told_from_covered_ones() -> None:
    west, east = box(WEST, SOUTH - 9, WEST + 2_000, NORTH + 9), box(WEST + 2_000, SOUTH - 9, WEST + 2_600, NORTH + 9)
    area = area_of(("", [west]), (None, [east]))
    table, known = area.shares()
    share = table.set_index("h3_r8")["declared_share"].reindex(CELLS, fill_value=0.0)
    assert share.to_numpy() == pytest.approx(exact(west), abs=1e-6)
    spoken = known.set_index("h3_r8")["known_share"].reindex(CELLS, fill_value=0.0)
    assert spoken.to_numpy() == pytest.approx(exact(west) + exact(east), abs=1e-6)


def test_more_levels_than_layers_are_refused() -> None:
    area = area_of(*[(f"L{number}", [box(0, 0, 1, 1)]) for number in range(7)])
    with pytest.raises(ValueError, match="at most 7 levels"):
        area.add_polygons("L7", np.array([box(0, 0, 1, 1)]))


def test_a_hexagon_with_a_hole_well_inside_keeps_the_rest_where_no_territory_is_given() -> None:
    """H3 finds no overlap there: neither outline crosses the other."""
    area = DeclaredArea(Plane(CRS.from_epsg(LAMBERT_93)))
    around = shapely.buffer(HEXAGONS[3], 5_000).difference(shapely.buffer(shapely.centroid(HEXAGONS[3]), 150))
    area.add_polygons("", np.array([around], dtype=object))
    assert shares(area) == pytest.approx(exact(around), abs=1e-4)

import h3
import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, outlines, parent

points = st.tuples(st.floats(-80, 80), st.floats(-180, 180))


@given(point=points, resolution=st.integers(0, 9))
def test_parents_are_those_of_h3(point: tuple[float, float], resolution: int) -> None:
    cell = h3.latlng_to_cell(*point, 10)
    expected = h3.str_to_int(h3.cell_to_parent(cell, resolution))
    assert parent(h3.str_to_int(cell), resolution) == expected
    assert parent(np.array([h3.str_to_int(cell)]), resolution).tolist() == [expected]


def test_the_hexagon_of_a_point_is_the_parent_of_its_resolution_9_cell() -> None:
    rng = np.random.default_rng(1)
    fixes = np.column_stack([rng.uniform(46, 48, 500), rng.uniform(2, 6, 500)])
    stored = np.array([h3.str_to_int(h3.latlng_to_cell(*fix, 10)) for fix in fixes])
    direct = np.array([h3.str_to_int(h3.latlng_to_cell(*fix, 8)) for fix in fixes])
    assert (parent(parent(stored, 9), 8) == parent(stored, 8)).all()
    assert (parent(stored, 8) != direct).any()


def test_outlines_are_hexagons_in_metres_that_do_not_overlap() -> None:
    disk = np.array([h3.str_to_int(cell) for cell in h3.grid_disk(h3.latlng_to_cell(47.0, 3.5, 8), 2)])
    shapes = outlines(disk, LAMBERT_93)
    assert shapely.area(shapes).sum() == pytest.approx(shapely.area(shapely.union_all(shapes)), rel=1e-9)
    assert shapely.area(shapes)[0] == pytest.approx(h3.cell_area(h3.int_to_str(int(disk[0])), unit="m^2"), rel=5e-3)
    assert outlines(np.empty(0, dtype=np.int64), LAMBERT_93).size == 0


def test_covering_has_every_hexagon_that_touches_the_area() -> None:
    speck = Polygon([(3.5, 47.0), (3.5001, 47.0), (3.5001, 47.0001), (3.5, 47.0001)])
    assert h3.str_to_int(h3.latlng_to_cell(47.00005, 3.50005, 8)) in covering([speck])
    assert len(covering([speck])) <= 3
    assert covering([]).size == 0


@given(east=st.floats(-0.02, 0.02), north=st.floats(-0.02, 0.02), radius=st.floats(1e-4, 0.015))
@settings(max_examples=40, deadline=None)
def test_a_hole_takes_out_the_hexagons_wholly_inside_it_and_no_other(east: float, north: float, radius: float) -> None:
    disc = shapely.Point(3.5, 47.0).buffer(0.05)
    hole = shapely.Point(3.5 + east, 47.0 + north).buffer(radius)
    cells = covering([disc])
    left = shapely.area(shapely.difference(outlines(cells, WGS_84), hole)) > 1e-12
    assert covering([disc - hole]).tolist() == cells[left].tolist()
    island = shapely.MultiPolygon([disc - hole, shapely.affinity.scale(hole, 0.5, 0.5)])
    assert set(cells[left]) <= set(covering([island])) <= set(cells)

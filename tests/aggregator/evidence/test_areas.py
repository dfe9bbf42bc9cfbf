import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from aggregator.evidence.areas import overlaps, polygons_of, subdivided

HEXAGONS = np.array(
    [
        Polygon([(x + 500 * math.cos(turn), y + 500 * math.sin(turn)) for turn in np.arange(6) * math.pi / 3])
        for x in range(0, 3_000, 750)
        for y in range(0, 3_000, 866)
    ]
)


def star(x: float, y: float, radii: list[float]) -> Polygon:
    turns = np.linspace(0, 2 * math.pi, len(radii), endpoint=False)
    return Polygon([(x + r * math.cos(t), y + r * math.sin(t)) for r, t in zip(radii, turns, strict=True)])


coordinate = st.floats(-200, 3_200)
stars = st.builds(star, coordinate, coordinate, st.lists(st.floats(20, 1_500), min_size=5, max_size=700))


def shares(shape: Polygon) -> list[float]:
    pieces, _ = subdivided(polygons_of(np.array([shape]))[0])
    _, hexagon, area = overlaps(pieces, HEXAGONS)
    found: list[float] = (np.bincount(hexagon, area, len(HEXAGONS)) / shapely.area(HEXAGONS)).tolist()
    return found


@settings(max_examples=40, deadline=None)
@given(shape=stars)
def test_pieces_share_the_exact_area_with_each_hexagon(shape: Polygon) -> None:
    expected = shapely.area(shapely.intersection(shapely.make_valid(shape), HEXAGONS)) / shapely.area(HEXAGONS)
    assert shares(shape) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(shape=stars)
def test_pieces_are_small_and_make_up_the_whole(shape: Polygon) -> None:
    pieces, owners = subdivided(np.array([shape, box(0, 0, 1, 1)]), largest=64)
    assert shapely.get_num_coordinates(pieces).max() <= 64
    assert shapely.area(pieces[owners == 0]).sum() == pytest.approx(shape.area, rel=1e-9)
    assert (owners == 1).sum() == 1


def test_a_hole_is_not_covered_and_a_hexagon_inside_is() -> None:
    inner = shapely.buffer(HEXAGONS[5], 10)
    assert shares(inner)[5] == pytest.approx(1)
    assert shares(box(-5_000, -5_000, 9_000, 9_000).difference(inner))[5] == 0


def test_what_is_no_polygon_is_dropped_and_what_is_broken_repaired() -> None:
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    mixed = GeometryCollection([Point(0, 0), LineString([(0, 0), (1, 1)]), MultiPolygon([box(0, 0, 1, 1)])])
    polygons, owners = polygons_of(np.array([bow_tie, None, mixed, Point(1, 1), Polygon()]))
    assert shapely.area(polygons).tolist() == [1, 1, 1]
    assert owners.tolist() == [0, 0, 2]

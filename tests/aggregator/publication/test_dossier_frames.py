"""Maps on paper: where things land, what is cut, which names find room."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publication.dossiers.frames import frame_around, labels

FRAME = frame_around((700_000.0, 6_600_000.0, 708_000.0, 6_604_000.0), 120.0, 100.0, 0.1)


def test_metres_become_millimetres_from_the_upper_left() -> None:
    """8 km and 10 % on each side on 120 mm: 80 m for a millimetre, and what is wide is in the middle of the height."""
    assert FRAME.metres_per_mm == pytest.approx(80.0)
    assert FRAME.placed(np.array([[704_000.0, 6_602_000.0]])) == [[60.0, 50.0]]
    assert FRAME.placed(np.array([[699_200.0, 6_606_000.0]])) == [[0.0, 0.0]]
    assert FRAME.placed(np.array([[708_800.0, 6_598_000.0]])) == [[120.0, 100.0]]
    assert FRAME.scale_bar() == {"mm": 25.0, "text": "2 km"}


def test_areas_are_cut_to_the_frame_and_keep_their_holes() -> None:
    beyond = shapely.box(690_000, 6_590_000, 704_000, 6_602_000)
    (cut,) = FRAME.rings([beyond])
    assert sorted(map(tuple, cut[0][:-1])) == [(0.0, 50.0), (0.0, 100.0), (60.0, 50.0), (60.0, 100.0)]
    holed = shapely.Polygon(shapely.box(700_000, 6_600_000, 704_000, 6_604_000).exterior, [
        shapely.box(701_000, 6_601_000, 702_000, 6_602_000).exterior,
    ])  # fmt: skip
    ((outer, hole),) = FRAME.rings([holed])
    assert (len(outer), len(hole)) == (5, 5)
    assert FRAME.rings([shapely.box(0, 0, 1, 1)]) == []


def test_a_border_that_two_share_is_drawn_once() -> None:
    left, right = (
        shapely.box(700_000, 6_600_000, 702_000, 6_602_000),
        shapely.box(702_000, 6_600_000, 704_000, 6_602_000),
    )
    drawn = sum(shapely.LineString(line).length for line in FRAME.lines([left, right]))
    assert drawn == pytest.approx(14_000 / FRAME.metres_per_mm, abs=0.1)
    assert FRAME.lines([]) == []


@given(
    st.lists(st.tuples(st.text("abcdéœ -", min_size=1, max_size=25), st.floats(0, 120), st.floats(0, 100)), max_size=30)
)
def test_labels_stay_on_the_map_and_apart(names: list[tuple[str, float, float]]) -> None:
    point = (50.0, 40.0, 54.0, 44.0)
    taken = [point]
    placed = labels(FRAME, names, taken)
    assert len(placed) == len(taken) - 1
    boxes = [shapely.box(*box) for box in taken]
    for number, box in enumerate(boxes):
        assert shapely.box(0, 0, 120, 100).contains(box)
        assert not any(box.intersection(other).area > 1e-9 for other in boxes[:number])


def test_the_first_name_wins_where_there_is_room_for_one() -> None:
    all_but_a_strip = [(0.0, 0.0, 120.0, 50.0), (0.0, 53.5, 120.0, 100.0)]
    placed = labels(FRAME, [("Decize", 60.0, 50.0), ("Champvert", 61.0, 50.0)], all_but_a_strip)
    assert placed == [{"text": "Decize", "x": 60.0, "y": 51.82}]


def test_the_border_of_an_area_around_the_frame_is_not_drawn() -> None:
    assert FRAME.lines([shapely.box(690_000, 6_590_000, 720_000, 6_620_000)]) == []

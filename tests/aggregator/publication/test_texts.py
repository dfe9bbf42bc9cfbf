"""JSON that is put together from pieces says what the table says."""

import json
from math import isfinite
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publication.reading import texts

words = st.none() | st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["a", 'q"\\', "\x7f\n", "é"])
whole = st.none() | st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1)
real = st.none() | st.sampled_from([0.0, 1.0, 0.25, 1e300, 1e-7, float("nan"), float("inf")])
rows = st.lists(st.tuples(words, whole, real, st.none() | st.booleans(), words), max_size=12)
NAMES = ["text", "count", "share", "claimed", 'odd "name"']
TYPES = [pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.string()]


def table_of(found: list[tuple[Any, ...]]) -> pa.Table:
    columns = [pa.array([row[place] for row in found], kind) for place, kind in enumerate(TYPES)]
    coded = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in columns]
    return pa.table(coded, names=NAMES)


def told_of(found: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows as JSON can say them."""
    return [{name: sayable(value) for name, value in zip(NAMES, row, strict=True)} for row in found]


def sayable(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


@given(found=rows, most=st.integers(1, 30), data=st.data())
def test_objects_say_what_the_rows_say(found: list[tuple[Any, ...]], most: int, data: st.DataObject) -> None:
    members = texts.members(table_of(found))
    chosen = data.draw(st.lists(st.integers(0, len(found) - 1), max_size=8)) if found else []
    wanted = [told_of(found)[row] for row in chosen]
    places = pa.array(chosen, pa.int64())
    for table in (members, texts.packed(members, most)):
        assert json.loads(b"[" + bytes(texts.objects(table.take(places))) + b"]") == wanted
    few = members.select(["share", "text"]).take(places)
    assert json.loads(b"[" + bytes(texts.objects(few)) + b"]") == [
        {name: row[name] for name in ("share", "text")} for row in wanted
    ]


@given(found=rows, most=st.integers(1, 30))
def test_features_have_ids_geometries_and_properties(found: list[tuple[Any, ...]], most: int) -> None:
    table = texts.packed(texts.members(table_of(found)), most)
    ids = pa.array([f'n"{number}' for number in range(len(found))], pa.string())
    places = pa.array([f'{{"type":"Point","coordinates":[{number},0]}}' for number in range(len(found))], pa.string())
    told = json.loads(b"[" + bytes(texts.features(table, ids, places)) + b"]")
    assert [feature["properties"] for feature in told] == told_of(found)
    assert [feature["id"] for feature in told] == ids.to_pylist()
    assert [feature["geometry"]["coordinates"][0] for feature in told] == list(range(len(found)))


@pytest.mark.parametrize(("most", "pieces"), [(1, 3), (2, 2), (4, 1)])
def test_neighbours_are_one_piece_while_few_combinations_of_them_occur(most: int, pieces: int) -> None:
    table = pa.table({"a": [1, 1, 2, 2], "b": ["x", "x", "y", "y"], "c": [1, 2, 3, 4]})
    coded = table.set_column(1, "b", table["b"].combine_chunks().dictionary_encode())
    assert texts.packed(texts.members(coded), most).num_columns == pieces


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_texts_of_any_length_of_offset_are_quoted(kind: pa.DataType) -> None:
    table = pa.table({"name": pa.array(["x", 'a"b', None], kind)})
    assert json.loads(b"[" + bytes(texts.objects(texts.members(table))) + b"]") == table.to_pylist()


def test_a_number_with_a_fraction_keeps_its_point() -> None:
    told = bytes(texts.objects(texts.members(pa.table({"share": [1.0, 0.5, None], "count": [1, 2, None]}))))
    assert told.decode().split(texts.BETWEEN) == [
        '{"share":1.0,"count":1}',
        '{"share":0.5,"count":2}',
        '{"share":null,"count":null}',
    ]

"""Rows as JSON text: what each column says was written when its release was read, answers only put it together.

Most columns of a release have few values, and neighbours few combinations of them: ``"operator":"20801","technology":
"4G",…`` is kept once and named by number. A thousand rows of forty columns are then some ten pieces each.
"""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_TO_ESCAPE = r'["\\\x00-\x1f\x7f]'
MOST_COMBINATIONS = 20_000
"""Ours: of neighbouring columns that are written as one: some megabytes of text."""
BETWEEN = ",\n"


def members(table: pa.Table) -> pa.Table:
    """Each column as a dictionary of the members of JSON objects that it makes (n,), such as ``"tests":12``."""
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        whole = column.combine_chunks()
        if not pa.types.is_dictionary(whole.type):
            whole = whole.dictionary_encode(null_encoding="encode")
        elif whole.null_count:
            known = pa.concat_arrays([whole.dictionary, pa.nulls(1, whole.dictionary.type)])
            whole = pa.DictionaryArray.from_arrays(whole.indices.fill_null(len(known) - 1), known)
        told = pc.binary_join_element_wise(f"{json.dumps(name)}:", _values(whole.dictionary), "")
        columns.append(pa.DictionaryArray.from_arrays(whole.indices, told))
    return pa.table(columns, names=table.column_names)


def packed(table: pa.Table, most: int = MOST_COMBINATIONS) -> pa.Table:
    """Columns of :func:`members` with neighbours as one, while no more combinations of them occur than ``most``."""
    columns: list[pa.DictionaryArray] = []
    for column in table.columns:
        whole = column.combine_chunks()
        together = _together(columns[-1], whole, most) if columns else None
        columns[-1:] = [together] if together is not None else [*columns[-1:], whole]
    return pa.table(columns, names=[str(number) for number in range(len(columns))])


def _together(one: pa.DictionaryArray, other: pa.DictionaryArray, most: int) -> pa.DictionaryArray | None:
    if max(len(one.dictionary), len(other.dictionary)) > most:
        return None
    pairs = one.indices.to_numpy().astype(np.int64) * len(other.dictionary) + other.indices.to_numpy()
    codes, found = pd.factorize(pairs)
    if len(found) > most:
        return None
    first, second = np.divmod(found, max(1, len(other.dictionary)))
    before, after = one.dictionary.take(pa.array(first)), other.dictionary.take(pa.array(second))
    told = pc.binary_join_element_wise(before, after, ",")
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), told)


def objects(table: pa.Table) -> memoryview:
    """JSON objects of some rows of :func:`members` or :func:`packed`, with a comma and a line's end between them.

    Returns:
        UTF-8, not copied out of where it was put together.
    """
    return _joined(["{", *_separated(table), "}"], table.num_rows)


def features(table: pa.Table, ids: pa.Array, geometries: pa.Array) -> memoryview:
    """The same as GeoJSON features.

    Args:
        table: properties, as for :func:`objects`.
        ids: each row's id.
        geometries: GeoJSON of each row.
    """
    before = ['{"type":"Feature","id":', _quoted(ids), ',"geometry":', geometries, ',"properties":{']
    return _joined([*before, *_separated(table), "}}"], table.num_rows)


def _separated(table: pa.Table) -> list[object]:
    parts: list[object] = []
    for column in table.columns:
        parts += [",", column.combine_chunks().dictionary_decode()]
    return parts[1:]


def _joined(parts: list[object], count: int) -> memoryview:
    """An array's texts stand one after the other in its buffer."""
    if not count:
        return memoryview(b"")
    whole = pc.binary_join_element_wise(*parts, BETWEEN, "")
    first, last = whole.offset, whole.offset + count
    offsets = np.frombuffer(whole.buffers()[1], dtype=np.int32)
    return memoryview(whole.buffers()[2]).cast("B")[offsets[first] : offsets[last] - len(BETWEEN)]


def _values(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        text = pc.if_else(pc.is_finite(values), values, None).cast(pa.string())
        # readers guess a column's type from its first values: 1.0 is no integer
        text = pc.if_else(pc.match_substring_regex(text, "[.e]"), text, pc.binary_join_element_wise(text, ".0", ""))
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        text = _quoted(values)
    else:
        text = values.cast(pa.string())
    return pc.fill_null(text, "null") if text.null_count else text


def _quoted(texts: pa.Array) -> pa.Array:
    plain = texts.cast(pa.string())
    if pc.any(pc.match_substring_regex(plain, _TO_ESCAPE)).as_py():
        told = [None if text is None else json.dumps(text, ensure_ascii=False) for text in plain.to_pylist()]
        return pa.array(told, pa.string())
    return pc.binary_join_element_wise('"', plain, '"', "")

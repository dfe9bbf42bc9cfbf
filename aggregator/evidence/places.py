"""Places that a table names by columns: squares of a grid, and H3 cells."""

from typing import Any

import h3
import numpy as np
import pandas as pd

from aggregator.evidence.coverage_file import Part
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import Cells
from aggregator.evidence.layout import Place
from aggregator.evidence.squares import Floats, Grid, Integers
from client_sdk.messages import tr

ROUNDING = 1e-3
"""Ours: how far from its place on the grid, in squares, a centre or a corner may be."""


def squares_in(part: Part, place: Place, table: pd.DataFrame) -> tuple[Grid, Integers, Integers]:
    """The grid of a table's squares, and the column and row of each (n,).

    Raises:
        EvidenceError: a column is missing, or a value does not name a square of the grid.
    """
    if place.square:
        west, south = _corners(part, place, table)
    else:
        west, south = (_numbers(part, table, column) for column in (place.x, place.y))
        if place.anchor == "centre":
            west, south = west - place.side / 2, south - place.side / 2
    # the grid's own corner: where the squares lie on it, whatever the first one is
    corner = [float(start[0]) % place.side if len(start) else 0.0 for start in (west, south)]
    grid = Grid(corner[0], corner[1], place.side, place.side)
    positions = grid.position(np.column_stack([west, south]))
    squares = np.round(positions).astype(np.int64)
    off = np.abs(positions - squares).max(axis=1, initial=0.0) > ROUNDING
    if off.any():
        at = table.index[off][0]
        raise EvidenceError(
            tr(
                f"{part.name}, row {at + 1}: x {west[off][0]:.10g}, y {south[off][0]:.10g} is no corner of a grid of "
                f"side {place.side:g}",
                f"{part.name}, ligne {at + 1} : x {west[off][0]:.10g}, y {south[off][0]:.10g} n’est pas un coin d’une "
                f"grille de côté {place.side:g}",
            )
        )
    return grid, squares[:, 0], squares[:, 1]


def cells_in(part: Part, place: Place, table: pd.DataFrame) -> Cells:
    """The H3 cells (n,) of a table.

    Raises:
        EvidenceError: the column is missing, or a value is no H3 cell.
    """
    values = _column(part, table, place.h3)
    codes, written = pd.factorize(values)
    cells = np.array([_cell(part, place, value) for value in written], dtype=np.int64)
    if (codes < 0).any():
        raise EvidenceError(
            tr(
                f"{part.name}: {place.h3} is empty, expected an H3 cell",
                f"{part.name} : {place.h3} est vide ; attendu : une cellule H3",
            )
        )
    return np.asarray(cells[codes])


def _cell(part: Part, place: Place, value: Any) -> int:
    text = value.strip() if isinstance(value, str) else h3.int_to_str(int(value))
    if text.isdigit() and len(text) > 16:
        text = h3.int_to_str(int(text))
    if not h3.is_valid_cell(text):
        raise EvidenceError(
            tr(
                f"{part.name}: {place.h3} is {value!r}, expected an H3 cell",
                f"{part.name} : {place.h3} vaut {value!r} ; attendu : une cellule H3",
            )
        )
    return int(h3.str_to_int(text))


def _corners(part: Part, place: Place, table: pd.DataFrame) -> tuple[Floats, Floats]:
    names = _column(part, table, place.square).astype(str)
    corners = names.str.extract(f"^{place.pattern}$")
    if corners.isna().to_numpy().any():
        wrong = names[corners.isna().any(axis=1)].iloc[0]
        raise EvidenceError(
            tr(
                f"{part.name}: {place.square} is {wrong!r}, expected the pattern {place.pattern}",
                f"{part.name} : {place.square} vaut {wrong!r} ; attendu : le motif {place.pattern}",
            )
        )
    unit = place.unit_m or place.side
    return corners["east"].to_numpy(np.float64) * unit, corners["north"].to_numpy(np.float64) * unit


def _numbers(part: Part, table: pd.DataFrame, column: str) -> Floats:
    values = _column(part, table, column)
    texts = values.astype(str).str.strip().str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise EvidenceError(
            tr(
                f"{part.name}: {column} is {texts[wrong].iloc[0]!r}, expected a coordinate",
                f"{part.name} : {column} vaut {texts[wrong].iloc[0]!r} ; attendu : une coordonnée",
            )
        )
    return numbers


def _column(part: Part, table: pd.DataFrame, column: str) -> "pd.Series[Any]":
    if column.lower() not in table.columns:
        there = ", ".join(part.fields.values())
        raise EvidenceError(
            tr(
                f"{part.name}: not a table with the column {column}; it has {there}",
                f"{part.name} : pas de colonne {column} ; il y a {there}",
            )
        )
    return table[column.lower()]

"""What a line is called and of which kind it is, read from the columns that usual layers have.

Known layers: BD TOPO and ROUTE 500 of the IGN, the rail network of SNCF Réseau, OpenStreetMap extracts, Arcep's axes.
Column names are compared in lower case.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_NAMES = ("name", "nom", "lib_ligne", "axis_name", "nom_voie", "nom_coll_g", "nom_1_g", "toponyme", "cpx_toponyme")
_NUMBERS = ("numero", "cpx_numero", "num_route", "ref")

NAME_COLUMNS = MappingProxyType({"roads": (*_NUMBERS, *_NAMES), "railways": (*_NAMES, *_NUMBERS)})
"""Tried in this order: of each line the first that is not empty is its name. A road is known by its number: its name
changes from village to village."""

# Ours, after the layers' own documentation: main is what links towns (importance 1 to 3 of the BD TOPO, main and
# regional links of ROUTE 500, primary and secondary roads of OpenStreetMap).
_MAIN = MappingProxyType(
    {
        "importance": frozenset("123"),
        "vocation": frozenset(("type autoroutier", "liaison principale", "liaison régionale")),
        "highway": frozenset(("motorway", "trunk", "primary", "secondary")),
        "fclass": frozenset(("motorway", "trunk", "primary", "secondary")),
        "cl_admin": frozenset(("autoroute", "nationale")),
        "class_adm": frozenset(("autoroute", "nationale")),
        "nature": frozenset(("type autoroutier", "autoroute", "quasi-autoroute", "route à 2 chaussées")),
        "class": frozenset(("motorway", "trunk", "primary", "secondary", "autoroute", "nationale", "main")),
        "kind": frozenset(("main",)),
    }
)
"""Columns that tell a main road, the first one present counts, and their values for it."""

_NO_ROAD = frozenset(
    (
        *("chemin", "sentier", "escalier", "piste cyclable", "bac ou liaison maritime", "bac auto", "bac piéton"),
        *("footway", "path", "steps", "cycleway", "bridleway", "pedestrian", "track", "corridor", "platform"),
        *("track_grade1", "track_grade2", "track_grade3", "track_grade4", "track_grade5"),
        *("construction", "proposed", "raceway", "via_ferrata", "elevator"),
    )
)
"""Ways that no ordinary car takes."""

_NO_RAILWAY = frozenset(
    (
        *(
            "voie de service",
            "voie non exploitée",
            "en construction",
            "fermée",
            "déclassée",
            "funiculaire ou crémaillère",
        ),
        *(
            "abandoned",
            "disused",
            "construction",
            "proposed",
            "razed",
            "dismantled",
            "platform",
            "station",
            "funicular",
        ),
        *("miniature", "yard", "siding", "spur", "crossover"),
    )
)
"""Tracks on which no passenger travels."""

_CLASS_COLUMNS = ("nature", "etat", "statut", "highway", "fclass", "railway", "service", "mnemo", "class")


def names_of(table: pd.DataFrame, layer: str, column: str | None) -> "pd.Series[str]":
    """Name of each line, empty where it has none; from ``column``, or from the layer's :data:`NAME_COLUMNS`."""
    if column is not None:
        return _text(table[column])
    names = pd.Series("", index=table.index)
    for found in _present(table, NAME_COLUMNS[layer]):
        names = names.where(names != "", _text(table[found]))
    return names


def road_kinds(table: pd.DataFrame) -> "tuple[pd.Series[str], str | None]":
    """``main`` or ``other`` for each road, and the column that told; without one, all are ``other``."""
    found = next(iter(_present(table, tuple(_MAIN))), None)
    if found is None:
        return pd.Series("other", index=table.index), None
    values = _text(table[found]).str.lower().str.removesuffix("_link").str.removesuffix(".0")
    main = values.isin(_MAIN[found.lower()])
    return main.map({True: "main", False: "other"}), found


def is_road(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether ordinary cars take each line (n,)."""
    return _without(table, _NO_ROAD.__contains__)


def is_railway(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether passengers may travel on each line (n,)."""
    return _without(table, _NO_RAILWAY.__contains__)


def _without(table: pd.DataFrame, refused: Callable[[str], bool]) -> NDArray[np.bool_]:
    kept = np.ones(len(table), dtype=bool)
    for column in _present(table, _CLASS_COLUMNS):
        kept &= ~_text(table[column]).str.lower().map(refused).to_numpy(bool)
    return kept


def _present(table: pd.DataFrame, wanted: tuple[str, ...]) -> list[str]:
    by_name = {str(column).lower(): str(column) for column in table.columns}
    return [by_name[name] for name in wanted if name in by_name]


def _text(column: pd.Series) -> "pd.Series[str]":
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    return text.mask(text.isin(["NC", "NR", "None", "nan"]), "")

"""Territories of the observatory, and what each hexagon holds of each commune: surface, people, roads, railways.

A hexagon belongs to communes by the area it shares with each. A stretch of a line within a hexagon belongs to the
commune that holds its middle. The other territories are sums of communes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.evidence.declared_statistics import commune_hexagons
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.evidence.lines import LineKind, read_lines
from aggregator.evidence.regions import region_of
from aggregator.evidence.territory import commune_of, grid_people
from aggregator.publication.departements import DEPARTEMENTS

UNITS = {"surface": "km2", "population": "people", "roads": "km", "main_roads": "km", "railways": "km"}
"""Measure → unit; main roads are part of roads."""

LINES: tuple[LineKind, ...] = ("roads", "railways")

KINDS = ("territory", "departement", "epci", "commune")
WHOLE = "territory"
_SMALL = {"de", "d", "du", "des", "et", "en", "l", "la", "le", "les", "sur"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Territories and what lies in them.

    Attributes:
        table: one row per territory, the whole first, then départements, EPCI and communes, each by code: ``kind, code,
            name, departement, epci`` (the last two of communes; texts, empty where unknown).
        centres: latitude and longitude of each commune (communes, 2).
        pieces: one row per commune and hexagon that share area or a line: ``commune`` (position among the communes),
            ``h3_r8``, and one column for each of :data:`UNITS` that is known.
        membership: for each kind, position of each commune's territory among those of the kind (communes,), −1: none.
    """

    table: pd.DataFrame
    centres: NDArray[np.float64]
    pieces: pd.DataFrame
    membership: dict[str, NDArray[np.intp]]

    @property
    def measures(self) -> list[str]:
        """Those that are known, in the order of :data:`UNITS`."""
        return [name for name in UNITS if name in self.pieces]

    def of_kind(self, kind: str) -> pd.DataFrame:
        """Rows of one kind, numbered from 0."""
        return self.table[self.table["kind"] == kind].reset_index(drop=True)

    def summed(self, by_commune: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
        """Sums over the communes of each territory: (communes, …) → (territories of the kind, …)."""
        member = self.membership[kind]
        sums = np.zeros((len(self.of_kind(kind)), *by_commune.shape[1:]))
        np.add.at(sums, member[member >= 0], by_commune[member >= 0])
        return sums


def read_places(territory: Path, communes: gpd.GeoDataFrame, within: NDArray[np.int64] | None) -> Places:
    """Territories of a directory.

    Args:
        territory: its directory, for people on a grid, roads and railways.
        communes: as ``territory.read_communes`` gives them; EPCI where they have ``epci``.
        within: hexagons of the territory; None for all.
    """
    ordered = communes.sort_values("insee_com", ignore_index=True)
    held = commune_hexagons(ordered, grid_people(territory))
    held = held.rename(columns={"area_km2": "surface", "people": "population"})
    held["commune"] = pd.Index(ordered["insee_com"]).get_indexer(held["insee_com"])
    parts = [held[["commune", "h3_r8", "surface", "population"]]]
    for measure in LINES:
        lines = read_lines(territory, measure)
        if lines is not None and len(lines):
            parts.append(_along(lines, ordered, measure))
    pieces = pd.concat(parts, ignore_index=True).groupby(["commune", "h3_r8"], as_index=False).sum()
    if within is not None:
        pieces = pieces[pieces["h3_r8"].isin(within)].reset_index(drop=True)
        kept = np.unique(pieces["commune"].to_numpy())
        ordered = ordered.iloc[kept].reset_index(drop=True)
        pieces["commune"] = np.searchsorted(kept, pieces["commune"].to_numpy())
    return _places(ordered, pieces)


def _along(lines: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, measure: LineKind) -> pd.DataFrame:
    """Kilometres of lines by commune and hexagon; of roads, those of main roads beside."""
    cuts = cut_by_hexagons(np.asarray(lines.geometry.to_crs(LAMBERT_93).to_numpy()))
    middles = projected(
        shapely.line_interpolate_point(cuts.geometry.to_numpy(), 0.5, normalized=True), LAMBERT_93, WGS_84
    )
    km = (cuts["end_m"] - cuts["start_m"]) / 1000
    commune = commune_of(communes, shapely.get_y(middles), shapely.get_x(middles))
    table = pd.DataFrame({"commune": commune, "h3_r8": cuts["h3_r8"], measure: km})
    if measure == "roads":
        table["main_roads"] = km.where(lines["kind"].to_numpy()[cuts["line"]] == "main", 0.0)
    return table[table["commune"] >= 0]


def _places(communes: gpd.GeoDataFrame, pieces: pd.DataFrame) -> Places:
    departement = communes["insee_dep"].astype("str").to_numpy()
    epci = _texts(communes, "epci")
    names = {code: name for code, name in zip(epci, _texts(communes, "epci_name"), strict=True) if code}
    departements, unions = sorted(set(departement)), sorted(names)
    rows = [(WHOLE, WHOLE, whole_name(departements), "", "")]
    rows += [("departement", code, departement_name(code), "", "") for code in departements]
    rows += [("epci", code, names[code] or code, "", "") for code in unions]
    rows += list(
        zip(
            ["commune"] * len(communes),
            communes["insee_com"].astype("str"),
            communes["name"].astype("str"),
            departement,
            epci,
            strict=True,
        )
    )
    membership = {
        WHOLE: np.zeros(len(communes), dtype=np.intp),
        "departement": np.searchsorted(np.array(departements, dtype=object), departement),
        "epci": pd.Index(unions, dtype=object).get_indexer(pd.Index(epci, dtype=object)),
        "commune": np.arange(len(communes), dtype=np.intp),
    }
    table = pd.DataFrame(rows, columns=["kind", "code", "name", "departement", "epci"], dtype="str")
    centres = communes[["latitude", "longitude"]].to_numpy(np.float64)
    return Places(table=table, centres=centres, pieces=pieces, membership=membership)


def _texts(communes: gpd.GeoDataFrame, name: str) -> list[str]:
    if name not in communes:
        return [""] * len(communes)
    texts: list[str] = communes[name].astype("object").fillna("").astype("str").to_list()
    return texts


def whole_name(departements: Sequence[str]) -> str:
    """Name of the région that départements make up, or empty where they are no whole région."""
    regions = {region_of(code) for code in departements}
    known = [code for code in DEPARTEMENTS if region_of(code) in regions]
    if len(regions) == 1 and regions != {""} and set(known) == set(departements):
        return proper(DEPARTEMENTS[known[0]][1])
    return ""


def departement_name(code: str) -> str:
    """Name of a département as French writes it, or its code where it is not one of metropolitan France."""
    return proper(DEPARTEMENTS[code][0]) if code in DEPARTEMENTS else code


def proper(capitals: str) -> str:
    """``SAÔNE-ET-LOIRE`` as ``Saône-et-Loire``."""
    words = re.split(r"([-' ])", capitals.lower())
    return "".join(word if place and word in _SMALL else word.capitalize() for place, word in enumerate(words))

"""Communes with their outlines: official ones, or Voronoi cells of their centres, which say so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyogrio.errors import DataSourceError

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, projected
from aggregator.evidence.tables import numbers, read_table
from client_sdk.messages import tr

COLUMNS = [
    "insee_com",
    "name",
    "population",
    "insee_dep",
    "latitude",
    "longitude",
    "outline_kind",
    "geometry",
]

EPCI = {"epci": ("epci", "code_epci", "siren_epci"), "epci_name": ("epci_name", "nom_epci", "epci_nom")}
"""Columns added where the file has one of these names, capitals or not: the code and the name of the EPCI (the group of
communes), empty for a commune of none."""

HULL_MARGIN_M = 3_000
"""Voronoi cells end this far outside the hull of the centres: about the reach of a small commune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunesImported:
    """What an import of communes did.

    Attributes:
        communes: kept, with ``people`` in all.
        merged: codes that had several outlines, now one.
        without_population: codes that the population file lacks; their population is 0.
        without_outline: codes of the population file that have no outline, with ``people_without_outline`` in all:
            the two files are of different years.
    """

    communes: int
    people: int
    merged: tuple[str, ...] = ()
    without_population: tuple[str, ...] = ()
    without_outline: tuple[str, ...] = ()
    people_without_outline: int = 0

    def text(self) -> str:
        """For people."""
        return tr(
            f"{self.communes} communes, {self.people} people; {len(self.without_population)} without population, "
            f"{self.people_without_outline} people without outline.",
            f"{self.communes} communes, {self.people} habitants ; {len(self.without_population)} sans population, "
            f"{self.people_without_outline} habitants sans contour.",
        )


def communes_from_centres(file: Path) -> tuple[gpd.GeoDataFrame, CommunesImported]:
    """Voronoi cells of the centres in ``insee_com,name,population,latitude,longitude``.

    Raises:
        EvidenceError: a column is missing, a value is not a number, a code comes twice, or two communes share a centre.
    """
    table = read_table(file, required=("insee_com", "name", "population", "latitude", "longitude"))
    codes = table["insee_com"].str.strip()
    if codes.duplicated().any():
        raise EvidenceError(
            tr(
                f"{file}: insee_com {codes[codes.duplicated()].iloc[0]} comes twice, expected one centre each",
                f"{file} : insee_com {codes[codes.duplicated()].iloc[0]} vient deux fois ; attendu : un seul centre",
            )
        )
    latitude = numbers(file, table, "latitude", -90, 90)
    longitude = numbers(file, table, "longitude", -180, 180)
    centres = projected(shapely.points(longitude, latitude), WGS_84, LAMBERT_93)
    cells = voronoi_cells(file, centres, codes.to_list())
    return _frame(
        codes,
        table["name"].str.strip(),
        numbers(file, table, "population", 0, 1e8),
        latitude,
        longitude,
        "voronoi",
        projected(cells, LAMBERT_93, WGS_84),
        _epci(table),
    )


def voronoi_cells(file: Path, centres: Shapes, codes: list[str]) -> Shapes:
    """The cell of each centre (n,), cut at a margin around the hull of all; together they cover it without overlap."""
    hull = shapely.buffer(shapely.convex_hull(shapely.multipoints(centres)), HULL_MARGIN_M)
    if len(centres) == 1:
        return np.array([hull], dtype=object)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(centres), extend_to=hull))
    centre, cell = shapely.STRtree(cells).query(centres, predicate="within")
    if len(centre) != len(centres) or len(np.unique(cell)) != len(centres):
        twice = pd.Series(shapely.to_wkb(centres, hex=True)).duplicated(keep=False).to_numpy()
        named = ", ".join(np.array(codes)[twice][:4]) or "unknown"
        raise EvidenceError(
            tr(
                f"{file}: communes {named} share a centre, expected one place each",
                f"{file} : les communes {named} ont le même centre ; attendu : un lieu pour chacune",
            )
        )
    ordered = np.empty(len(centres), dtype=object)
    ordered[centre] = cells[cell]
    return np.asarray(shapely.intersection(ordered, hull))


def communes_from_outlines(file: Path, population: Path | None) -> tuple[gpd.GeoDataFrame, CommunesImported]:
    """Official outlines in WGS 84 (properties ``code`` and ``nom``), people from a file with ``COM`` and ``PMUN``.

    A code with several outlines becomes one commune, their union; a code with several rows of population their sum.

    Raises:
        EvidenceError: the file has no such properties or no polygon.
    """
    try:
        outlines = gpd.read_file(file)
    except DataSourceError as error:
        raise EvidenceError(
            tr(f"{file}: not a file of outlines ({error})", f"{file} : pas un fichier de contours ({error})")
        ) from error
    missing = {"code", "nom"} - set(outlines.columns)
    if missing:
        raise EvidenceError(
            tr(
                f"{file}: has no property {' nor '.join(sorted(missing))}, expected code and nom",
                f"{file} : pas de propriété {' ni '.join(sorted(missing))} ; attendu : code et nom",
            )
        )
    if outlines.crs is not None:
        outlines = outlines.to_crs(WGS_84)
    outlines["code"] = outlines["code"].astype(str)
    repeated = tuple(sorted(outlines.loc[outlines["code"].duplicated(), "code"].unique()))
    outlines["geometry"] = shapely.make_valid(outlines.geometry.to_numpy())
    outlines = outlines.dissolve("code", aggfunc="first", as_index=False).sort_values("code", ignore_index=True)
    flat = projected(outlines.geometry.to_numpy(), WGS_84, LAMBERT_93)
    inner = projected(shapely.point_on_surface(flat), LAMBERT_93, WGS_84)
    people = _population(population) if population is not None else pd.Series(dtype="float64")
    codes = outlines["code"]
    lacking = people.index.difference(pd.Index(codes))
    frame, summary = _frame(
        codes,
        outlines["nom"],
        codes.map(people).fillna(0).to_numpy(np.float64),
        shapely.get_y(inner),
        shapely.get_x(inner),
        "official",
        outlines.geometry.to_numpy(),
        _epci(outlines),
    )
    return frame, CommunesImported(
        communes=summary.communes,
        people=summary.people,
        merged=repeated,
        without_population=tuple(codes[~codes.isin(people.index)]),
        without_outline=tuple(lacking),
        people_without_outline=int(people[lacking].sum()),
    )


def department_of(insee_com: str) -> str:
    """Département of a commune's INSEE code: two characters, three overseas."""
    return insee_com[:3] if insee_com.startswith(("97", "98")) else insee_com[:2]


def _epci(table: pd.DataFrame) -> dict[str, "pd.Series[str]"]:
    """Columns of :data:`EPCI` that a table of communes has."""
    known = {str(name).lower(): str(name) for name in table.columns}
    found = {name: next((known[own] for own in names if own in known), None) for name, names in EPCI.items()}
    return {
        name: table[column].astype("object").fillna("").astype("str").str.strip()
        for name, column in found.items()
        if column is not None and found["epci"] is not None
    }


def _population(file: Path) -> "pd.Series[float]":
    table = read_table(file, required=("com", "pmun"))
    people = pd.Series(numbers(file, table, "pmun", 0, 1e8), index=table["com"].str.strip())
    return people.groupby(level=0).sum()


def _frame(
    codes: "pd.Series[str]",
    names: "pd.Series[str]",
    population: Any,
    latitude: Any,
    longitude: Any,
    outline_kind: str,
    shapes: Shapes,
    epci: dict[str, "pd.Series[str]"],
) -> tuple[gpd.GeoDataFrame, CommunesImported]:
    frame = gpd.GeoDataFrame(
        {
            "insee_com": codes.to_numpy(),
            "name": names.to_numpy(),
            "population": np.asarray(population).round().astype(np.int64),
            "insee_dep": [department_of(code) for code in codes],
            "latitude": np.asarray(latitude),
            "longitude": np.asarray(longitude),
            "outline_kind": outline_kind,
            **{name: texts.to_numpy() for name, texts in epci.items()},
        },
        geometry=shapes,
        crs=WGS_84,
    )
    frame = frame.sort_values("insee_com", ignore_index=True)[[*COLUMNS[:-1], *epci, "geometry"]]
    return frame, CommunesImported(communes=len(frame), people=int(frame["population"].sum()))

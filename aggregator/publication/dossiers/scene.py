"""What the maps of a release's dossiers may show, in Lambert-93, gathered once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.hexagons import LAMBERT_93, Shapes, outlines
from aggregator.proposals.demand import prevailing
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.parameters import ZoneParameters
from aggregator.proposals.surroundings import Surroundings, points_in_lambert_93
from client_sdk.operators import operator_name

OUTLINE_TOLERANCE_M = 30.0
"""Ours: a quarter of a millimetre on the map of a zone."""
HEXAGON_M = 1500.0
"""More than a hexagon of resolution 8 is wide."""
MAST_M = 100.0
"""Ours: antennas in one square of this side are drawn as one mast."""
SEVERITY = (
    *("contradicted strong", "contradicted moderate", "suspected"),
    *("insufficient", "confirmed", "unclaimed_service"),
)
"""How a hexagon is drawn: by the verdict that speaks most against a map, of the operators that have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything there is to draw.

    Attributes:
        communes: outlines, simplified together.
        names: of the communes.
        centres: (n, 2) of the communes.
        population: of the communes.
        official: whether the outlines are administrative boundaries.
        departements: code → outline.
        roads: main roads, if any are known.
        masts: ``x, y, letters, planned``; letters are the initials of the operators.
        verdicts: prevailing rows of the zones' technology and threshold, of hexagons: the published columns, and
            ``h3_r8``, ``look`` (one of :data:`SEVERITY`, at position ``severity``), ``x``, ``y``.
        cells: hexagons that have a verdict, sorted.
        shapes: their polygons.
    """

    communes: Shapes
    names: list[str]
    centres: NDArray[np.float64]
    population: NDArray[np.float64]
    official: bool
    departements: dict[str, Any]
    roads: Shapes
    masts: pd.DataFrame
    verdicts: pd.DataFrame
    cells: NDArray[np.int64]
    shapes: Shapes

    def drawn(self, near: Any, operator: str | None = None) -> dict[str, Shapes]:
        """Hexagons that meet a place, by how they are drawn, least severe first.

        Args:
            near: a polygon.
            operator: whose verdict; None for the most severe of all operators.
        """
        rows = self.near(near)
        rows = rows if operator is None else rows[rows["operator"] == operator]
        worst = rows.groupby("h3_r8")["severity"].min()
        position = np.searchsorted(self.cells, worst.index.to_numpy(np.int64))
        here = shapely.intersects(self.shapes[position], near) if len(position) else np.empty(0, bool)
        looks = worst.to_numpy(int)[here]
        return {
            name: self.shapes[position[here]][looks == number]
            for number, name in reversed(list(enumerate(SEVERITY)))
            if (looks == number).any()
        }

    def near(self, place: Any) -> pd.DataFrame:
        """Verdicts of the hexagons that can meet a place: the rows of its rectangle and a hexagon's width around."""
        west, south, east, north = shapely.bounds(place)
        x, y = self.verdicts["x"].to_numpy(float), self.verdicts["y"].to_numpy(float)
        across = (x >= west - HEXAGON_M) & (x <= east + HEXAGON_M)
        found: pd.DataFrame = self.verdicts[across & (y >= south - HEXAGON_M) & (y <= north + HEXAGON_M)]
        return found


def scene_of(
    hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, around: Surroundings, parameters: ZoneParameters
) -> Scene:
    """Gather what the maps of a release show.

    Args:
        hexagons: as ``published_hexagons`` gives them.
        communes: as ``territory.read_communes`` gives them.
        around: antennas and roads.
        parameters: of the zones: whose verdicts are drawn.
    """
    verdicts = _verdicts(hexagons, parameters)
    cells = np.unique(verdicts["h3_r8"].to_numpy(np.int64))
    flat = communes.to_crs(LAMBERT_93).geometry.to_numpy()
    simple = np.asarray(shapely.coverage_simplify(flat, OUTLINE_TOLERANCE_M))
    codes = communes["insee_dep"].astype(str).to_numpy()
    return Scene(
        communes=simple,
        names=[str(name) for name in communes["name"]],
        centres=lambert_93(communes["latitude"].tolist(), communes["longitude"].tolist()).reshape(-1, 2),
        population=communes["population"].to_numpy(np.float64),
        official=bool((communes["outline_kind"] == "official").all()),
        departements={str(code): shapely.union_all(simple[codes == code]) for code in sorted(set(codes))},
        roads=_main_roads(around.roads),
        masts=_masts([(around.sites, False), (around.planned, True)], parameters.technology),
        verdicts=verdicts,
        cells=cells,
        shapes=outlines(cells, LAMBERT_93),
    )


def _verdicts(hexagons: gpd.GeoDataFrame, parameters: ZoneParameters) -> pd.DataFrame:
    own = hexagons[
        ~hexagons["remainder"]
        & (hexagons["technology"] == parameters.technology)
        & (hexagons["threshold"] == parameters.threshold)
    ]
    rows = pd.DataFrame(own.drop(columns="geometry"))
    names, which = np.unique(rows["h3"].to_numpy(str), return_inverse=True)
    cells = np.array([h3.str_to_int(name) for name in names], dtype=np.int64)
    centres = hexagon_centres(cells.tolist()).reshape(-1, 2)
    metres = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()).reshape(-1, 2)
    look = (rows["verdict"].astype(str) + " " + rows["strength"].astype(str)).str.strip()
    rows = rows.assign(h3_r8=cells[which], x=metres[which, 0], y=metres[which, 1], look=look)
    rows["severity"] = rows["look"].map({name: number for number, name in enumerate(SEVERITY)})
    return prevailing(rows)


def _main_roads(roads: gpd.GeoDataFrame | None) -> Shapes:
    if roads is None:
        return np.empty(0, dtype=object)
    main = roads[roads["kind"] == "main"].to_crs(LAMBERT_93).geometry.to_numpy()
    return np.asarray(shapely.simplify(shapely.get_parts(main), OUTLINE_TOLERANCE_M))


def _masts(layers: Sequence[tuple[gpd.GeoDataFrame | None, bool]], technology: str) -> pd.DataFrame:
    """Antennas of a technology; where no antenna of a file says its technologies, all of them."""
    flag, parts = f"has_{technology.lower()}", []
    for places, planned in layers:
        if places is None or places.empty:
            continue
        chosen = places[places[flag]] if places[flag].any() else places
        metres = points_in_lambert_93(chosen)
        letters = [name[0] if not name[0].isdigit() else "" for name in map(operator_name, chosen["operator"])]
        table = pd.DataFrame({"x": metres[:, 0], "y": metres[:, 1], "letter": letters, "planned": planned})
        square = [(table["x"] // MAST_M).rename("column"), (table["y"] // MAST_M).rename("row")]
        parts.append(
            table.groupby(square, sort=True).agg(
                x=("x", "mean"),
                y=("y", "mean"),
                letters=("letter", lambda own: "".join(dict.fromkeys(own))),
                planned=("planned", "first"),
            )
        )
    columns = ["x", "y", "letters", "planned"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

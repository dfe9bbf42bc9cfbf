"""What is known along lines, as files: a table, a layer, and a strip for each of the longest lines.

They rest on every verdict, also those on three or four phones: for the project team alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.territory import commune_of
from aggregator.proposals.corridors import SUBJECT, Corridors
from aggregator.proposals.paths import ends_of, file_name
from aggregator.publication.layers import write_geopackage
from aggregator.publication.team_words import team_only
from client_sdk.messages import tr

Progress = Callable[[str, float], None]

STRIPS = 20
"""Ours: lines drawn, the longest ones; a region has thousands, and a strip takes about a second."""

DECIMALS = 3
NO_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorFiles:
    """Where things were written: the table, the layer, and an SVG for each strip (a PNG stands beside it)."""

    table: Path
    layer: Path
    strips: tuple[Path, ...]


def write_corridors(
    corridors: Corridors,
    into: Path,
    *,
    technology: str,
    communes: gpd.GeoDataFrame | None = None,
    last_day: date | None = None,
    strips: int = STRIPS,
    progress: Progress | None = None,
) -> CorridorFiles:
    """Write ``corridors.csv``, ``corridors.gpkg`` and ``strips/`` into a directory.

    Args:
        corridors: what is known.
        into: directory; files of the same names are replaced.
        technology: whose states the strips show; table and layer hold all.
        communes: to say what lies at the ends of a line.
        last_day: of the data, for the date of the GeoPackage.
        strips: lines to draw at most, the longest.
        progress: told what is being done, and the share done.
    """
    into.mkdir(parents=True, exist_ok=True)
    files = CorridorFiles(table=into / "corridors.csv", layer=into / "corridors.gpkg", strips=())
    _table(corridors).to_csv(files.table, sep=";", index=False, lineterminator="\n")
    files.layer.unlink(missing_ok=True)
    write_geopackage({"pieces": _layer(corridors)}, files.layer, last_day or NO_DAY)
    folder = into / "strips"
    folder.mkdir(exist_ok=True)
    for old in (*folder.glob("*.svg"), *folder.glob("*.png")):
        old.unlink()
    return CorridorFiles(
        table=files.table,
        layer=files.layer,
        strips=_strips(corridors, folder, technology, _ends(corridors.paths, communes), strips, progress),
    )


def _strips(
    corridors: Corridors, folder: Path, technology: str, ends: list[str], most: int, progress: Progress | None
) -> tuple[Path, ...]:
    from aggregator.publication.strips import draw_strip

    table = corridors.table
    drawn = table[table["technology"] == technology].drop_duplicates("path")
    drawn = drawn.sort_values(["length_km", "path"], ascending=[False, True]).head(most)
    written = []
    for number, (path, name, part) in enumerate(drawn[["path", "name", "part"]].itertuples(index=False, name=None)):
        if progress:
            progress(tr(f"strip of {name}", f"bandeau de {name}"), number / len(drawn))
        svg = folder / f"{file_name(name, part)}.svg"
        draw_strip(corridors, path, technology, [svg, svg.with_suffix(".png")], ends[path])
        written.append(svg)
    return tuple(written)


def _table(corridors: Corridors) -> pd.DataFrame:
    table = corridors.table.drop(columns="path")
    rounded = {name: table[name].round(DECIMALS) for name in table.columns if name.endswith("_km")}
    seconds = {name: table[name].round().astype(np.int64) for name in table.columns if name.endswith("_s")}
    table = table.assign(**rounded, **seconds, audience="team", notice=team_only())
    table.insert(5, "threshold", corridors.threshold)
    return table


def _layer(corridors: Corridors) -> gpd.GeoDataFrame:
    """One row per piece, with a column ``state_<technology>_<PLMN>`` for each subject."""
    pieces = corridors.pieces
    line = corridors.paths[["name", "part", "kind"]].iloc[pieces["path"]].reset_index(drop=True)
    columns: dict[str, Any] = {name: line[name].to_numpy() for name in line.columns}
    columns |= {
        "from_km": (pieces["start_m"] / 1000).round(DECIMALS),
        "to_km": (pieces["end_m"] / 1000).round(DECIMALS),
    }
    columns |= {"h3": [f"{cell:x}" for cell in pieces["h3_r8"]], "threshold": corridors.threshold}
    columns |= {"audience": "team", "notice": team_only()}
    for (operator, technology), rows in corridors.states.groupby(SUBJECT, sort=True):
        states = np.full(len(pieces), "", dtype=object)
        states[rows["piece"].to_numpy()] = rows["state"].to_numpy()
        columns[f"state_{technology}_{operator}"] = states
    return gpd.GeoDataFrame(columns, geometry=pieces.geometry.to_numpy(), crs=LAMBERT_93)


def _ends(paths: gpd.GeoDataFrame, communes: gpd.GeoDataFrame | None) -> list[str]:
    """For each path its length, and the communes of its two ends where they are known."""
    names: list[list[str]] = [[], []]
    if communes is not None and len(paths):
        for side, points in enumerate(ends_of(paths)):
            places = gpd.GeoSeries(projected(points, LAMBERT_93, WGS_84))
            rows = commune_of(communes, places.y, places.x)
            names[side] = ["" if row < 0 else str(communes["name"].iloc[row]) for row in rows]
    told = []
    for position, km in enumerate(paths["length_km"]):
        first, last = (side[position] if side else "" for side in names)
        length = tr(f"{km:.1f} km", f"{km:.1f} km".replace(".", ","))
        told.append(f"{first or '…'} – {last or '…'}, {length}" if first or last else length)
    return told

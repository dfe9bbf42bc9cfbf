"""Pieces of the same name joined into ordered lines, as long as they can be without passing a junction twice."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Shapes, projected

PATH_COLUMNS = ["name", "part", "kind", "length_km", "geometry"]


def named_paths(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join pieces end to end where exactly two of the same name meet; branches and gaps end a path.

    Args:
        lines: ``name, kind`` and LineStrings in EPSG:4326; those without a name are left out.

    Returns:
        ``name``, ``part`` (1 for the longest of its name), ``kind`` (of most of its name's length), ``length_km``,
        LineString in EPSG:2154; by name and part. A path runs from west to east, or from north to south where it is
        higher than wide.
    """
    named = lines[(lines["name"] != "").to_numpy()]
    flat = np.asarray(projected(named.geometry.to_numpy(), WGS_84, LAMBERT_93), dtype=object)
    metres = pd.Series(shapely.length(flat), index=named.index)
    by_kind = metres.groupby([named["name"], named["kind"]]).sum().sort_values(kind="stable")
    kind_of_name = dict(by_kind.index.tolist())
    rows = []
    for name, positions in sorted(named.reset_index(drop=True).groupby("name").indices.items()):
        merged = shapely.line_merge(shapely.multilinestrings(flat[positions]))
        for part, path in enumerate(_by_length(shapely.get_parts(merged)), start=1):
            rows.append((str(name), part, kind_of_name[name], path.length / 1000, path))
    table = pd.DataFrame(rows, columns=PATH_COLUMNS)
    return gpd.GeoDataFrame(table, geometry="geometry", crs=LAMBERT_93)


def ends_of(paths: gpd.GeoDataFrame) -> tuple[Shapes, Shapes]:
    """First and last point of each path (n,)."""
    shapes = paths.geometry.to_numpy()
    return np.asarray(shapely.get_point(shapes, 0)), np.asarray(shapely.get_point(shapes, -1))


def label_of(name: str, part: int) -> str:
    """What a path is called beside others of its name."""
    return name if part == 1 else f"{name} ({part})"


def file_name(name: str, part: int) -> str:
    """A name that any file system takes, without its suffix."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
    while "--" in plain:
        plain = plain.replace("--", "-")
    return Path(f"{plain or 'line'}-{part}").name


def _by_length(paths: Shapes) -> list[shapely.LineString]:
    ordered = [_oriented(path) for path in paths]
    return sorted(ordered, key=lambda path: (-round(path.length, 3), path.coords[0], path.coords[-1]))


def _oriented(path: shapely.LineString) -> shapely.LineString:
    (x0, y0), (x1, y1) = path.coords[0], path.coords[-1]
    backwards = x1 < x0 if abs(x1 - x0) >= abs(y1 - y0) else y1 > y0
    return shapely.LineString(path.coords[::-1]) if backwards else path

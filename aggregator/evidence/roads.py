"""Kilometres of road in each hexagon."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, LAMBERT_93, WGS_84, outlines, projected

STEP_M = 250.0
"""Ours: a road is followed in steps of this length to find the hexagons near it, half a hexagon's edge."""


def road_km_by_hexagon(roads: gpd.GeoDataFrame) -> pd.DataFrame:
    """Length of road in each hexagon.

    Args:
        roads: lines with ``kind`` ``main`` or ``other``.

    Returns:
        ``h3_r8``, ``main_km``, ``other_km``, sorted; hexagons without road are absent.
    """
    lines, owner = shapely.get_parts(roads.to_crs(LAMBERT_93).geometry.to_numpy(), return_index=True)
    steps = shapely.get_coordinates(shapely.segmentize(lines, STEP_M))
    places = shapely.get_coordinates(projected(shapely.points(steps), LAMBERT_93, WGS_84))
    met = {h3.latlng_to_cell(y, x, HEXAGON_RESOLUTION) for x, y in np.unique(np.round(places, 3), axis=0)}
    cells = np.array(sorted({near for cell in met for near in h3.grid_disk(cell, 1)}), dtype=np.int64)
    hexagons = outlines(cells, LAMBERT_93)
    tree = shapely.STRtree(hexagons)
    line, hexagon = tree.query(lines, predicate="intersects")
    inner_line, inner_hexagon = tree.query(lines, predicate="covered_by")
    whole = np.isin(line * len(cells) + hexagon, inner_line * len(cells) + inner_hexagon)
    length = shapely.length(lines)[line]
    cut = np.flatnonzero(~whole)
    length[cut] = shapely.length(shapely.intersection(lines[line[cut]], hexagons[hexagon[cut]]))
    main = (roads["kind"].to_numpy() == "main")[owner[line]]
    table = pd.DataFrame(
        {
            "h3_r8": cells,
            "main_km": np.bincount(hexagon, weights=length * main, minlength=len(cells)) / 1000,
            "other_km": np.bincount(hexagon, weights=length * ~main, minlength=len(cells)) / 1000,
        }
    )
    return table[(table["main_km"] > 0) | (table["other_km"] > 0)].reset_index(drop=True)

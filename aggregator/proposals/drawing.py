"""How zones are drawn: the groups of adjoining hexagons inside a disc that a verdict speaks against.

A zone is built as a disc; what is wrong in it has a shape of its own.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, outlines
from aggregator.proposals.demand import prevailing
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.parameters import ZoneParameters
from aggregator.proposals.points import components
from aggregator.proposals.support import worst_by_place

COLUMNS = ["zone_id", "component", "hexagons", "contradicted", "suspected", "operators"]


def zone_components(zones: gpd.GeoDataFrame, verdicts: pd.DataFrame, parameters: ZoneParameters) -> gpd.GeoDataFrame:
    """One row per zone and group of adjoining hexagons contradicted or suspected for some operator.

    Args:
        zones: as ``propose_zones`` gives them; a hexagon in several belongs to the one of the best rank.
        verdicts: as ``judgement.comparison.compare`` gives them.
        parameters: whose verdicts count.

    Returns:
        ``COLUMNS`` and a polygon in EPSG:2154, zones by rank, groups by their smallest hexagon; ``operators`` are the
        PLMNs concerned, apart by a space. ``contradicted`` and ``suspected`` are places: hexagons, and parents that
        were judged as one.
    """
    rows = prevailing(verdicts)
    found = rows[
        (rows["technology"] == parameters.technology)
        & (rows["threshold"] == parameters.threshold)
        & rows["verdict"].isin(["contradicted", "suspected"])
    ]
    cells = np.unique(found["h3_r8"].to_numpy(np.int64))
    centres = hexagon_centres(cells.tolist())
    places = shapely.points(lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()))
    free = np.ones(len(cells), dtype=bool)
    records, shapes = [], []
    for zone_id, disc in zip(zones["zone_id"], zones.geometry, strict=True):
        inside = free & shapely.intersects(disc.buffer(1.0), places) if len(cells) else free
        free &= ~inside
        for number, group in enumerate(components(map(int, cells[inside])), start=1):
            own = found[found["h3_r8"].isin(group)]
            worst = worst_by_place(own)
            records.append(
                {
                    "zone_id": zone_id,
                    "component": number,
                    "hexagons": len(group),
                    "contradicted": int((worst == "contradicted").sum()),
                    "suspected": int((worst == "suspected").sum()),
                    "operators": " ".join(sorted(own["operator"].astype(str).unique())),
                }
            )
            shapes.append(shapely.union_all(outlines(np.array(group, dtype=np.int64), LAMBERT_93), grid_size=0.01))
    return gpd.GeoDataFrame(pd.DataFrame(records, columns=COLUMNS), geometry=shapes, crs=LAMBERT_93)

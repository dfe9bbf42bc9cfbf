"""The line along which measurements were taken, where no map of it is at hand."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from client_sdk.messages import tr


def track_through(latitudes: Any, longitudes: Any, *, name: str, kind: str = "rail") -> gpd.GeoDataFrame:
    """One line through positions (n,) of a way that never turns back, like a main line or a motorway.

    They are taken in their order along the way's main direction (the first principal axis), so neither their times
    nor the order of the rows count; between two of them the line is straight.

    Returns:
        As ``evidence.lines.read_lines`` gives it, one row.

    Raises:
        EvidenceError: there are fewer than two different positions.
    """
    degrees = np.unique(np.column_stack([np.asarray(longitudes, float), np.asarray(latitudes, float)]), axis=0)
    if len(degrees) < 2:
        raise EvidenceError(
            tr(
                f"{name}: one position at most, expected a line of them",
                f"{name} : une position au plus ; attendu : une suite de positions",
            )
        )
    metres = shapely.get_coordinates(projected(shapely.points(degrees), WGS_84, LAMBERT_93))
    away = metres - metres.mean(axis=0)
    direction = np.linalg.svd(away, full_matrices=False)[2][0]
    direction = direction * (1 if direction[np.argmax(np.abs(direction))] > 0 else -1)
    order = np.argsort(away @ direction, kind="stable")
    shapes = [shapely.LineString(degrees[order])]
    return gpd.GeoDataFrame({"name": [name], "kind": [kind]}, geometry=shapes, crs=WGS_84)

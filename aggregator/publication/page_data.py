"""The small files the map page reads besides tiles: its index, zones, names of communes, and hexagons' panels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import WGS_84, outlines, parent
from aggregator.evidence.ledger import THRESHOLDS
from aggregator.publication.claimed import claimed_shares
from aggregator.publication.layers import geometry_json, write_features
from aggregator.publication.manifest import write_compact_json
from aggregator.publication.panels import write_panels
from client_sdk.operators import operator_name

DECIMALS = 5
COARSEST = 6
"""Ours: resolution to which the extent of declared coverage is told, some kilometres."""
LAYER = ["operator", "technology", "threshold"]
POINT = ["point_id", "name", "kind", "insee_com", "latitude", "longitude"]


def write_page_data(
    into: Path,
    hexagons: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    communes: gpd.GeoDataFrame,
    claims: pd.DataFrame,
    histograms: Path,
    about: Mapping[str, Any],
) -> None:
    """Write ``index.json``, ``communes.json``, ``zones.geojson`` and the panels in ``cells``.

    Args:
        into: an empty directory.
        hexagons: as ``published_hexagons`` gives them; remainders are not drawn.
        zones: published zones.
        points: their points of interest.
        communes: as ``territory.read_communes`` gives them.
        claims: as ``evidence.claims.read_claims`` gives them, of the territory.
        histograms: of the evidence; it may be absent.
        about: what the index says of the release besides its content.
    """
    drawn = hexagons[~hexagons["remainder"]]
    shares = claimed_shares(claims)
    write_panels(into / "cells", hexagons, np.unique(shares["cell"].to_numpy(np.int64)), communes, histograms)
    subject = about["zones_about"]
    write_features(_zone_features(zones, points, drawn, subject), into / "zones.geojson")
    write_compact_json(_commune_names(communes), into / "communes.json")
    layers = [
        {**dict(zip(LAYER, map(str, key), strict=True)), "hexagons": rows["h3"].nunique(), "verdicts": _counted(rows)}
        for key, rows in drawn.groupby(LAYER)
    ]
    sources: Any = shares.groupby(["operator", "technology", "usage"], as_index=False)["bounded"].any()
    operators = sorted({layer["operator"] for layer in layers} | set(sources["operator"]))
    technologies = {layer["technology"] for layer in layers} | set(sources["technology"])
    index = {
        **about,
        "bounds": _bounds(drawn, shares, zones, communes),
        "operators": [{"operator": operator, "name": operator_name(operator)} for operator in operators],
        "technologies": sorted(technologies),
        "thresholds": [name for name in THRESHOLDS if any(layer["threshold"] == name for layer in layers)],
        "layers": layers,
        "claims": sources.to_dict("records"),
        "remainders": int(hexagons["remainder"].sum()),
    }
    write_compact_json(index, into / "index.json")


def _counted(rows: pd.DataFrame) -> dict[str, int]:
    """Hexagons by verdict and strength, a field team's verdict before the crowd's."""
    rank = np.where(rows["verdict"] == "insufficient", 2, np.where(rows["evidence"] == "survey", 0, 1))
    own = rows.assign(rank=rank).sort_values(["h3", "rank"], kind="stable").drop_duplicates("h3")
    counts = (own["verdict"] + " " + own["strength"]).str.strip().value_counts()
    return {str(verdict): int(number) for verdict, number in sorted(counts.items())}


def _zone_features(
    zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame, drawn: gpd.GeoDataFrame, subject: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Zones with their points, and the hexagons inside that call for a look."""
    shapes = zones.to_crs(WGS_84).geometry.to_numpy() if len(zones) else np.empty(0, dtype=object)
    asked = drawn[drawn["verdict"].isin(["contradicted", "suspected"])]
    asked = asked[(asked["technology"] == subject["technology"]) & (asked["threshold"] == subject["threshold"])]
    middles = shapely.centroid(asked.geometry.to_numpy())
    columns = [name for name in zones.columns if name != "geometry"]
    features = []
    for record, shape in zip(zones[columns].astype(object).to_dict("records"), shapes, strict=True):
        own = points[points["zone_id"] == record["zone_id"]]
        inside = shapely.contains(shape, middles)
        look_at = [
            [cell, operator, f"{verdict} {strength}".strip(), round(middle.x, DECIMALS), round(middle.y, DECIMALS)]
            for (cell, operator, verdict, strength), middle in zip(
                asked.loc[inside, ["h3", "operator", "verdict", "strength"]].itertuples(index=False, name=None),
                middles[inside],
                strict=True,
            )
        ]
        properties = {
            **_plain(record),
            "points": [_plain(place) for place in own[POINT].astype(object).to_dict("records")],
            "look_at": look_at,
        }
        features.append({"type": "Feature", "properties": properties, "geometry": geometry_json(shape, DECIMALS)})
    return features


def _commune_names(communes: gpd.GeoDataFrame) -> list[list[Any]]:
    """Code, name, people, latitude and longitude of each commune, for a search."""
    ordered = communes.sort_values("insee_com")[["insee_com", "name", "population", "latitude", "longitude"]]
    return [list(_plain(record).values()) for record in ordered.astype(object).to_dict("records")]


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    """JSON values: what is missing is null, NumPy's numbers are numbers."""
    return {
        str(name): None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value
        for name, value in record.items()
    }


def _bounds(
    drawn: gpd.GeoDataFrame, shares: pd.DataFrame, zones: gpd.GeoDataFrame, communes: gpd.GeoDataFrame
) -> list[float]:
    """West, south, east, north of what there is to see."""
    declared = outlines(np.unique(parent(shares["cell"].to_numpy(np.int64), COARSEST)), WGS_84)
    parts = [layer.to_crs(WGS_84).total_bounds for layer in (drawn, zones) if len(layer)]
    boxes = np.array([*parts, *([shapely.total_bounds(declared)] if len(declared) else [])] or [communes.total_bounds])
    return [round(float(edge), DECIMALS) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))]

"""What the aggregation found, beside the truth that only the generator knows."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd

from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.synthetic.radio import Air
from aggregator.synthetic.world import Floats

ZONE_RADIUS_M = 4000.0
DEAD_RADIUS_M = 1100.0
"""Nobody has service this near the middle of a dead zone (:mod:`aggregator.synthetic.radio`)."""
CONDITIONS = ("bad", "mild", "good")
KINDS = (
    ("contradicted", "strong"),
    ("contradicted", "moderate"),
    ("suspected", ""),
    ("confirmed", ""),
    ("unclaimed_service", ""),
    ("insufficient", ""),
)


def verdicts_beside_truth(verdicts: pd.DataFrame, truth: pd.DataFrame, evidence: str = "crowd") -> list[dict[str, Any]]:
    """Verdicts on 4G service, counted by what the hexagon really is.

    Returns:
        One row per kind of verdict: ``verdict, strength, hexagons`` (hexagon × operator), ``bad``, ``mild``, ``good``,
        ``elsewhere`` (off the roads, where the generator keeps no truth).
    """
    chosen = verdicts[
        (verdicts["technology"] == "4G") & (verdicts["threshold"] == "service") & (verdicts["evidence"] == evidence)
    ]
    beside = chosen.merge(truth[["h3_r8", "operator", "condition"]], on=["h3_r8", "operator"], how="left")
    rows: list[dict[str, Any]] = []
    for verdict, strength in KINDS:
        found = beside[(beside["verdict"] == verdict) & (beside["strength"].fillna("") == strength)]["condition"]
        counts = {condition: int((found == condition).sum()) for condition in CONDITIONS}
        rows.append({"verdict": verdict, "strength": strength, "hexagons": len(found), **counts})
        rows[-1]["elsewhere"] = int(found.isna().sum())
    return rows


def zones_beside_truth(release: Path, air: Air) -> list[dict[str, Any]]:
    """The published zones, and how far each is from the nearest dead zone of the generator.

    Returns:
        By rank: ``zone_id, rank, name, people, operators`` (PLMN of those that seem missing), ``dead_zone_m`` (None
        without dead zones), ``in_dead_zone`` (its disc reaches the middle of one).
    """
    zones = _zones(release).sort_values("rank")
    apart = _apart_m(zones, air).min(axis=0, initial=np.inf)
    flags = [str(column) for column in zones.columns if str(column).startswith("op_")]
    return [
        {
            "zone_id": zone["zone_id"],
            "rank": int(zone["rank"]),
            "name": zone["name"],
            "people": round(float(zone["people"])),
            "operators": [flag.removeprefix("op_") for flag in flags if zone[flag]],
            "dead_zone_m": round(float(away)) if np.isfinite(away) else None,
            "in_dead_zone": bool(away <= ZONE_RADIUS_M),
        }
        for zone, away in zip(zones.to_dict("records"), apart, strict=True)
    ]


def dead_zones_found(release: Path, air: Air) -> int:
    """How many dead zones of the generator have their middle in a published zone."""
    return int((_apart_m(_zones(release), air).min(axis=1, initial=np.inf) <= ZONE_RADIUS_M).sum())


def dead_zones_contradicted(verdicts: pd.DataFrame, air: Air) -> int:
    """How many dead zones of the generator hold the middle of a hexagon where a claim of 4G service is contradicted."""
    chosen = verdicts[(verdicts["technology"] == "4G") & (verdicts["threshold"] == "service")]
    places = hexagon_centres(chosen.loc[chosen["verdict"] == "contradicted", "h3_r8"].unique().tolist())
    metres = lambert_93(places[:, 0].tolist(), places[:, 1].tolist())
    apart = np.hypot(*(air.gorges[:, None, :] - metres[None, :, :]).transpose(2, 0, 1))
    return int((apart.min(axis=1, initial=np.inf) <= DEAD_RADIUS_M).sum())


def _zones(release: Path) -> geopandas.GeoDataFrame:
    # a GeoPackage keeps its columns where there is no zone
    return geopandas.read_file(release / "zones.gpkg", layer="zones").to_crs("EPSG:2154")


def _apart_m(zones: geopandas.GeoDataFrame, air: Air) -> Floats:
    """Metres between each dead zone and each zone's middle, shape (dead zones, zones)."""
    middles = zones.geometry.centroid
    x, y = middles.x.to_numpy(np.float64), middles.y.to_numpy(np.float64)
    return np.asarray(np.hypot(air.gorges[:, :1] - x[None, :], air.gorges[:, 1:] - y[None, :]), dtype=np.float64)

"""Declared surface and people by commune, département or région, in the shape of Arcep's published statistics.

A commune's share is the mean of its hexagons' declared shares, by the area (or the people) that each holds within it:
coverage is taken to be even inside a hexagon. People are spread evenly over their commune unless a grid gives those of
each hexagon, which are then spread evenly over what communes hold of it.
"""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd

from aggregator.evidence.areas import overlaps, polygons_of, subdivided
from aggregator.evidence.hexagons import WGS_84, covering, outlines, projected
from aggregator.evidence.regions import region_of

PLACES = ("commune", "departement", "region", "territory")
SUBJECT = ["operator", "technology", "usage"]

Progress = Callable[[str, float], None]


def commune_hexagons(communes: gpd.GeoDataFrame, people: "pd.Series[float] | None" = None) -> pd.DataFrame:
    """What each hexagon holds of each commune.

    Args:
        communes: as :func:`aggregator.evidence.territory.read_communes` gives them.
        people: by ``h3_r8``, as :func:`aggregator.evidence.territory.grid_people` gives those of a grid; by default
            those of a commune are spread evenly over its area.

    Returns:
        ``insee_com, insee_dep, h3_r8, area_km2, people``, sorted.
    """
    outline = communes.geometry.to_numpy()
    west, south, east, north = communes.total_bounds
    flat = f"+proj=laea +lat_0={(south + north) / 2:.6f} +lon_0={(west + east) / 2:.6f} +ellps=GRS80 +units=m"
    cells = covering(communes.geometry)
    polygons, commune_of_polygon = polygons_of(projected(outline, WGS_84, flat))
    pieces, polygon_of_piece = subdivided(polygons)
    piece, hexagon, area = overlaps(pieces, outlines(cells, flat))
    commune = commune_of_polygon[polygon_of_piece[piece]]
    shared = pd.DataFrame({"commune": commune, "h3_r8": cells[hexagon], "area_km2": area / 1e6})
    table = shared.groupby(["commune", "h3_r8"]).sum().reset_index()
    if people is None:
        whole = table.groupby("commune")["area_km2"].transform("sum")
        table["people"] = communes["population"].to_numpy(float)[table["commune"]] * table["area_km2"] / whole
    else:
        whole = table.groupby("h3_r8")["area_km2"].transform("sum")
        table["people"] = table["h3_r8"].map(people).fillna(0.0) * table["area_km2"] / whole
    for name in ("insee_com", "insee_dep"):
        table[name] = communes[name].to_numpy()[table["commune"]]
    return table[["insee_com", "insee_dep", "h3_r8", "area_km2", "people"]].sort_values(["insee_com", "h3_r8"])


def statistics(claims: pd.DataFrame, held: pd.DataFrame, by: str) -> pd.DataFrame:
    """Declared surface and people by place, operator, technology and usage.

    Args:
        claims: as :func:`aggregator.evidence.claims_table.read_claims` gives them.
        held: see :func:`commune_hexagons`.
        by: one of :data:`PLACES`.

    Returns:
        The place under its kind's name, operator, technology, usage, then ``surface_km2, people`` of which something is
        known, and for each level in lower case ``<level>_km2, <level>_people``; a level not stated is ``declared``
        only, which is all levels together. Sorted by its keys.
    """
    places = _places(held, by)
    parts = []
    for subject, own in claims.groupby(SUBJECT, sort=True):
        levels = sorted(set(own["level"]) - {""}, key=_order)
        shares = own.pivot_table(index="h3_r8", columns="level", values="declared_share", aggfunc="sum", fill_value=0.0)
        known = held["h3_r8"].isin(shares.index).to_numpy() | (not own["bounded"].any())
        rows = shares.reindex(held["h3_r8"], fill_value=0.0)
        declared = np.minimum(rows.sum(axis=1).to_numpy(), 1.0)
        values = {"surface": known.astype(float), "declared": declared}
        values |= {level.lower(): rows[level].to_numpy() for level in levels}
        sums = {by: places}
        for name, share in values.items():
            sums[f"{name}_km2"] = share * held["area_km2"].to_numpy()
            sums["people" if name == "surface" else f"{name}_people"] = share * held["people"].to_numpy()
        table = pd.DataFrame(sums).groupby(by, as_index=False, sort=True).sum()
        parts.append(table[table["surface_km2"] > 0].assign(**dict(zip(SUBJECT, np.array(subject), strict=True))))
    if not parts:
        return pd.DataFrame(columns=[by, *SUBJECT, "surface_km2", "people", "declared_km2", "declared_people"])
    together = pd.concat(parts, ignore_index=True)
    numbers = [name for name in together.columns if name not in (by, *SUBJECT)]
    return together[[by, *SUBJECT, *numbers]].sort_values([by, *SUBJECT], ignore_index=True)


def _order(level: str) -> tuple[int, str]:
    """Weakest first, as in Arcep's columns; others by name."""
    return ("CL", "BC", "TBC").index(level) if level in ("CL", "BC", "TBC") else 3, level


def _places(held: pd.DataFrame, by: str) -> np.ndarray:
    if by == "commune":
        return held["insee_com"].to_numpy()
    if by == "departement":
        return held["insee_dep"].to_numpy()
    if by == "region":
        return held["insee_dep"].map({code: region_of(code) for code in held["insee_dep"].unique()}).to_numpy()
    return np.full(len(held), "territory", dtype=object)


def published_shape(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """The statistics in the columns of Arcep's ``…_op_communes.csv``, in percent of the surface and of the people.

    Returns:
        ``techno, usage, mcc_mnc``, the place, ``couv_nc``, ``couv_<level>`` …, ``pop_nc``, ``pop_<level>`` …; a column
        ``couv_declared`` holds all levels together.
    """
    shape = table[["technology", "usage", "operator", by]].copy()
    shape.columns = ["techno", "usage", "mcc_mnc", by]
    for prefix, unit, whole in (("couv", "km2", "surface_km2"), ("pop", "people", "people")):
        total = table[whole].where(table[whole] > 0)
        covered = 100 * table[f"declared_{unit}"] / total
        shape[f"{prefix}_nc"] = (100 - covered).clip(lower=0).round(2)
        for name in (column.removesuffix(f"_{unit}") for column in table.columns if column.endswith(f"_{unit}")):
            if name != "surface":
                shape[f"{prefix}_{name}"] = (100 * table[f"{name}_{unit}"] / total).round(2)
    return shape

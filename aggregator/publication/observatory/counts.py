"""Antennas, the scheme's sites, and how much was measured, by territory.

What was measured is summed from the published rows, as rounded there: nothing is told that they do not tell. Phones of
a territory are not summed, since one phone may be counted in many hexagons, nor counted apart, since that figure could
single out a few: the largest number of one row is a lower bound.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.dcc import read_dcc
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, WGS_84
from aggregator.evidence.ledger import TECHNOLOGIES
from aggregator.evidence.territory import commune_of, read_planned_sites, read_sites
from aggregator.publication.observatory.places import KINDS, Places
from aggregator.publication.observatory.shares import THRESHOLD

COLUMNS = ["kind", "code", "operator", "technology", "measure", "indicator", "unit", "value"]
COUNTED = {
    "tests": "tests",
    "device_days": "device-days",
    "devices_at_least": "devices",
    "cells": "hexagons",
}
"""Indicator → unit of what was measured; a device in three hexagons on one day makes three device-days."""
SITES = "sites"
"""Unit of sites."""
EVERY = ""
"""In place of an operator or a technology: all together."""


def site_counts(places: Places, communes: gpd.GeoDataFrame, territory: Path) -> pd.DataFrame:
    """Antennas in service and planned, by operator and technology, and those of the scheme by stage.

    A site that operators share counts once for each of them, and once for all together (operator empty) in the scheme's
    file alone, which says which it is.

    Returns:
        :data:`COLUMNS`, for every territory that has some.
    """
    parts = []
    for indicator, sites in (("in_service", read_sites(territory)), ("planned", read_planned_sites(territory))):
        if sites is None:
            continue
        commune = _communes_at(places, communes, sites)
        flags = {EVERY: np.ones(len(sites), dtype=bool)}
        flags |= {technology: sites[f"has_{technology.lower()}"].to_numpy(bool) for technology in TECHNOLOGIES}
        for technology, has in flags.items():
            rows = pd.DataFrame({"commune": commune[has], "operator": sites["operator"].astype("str").to_numpy()[has]})
            parts.append(
                _by_territory(places, rows, ["operator"]).assign(
                    technology=technology, measure="sites", indicator=indicator
                )
            )
    scheme = read_dcc(territory)
    if scheme is not None:
        scheme = scheme[scheme["kind"] == "sites"].reset_index(drop=True)
        stage = (
            scheme["stage"] if "stage" in scheme else scheme["in_service"].map({True: "in_service", False: "unknown"})
        )
        rows = pd.DataFrame({"commune": _communes_at(places, communes, scheme), "indicator": stage.astype("str")})
        each = rows.assign(operator=scheme["operators"].str.split(" ")).explode("operator")
        for own in (each, rows.assign(operator=EVERY)):
            counted = _by_territory(places, own, ["operator", "indicator"])
            parts.append(counted.assign(technology=EVERY, measure="scheme_sites"))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(parts, ignore_index=True).assign(unit=SITES)[COLUMNS]


def measured_counts(places: Places, communes: gpd.GeoDataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """How much was measured of service: tests, device-days, hexagons, and how many devices at least.

    Args:
        places: territories.
        communes: their outlines.
        published: the release's table of hexagons. A cell counts where its centre lies, the remainder of a parent in
            no commune.

    Returns:
        :data:`COLUMNS`; the indicator tells volunteers' (``tests_crowd``) from field teams' (``tests_survey``).
    """
    rows = published[(published["threshold"] == THRESHOLD) & published["tests"].notna()].reset_index(drop=True)
    texts, where = np.unique(rows["h3"].to_numpy(dtype=object).astype(str), return_inverse=True)
    centres = np.array([h3.cell_to_latlng(h3.str_to_int(text)) for text in texts]).reshape(-1, 2)
    commune = _positions(places, communes, centres[:, 0], centres[:, 1])[where]
    told = pd.DataFrame(
        {
            "commune": commune,
            "operator": rows["operator"].astype("str"),
            "technology": rows["technology"].astype("str"),
            "evidence": rows["evidence"].astype("str"),
            "hexagon": rows["resolution"] == HEXAGON_RESOLUTION,
            "tests": rows["tests"].astype("int64"),
            "device_days": rows["device_days"].fillna(0).astype("int64"),
            "devices_at_least": rows["devices"].astype("int64"),
        }
    )
    key = ["operator", "technology", "evidence"]
    parts = []
    for kind in KINDS:
        member = places.membership[kind]
        own = told[told["hexagon"]] if kind == "commune" else told
        own = own.assign(place=np.where(own["commune"] < 0, -1, member[own["commune"]]))
        own = own[own["place"] >= 0]
        summed = own.groupby(["place", *key], as_index=False).agg(
            tests=("tests", "sum"),
            device_days=("device_days", "sum"),
            devices_at_least=("devices_at_least", "max"),
            cells=("hexagon", "sum"),
        )
        long = summed.melt(["place", *key], value_vars=list(COUNTED), var_name="indicator", value_name="value")
        code = places.of_kind(kind)["code"].to_numpy()[long["place"].to_numpy(np.intp)]
        parts.append(long.assign(kind=kind, code=code, unit=long["indicator"].map(COUNTED)))
    table = pd.concat(parts, ignore_index=True).assign(measure="measurement")
    table["indicator"] += "_" + table["evidence"]
    return table[COLUMNS]


def _by_territory(places: Places, rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """How many rows each territory has, by key: ``kind, code``, key, ``value``."""
    rows = rows[rows["commune"] >= 0]
    parts = []
    for kind in KINDS:
        place = places.membership[kind][rows["commune"].to_numpy(np.intp)]
        counted = rows.assign(place=place)[place >= 0].groupby(["place", *key], as_index=False).size()
        code = places.of_kind(kind)["code"].to_numpy()[counted["place"].to_numpy(np.intp)]
        parts.append(counted.assign(kind=kind, code=code, value=counted["size"])[["kind", "code", *key, "value"]])
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found


def _communes_at(places: Places, communes: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> NDArray[np.intp]:
    shapes = points.to_crs(WGS_84).geometry.to_numpy()
    return _positions(places, communes, shapely.get_y(shapes), shapely.get_x(shapes))


def _positions(
    places: Places, communes: gpd.GeoDataFrame, latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Position among the territories' communes of each point, −1 outside."""
    found = commune_of(communes, latitudes, longitudes)
    codes = communes["insee_com"].astype("str").to_numpy(dtype=object)
    known = pd.Index(places.of_kind("commune")["code"].to_numpy(dtype=object)).get_indexer(pd.Index(codes))
    return np.where(found < 0, -1, np.append(known, -1)[found])

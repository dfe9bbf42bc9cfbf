"""The files of one release, written into an empty directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.proposals.decisions import Decision
from aggregator.proposals.demand import DEMAND_MODEL
from aggregator.proposals.drawing import zone_components
from aggregator.proposals.parameters import ZoneParameters
from aggregator.proposals.surroundings import Surroundings, read_surroundings
from aggregator.proposals.zones import propose_zones
from aggregator.publication.anonymity import rounded_counts
from aggregator.publication.claims import published_claims
from aggregator.publication.dcc import write_dcc
from aggregator.publication.hexagons import COORDINATE_DECIMALS, months, published_hexagons
from aggregator.publication.issuing import PLACE, Issue
from aggregator.publication.layers import write_geojson, write_geopackage, write_geoparquet
from aggregator.publication.page_data import write_page_data
from aggregator.publication.places import published_places, write_places
from aggregator.publication.tile_ground import read_ground
from aggregator.publication.tiles import write_tiles
from aggregator.publication.verdict_files import FOLDER as VERDICTS
from aggregator.publication.verdict_files import write_verdict_files

ZONE_COUNTS = ["devices", "device_days"]


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables that were written, as they were, and what lies around them: what the dossiers are made from."""

    hexagons: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    around: Surroundings


def write_contents(
    into: Path,
    *,
    release: str,
    day: date,
    issue: Issue,
    claims: pd.DataFrame,
    sources: Sequence[Mapping[str, Any]],
    communes: gpd.GeoDataFrame,
    people: "pd.Series[float]",
    territory: Path,
    decisions: Sequence[Decision],
    within: NDArray[np.int64] | None,
    previous: pd.DataFrame | None,
    notice: str,
    attributions: Sequence[str],
    parameters: ZoneParameters,
    about: dict[str, Any],
) -> Contents:
    """Write hexagons, zones, points and the map page's files.

    Zones are proposed from the verdicts that may leave, not from all: their places then tell nothing more.

    Args:
        into: where to.
        release: id of the release.
        day: date of the files' content.
        issue: what may be said.
        claims: as ``evidence.claims.read_claims`` gives them.
        sources: of the claims, as the import wrote them.
        communes: as ``territory.read_communes`` gives them.
        people: as ``territory.read_people`` gives them.
        territory: directory of what else is known of the ground.
        decisions: of the team, with their places; zones set aside are not published, nor proposed again. A public
            release takes no others: a zone kept by the team may rest on what only the team sees.
        within: hexagons of the territory; None for all.
        previous: zones of the release before.
        notice: what every row has to say of the release, such as ``synthetic data``; empty for most.
        attributions: lines that name the sources.
        parameters: how zones are proposed.
        about: what the page's index says of the release.
    """
    hexagons = published_hexagons(issue, notice, within)
    write_geoparquet(hexagons, into / "hexagons.parquet")
    write_geopackage({"hexagons": hexagons}, into / "hexagons.gpkg", day)
    write_geojson(hexagons, into / "hexagons.geojson", decimals=COORDINATE_DECIMALS)
    write_verdict_files(into / VERDICTS, hexagons, about)
    declared = published_claims(claims, sources, notice, within)
    write_geoparquet(declared, into / "claims.parquet")
    cells = pd.concat([hexagons["h3"], declared["h3"]])
    write_places(published_places(cells, communes, notice), into / "places.parquet")

    told = issue.verdicts[issue.verdicts["told"].astype(bool)].reset_index(drop=True)
    subject = issue.behind.merge(told[PLACE], on=PLACE)
    subject = subject[(subject["technology"] == parameters.technology) & (subject["threshold"] == parameters.threshold)]
    around = read_surroundings(territory)
    found, points = propose_zones(
        told,
        communes,
        people=people,
        claims=claims,
        previous=previous,
        parameters=parameters,
        surroundings=around,
        decisions=decisions,
        within=within,
        device_days=subject[["h3_r8", "operator", "evidence", "device_token", "day"]].drop_duplicates(),
    )
    zones = published_zones(found[found["decision"] != "set-aside"].reset_index(drop=True)).assign(notice=notice)
    points = points.assign(notice=notice)
    components = zone_components(zones, told, parameters).assign(notice=notice)
    write_geopackage({"zones": zones, "points": points, "components": components}, into / "zones.gpkg", day)
    write_geojson(zones, into / "zones.geojson", decimals=COORDINATE_DECIMALS)
    subject_names = {"technology": parameters.technology, "threshold": parameters.threshold}
    write_dcc(zones, points, into / "dcc_poi.csv", release=release, **subject_names)
    (into / "map").mkdir()
    about = {**about, "zones_about": {**subject_names, "radius_m": parameters.radius_m, "demand_model": DEMAND_MODEL}}
    here = claims if within is None else claims[claims["h3_r8"].isin(within)]
    histograms = territory.parent / "evidence" / "histograms.parquet"
    write_page_data(into / "map", hexagons, zones, points, communes, here, histograms, about)
    named = {"name": f"Maille {release}", "description": notice, "attribution": "; ".join(attributions)}
    write_tiles(into / "tiles", into / "hexagons.pmtiles", hexagons, here, read_ground(communes), named)
    return Contents(hexagons, zones, points, around)


def published_zones(zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Zones with months for days and rounded counts, all of them multipolygons: merged ones may lie apart."""
    changes = {name: rounded_counts(zones[name].astype("int64")) for name in ZONE_COUNTS}
    dated = zones.assign(**changes, first_month=months(zones["first_day"]), last_month=months(zones["last_day"]))
    columns = [{"first_day": "first_month", "last_day": "last_month"}.get(name, name) for name in zones.columns]
    shapes = [shapely.multipolygons(shapely.get_parts(shape)) for shape in zones.geometry]
    return dated[columns].set_geometry(gpd.GeoSeries(shapes, index=zones.index, crs=zones.crs))

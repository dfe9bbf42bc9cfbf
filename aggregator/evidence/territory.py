"""The ground under the hexagons: communes with their people, and operators' declared and planned sites.

``communes.parquet``, ``sites.parquet`` and ``planned-sites.parquet`` are GeoParquet in EPSG:4326.
"""

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.evidence.areas import overlaps, polygons_of, subdivided
from aggregator.evidence.communes import CommunesImported, communes_from_centres, communes_from_outlines
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, covering, outlines, projected
from aggregator.evidence.population import read_population
from aggregator.evidence.sites import SitesImported, read_site_file
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import tr

OUTLINE_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".fgb")


def import_communes(file: Path, territory: Path, *, population: Path | None = None) -> CommunesImported:
    """Replace the communes of a territory.

    Args:
        file: CSV of centres (``insee_com,name,population,latitude,longitude``), whose outlines become Voronoi cells, or
            official outlines (GeoJSON or another vector format; properties ``code`` and ``nom``).
        territory: directory of the territory.
        population: CSV with ``COM`` and ``PMUN``, beside official outlines.

    Raises:
        EvidenceError: the file does not hold what it should; the message names the column and the line.
    """
    if file.suffix.lower() in OUTLINE_SUFFIXES:
        communes, summary = communes_from_outlines(file, population)
    elif population is not None:
        raise EvidenceError(
            tr(
                f"{file}: a table of centres carries its own population, expected no second file",
                f"{file} : un tableau de centres porte sa propre population ; attendu : pas de second fichier",
            )
        )
    else:
        communes, summary = communes_from_centres(file)
    _write(communes, territory / "communes.parquet")
    return summary


def import_sites(file: Path, territory: Path) -> SitesImported:
    """Replace the declared sites of a territory by those of Arcep's file.

    Raises:
        EvidenceError: a column is missing, or an operator is unknown.
    """
    sites, summary = read_site_file(file)
    _write(sites, territory / "sites.parquet")
    return summary


def import_planned_sites(file: Path, territory: Path) -> SitesImported:
    """Replace the sites that operators announced, in the layout of Arcep's file of sites.

    Raises:
        EvidenceError: a column is missing, or an operator is unknown.
    """
    sites, summary = read_site_file(file)
    _write(sites, territory / "planned-sites.parquet")
    return summary


def read_communes(territory: Path) -> gpd.GeoDataFrame:
    """Communes: ``insee_com, name, population, insee_dep, latitude, longitude, outline_kind, geometry``.

    Raises:
        EvidenceError: no communes were imported.
    """
    file = territory / "communes.parquet"
    if not file.exists():
        raise EvidenceError(
            tr(
                f"{file}: no communes yet, expected them imported first",
                f"{file} : pas encore de communes ; attendu : qu’elles soient importées d’abord",
            )
        )
    return gpd.read_parquet(file)


def read_sites(territory: Path) -> gpd.GeoDataFrame | None:
    """Sites: ``operator, site_id, has_2g, has_3g, has_4g, has_5g, geometry``; None where none were imported."""
    file = territory / "sites.parquet"
    return gpd.read_parquet(file) if file.exists() else None


def read_planned_sites(territory: Path) -> gpd.GeoDataFrame | None:
    """Announced sites, as :func:`read_sites` has them; None where none were imported."""
    file = territory / "planned-sites.parquet"
    return gpd.read_parquet(file) if file.exists() else None


def read_people(territory: Path, communes: gpd.GeoDataFrame) -> "pd.Series[float]":
    """People in each hexagon, sorted: of the grid where one was imported, else of the communes, by area."""
    grid = grid_people(territory)
    return people_by_hexagon(communes) if grid is None else grid


def grid_people(territory: Path) -> "pd.Series[float] | None":
    """People in each hexagon of the grid, sorted; None where none was imported."""
    grid = read_population(territory)
    return None if grid is None else grid.set_index("h3_r8")["people"]


def people_by_hexagon(communes: gpd.GeoDataFrame) -> "pd.Series[float]":
    """People in each hexagon, a commune's people spread evenly over its area.

    Returns:
        Series of floats by ``h3_r8`` (int64), sorted; it sums to the population of the communes.
    """
    flat = projected(communes.geometry.to_numpy(), WGS_84, LAMBERT_93)
    cells = covering(communes.geometry)
    polygons, commune_of_polygon = polygons_of(flat)
    pieces, polygon_of_piece = subdivided(polygons)
    piece, hexagon, area = overlaps(pieces, outlines(cells, LAMBERT_93))
    commune = commune_of_polygon[polygon_of_piece[piece]]
    whole = np.bincount(commune, weights=area, minlength=len(communes))
    people = communes["population"].to_numpy(np.float64)
    shares = np.bincount(hexagon, weights=people[commune] * area / whole[commune], minlength=len(cells))
    return pd.Series(shares, index=pd.Index(cells, name="h3_r8"), name="people", dtype="float64")


def commune_of(communes: gpd.GeoDataFrame, latitudes: Any, longitudes: Any) -> NDArray[np.intp]:
    """Row position in ``communes`` of the commune around each point (n,), −1 outside all; on a border, the first."""
    points = np.asarray(shapely.points(np.asarray(longitudes, float), np.asarray(latitudes, float))).reshape(-1)
    point, commune = shapely.STRtree(communes.geometry.to_numpy()).query(points, predicate="intersects")
    found = np.full(len(points), len(communes), dtype=np.intp)
    np.minimum.at(found, point, commune)
    return np.where(found == len(communes), -1, found)


def _write(frame: gpd.GeoDataFrame, file: Path) -> None:
    with replacing(file) as partial:
        frame.to_parquet(partial, index=False)

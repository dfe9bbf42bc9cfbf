"""What the operators of this world declare: an optimistic planning tool, drawn as polygons in Arcep's exact layout."""

from collections.abc import Mapping
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from scipy.ndimage import gaussian_filter

from aggregator.synthetic.radio import Air, correlated_field, planned_dbm
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import PIXEL_M, Booleans, Floats, Grid, Scenario, World

FILE_CODES = {"20801": "OF", "20810": "SFR0", "20815": "FREE", "20820": "BOUY"}
BIAS_DB = {"20801": 4.0, "20810": 6.0, "20815": 9.0, "20820": 13.0}  # how optimistic each tool is
AREA_BIAS_DB, AREA_BIAS_M = 2.0, 12_000.0
LEVELS_ABOVE_DBM = {"CL": -111.0, "BC": -101.0, "TBC": -91.0}  # ours: the margins of the decision are not public
SMOOTHING_M = 150.0
COLUMNS = ["operateur", "operateur_commercial", "operateur_infra", "date", "techno", "usage", "niveau", "dept", "geom"]
QUARTER, MAP_DATE = "2026_T3", "2026-09-30"


def declare(world: World, air: Air, scenario: Scenario) -> Floats:
    """RSRP by which each operator draws its map, dBm, shape (4, rows, columns); nothing outside the territory."""
    random = scenario.random("claims")
    planned = []
    for code, operator in zip(OPERATORS, air.median_dbm, strict=True):
        area = correlated_field(world.grid, AREA_BIAS_DB, AREA_BIAS_M, random)
        tool = planned_dbm(operator, air.terrain_db, BIAS_DB[code] + area)
        planned.append(np.where(world.inside, gaussian_filter(tool, SMOOTHING_M / PIXEL_M), -200.0))
    return np.array(planned)


def write_claims(
    declared_dbm: Floats,
    grid: Grid,
    into: Path,
    *,
    departement: str = "58",
    levels: Mapping[str, float] = LEVELS_ABOVE_DBM,
) -> list[Path]:
    """One GeoPackage per operator, named and laid out as those of “Mon réseau mobile”, EPSG:2154.

    Args:
        declared_dbm: see :func:`declare`.
        grid: the raster.
        into: an existing directory.
        departement: written beside every polygon.
        levels: each from which RSRP, the weakest first.
    """
    paths = []
    for code, planned in zip(OPERATORS, declared_dbm, strict=True):
        stem = f"{QUARTER}_couv_Metropole_{FILE_CODES[code]}_4G_data"
        rows = []
        ceiling = np.inf
        for level, floor in reversed(list(levels.items())):
            rows.append({"niveau": level, "geom": outlined((planned > floor) & (planned <= ceiling), grid)})
            ceiling = floor
        frame = geopandas.GeoDataFrame(rows, geometry="geom", crs="EPSG:2154")
        frame = frame[~frame.geometry.is_empty].assign(
            operateur=int(code),
            operateur_commercial=f"SYNTHETIC {code}",
            operateur_infra=f"SYNTHETIC {code}",
            date=MAP_DATE,
            techno="4G",
            usage="data",
            dept=departement,
        )
        paths.append(into / f"{stem}.gpkg")
        paths[-1].unlink(missing_ok=True)
        # a GeoPackage carries the time of writing: the map's day instead, so that the same world gives the same bytes
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{MAP_DATE}T00:00:00.000Z"})
        try:
            frame[COLUMNS].to_file(paths[-1], layer=stem, driver="GPKG", engine="pyogrio", GEOMETRY_NAME="geom")
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return paths


def outlined(pixels: Booleans, grid: Grid) -> shapely.MultiPolygon:
    """The outline of the true pixels: runs along rows become boxes, and the boxes are dissolved."""
    edges = np.diff(pixels.astype(np.int8), axis=1, prepend=0, append=0)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]  # row by row too, so the two match
    west, east = grid.west + first * PIXEL_M, grid.west + last * PIXEL_M
    south = grid.south + row * PIXEL_M
    dissolved = shapely.union_all(shapely.box(west, south, east, south + PIXEL_M))
    return shapely.MultiPolygon([part for part in shapely.get_parts(dissolved) if part.geom_type == "Polygon"])

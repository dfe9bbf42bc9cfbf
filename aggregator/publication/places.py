"""In which commune each hexagon of a release lies, by its centre."""

from pathlib import Path

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION
from aggregator.evidence.territory import commune_of

COLUMNS = ["h3", "latitude", "longitude", "insee_com", "commune", "insee_dep", "notice"]
DECIMALS = 6


def published_places(cells: pd.Series, communes: gpd.GeoDataFrame, notice: str) -> pd.DataFrame:
    """One row per hexagon, sorted: its centre, and the commune around it; empty texts outside all communes.

    Args:
        cells: texts of H3 indexes, any number of times each; others than hexagons are left out.
        communes: as ``territory.read_communes`` gives them.
        notice: as on every row of the release.
    """
    names = sorted(cell for cell in cells.unique() if h3.get_resolution(cell) == HEXAGON_RESOLUTION)
    centres = np.array([h3.cell_to_latlng(cell) for cell in names]).reshape(-1, 2)
    found = commune_of(communes, centres[:, 0], centres[:, 1])
    around = communes[["insee_com", "name", "insee_dep"]].rename(columns={"name": "commune"}).reset_index(drop=True)
    told = around.reindex(found).fillna("").reset_index(drop=True)
    latitude, longitude = np.round(centres, DECIMALS).T
    where = {"h3": pd.Series(names, dtype="str"), "latitude": latitude, "longitude": longitude}
    placed: pd.DataFrame = told.assign(**where, notice=notice)
    return placed[COLUMNS]


def write_places(places: pd.DataFrame, file: Path) -> None:
    """Parquet, rows in the order given."""
    table = pa.Table.from_pandas(places, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, file, compression="zstd")

"""`claims.parquet`: what operators declare, on every hexagon of the territory."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import WGS_84, outlines
from aggregator.judgement.basis import record_basis
from aggregator.publication.claims import COLUMNS, published_claims
from aggregator.publication.layers import write_geoparquet
from aggregator.publication.release import publish

TOWN = h3.cell_to_parent(h3.latlng_to_cell(46.8289, 3.4622, 9), 8)
CELLS = sorted(h3.grid_disk(TOWN, 1))
SOURCES = [
    {"operator": "20801", "technology": "4G", "usage": "data", "quarter": "2026_T3"},
    {"operator": "20820", "technology": "2G", "usage": "voice"},
]


@pytest.fixture
def claims() -> pd.DataFrame:
    named = {"operator": "20801", "technology": "4G", "usage": "data", "level": "", "bounded": True}
    rows = [{"h3_r8": cell, "declared_share": 0.123456, "accessible_share": np.nan, **named} for cell in CELLS[::-1]]
    rows[0] |= {"accessible_share": 0.98766}
    voice = {"operator": "20820", "technology": "2G", "usage": "voice", "bounded": False, "accessible_share": np.nan}
    rows += [{"h3_r8": TOWN, "declared_share": 0.5, "level": level, **voice} for level in ("TBC", "BC")]
    return pd.DataFrame(rows)


def test_every_claim_is_there_sorted_and_rounded(claims: pd.DataFrame) -> None:
    table = published_claims(claims, SOURCES, "synthetic data")
    assert list(table.columns) == [*COLUMNS, "geometry"]
    keys = ["h3", "operator", "technology", "usage", "level"]
    assert table[keys].to_numpy().tolist() == sorted(table[keys].to_numpy().tolist())
    assert len(table) == 9
    assert set(table["h3"]) == {h3.int_to_str(cell) for cell in CELLS}
    own = table[table["operator"] == "20801"]
    assert set(own["declared_share"]) == {0.1235}
    assert own["accessible_share"].dropna().tolist() == [0.9877]
    assert own["operator_name"].unique().tolist() == ["Orange"]
    voice = table[table["operator"] == "20820"]
    assert voice["level"].tolist() == ["BC", "TBC"]
    quarters = table[["operator", "bounded", "claims_quarter"]].drop_duplicates()
    assert sorted(quarters.to_numpy().tolist()) == [["20801", True, "2026_T3"], ["20820", False, ""]]
    assert table.crs.to_epsg() == WGS_84
    shapes = outlines(np.array([h3.str_to_int(cell) for cell in table["h3"]]), WGS_84)
    assert table.geometry.geom_equals_exact(gpd.GeoSeries(shapes, crs=WGS_84), 1e-6).all()


def test_a_territory_is_all_that_is_declared(claims: pd.DataFrame) -> None:
    table = published_claims(claims, SOURCES, within=np.array([TOWN]))
    assert table["h3"].unique().tolist() == [h3.int_to_str(TOWN)]
    assert len(table) == 3


def test_nothing_declared_is_a_table_with_its_columns(claims: pd.DataFrame, tmp_path: Path) -> None:
    write_geoparquet(published_claims(claims.iloc[:0], []), tmp_path / "claims.parquet")
    table = gpd.read_parquet(tmp_path / "claims.parquet")
    assert list(table.columns) == [*COLUMNS, "geometry"]
    assert len(table) == 0
    names = duckdb.sql(f"select * from '{tmp_path / 'claims.parquet'}'").columns
    assert names == [*COLUMNS, "geometry"]


def test_a_release_carries_what_was_imported(
    build_data: Callable[[Path, pd.DataFrame], Path], ledger: pd.DataFrame, claims: pd.DataFrame, tmp_path: Path
) -> None:
    data = build_data(tmp_path / "data", ledger)
    claims.to_parquet(data / "claims/claims.parquet", index=False)
    record_basis(data, pd.Timestamp(ledger["day"].max()).date(), 365)
    release = publish(data)
    table = gpd.read_parquet(release / "claims.parquet")
    assert len(table) == len(claims)
    assert set(table.loc[table["operator"] == "20801", "claims_quarter"]) == {"2026_T3"}
    files = {one["path"] for one in json.loads((release / "manifest.json").read_text(encoding="utf-8"))["files"]}
    assert "claims.parquet" in files

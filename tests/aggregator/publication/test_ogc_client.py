"""A real client: GDAL's OAPIF driver, that of the distribution and the newer one inside pyogrio."""

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import httpx
import pytest


def ogrinfo(*arguments: str) -> str:
    done = subprocess.run(["ogrinfo", "-ro", *arguments], capture_output=True, text=True, check=True, timeout=120)
    assert not done.stderr, done.stderr
    return done.stdout


def test_gdal_lists_the_collections(served: httpx.Client) -> None:
    told = ogrinfo(f"OAPIF:{served.base_url}/ogc")
    for name in ("hexagons", "zones", "points", "claims"):
        assert name in told


def test_gdal_reads_every_page(served: httpx.Client, latest: Path, tmp_path: Path) -> None:
    into = tmp_path / "claims.geojson"
    source = f"OAPIF:{served.base_url}/ogc"
    done = subprocess.run(["ogr2ogr", str(into), source, "claims"], capture_output=True, text=True, check=True)
    assert not done.stderr
    told = json.loads(into.read_text())["features"]
    known = gpd.read_parquet(latest / "claims.parquet")
    assert len(told) == len(known) > 2500
    assert [one["properties"]["h3"] for one in told] == known["h3"].to_list()
    assert [one["properties"]["declared_share"] for one in told] == known["declared_share"].to_list()


def test_gdal_counts_and_filters(served: httpx.Client, latest: Path) -> None:
    source = f"OAPIF:{served.base_url}/ogc"
    hexagons = gpd.read_parquet(latest / "hexagons.parquet")
    told = ogrinfo("-so", "-spat", "3.45", "46.74", "3.5", "46.78", source, "hexagons")
    wanted = hexagons.cx[3.45:3.5, 46.74:46.78]
    assert f"Feature Count: {len(wanted)}\n" in told
    told = ogrinfo("-so", "-where", "verdict = 'contradicted'", source, "hexagons")
    assert f"Feature Count: {(hexagons['verdict'] == 'contradicted').sum()}\n" in told


def test_gdal_knows_the_type_of_columns_that_are_empty_at_first(served: httpx.Client, latest: Path) -> None:
    source = f"OAPIF:{served.base_url}/ogc"
    hexagons = gpd.read_parquet(latest / "hexagons.parquet")
    assert hexagons["q"].iloc[:10].isna().all()  # what GDAL would guess from
    told = ogrinfo("-so", "-oo", "PAGE_SIZE=10000", "-where", "q < 0.05", source, "hexagons")
    assert "q: Real" in told
    found = (hexagons["q"] < 0.05).sum()
    assert f"Feature Count: {found}\n" in told
    assert found > 0
    assert "nearest_planned_m: Real" in ogrinfo("-so", source, "zones")
    assert "accessible_share: Real" in ogrinfo("-so", source, "claims")
    told = ogrinfo("-so", "-where", "claimed = 1", source, "hexagons")
    assert f"Feature Count: {(hexagons['claimed'] == True).sum()}\n" in told  # noqa: E712
    script = "import sys, pyogrio; told = pyogrio.read_info(sys.argv[1], layer='hexagons')"
    script += "; print(dict(zip(told['fields'], told['dtypes']))['q'])"
    newer = subprocess.run([sys.executable, "-c", script, source], capture_output=True, text=True, check=True)
    assert newer.stdout == "float64\n"


@pytest.mark.parametrize(("name", "crs"), [("claims", "EPSG:2154"), ("zones", "EPSG:2154"), ("claims", "EPSG:4326")])
def test_gdal_reads_in_other_systems(served: httpx.Client, latest: Path, name: str, crs: str, tmp_path: Path) -> None:
    # in a process of its own: while this GDAL waits for an answer, no thread of its Python runs
    script = "import sys, pyogrio; pyogrio.read_dataframe(sys.argv[1], layer=sys.argv[2], CRS=sys.argv[3])"
    script += ".to_parquet(sys.argv[4])"
    into = tmp_path / "read.parquet"
    command = [sys.executable, "-c", script, f"OAPIF:{served.base_url}/ogc", name, crs, str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    told = gpd.read_parquet(into)
    stored = latest / (f"{name}.parquet" if name == "claims" else "zones.gpkg")
    known = gpd.read_parquet(stored) if name == "claims" else gpd.read_file(stored, layer=name)
    assert told.crs.is_projected == (crs == "EPSG:2154")
    assert len(told) == len(known)
    apart = told.to_crs("EPSG:2154").geometry.distance(known.to_crs("EPSG:2154").geometry.centroid, align=False)
    assert apart.max() == 0

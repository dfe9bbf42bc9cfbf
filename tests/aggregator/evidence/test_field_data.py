"""Real files of administrations, read from where they stand."""

import os
from pathlib import Path

import h3
import numpy as np
import pandas as pd
import pytest
import shapely

from aggregator.evidence.claims import import_grid, read_claims
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.territory import (
    commune_of,
    import_communes,
    import_sites,
    people_by_hexagon,
    read_communes,
    read_sites,
)
from aggregator.evidence.tracks import track_through
from aggregator.field_data import read_logs
from client_sdk.sample import Sample

pytestmark = pytest.mark.field_data


@pytest.fixture
def field_data() -> Path:
    return Path(os.environ["MAILLE_FIELD_DATA"])


def test_the_bremen_grid_becomes_claims_of_each_operator(field_data: Path, tmp_path: Path) -> None:
    file = field_data / "bremen_claims/202401_bremen_declared_coverage_100m.csv"
    sources = import_grid(file, tmp_path)
    claims = read_claims(tmp_path)
    sizes = claims.groupby(["operator", "technology"]).size()
    assert len(sizes) == 9
    # 40,255 squares of 0.01 km² and hexagons of about 0.65 km² there, of which GSM is known everywhere
    assert 500 < sizes["26201", "2G"] < 700
    assert sizes["26201", "5G"] < sizes["26201", "4G"] <= sizes["26201", "2G"]
    assert claims.loc[claims["technology"] == "2G", "declared_share"].eq(1).all()
    assert claims["bounded"].all()
    # the declared surface is that of the squares with all operators, but for hexagons on the border, whole or left out
    rows = pd.read_csv(file)
    own = claims[claims["operator"] == "26201"]
    areas_km2 = [h3.cell_area(h3.int_to_str(cell), unit="km^2") for cell in own["h3_r8"]]
    declared_km2 = (own["declared_share"] * areas_km2).groupby(own["technology"]).sum()
    counted_km2 = {"2G": (rows["gsm_out"] == 3), "4G": (rows["lte"] == 3), "5G": (rows["nr_gesamt"] == 3)}
    assert declared_km2.to_dict() == pytest.approx({key: how.sum() / 100 for key, how in counted_km2.items()}, rel=0.01)
    assert {(source.technology, source.features) for source in sources} == {
        ("2G", 40_255),
        ("4G", 39_812),
        ("5G", 35_398),
    }


def test_bourgogne_franche_comte_keeps_its_people(field_data: Path, tmp_path: Path) -> None:
    summary = import_communes(
        field_data / "boundaries/communes-bfc-merged.geojson",
        tmp_path,
        population=field_data / "population/population_communes_bfc.csv",
    )
    assert (summary.communes, summary.people, summary.without_outline) == (3734, 2_800_194, ())
    communes = read_communes(tmp_path)
    assert people_by_hexagon(communes).sum() == pytest.approx(2_800_194)
    found = commune_of(communes, communes["latitude"], communes["longitude"])
    assert (found == np.arange(len(communes))).all()


def test_the_site_file_is_read_whole(field_data: Path, tmp_path: Path) -> None:
    summary = import_sites(field_data / "sites/2024_T4_sites_bfc_reconstructed.csv", tmp_path)
    sites = read_sites(tmp_path)
    assert sites is not None
    assert (summary.sites, summary.left_out) == (8_295, 0)
    assert set(sites["operator"]) == {"20801", "20810", "20815", "20820"}
    assert sites["has_4g"].mean() > 0.5


def test_the_train_line_is_drawn_through_its_own_tests(field_data: Path) -> None:
    _, rows = next(iter(read_logs(field_data)))
    places = [(row.latitude, row.longitude) for row in rows if isinstance(row, Sample)]
    latitudes, longitudes = zip(*places, strict=True)
    (track,) = track_through(latitudes, longitudes, name="line").geometry.to_crs(LAMBERT_93)
    metres = projected(shapely.points(longitudes, latitudes), WGS_84, LAMBERT_93)
    assert shapely.distance(metres, track).max() < 0.01
    # the ends are 158 km apart; a line that turned back and forth would be much longer
    assert 155_000 < track.length < 170_000
    assert track.is_simple

"""The synthetic world: the same seed gives the same world, and it is what its files say it is."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aggregator.demo import example_communes
from aggregator.evidence.sites import read_site_file
from aggregator.synthetic.claims import LEVELS_ABOVE_DBM, declare, outlined, write_claims
from aggregator.synthetic.radio import GORGES, NO_SERVICE_BELOW_DBM, Air, correlated_field, path_loss_db, propagate
from aggregator.synthetic.readings import samples_of
from aggregator.synthetic.sites import OPERATORS, Masts, place_masts, write_sites
from aggregator.synthetic.truth import failure_probability
from aggregator.synthetic.volunteers import Phone, recruit, send_field_team
from aggregator.synthetic.world import PIXEL_M, STEP_M, Floats, Grid, Scenario, World, build
from client_sdk.sample import check, encode

SCENARIO = Scenario(seed=7, volunteers=2)
Made = tuple[World, Masts, Air, Floats]


def make(scenario: Scenario) -> Made:
    world = build(example_communes(), scenario)
    masts = place_masts(world, scenario)
    air = propagate(world, masts, scenario)
    return world, masts, air, declare(world, air, scenario)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(SCENARIO)


def phones_of(made: Made, scenario: Scenario) -> list[Phone]:
    world, _, air, _ = made
    return [*recruit(world, air.gorges, scenario), *send_field_team(world, air.gorges, scenario)]


def lines_of(made: Made, scenario: Scenario) -> list[bytes]:
    world, _, air, _ = made
    return [encode(sample) for phone in phones_of(made, scenario) for sample in samples_of(phone, world, air, scenario)]


def test_the_same_seed_gives_the_same_world_and_another_seed_another(made: Made) -> None:
    again, other = make(SCENARIO), make(replace(SCENARIO, seed=8))
    for one, two, three in ((made, again, other),):
        assert np.array_equal(one[1].xy, two[1].xy)
        assert np.array_equal(one[2].rsrp_dbm, two[2].rsrp_dbm)
        assert np.array_equal(one[3], two[3])
        assert not np.array_equal(one[1].xy, three[1].xy)
    assert lines_of(made, SCENARIO) == lines_of(again, SCENARIO)
    assert lines_of(made, SCENARIO) != lines_of(other, replace(SCENARIO, seed=8))


def test_more_volunteers_leave_the_world_as_it_is(made: Made) -> None:
    assert np.array_equal(make(replace(SCENARIO, volunteers=9))[2].rsrp_dbm, made[2].rsrp_dbm)


def test_every_sample_fits_its_bounds_and_the_quarter(made: Made) -> None:
    world, _, air, _ = made
    kinds = set()
    for phone in phones_of(made, SCENARIO):
        samples = samples_of(phone, world, air, SCENARIO)
        for sample in samples:
            check(sample)
            kinds.add(sample.kind)
            assert "2026-07-01" <= sample.measured_at[:10] <= "2026-09-30"
            assert sample.sim_plmn == OPERATORS[phone.operator]
        assert [sample.seq for sample in samples] == list(range(len(samples)))
        assert len({sample.id for sample in samples}) == len(samples)
    assert kinds == {"signal", "service", "throughput"}


def test_no_service_is_said_as_a_state_machine_would(made: Made) -> None:
    world, _, air, _ = made
    dead = [
        sample
        for phone in phones_of(made, SCENARIO)
        for sample in samples_of(phone, world, air, SCENARIO)
        if sample.service_state == "no_service"
    ]
    assert dead
    for sample in dead:
        assert (sample.kind, sample.service_evidence, sample.rat) == ("service", "strong", None)
        assert sample.service_polls is not None
        assert sample.service_polls >= 3
        assert sample.duration_ms >= 10_000


def test_the_field_team_is_calibrated_and_comes_on_two_days(made: Made) -> None:
    team = [phone for phone in phones_of(made, SCENARIO) if phone.field_team]
    assert [OPERATORS[phone.operator] for phone in team] == list(OPERATORS)
    for phone in team:
        assert phone.bias_db == 0
        places: dict[tuple[int, int], set[str]] = {}
        for trip in phone.trips:
            x, y = (trip.xy.mean(axis=0) // 500).astype(int)
            places.setdefault((int(x), int(y)), set()).add(trip.start.date().isoformat())
        assert all(len(days) == 2 for days in places.values())


def test_roads_join_every_commune_and_lead_where_they_say(made: Made) -> None:
    world = made[0]
    assert np.isfinite(world.distances).all()
    way = world.way(0, 40)
    assert (way[0][0], way[-1][1]) == (0, 40)
    assert all(one[1] == two[0] for one, two in pairwise(way))
    points = np.vstack([world.points(leg) for leg in way])
    assert points[0] == pytest.approx(world.centres[0])
    assert points[-1] == pytest.approx(world.centres[40])
    assert np.hypot(*np.diff(points, axis=0).T).max() < 3 * STEP_M


def test_path_loss_is_that_of_the_standard() -> None:
    # RMa NLOS at 1 km and 10 km by hand: slope 43.42 − 3.1 log10(35) per decade
    one, ten = path_loss_db(np.array([1_000.0, 10_000.0]))
    assert one == pytest.approx(117.5, abs=0.3)
    assert ten - one == pytest.approx(43.42 - 3.1 * np.log10(35), abs=0.02)


def test_shadowing_has_the_spread_and_correlation_asked_for() -> None:
    field = correlated_field(Grid(0.0, 0.0, 600, 600), 6.0, 1_800.0, np.random.default_rng(1))
    assert field.std() == pytest.approx(6.0, abs=0.01)
    apart = int(1_800 / PIXEL_M)
    correlation = np.corrcoef(field[:, :-apart].ravel(), field[:, apart:].ravel())[0, 1]
    assert correlation == pytest.approx(np.exp(-1), abs=0.12)


def test_dead_zones_are_bad_for_every_operator_and_some_are_declared_covered(made: Made) -> None:
    world, _, air, declared = made
    truth = failure_probability(world, air, declared)
    row, column = world.grid.at(air.gorges)
    assert len(air.gorges) == GORGES
    assert (air.rsrp_dbm[:, row, column] < NO_SERVICE_BELOW_DBM).all()
    bad = truth[truth["condition"] == "bad"]
    assert set(bad.loc[bad["claimed"], "operator"]) == set(OPERATORS)
    assert truth["p"].between(0, 1).all()
    assert (truth["condition"] == "good").mean() > 0.5


def test_the_most_optimistic_tool_declares_most(made: Made) -> None:
    shares = (made[3] > LEVELS_ABOVE_DBM["CL"]).mean(axis=(1, 2))
    assert np.all(np.diff(shares[[0, 2, 3]]) > 0)
    assert not (made[3][:, ~made[0].inside] > LEVELS_ABOVE_DBM["CL"]).any()


def test_coverage_files_are_in_arceps_layout(made: Made, tmp_path: Path) -> None:
    files = write_claims(made[3], made[0].grid, tmp_path)
    first = [file.read_bytes() for file in files]
    assert [file.read_bytes() for file in write_claims(made[3], made[0].grid, tmp_path)] == first
    assert [file.name for file in files] == [
        f"2026_T3_couv_Metropole_{code}_4G_data.gpkg" for code in ("OF", "SFR0", "FREE", "BOUY")
    ]
    for file, plmn in zip(files, OPERATORS, strict=True):
        assert pyogrio.list_layers(file).tolist() == [[file.stem, "MultiPolygon"]]
        information = pyogrio.read_info(file)
        assert information["geometry_name"] == "geom"
        assert information["crs"] == "EPSG:2154"
        frame = geopandas.read_file(file)
        assert list(frame.columns[:-1]) == [
            *("operateur", "operateur_commercial", "operateur_infra", "date", "techno", "usage", "niveau", "dept")
        ]
        assert set(frame["operateur"]) == {int(plmn)}
        assert frame["niveau"].tolist() == ["TBC", "BC", "CL"]
        covered = float((made[3][OPERATORS.index(plmn)] > LEVELS_ABOVE_DBM["CL"]).sum()) * PIXEL_M**2
        assert frame.geometry.area.sum() == pytest.approx(covered, rel=1e-9)


def test_the_site_file_is_in_arceps_layout(made: Made, tmp_path: Path) -> None:
    sites, summary = read_site_file(write_sites(made[1], made[0], tmp_path))
    assert (summary.sites, summary.left_out) == (int(made[1].present.sum()), 0)
    assert set(sites["operator"]) == set(OPERATORS)
    assert "SYNTHETIC" in (tmp_path / "2026_T3_sites_Metropole.csv").read_text(encoding="utf-8")


@given(arrays.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_an_outline_covers_the_true_pixels_and_no_others(pixels: np.ndarray) -> None:
    grid = Grid(1_000.0, 2_000.0, *pixels.shape)
    outline = outlined(pixels, grid)
    x, y = grid.centres()
    inside = shapely.contains_xy(outline, *np.meshgrid(x, y))
    assert np.array_equal(np.asarray(inside), pixels)
    assert outline.area == pytest.approx(pixels.sum() * PIXEL_M**2)


def test_the_table_of_communes_says_where_it_comes_from() -> None:
    folder = example_communes().parent
    text = (folder / "README.md").read_text(encoding="utf-8")
    for word in ("GeoNames", "CC BY 4.0", "@etalab/decoupage-administratif", "Voronoi"):
        assert word in text
    assert len(example_communes().read_text(encoding="utf-8").splitlines()) == 82


def test_compiling_the_table_again_joins_by_name(tmp_path: Path) -> None:
    communes = [
        {"code": "58001", "nom": "Saint-Éloi", "departement": "58", "type": "commune-actuelle", "population": 10},
        {"code": "58002", "nom": "Deux Fois", "departement": "58", "type": "commune-actuelle", "population": 20},
        {"code": "58003", "nom": "Ancienne", "departement": "58", "type": "commune-deleguee", "population": 30},
    ]
    place = {"countrycode": "FR", "latitude": 47.0, "longitude": 3.2}
    cities = {
        "1": {**place, "name": "Saint-Eloi"},
        "2": {**place, "name": "Deux-Fois"},
        "3": {**place, "name": "Deux-Fois", "latitude": 47.1},
        "4": {**place, "name": "Ancienne"},
    }
    (tmp_path / "communes.json").write_text(json.dumps(communes), encoding="utf-8")
    (tmp_path / "cities.json").write_text(json.dumps(cities), encoding="utf-8")
    script = example_communes().parent / "compile.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path / "communes.json", tmp_path / "cities.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "insee_com,name,population,latitude,longitude",
        "58001,Saint-Éloi,10,47.0,3.2",
    ]

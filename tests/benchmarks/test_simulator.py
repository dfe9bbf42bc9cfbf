"""The simulated territory: the same from the same seed, true to what it says of itself, and near its specification."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.claims_table import read_claims
from aggregator.proposals.mission_values import VISIT_POINTS
from aggregator.synthetic.sites import OPERATORS
from benchmarks.simulator.adversaries import REPLAYS, Mix, corrupt
from benchmarks.simulator.ground import build_ground
from benchmarks.simulator.radio import failure_probability, propagate
from benchmarks.simulator.survey import calibrated_phones, survey
from benchmarks.simulator.volunteers import tell
from benchmarks.simulator.world import (
    REGIMES,
    World,
    archive,
    build_world,
    campaign,
    declare,
    declared_dbm,
    reliability,
    truth,
)

SIDE_PX = 120
"""18 km: a twentieth of the whole."""

SEED = 7
VOLUNTEERS = 60


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(SEED, SIDE_PX)


@pytest.fixture(scope="module")
def declared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("mixed")
    declare(world, REGIMES["mixed"], data)
    return data


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_seed_gives_one_world_and_another_seed_another(world: World, declared: Path, tmp_path: Path) -> None:
    again = build_world(SEED, SIDE_PX)
    declare(again, REGIMES["mixed"], tmp_path / "claims")
    for name, twin in (("first", world), ("second", again)):
        archive(twin, campaign(twin, 20, 0.25), tmp_path / name)

    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert files(tmp_path / "claims") == files(declared)
    assert not np.array_equal(build_world(SEED + 1, SIDE_PX).radio.rsrp_dbm, world.radio.rsrp_dbm)


def test_the_truth_of_a_hexagon_is_the_mean_over_its_declared_accessible_pixels(world: World, declared: Path) -> None:
    table = truth(world, REGIMES["mixed"], declared)
    ground, maps = world.ground, declared_dbm(world, REGIMES["mixed"])
    hypotheses = table[table["hypothesis"]]
    row = hypotheses.loc[hypotheses["p"].idxmax()]
    operator = OPERATORS.index(row["operator"])

    pixels = [
        world.failure[operator, y, x]
        for y in range(SIDE_PX)
        for x in range(SIDE_PX)
        if ground.hexagons[ground.hexagon_px[y, x]] == row["h3_r8"]
        and maps[operator, y, x] > -111
        and ground.people_px[y, x] + ground.main_road_m[y, x] + ground.lane_m[y, x] > 0
    ]

    assert row["p"] == pytest.approx(np.mean(pixels))
    assert row["bad"]
    assert not row["good"]


def test_the_truth_of_a_pixel_is_how_often_a_calibrated_phone_fails_there(world: World) -> None:
    x, y = world.ground.grid.centres()
    random = np.random.default_rng(1)
    operator, row, column = (int(found[0]) for found in np.nonzero(np.abs(world.failure - 0.4) < 0.05))
    tests = 40_000
    places = pd.DataFrame(
        {
            "device": operator,
            "day": random.integers(0, 180, tests),
            "second": random.uniform(6 * 3600, 23 * 3600, tests).astype(int),
            "x": x[column],
            "y": y[row],
        }
    )
    phones = replace(calibrated_phones(world), random_failures=np.zeros(len(OPERATORS)))

    told = tell(world.ground, world.radio, phones, places, np.zeros(tests), random)

    # a phone's tests of one day in one pixel share their fading: 180 draws, so the tolerance is wide
    assert told["failed"].mean() == pytest.approx(world.failure[operator, row, column], abs=0.12)


def test_the_imported_claims_are_the_pixels_that_were_drawn(world: World, declared: Path) -> None:
    ground = world.ground
    claims = read_claims(declared / "claims")
    size = ground.by_hexagon(np.ones_like(ground.people_px))
    whole = size >= np.quantile(size, 0.5)  # away from the rim
    for number, operator in enumerate(OPERATORS):
        drawn = ground.by_hexagon((declared_dbm(world, REGIMES["mixed"])[number] > -111).astype(float)) / size
        shares = claims[claims["operator"] == operator].set_index("h3_r8")["declared_share"].reindex(ground.hexagons)
        difference = np.abs(shares.fillna(0.0).to_numpy() - drawn)[whole]

        assert difference.mean() < 0.02
        assert difference.max() < 0.2


def test_the_ledger_counts_the_tests_that_were_simulated(world: World, tmp_path: Path) -> None:
    done = campaign(world, VOLUNTEERS, 0.1)
    archive(world, done, tmp_path / "archive")
    bin_archive(tmp_path / "archive", tmp_path / "evidence")

    ledger = pq.read_table(tmp_path / "evidence" / "ledger.parquet").to_pandas()
    votable = ledger[(ledger["technology"] == "4G") & ledger["context"].isin(["outdoor", "vehicle"])]
    usable = done.tests[done.tests["context"] != "indoor"]
    expected = usable.groupby([np.array(done.names)[usable["device"]], usable["context"]])["failed"].agg(
        ["size", "sum"]
    )
    found = votable.groupby(["device_token", "context"])[["tested_3", "failed_3"]].sum()
    assert np.array_equal(found.to_numpy(), expected.sort_index().to_numpy())


def test_bad_devices_do_what_they_are_said_to_do(world: World) -> None:
    clean = campaign(world, VOLUNTEERS)
    random = np.random.default_rng(2)

    def made(mix: Mix) -> pd.DataFrame:
        devices, tests, bad = corrupt(world.ground, world.failure, clean.devices, clean.tests, 0.2, random, mix)
        assert bad.sum() == 12
        assert len(devices) == VOLUNTEERS
        honest = ~bad[tests["device"].to_numpy()]
        own = ~bad[clean.tests["device"].to_numpy()]
        pd.testing.assert_frame_equal(
            tests[honest].drop(columns="h3_cell").reset_index(drop=True),
            clean.tests[own].drop(columns="h3_cell").reset_index(drop=True),
        )
        return tests[~honest]

    nothing = {"fabricate": 0.0, "shift": 0.0, "replay": 0.0, "praise": 0.0}
    liars = made(Mix(**nothing | {"fabricate": 1.0}))
    assert (liars.groupby("device")["failed"].mean() == 1).sum() >= 6  # every other one only lies
    replayed = made(Mix(**nothing | {"replay": 1.0}))
    before = clean.tests[clean.tests["device"].isin(replayed["device"])]
    assert replayed["failed"].sum() == REPLAYS * before["failed"].sum()
    shifted = made(Mix(**nothing | {"shift": 1.0}))
    home = clean.tests.loc[shifted.index, ["x", "y"]].to_numpy()
    moved = np.hypot(*(shifted[["x", "y"]].to_numpy() - home).T)
    assert moved.min() >= 5_000
    assert moved.max() <= 20_000
    praised = made(Mix(**nothing | {"praise": 1.0}))
    assert len(praised) > clean.tests["device"].isin(praised["device"]).sum()


def test_a_survey_is_ten_outdoor_points_on_two_days_in_each_place(world: World, declared: Path, tmp_path: Path) -> None:
    table = truth(world, REGIMES["mixed"], declared)
    places = table.loc[table["hypothesis"], ["h3_r8", "operator"]].iloc[::200]

    survey(world, places, tmp_path / "archive", np.random.default_rng(0))
    bin_archive(tmp_path / "archive", tmp_path / "evidence")

    ledger = pq.read_table(tmp_path / "evidence" / "ledger.parquet").to_pandas()
    ledger = ledger[ledger["technology"] == "4G"]
    assert set(ledger["tier"]) == {"field_team"}
    assert set(ledger["context"]) == {"outdoor"}
    assert ledger["tested_3"].sum() == VISIT_POINTS * len(places)


def test_the_world_comes_near_its_specification(world: World) -> None:
    """At full size the benchmark prints these: reliabilities of 94.8 to 98.6 %, 115 usable tests a phone."""
    worlds = [world, build_world(SEED + 1, SIDE_PX)]
    means = {name: np.mean([np.mean(reliability(one, bias_db)) for one in worlds]) for name, bias_db in REGIMES.items()}
    assert 0.995 > means["compliant"] > means["mixed"] > means["optimistic"] > 0.93
    people = worlds[0].ground.people.sum()
    area_share = (SIDE_PX / 516) ** 2
    assert 80_000 * area_share < people < 250_000 * area_share  # it has the town
    tests = campaign(world, 400).tests
    usable = (tests["context"] != "indoor").sum() / 400
    assert 85 < usable < 150
    assert (tests["context"] == "indoor").mean() == pytest.approx(0.35 * 0.6 * 0.8, abs=0.01)


def test_roads_lead_from_each_home_to_everywhere_and_a_place_on_the_way_lies_on_it() -> None:
    ground = build_ground(np.random.default_rng(3), SIDE_PX)
    starts, ends = np.array([0, 5, 20]), np.arange(len(ground.places))
    ways = ground.roads.ways(starts)
    assert np.isfinite(ways.metres[:, ends]).all()
    start = np.repeat(np.arange(3), len(ends))
    end = np.tile(ends, 3)
    other = starts[start] != end
    begins, finishes = (
        ground.roads.along(ways, start[other], end[other], np.full(other.sum(), share)) for share in (0.0, 0.999)
    )
    assert np.hypot(*(begins - ground.places[starts[start[other]]]).T).max() < 1
    away = np.hypot(*(finishes - ground.places[end[other]]).T)
    assert (away < 110 + 0.002 * ways.metres[start[other], end[other]]).all()


def test_stronger_air_fails_less(world: World) -> None:
    radio = propagate(world.ground, np.random.default_rng(0))
    weak = replace(radio, rsrp_dbm=radio.rsrp_dbm - np.float32(3))

    assert (failure_probability(weak) >= failure_probability(radio) - 1e-9).all()

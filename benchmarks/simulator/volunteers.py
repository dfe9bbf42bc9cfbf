"""Who carries the phones, where they test, and what each test tells.

A table of tests has one row per test: ``device``; ``day`` (from the first) and ``second`` of it; ``x, y``: where the
phone says it is, metres in Lambert-93; ``context``: what it says its surroundings are; ``speed_mps``; ``rsrp_dbm``
(−200 without service); ``served``; ``rate_bps``; ``failed`` (no service, below 3 Mbit/s, or for no reason).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aggregator.synthetic.radio import NO_SERVICE_BELOW_DBM, SMALL_SCALE_DB
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.truth import SPURIOUS
from aggregator.synthetic.volunteers import DEVICE_BIAS_DB, VEHICLE_LOSS_DB, VEHICLE_LOSS_SPREAD_DB
from aggregator.synthetic.world import PIXEL_M, Booleans, Floats, Integers
from benchmarks.simulator.ground import Ground
from benchmarks.simulator.radio import (
    AWAKE_H,
    EVENING_H,
    OUTAGE,
    OUTAGE_DB,
    THRESHOLD_BPS,
    Radio,
    at_pixels,
    draw_load,
    rate_bps,
)

DAYS = 180
OPERATOR_SHARES = (0.34, 0.26, 0.20, 0.20)
FLAKY, FLAKY_DB, FLAKY_FAILURES = 0.03, 9.0, 0.25
HAMLET_HOMES = 0.25  # of the volunteers are taken from hamlets, whatever their people
DAYS_MEDIAN, DAYS_SPREAD = 12.0, 1.0  # lognormal; the spread is ours
TESTS_MEDIAN, TESTS_SPREAD = 5.0, 0.6
AT_HOME, INDOORS_AT_HOME, FAVOURITE = 0.35, 0.60, 0.60
IN_VEHICLE, OFF_ROAD, OFF_ROAD_M = 0.77, 0.12, 1_200.0
INDOOR_LOSS_DB, INDOOR_SPREAD_DB, INDOOR_RECOGNISED = 14.0, 5.0, 0.80
GRAVITY_M = 9_000.0  # ours: journeys are rarer by e for each such distance
DRIVE_MPS, WALK_MPS = 17.0, 1.2
POSITION_ERROR_M = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Devices:
    """Phones, one entry each.

    Attributes:
        operator: index in ``OPERATORS``.
        bias_db: added to every power it receives.
        random_failures: share of its tests that fail for no reason of the network.
        home: node of the settlement it lives in. home_xy: where exactly.
        favourite: node of the place it often goes to.
    """

    operator: Integers
    bias_db: Floats
    random_failures: Floats
    home: Integers
    home_xy: Floats
    favourite: Integers

    def __len__(self) -> int:
        """How many."""
        return len(self.operator)


def recruit(ground: Ground, count: int, random: np.random.Generator) -> Devices:
    """Draw phones and their owners' homes."""
    people = ground.people
    hamlet = random.random(count) < HAMLET_HOMES
    home = np.where(
        hamlet,
        random.integers(ground.villages, len(people), count),
        random.choice(len(people), count, p=people / people.sum()),
    )
    flaky = random.random(count)
    bias_db = random.normal(0.0, DEVICE_BIAS_DB, count) - np.where(flaky < FLAKY / 2, FLAKY_DB, 0.0)
    return Devices(
        operator=random.choice(len(OPERATORS), count, p=OPERATOR_SHARES),
        bias_db=bias_db,
        random_failures=np.where((flaky >= FLAKY / 2) & (flaky < FLAKY), FLAKY_FAILURES, SPURIOUS),
        home=home,
        home_xy=ground.places[home] + random.normal(size=(count, 2)) * ground.spread_m[home, None],
        favourite=_destinations(ground, home, random),
    )


def measure_all(ground: Ground, radio: Radio, devices: Devices, random: np.random.Generator) -> pd.DataFrame:
    """Every test that the volunteers do in the window."""
    active = np.minimum(np.ceil(random.lognormal(np.log(DAYS_MEDIAN), DAYS_SPREAD, len(devices))), DAYS).astype(int)
    owner = np.repeat(np.arange(len(devices)), active)
    # distinct days: the first of a shuffled calendar of each phone
    day = np.concatenate([random.permutation(DAYS)[:days] for days in active])
    pace = random.lognormal(np.log(TESTS_MEDIAN), TESTS_SPREAD, len(devices))
    tests = 1 + random.poisson(pace[owner])
    journey = np.repeat(np.arange(len(owner)), tests)
    device = owner[journey]
    homes, start = np.unique(devices.home, return_inverse=True)
    target = np.where(
        random.random(len(owner)) < FAVOURITE,
        devices.favourite[owner],
        _destinations(ground, devices.home[owner], random),
    )
    ways = ground.roads.ways(homes)
    at_home = random.random(len(device)) < AT_HOME
    on_way = ground.roads.along(ways, start[device], target[journey], random.random(len(device)))
    draw = random.random(len(device))
    in_vehicle = ~at_home & (draw < IN_VEHICLE)
    off_road = ~at_home & (draw >= IN_VEHICLE) & (draw < IN_VEHICLE + OFF_ROAD)
    indoors = at_home & (random.random(len(device)) < INDOORS_AT_HOME)
    away = _in_disc(len(device), OFF_ROAD_M, random)
    xy = np.where(at_home[:, None], devices.home_xy[device], on_way + np.where(off_road[:, None], away, 0.0))
    recognised = indoors & (random.random(len(device)) < INDOOR_RECOGNISED)
    ride_db = random.normal(VEHICLE_LOSS_DB, VEHICLE_LOSS_SPREAD_DB, len(owner))[journey]
    walls_db = random.normal(INDOOR_LOSS_DB, INDOOR_SPREAD_DB, len(device))
    start_s = random.uniform(AWAKE_H[0] * 3600, AWAKE_H[1] * 3600, len(device))
    places = pd.DataFrame(
        {
            "device": device,
            "day": day[journey],
            "second": start_s.astype(np.int64),
            "x": xy[:, 0],
            "y": xy[:, 1],
            "context": np.where(recognised, "indoor", np.where(in_vehicle, "vehicle", "outdoor")),
            "speed_mps": np.where(in_vehicle, DRIVE_MPS, np.where(at_home, 0.0, WALK_MPS)),
        }
    )
    loss_db = np.where(in_vehicle, ride_db, 0.0) + np.where(indoors, walls_db, 0.0)
    return tell(ground, radio, devices, places, loss_db, random)


def tell(
    ground: Ground,
    radio: Radio,
    devices: Devices,
    places: pd.DataFrame,
    loss_db: Floats,
    random: np.random.Generator,
) -> pd.DataFrame:
    """The tests at these places: what the air there gives these phones.

    Args:
        ground: the raster.
        radio: the air.
        devices: the phones.
        places: the columns of a table of tests that say who, when and where; a place stands for its pixel.
        loss_db: taken off by a vehicle or walls, per test.
        random: of the draws.
    """
    device, day = places["device"].to_numpy(), places["day"].to_numpy()
    row, column = ground.grid.at(places[["x", "y"]].to_numpy())
    operator = devices.operator[device]
    rsrp, mast, congested = at_pixels(radio, operator, row, column)
    pixel = row * ground.grid.columns + column
    moment = (device * DAYS + day) * (ground.grid.rows * ground.grid.columns) + pixel
    _, first = np.unique(moment, return_inverse=True)
    fading = random.normal(0.0, SMALL_SCALE_DB, first.max(initial=0) + 1)[first]
    out = random.random((radio.congested.shape[0], DAYS)) < OUTAGE
    received = rsrp + devices.bias_db[device] - loss_db + fading - OUTAGE_DB * out[mast, day]
    hour = places["second"].to_numpy() // 3600
    evening = (hour >= EVENING_H[0]) & (hour < EVENING_H[1])
    rate = rate_bps(received, draw_load(congested, evening, random))
    served = received >= NO_SERVICE_BELOW_DBM
    spurious = random.random(len(places)) < devices.random_failures[device]
    x, y = ground.grid.centres()
    error = random.normal(0.0, POSITION_ERROR_M, (len(places), 2))
    limit = PIXEL_M / 2 - 1.0  # a position tells its pixel
    return places.assign(
        x=x[column] + np.clip(error[:, 0], -limit, limit),
        y=y[row] + np.clip(error[:, 1], -limit, limit),
        rsrp_dbm=np.where(served, received, -200.0),
        served=served,
        rate_bps=np.where(spurious, 0.0, rate),
        failed=spurious | (rate < THRESHOLD_BPS),
    )


def _destinations(ground: Ground, home: Integers, random: np.random.Generator) -> Integers:
    """A place to go to from each home: people there, falling with the distance as the crow flies."""
    homes, group = np.unique(home, return_inverse=True)
    away = ground.places[homes, None, :] - ground.places[None, :, :]
    pull = ground.people[None, :] * np.exp(-np.hypot(away[:, :, 0], away[:, :, 1]) / GRAVITY_M)
    pull[np.arange(len(homes)), homes] = 0.0
    law = np.cumsum(pull, axis=1)
    target = np.empty(len(home), dtype=np.int64)
    draw = random.random(len(home))
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(group, minlength=len(homes)))[:-1]):
        own = law[group[rows[0]]]
        target[rows] = np.searchsorted(own, draw[rows] * own[-1], side="right")
    return np.minimum(target, len(ground.places) - 1)


def _in_disc(count: int, radius_m: float, random: np.random.Generator) -> Floats:
    angle, distance = random.uniform(0, 2 * np.pi, count), radius_m * np.sqrt(random.random(count))
    return np.column_stack([distance * np.cos(angle), distance * np.sin(angle)])


def usable(tests: pd.DataFrame) -> Booleans:
    """Which tests may vote: those that say they were outdoors or in a vehicle."""
    return tests["context"].to_numpy() != "indoor"

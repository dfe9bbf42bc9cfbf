"""Who carries the phones and where they go: by car or by bicycle along the roads, on some days of the quarter."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal

import numpy as np
from scipy.spatial import KDTree

from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import STEP_M, Floats, Scenario, World

DEVICE_BIAS_DB = 4.0  # spread between phones
VEHICLE_LOSS_DB, VEHICLE_LOSS_SPREAD_DB = 6.0, 2.0
BICYCLE_SHARE, BICYCLE_RANGE_M = 0.45, 15_000.0  # a campaign asks for readings outdoors
CAR_MPS, BICYCLE_MPS = 17.0, 4.5
CAR_SPACING_M, BICYCLE_SPACING_M = 800.0, 500.0  # between two readings
COMPLAINING = 5.0
POINTS_PER_VISIT = 7


@dataclass(frozen=True, slots=True)
class Trip:
    """One way along the roads on one day.

    Attributes:
        start: instant of the first reading.
        xy: where each reading is taken, Lambert-93, metres, shape (readings, 2).
        seconds: after ``start``, per reading.
        speed_mps: over ground.
        context: ``vehicle`` by car, ``outdoor`` by bicycle or on foot.
    """

    start: datetime
    xy: Floats
    seconds: Floats
    speed_mps: float
    context: Literal["outdoor", "vehicle"]


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone and its quarter.

    Attributes:
        name: unique in the campaign; the seed of its key and of its readings.
        operator: index in ``OPERATORS``.
        bias_db: added to every power it reads.
        vehicle_loss_db: taken off in a car.
        field_team: it belongs to a field team, and is calibrated.
        trips: in order of time.
    """

    name: str
    operator: int
    bias_db: float
    vehicle_loss_db: float
    field_team: bool = False
    trips: list[Trip] = field(default_factory=list)


def recruit(world: World, gorges: Floats, scenario: Scenario) -> list[Phone]:
    """Draw the volunteers and their trips: home by people (villages oversampled), destinations by gravity.

    A campaign starts where people complain: the two communes nearest to each gorge are ``COMPLAINING`` times as likely.
    """
    random = scenario.random("volunteers")
    attraction = world.attraction()
    homes = np.sqrt(world.population)
    homes[np.unique(KDTree(world.centres).query(gorges, k=2)[1])] *= COMPLAINING
    homes /= homes.sum()
    quarter = (scenario.last_day - scenario.first_day).days + 1
    phones = []
    for operator, code in enumerate(OPERATORS):
        for number in range(scenario.volunteers):
            loss = random.normal(VEHICLE_LOSS_DB, VEHICLE_LOSS_SPREAD_DB)
            phone = Phone(f"volunteer-{code}-{number:04}", operator, random.normal(0, DEVICE_BIAS_DB), loss)
            home = int(random.choice(len(homes), p=homes))
            active = min(1 + random.poisson(scenario.active_days - 1), quarter)
            for day in np.sort(random.choice(quarter, active, replace=False)):
                phone.trips.append(_trip(world, attraction, home, _morning(scenario, int(day)), random))
            phones.append(phone)
    return phones


def send_field_team(world: World, gorges: Floats, scenario: Scenario) -> list[Phone]:
    """Four calibrated phones, one per operator, carried on foot around three dead zones and three towns.

    Each place is visited on two days, with seven points 60 m apart on each, as a survey asks (10 points, 2 days).
    """
    random = scenario.random("field team")
    towns = world.centres[np.argsort(-world.population, kind="stable")[:3]]
    places = np.vstack([gorges[:3], towns])
    quarter = (scenario.last_day - scenario.first_day).days + 1
    days = np.sort(random.choice(quarter, 2 * len(places), replace=False))
    trips = []
    for visit, day in enumerate(days):
        along = (np.arange(POINTS_PER_VISIT) - POINTS_PER_VISIT // 2) * 60.0
        direction = random.uniform(0, np.pi)
        aside = along[:, None] * np.array([np.cos(direction), np.sin(direction)])
        start = _morning(scenario, int(day))
        spot = places[visit % len(places)] + aside
        trips.append(Trip(start, spot, 90.0 * np.arange(POINTS_PER_VISIT, dtype=np.float64), 1.0, "outdoor"))
    return [Phone(f"field-team-{code}", number, 0.0, 0.0, True, trips) for number, code in enumerate(OPERATORS)]


def _trip(world: World, attraction: Floats, home: int, day: datetime, random: np.random.Generator) -> Trip:
    by_bicycle = bool(random.random() < BICYCLE_SHARE)
    pull = attraction[home] * (world.distances[home] < BICYCLE_RANGE_M) if by_bicycle else attraction[home]
    pull = pull if pull.sum() > 0 else (np.arange(len(pull)) == np.argsort(world.distances[home])[1]).astype(float)
    target = int(random.choice(len(pull), p=pull / pull.sum()))
    points = np.vstack([world.points(leg) for leg in world.way(home, target)])
    speed, spacing = (BICYCLE_MPS, BICYCLE_SPACING_M) if by_bicycle else (CAR_MPS, CAR_SPACING_M)
    stride = int(spacing / STEP_M)
    positions = points[int(random.integers(stride)) :: stride]
    seconds = np.arange(len(positions), dtype=np.float64) * spacing / speed
    jittered = positions + random.normal(0.0, 5.0, positions.shape)
    start = day + timedelta(seconds=float(random.uniform(0, 10 * 3600)))
    return Trip(start, jittered, seconds, speed, "outdoor" if by_bicycle else "vehicle")


def _morning(scenario: Scenario, day: int) -> datetime:
    return datetime.combine(scenario.first_day + timedelta(days=day), time(6, 30), tzinfo=UTC)

"""Bad devices: liars who invent dead zones alone or in groups, shifted positions, replays, and praise of bad places."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aggregator.synthetic.world import PIXEL_M, Booleans, Floats, Integers
from benchmarks.simulator.ground import Ground
from benchmarks.simulator.radio import AWAKE_H
from benchmarks.simulator.volunteers import DAYS, Devices

GROUPS = (1, 2, 3, 5)
REPLAYS = 20
SHIFT_M = (5_000.0, 20_000.0)
WELL_COVERED, BADLY_COVERED = 0.02, 0.25
INHABITED_PEOPLE = 10.0
NEAR_M = 900.0  # ours: what liars call a place
FABRICATED_DAYS, FABRICATED_TESTS = (3, 3.0), (2, 2.0)  # at least, and the mean of what comes on top; ours
PRAISED_PLACES = 5
PRAISED_BPS, PRAISED_DBM = 20e6, -95.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares of each kind among the bad devices; they add up to 1."""

    fabricate: float = 0.4
    shift: float = 0.2
    replay: float = 0.2
    praise: float = 0.2

    def counts(self, devices: int) -> tuple[int, ...]:
        """How many of each kind."""
        ends = np.round(np.cumsum([self.fabricate, self.shift, self.replay, self.praise]) * devices).astype(int)
        return tuple(int(count) for count in np.diff(ends, prepend=0))


MIX = Mix()


def corrupt(
    ground: Ground,
    failure: Floats,
    devices: Devices,
    tests: pd.DataFrame,
    share: float,
    random: np.random.Generator,
    mix: Mix = MIX,
) -> tuple[Devices, pd.DataFrame, Booleans]:
    """Make a share of the devices bad.

    Args:
        ground: the territory.
        failure: true failure probability on the raster, shape (4, rows, columns).
        devices: all phones.
        tests: what they measured.
        share: of the devices, 0 to 1.
        random: of the draws.
        mix: kinds of bad devices.

    Returns:
        Devices (liars of a group share their operator), tests, and which devices are bad.
    """
    chosen = random.permutation(len(devices))[: round(share * len(devices))]
    bad = np.zeros(len(devices), dtype=bool)
    bad[chosen] = True
    if not len(chosen):
        return devices, tests, bad
    kinds = np.split(chosen, np.cumsum(mix.counts(len(chosen)))[:-1])
    fabricators, shifters, replayers, praisers = kinds
    places = _Places(ground, failure)
    fabricated = _fabricate(places, fabricators, devices, random)
    alone = fabricators[1::2]  # every other one never measured anything
    kept = tests[~tests["device"].isin(alone)]
    praised = _praise(places, praisers, devices, random)
    everything = pd.concat([_shifted(kept, shifters, random), fabricated, praised], ignore_index=True)
    return devices, _replayed(everything, replayers, random), bad


class _Places:
    """Hexagons by how well they are really covered, and the accessible pixels near each."""

    def __init__(self, ground: Ground, failure: Floats) -> None:
        accessible = ground.accessible
        pixels = np.maximum(ground.by_hexagon(accessible.astype(np.float64)), 1.0)
        reachable = ground.by_hexagon(accessible.astype(np.float64)) > 0
        means = np.array([ground.by_hexagon(np.where(accessible, law, 0.0)) / pixels for law in failure])
        people = ground.by_hexagon(ground.people_px)
        self.good = (means <= WELL_COVERED) & (people >= INHABITED_PEOPLE)
        self.poor = (means >= BADLY_COVERED) & reachable
        x, y = ground.grid.centres()
        row, column = np.nonzero(accessible)
        self._pixels = np.column_stack([x[column], y[row]])
        size = ground.by_hexagon(np.ones_like(ground.people_px))
        east, north = np.meshgrid(x, y)
        self._centres = np.column_stack([ground.by_hexagon(east), ground.by_hexagon(north)]) / size[:, None]

    def near(self, hexagon: int, count: int, random: np.random.Generator) -> Floats:
        """Points in accessible pixels around a hexagon's middle."""
        away = np.hypot(*(self._pixels - self._centres[hexagon]).T)
        around = np.flatnonzero(away <= max(NEAR_M, away.min() + PIXEL_M))
        return np.asarray(self._pixels[random.choice(around, count)] + random.uniform(-30.0, 30.0, (count, 2)))


def _fabricate(places: _Places, liars: Integers, devices: Devices, random: np.random.Generator) -> pd.DataFrame:
    order = liars[np.argsort(devices.operator[liars], kind="stable")]
    parts = []
    for operator in np.unique(devices.operator[order]):
        own = order[devices.operator[order] == operator]
        targets = np.flatnonzero(places.good[operator])
        sizes = [GROUPS[turn % len(GROUPS)] for turn in range(len(own))]
        for group in np.split(own, np.cumsum(sizes)):
            if len(group) and len(targets):
                target = int(random.choice(targets))
                parts += [_visit(places, target, int(device), random) for device in group]
    return _table(parts).assign(rsrp_dbm=-200.0, served=False, rate_bps=0.0, failed=True)


def _praise(places: _Places, praisers: Integers, devices: Devices, random: np.random.Generator) -> pd.DataFrame:
    parts = []
    for device in praisers:
        targets = np.flatnonzero(places.poor[devices.operator[device]])
        chosen = random.choice(targets, min(PRAISED_PLACES, len(targets)), replace=False)
        parts += [_visit(places, int(target), int(device), random) for target in chosen]
    return _table(parts).assign(rsrp_dbm=PRAISED_DBM, served=True, rate_bps=PRAISED_BPS, failed=False)


def _visit(places: _Places, hexagon: int, device: int, random: np.random.Generator) -> pd.DataFrame:
    days = random.choice(DAYS, FABRICATED_DAYS[0] + random.poisson(FABRICATED_DAYS[1]), replace=False)
    day = np.repeat(days, FABRICATED_TESTS[0] + random.poisson(FABRICATED_TESTS[1], len(days)))
    xy = places.near(hexagon, len(day), random)
    second = random.integers(AWAKE_H[0] * 3600, AWAKE_H[1] * 3600, len(day))
    return pd.DataFrame({"device": device, "day": day, "second": second, "x": xy[:, 0], "y": xy[:, 1]})


def _table(parts: list[pd.DataFrame]) -> pd.DataFrame:
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _KINDS.items()})
    return pd.concat(parts or [empty], ignore_index=True).assign(context="outdoor", speed_mps=1.2)


_KINDS = {"device": np.int64, "day": np.int64, "second": np.int64, "x": np.float64, "y": np.float64}


def _shifted(tests: pd.DataFrame, shifters: Integers, random: np.random.Generator) -> pd.DataFrame:
    """Positions of each day moved the same way."""
    rows = tests["device"].isin(shifters).to_numpy()
    _, day = np.unique(
        tests.loc[rows, "device"].to_numpy() * DAYS + tests.loc[rows, "day"].to_numpy(), return_inverse=True
    )
    days = day.max(initial=-1) + 1
    angle, distance = random.uniform(0, 2 * np.pi, days), random.uniform(*SHIFT_M, days)
    moved = tests.copy()
    moved.loc[rows, "x"] += (distance * np.cos(angle))[day]
    moved.loc[rows, "y"] += (distance * np.sin(angle))[day]
    return moved


def _replayed(tests: pd.DataFrame, replayers: Integers, random: np.random.Generator) -> pd.DataFrame:
    """Every failure of these devices sent again and again, some seconds later each time."""
    again = tests[tests["device"].isin(replayers) & tests["failed"]]
    copies = again.loc[again.index.repeat(REPLAYS - 1)]
    later = copies["second"].to_numpy() + random.integers(1, 1_800, len(copies))
    return pd.concat([tests, copies.assign(second=np.minimum(later, 86_399))], ignore_index=True)

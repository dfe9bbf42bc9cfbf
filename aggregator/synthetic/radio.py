"""What the air really does: received power of each operator on the raster, dead zones included.

Path loss is 3GPP TR 38.901's RMa NLOS at 800 MHz; the shadowing is a terrain common to all operators, a local field for
each group of masts, and gorges on busy roads that no planning tool of this world knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from aggregator.synthetic.sites import OPERATORS, Masts
from aggregator.synthetic.world import PIXEL_M, REACH_M, Floats, Grid, Scenario, World

NO_SERVICE_BELOW_DBM = -124.0
SMALL_SCALE_DB = 3.0  # spread from one reading to the next at the same place
EIRP_DBM = 15.2 + 15.0 - 2.0  # per resource element: power, antenna gain, cable loss
MAST_M, PHONE_M, STREET_M, BUILDING_M, FREQUENCY_GHZ = 35.0, 1.5, 20.0, 5.0, 0.8
TERRAIN_DB, TERRAIN_M = 6.0, 1_800.0
LOCAL_DB, LOCAL_M = 5.0, 350.0
RANGE_M = 20_000.0
GORGES, GORGE_APART_M, GORGE_FROM_MASTS_M = 10, 8_000.0, 1_800.0
GORGE_FLOOR_DBM, GORGE_RISE_DB, GORGE_M = -134.0, 60.0, 2_000.0  # no service within about 1.1 km of the middle


@dataclass(frozen=True, slots=True)
class Air:
    """The truth, and the two ingredients that an operator's planning tool shares with it.

    Attributes:
        rsrp_dbm: LTE RSRP outdoors for a median phone, shape (4, rows, columns).
        best_mast: index of the serving mast, same shape.
        median_dbm: RSRP by path loss alone, same shape.
        terrain_db: the terrain's gain without the gorges, shape (rows, columns).
        gorges: x and y of the gorges' centres, metres, shape (gorges, 2).
    """

    rsrp_dbm: Floats
    best_mast: npt.NDArray[np.int64]
    median_dbm: Floats
    terrain_db: Floats
    gorges: Floats


def propagate(world: World, masts: Masts, scenario: Scenario) -> Air:
    """Compute the received power of every operator everywhere."""
    random = scenario.random("air")
    grid = world.grid
    terrain = correlated_field(grid, TERRAIN_DB, TERRAIN_M, random)
    common = correlated_field(grid, LOCAL_DB, LOCAL_M, random)
    own = [correlated_field(grid, LOCAL_DB, LOCAL_M, random) for _ in OPERATORS]
    field_of_mast = np.where(masts.shared, 0, 1 + masts.present.argmax(axis=1))  # what is not shared has one operator
    received, best, median = strongest(grid, masts, [common, *own], field_of_mast)
    x, y = grid.centres()
    gorges = _gorges(world, masts)
    squared = (x[None, None, :] - gorges[:, 0, None, None]) ** 2 + (y[None, :, None] - gorges[:, 1, None, None]) ** 2
    ceiling = GORGE_FLOOR_DBM + GORGE_RISE_DB * (1 - np.exp(-squared / (2 * GORGE_M**2)).max(axis=0, initial=0.0))
    return Air(np.minimum(received + terrain, ceiling), best, median, terrain, gorges)


def strongest(
    grid: Grid, masts: Masts, local_db: Sequence[Floats], field_of_mast: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """What each operator's strongest mast gives every pixel, before the terrain.

    Args:
        grid: the raster.
        masts: who transmits from where.
        local_db: fields of local shadowing, each of shape (rows, columns).
        field_of_mast: which of them each mast has, shape (masts,).

    Returns:
        RSRP with the local shadowing (dBm), index of that mast, RSRP by path loss alone, each of shape
        (4, rows, columns); −200 dBm beyond the reach of all.
    """
    shape = (len(OPERATORS), grid.rows, grid.columns)
    median, received = np.full(shape, -200.0), np.full(shape, -200.0)
    best = np.zeros(shape, dtype=np.int64)
    x, y = grid.centres()
    for mast, (mast_x, mast_y) in enumerate(masts.xy):
        columns = slice(*np.searchsorted(x, (mast_x - RANGE_M, mast_x + RANGE_M)))
        rows = slice(*np.searchsorted(y, (mast_y - RANGE_M, mast_y + RANGE_M)))
        power = EIRP_DBM - path_loss_db(np.hypot(x[None, columns] - mast_x, y[rows, None] - mast_y))
        for operator in np.flatnonzero(masts.present[mast]):
            window = (operator, rows, columns)
            shadowed = power + local_db[field_of_mast[mast]][rows, columns]
            best[window] = np.where(shadowed > received[window], mast, best[window])
            received[window] = np.maximum(received[window], shadowed)
            median[window] = np.maximum(median[window], power)
    return received, best, median


def path_loss_db(distance_m: Floats) -> Floats:
    """RMa NLOS (TR 38.901, table 7.4.1-1), for the heights and the frequency above."""
    height = np.log10(MAST_M)
    loss = 161.04 - 7.1 * np.log10(STREET_M) + 7.5 * np.log10(BUILDING_M)
    loss -= (24.37 - 3.7 * (BUILDING_M / MAST_M) ** 2) * height
    loss += 20 * np.log10(FREQUENCY_GHZ) - (3.2 * np.log10(11.75 * PHONE_M) ** 2 - 4.97)
    slant = np.hypot(np.maximum(distance_m, 10.0), MAST_M - PHONE_M)
    return np.asarray(loss + (43.42 - 3.1 * height) * (np.log10(slant) - 3), dtype=np.float64)


def correlated_field(grid: Grid, spread_db: float, length_m: float, random: np.random.Generator) -> Floats:
    """A Gaussian field whose correlation falls as exp(−distance / length), shape (rows, columns)."""
    rows, columns = grid.rows, grid.columns
    fy, fx = np.fft.fftfreq(rows, PIXEL_M)[:, None], np.fft.rfftfreq(columns, PIXEL_M)[None, :]
    density = (1 + (2 * np.pi * length_m) ** 2 * (fx**2 + fy**2)) ** -0.75  # square root of the spectrum
    field = np.fft.irfft2(np.fft.rfft2(random.standard_normal((rows, columns))) * density, (rows, columns))
    return np.asarray((field - field.mean()) * (spread_db / field.std()), dtype=np.float64)


def planned_dbm(median_dbm: Floats, terrain_db: Floats, bias_db: Floats) -> Floats:
    """RSRP that an operator's tool expects: smoothed terrain, no gorges, no local shadowing, and some optimism."""
    return np.asarray(median_dbm + 0.9 * gaussian_filter(terrain_db, 500.0 / PIXEL_M) + bias_db, dtype=np.float64)


def _gorges(world: World, masts: Masts) -> Floats:
    """Middles of the busiest roads that are far from any mast and from each other, where a small crowd passes."""
    traffic: dict[tuple[int, int], float] = dict.fromkeys(world.roads, 0.0)
    journeys = world.attraction() * np.sqrt(world.population)[:, None]
    for start, end in zip(*np.nonzero(journeys), strict=True):
        for a, b in world.way(int(start), int(end)):
            traffic[min(a, b), max(a, b)] += float(journeys[start, end])
    chosen: list[Floats] = []
    for road in sorted(traffic, key=lambda road: -traffic[road]):
        middle = world.roads[road][len(world.roads[road]) // 2]
        masts_away = np.hypot(*(masts.xy - middle).T).min()
        others_away = min((float(np.hypot(*(other - middle))) for other in chosen), default=REACH_M)
        if masts_away > GORGE_FROM_MASTS_M and others_away > GORGE_APART_M and len(chosen) < GORGES:
            chosen.append(middle)
    return np.array(chosen).reshape(-1, 2)

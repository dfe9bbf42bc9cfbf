"""The air over the ground, and how a test of a phone ends in it.

A test fails without service (effective RSRP below −124 dBm) or below 3 Mbit/s. Throughput is 10 MHz × 0.6 ×
log2(1 + SNR) × (1 − load), with −125 dBm of noise and 3 dB of margin; the load is higher at a congested site, and from
18 to 22 h.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import betainc

from aggregator.synthetic.claims import AREA_BIAS_DB, AREA_BIAS_M, SMOOTHING_M
from aggregator.synthetic.radio import (
    LOCAL_DB,
    LOCAL_M,
    NO_SERVICE_BELOW_DBM,
    SMALL_SCALE_DB,
    TERRAIN_DB,
    TERRAIN_M,
    correlated_field,
    planned_dbm,
    strongest,
)
from aggregator.synthetic.sites import OPERATORS, OWN_SITES, SHARED_BY_ALL, Masts
from aggregator.synthetic.world import PIXEL_M, Booleans, Floats, Integers
from benchmarks.simulator.ground import WHOLE_SIDE_PX, Ground, spaced

PLACES = 160  # ours: in towns and villages, what is more than those in the gaps
CONGESTED = 0.08
LOAD, CONGESTED_LOAD = (2.0, 5.0), (4.0, 2.0)  # of beta laws
SITE_GROUPS = 4  # ours: masts of a group have one field of local shadowing, those of different groups another
EVENING_H = (18, 22)
EVENING_ROOM = 0.9  # ours: what is left free of the room that the load leaves at other hours
AWAKE_H = (6, 23)  # hours in which people test
BANDWIDTH_HZ, EFFICIENCY, NOISE_DBM, MARGIN_DB = 10e6, 0.6, -125.0, 3.0
THRESHOLD_BPS = 3e6
OUTAGE, OUTAGE_DB = 0.003, 12.0  # of site-days
EVENING_SHARE = (EVENING_H[1] - EVENING_H[0]) / (AWAKE_H[1] - AWAKE_H[0])


@dataclass(frozen=True, slots=True, eq=False)
class Radio:
    """Per operator, on the raster: shape (4, rows, columns).

    Attributes:
        rsrp_dbm: outdoors, for a median phone.
        mast: index of the serving mast.
        congested: masts of each operator that are, shape (masts, 4).
        planned_dbm: what the operator's tool expects before its bias.
    """

    rsrp_dbm: npt.NDArray[np.float32]
    mast: npt.NDArray[np.int16]
    congested: Booleans
    planned_dbm: npt.NDArray[np.float32]


def propagate(ground: Ground, random: np.random.Generator) -> Radio:
    """Place the masts and compute what each operator's phones receive and its planning tool believes."""
    grid = ground.grid
    masts = _masts(ground, random)
    terrain = correlated_field(grid, TERRAIN_DB, TERRAIN_M, random)
    local = [correlated_field(grid, LOCAL_DB, LOCAL_M, random) for _ in range(SITE_GROUPS)]
    received, mast, median = strongest(grid, masts, local, random.integers(SITE_GROUPS, size=len(masts.xy)))
    planned = []
    for operator in range(len(OPERATORS)):
        area = correlated_field(grid, AREA_BIAS_DB, AREA_BIAS_M, random)
        planned.append(gaussian_filter(planned_dbm(median[operator], terrain, area), SMOOTHING_M / PIXEL_M))
    return Radio(
        rsrp_dbm=(received + terrain).astype(np.float32),
        mast=mast.astype(np.int16),
        congested=random.random(masts.present.shape) < CONGESTED,
        planned_dbm=np.array(planned, dtype=np.float32),
    )


def _masts(ground: Ground, random: np.random.Generator) -> Masts:
    size = ground.grid.rows / WHOLE_SIDE_PX
    places, own_sites = round(PLACES * size**2), max(1, round(OWN_SITES * size**2))
    villages = ground.places[: ground.villages]
    settled = min(places, len(villages))
    homes = villages[np.sort(random.choice(len(villages), settled, replace=False))]
    country = spaced(ground.grid, places - settled, random, homes)
    alone = spaced(ground.grid, own_sites * len(OPERATORS), random)
    shared = np.arange(places + own_sites * len(OPERATORS)) < places
    everyone = random.random((places, 1)) < SHARED_BY_ALL
    some = random.random((places, len(OPERATORS))) < SHARED_BY_ALL
    lonely = np.repeat(np.eye(len(OPERATORS), dtype=bool), own_sites, axis=0)
    return Masts(
        xy=np.vstack([homes + random.normal(0.0, 400.0, homes.shape), country, alone]),
        present=np.vstack([everyone | some, lonely]),
        shared=shared,
    )


def rate_bps(rsrp_dbm: Floats, load: Floats) -> Floats:
    """Download rate at this effective RSRP and load; 0 without service."""
    snr = 10 ** ((rsrp_dbm - NOISE_DBM - MARGIN_DB) / 10)
    rate = BANDWIDTH_HZ * EFFICIENCY * np.log2(1 + snr) * (1 - load)
    return np.where(rsrp_dbm < NO_SERVICE_BELOW_DBM, 0.0, rate)


def draw_load(congested: Booleans, evening: Booleans, random: np.random.Generator) -> Floats:
    """Share of a site's capacity that others use, one per test."""
    usual, heavy = random.beta(*LOAD, len(congested)), random.beta(*CONGESTED_LOAD, len(congested))
    return 1 - (1 - np.where(congested, heavy, usual)) * np.where(evening, EVENING_ROOM, 1.0)


def failure_probability(radio: Radio) -> Floats:
    """Probability that a reference test fails (median phone, outdoors, random hour), shape (4, rows, columns).

    By coverage and load: failures for no reason of the network are no part of the truth.
    """
    levels = np.arange(-180.0, -40.0, 0.1)
    laws = np.array([_failure(levels, congested) for congested in (False, True)])
    outage = (1 - OUTAGE) * laws + OUTAGE * np.array([np.interp(levels - OUTAGE_DB, levels, law) for law in laws])
    congested = radio.congested.T[np.arange(len(OPERATORS))[:, None, None], radio.mast]
    return np.where(
        congested, np.interp(radio.rsrp_dbm, levels, outage[1]), np.interp(radio.rsrp_dbm, levels, outage[0])
    )


def _failure(levels_dbm: Floats, congested: bool) -> Floats:
    """Failure by coverage and load at each mean level, over the small-scale variation and the hours."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    effective = levels_dbm[:, None] + SMALL_SCALE_DB * nodes
    alpha, beta = CONGESTED_LOAD if congested else LOAD
    free = THRESHOLD_BPS / np.maximum(rate_bps(effective, np.zeros_like(effective)), 1.0)
    by_hour = [
        betainc(beta, alpha, np.minimum(free / room, 1.0))  # P[1 − load < free / room]
        for room in (1.0, EVENING_ROOM)
    ]
    return np.asarray(((1 - EVENING_SHARE) * by_hour[0] + EVENING_SHARE * by_hour[1]) @ weights / weights.sum())


def at_pixels(radio: Radio, operator: Integers, row: Integers, column: Integers) -> tuple[Floats, Integers, Booleans]:
    """RSRP, serving mast and whether that is congested, for each test."""
    mast = radio.mast[operator, row, column].astype(np.int64)
    return radio.rsrp_dbm[operator, row, column].astype(np.float64), mast, radio.congested[mast, operator]

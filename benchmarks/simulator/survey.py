"""The second stage: a field team sent with a calibrated phone to the places that the crowd finds most suspicious."""

from pathlib import Path

import numpy as np
import pandas as pd

from aggregator.proposals.mission_values import VISIT_POINTS
from aggregator.proposals.screening import screen
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.world import Integers
from benchmarks.simulator.archive import tokens, write_archive
from benchmarks.simulator.ground import index_points
from benchmarks.simulator.path import KEY, TECHNOLOGY, THRESHOLD
from benchmarks.simulator.volunteers import DAYS, Devices, tell
from benchmarks.simulator.world import World

SCREENED = 60
VISITS = 2
WORKING_H = (8, 18)


LISTED, LEAST_P, NAIVELY = (
    "survey of the 60 first on the list",
    "survey of the 60 least p",
    "survey of the 60 highest failure rates",
)
"""By the product's own list (``proposals.screening``), by the calibrated p, and by the share of tests that fail."""


def screened(rows: pd.DataFrame, told: pd.DataFrame, claims: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The claimed hexagons to send a team to, by each way to choose: ``h3_r8, operator``.

    Args:
        rows: every claimed hexagon: ``h3_r8, operator, hypothesis, p_value, devices, failing, tests, failures``.
        told: every verdict.
        claims: as they were imported.
    """
    voted = rows[(rows["devices"] >= 1) & rows["hypothesis"]]  # a team goes where a road or people are
    listed = screen(told, claims, technology=TECHNOLOGY, threshold=THRESHOLD).merge(voted[KEY], on=KEY)
    ranked = {
        LEAST_P: voted["p_value"].fillna(1.0),
        NAIVELY: -(voted["failures"] / voted["tests"].clip(lower=1)),
    }
    orders = {
        name: voted.assign(_order=order, _failing=-voted["failing"]).sort_values(["_order", "_failing", *KEY])
        for name, order in ranked.items()
    }
    return {name: table.head(SCREENED)[KEY] for name, table in ({LISTED: listed} | orders).items()}


def survey(world: World, places: pd.DataFrame, into: Path, random: np.random.Generator) -> None:
    """Write the team's archive: a mission's outdoor points, on two days in each place, where roads or people are.

    Args:
        world: the world.
        places: ``h3_r8, operator``.
        into: directory of the archive.
        random: of the draws.
    """
    ground = world.ground
    accessible = np.flatnonzero(ground.accessible.ravel())
    hexagon = ground.hexagon_px.ravel()[accessible]
    order = np.argsort(hexagon, kind="stable")
    starts = np.searchsorted(hexagon[order], np.arange(len(ground.hexagons) + 1))
    x, y = ground.grid.centres()
    parts = []
    for place, operator in places.itertuples(index=False):
        row = int(np.searchsorted(ground.hexagons, place))
        pixels = accessible[order[starts[row] : starts[row + 1]]]
        if not len(pixels):
            continue
        days = random.choice(DAYS, VISITS, replace=False)
        chosen = random.permutation(np.resize(random.permutation(pixels), VISIT_POINTS))
        parts.append(
            pd.DataFrame(
                {
                    "device": OPERATORS.index(operator),
                    "day": np.repeat(days, VISIT_POINTS // VISITS),
                    "second": random.integers(WORKING_H[0] * 3600, WORKING_H[1] * 3600, VISIT_POINTS),
                    "x": x[chosen % ground.grid.columns],
                    "y": y[chosen // ground.grid.columns],
                }
            )
        )
    tests = pd.concat(parts, ignore_index=True).assign(context="outdoor", speed_mps=1.2)
    team = calibrated_phones(world)
    told = tell(ground, world.radio, team, tests, np.zeros(len(tests)), random)
    # the team stands where it was sent: a point lost to a neighbour would be missed here
    told = told.assign(x=tests["x"], y=tests["y"])
    told = told.assign(h3_cell=index_points(told[["x", "y"]].to_numpy()))
    write_archive(told, team, tokens(len(team), world.seed, "team"), into, world.seed, tier="field_team")


def calibrated_phones(world: World) -> Devices:
    """One median phone per operator."""
    count = len(OPERATORS)
    nowhere: Integers = np.zeros(count, dtype=np.int64)
    return Devices(
        operator=np.arange(count),
        bias_db=np.zeros(count),
        random_failures=np.full(count, 0.01),
        home=nowhere,
        home_xy=world.ground.places[nowhere],
        favourite=nowhere,
    )

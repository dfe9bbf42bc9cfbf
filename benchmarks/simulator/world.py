"""A whole world from one seed: ground and air, the maps that operators draw of them, campaigns, and the truth.

The air and the volunteers do not depend on the regime, so that regimes differ in nothing but what operators declare.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aggregator.evidence.claims import import_arcep
from aggregator.evidence.claims_table import read_claims
from aggregator.synthetic.claims import LEVELS_ABOVE_DBM, write_claims
from aggregator.synthetic.sites import OPERATORS
from aggregator.synthetic.truth import BAD, GOOD
from aggregator.synthetic.world import Booleans, Floats
from benchmarks.simulator.adversaries import MIX, Mix, corrupt
from benchmarks.simulator.archive import tokens, write_archive
from benchmarks.simulator.ground import WHOLE_SIDE_PX, Ground, build_ground, index_points
from benchmarks.simulator.radio import Radio, failure_probability, propagate
from benchmarks.simulator.volunteers import Devices, measure_all, recruit

REGIMES = {
    "compliant": (3.0, 4.0, 6.0, 8.0),
    "mixed": (4.0, 6.0, 9.0, 13.0),
    "optimistic": (8.0, 9.0, 11.0, 13.0),
}
"""How optimistic each operator's planning tool is, dB."""

CLAIMED_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Ground, air, and what only the simulator knows.

    Attributes:
        seed: of everything.
        ground: where.
        radio: the air.
        failure: probability that a reference test fails, on the raster, shape (4, rows, columns).
    """

    seed: int
    ground: Ground
    radio: Radio
    failure: Floats


class Campaign(NamedTuple):
    """What volunteers did: the phones, their tests, their names in the archive, and which of them are bad."""

    devices: Devices
    tests: pd.DataFrame
    names: list[str]
    bad: Booleans


def build_world(seed: int, side_px: int = WHOLE_SIDE_PX) -> World:
    """Ground and air of a seed."""
    ground = build_ground(_random(seed, "ground"), side_px)
    radio = propagate(ground, _random(seed, "radio"))
    return World(seed, ground, radio, failure_probability(radio))


def campaign(world: World, volunteers: int, bad_share: float = 0.0, mix: Mix = MIX) -> Campaign:
    """Half a year of tests by so many phones; the bad ones are made of the very phones of the clean campaign."""
    random = _random(world.seed, f"campaign {volunteers}")
    devices = recruit(world.ground, volunteers, random)
    tests = measure_all(world.ground, world.radio, devices, random)
    devices, tests, bad = corrupt(
        world.ground, world.failure, devices, tests, bad_share, _random(world.seed, f"bad {volunteers}"), mix
    )
    tests = tests.assign(h3_cell=index_points(tests[["x", "y"]].to_numpy()))
    return Campaign(devices, tests, tokens(volunteers, world.seed), bad)


def declare(world: World, bias_db: tuple[float, ...], data: Path) -> None:
    """Write each operator's map in Arcep's layout under ``data`` and import it, as a project team would."""
    inputs = data / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    outline = world.ground.outline()
    levels = {"CL": LEVELS_ABOVE_DBM["CL"]}  # the rule takes all levels together
    grid = world.ground.grid
    for file in write_claims(declared_dbm(world, bias_db), grid, inputs, departement="48", levels=levels):
        import_arcep(file, data / "claims", within=outline)


def archive(world: World, done: Campaign, into: Path) -> None:
    """Write a campaign as the collector's archive."""
    write_archive(done.tests, done.devices, done.names, into, world.seed)


def declared_dbm(world: World, bias_db: tuple[float, ...]) -> Floats:
    """RSRP by which each operator draws its map, shape (4, rows, columns)."""
    return np.asarray(world.radio.planned_dbm + np.asarray(bias_db, dtype=np.float32)[:, None, None], dtype=np.float64)


def truth(world: World, bias_db: tuple[float, ...], data: Path) -> pd.DataFrame:
    """What is true of every hexagon and operator.

    Args:
        world: the world.
        bias_db: of the regime.
        data: where :func:`declare` left the imported claims, which say what is claimed.

    Returns:
        ``h3_r8, operator``; ``p``: failure probability of a reference test, mean over the accessible declared pixels
        where there are some, else over the accessible ones, else over all; ``claimed``: declared share ≥ 0.5;
        ``hypothesis``: claimed, with an accessible declared pixel; ``good`` (p ≤ 5 %) and ``bad`` (p ≥ 25 %).
    """
    ground = world.ground
    levels = declared_dbm(world, bias_db)
    claims = read_claims(data / "claims")
    shares = claims.groupby(["operator", "h3_r8"])["declared_share"].sum()
    parts = []
    for number, operator in enumerate(OPERATORS):
        declared = levels[number] > LEVELS_ABOVE_DBM["CL"]
        layers = [declared & ground.accessible, ground.accessible, np.ones_like(declared)]
        counts = [ground.by_hexagon(pixels.astype(np.float64)) for pixels in layers]
        sums = [ground.by_hexagon(np.where(pixels, world.failure[number], 0.0)) for pixels in layers]
        means = [total / np.maximum(count, 1.0) for total, count in zip(sums, counts, strict=True)]
        p = np.select([count > 0 for count in counts], means)
        share = shares.get(operator, pd.Series(dtype=float)).reindex(ground.hexagons).fillna(0.0).to_numpy()
        claimed = share >= CLAIMED_SHARE
        part = pd.DataFrame({"h3_r8": ground.hexagons, "operator": operator, "p": p, "claimed": claimed})
        parts.append(part.assign(hypothesis=claimed & (counts[0] > 0)))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(good=table["p"] <= GOOD, bad=table["p"] >= BAD)


def reliability(world: World, bias_db: tuple[float, ...]) -> list[float]:
    """Share of reference tests that pass in each operator's declared accessible pixels."""
    declared = (declared_dbm(world, bias_db) > LEVELS_ABOVE_DBM["CL"]) & world.ground.accessible
    return [float(1 - law[pixels].mean()) for law, pixels in zip(world.failure, declared, strict=True)]


def _random(seed: int, stream: str) -> np.random.Generator:
    """A generator of its own for each part, so that one part may draw more without changing the others."""
    return np.random.default_rng([seed, *stream.encode()])

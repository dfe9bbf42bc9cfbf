"""One territory under one setting: what every rule accuses there, and what that is worth."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aggregator.evidence.claims_table import read_claims
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.synthetic.truth import BAD, GOOD
from benchmarks.simulator import rivals, utility
from benchmarks.simulator.adversaries import Mix
from benchmarks.simulator.amid import amid_failures
from benchmarks.simulator.merit import Calibration, Score, calibration, score
from benchmarks.simulator.path import KEY, TECHNOLOGY, THRESHOLD, binned, gather, scored_rows, verdicts
from benchmarks.simulator.survey import screened, survey
from benchmarks.simulator.world import Campaign, World, build_world, campaign, declare, reliability, truth

CONTRADICTED, STRONG, SUSPECTED = "contradicted", "contradicted, strong", "suspected or contradicted"
OURS = (CONTRADICTED, STRONG, SUSPECTED)
CONFIRMED = "confirmed"
PARENTS = "contradicted, poor hexagons together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What differs between territories of one seed."""

    regime: str
    volunteers: int
    bad_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the world is like, to hold against its specification."""

    reliabilities: tuple[float, ...]
    hypotheses: int
    bad: int
    bad_3: int
    usable_tests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything measured on one territory.

    Attributes:
        seed, setting: which.
        facts: of the world.
        scores: per rule; that of ``confirmed`` counts bad hexagons which were confirmed.
        calibration: of the null hypothesis.
        worth: per way of choosing zones, what ten of them are worth (all unmet, over-claimed only); that of the
            oracle under ``oracle``.
    """

    seed: int
    setting: Setting
    facts: Facts
    scores: dict[str, Score]
    calibration: Calibration
    worth: dict[str, tuple[float, float]]


def outcomes(
    seed: int,
    regimes: dict[str, tuple[float, ...]],
    volunteers: Sequence[int],
    bad_shares: Sequence[float],
    mix: Mix,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[Outcome]:
    """Every setting of one seed; the files are written to a temporary directory and removed."""
    world = build_world(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truths = {}
        for regime, bias_db in regimes.items():
            declare(world, bias_db, folder / regime)
            truths[regime] = truth(world, bias_db, folder / regime)
        for count in volunteers:
            for bad_share in bad_shares:
                done = campaign(world, count, bad_share, mix)
                evidence = gather(world, done, folder / "campaign")
                for regime, bias_db in regimes.items():
                    tell(f"seed {seed}, {regime}, {count} volunteers, {bad_share:.0%} bad")
                    setting = Setting(regime=regime, volunteers=count, bad_share=bad_share)
                    data = folder / regime
                    rows, told = _judged(evidence, data, truths[regime], done)
                    bad = rows["bad"] & rows["hypothesis"]
                    yield Outcome(
                        seed=seed,
                        setting=setting,
                        facts=Facts(
                            reliabilities=tuple(reliability(world, bias_db)),
                            hypotheses=int(rows["hypothesis"].sum()),
                            bad=int(bad.sum()),
                            bad_3=int((bad & (rows["devices"] >= 3)).sum()),
                            usable_tests=int((done.tests["context"] != "indoor").sum()),
                        ),
                        scores=_scores(rows, told, data) | _after_surveys(world, rows, told, data),
                        calibration=calibration(rows),
                        worth=utility.worth(world.ground, truths[regime], told, rows, data),
                    )
                shutil.rmtree(folder / "campaign")


def _judged(evidence: Path, data: Path, truths: pd.DataFrame, done: Campaign) -> tuple[pd.DataFrame, pd.DataFrame]:
    told = verdicts(evidence, data)
    return scored_rows(told, truths, done), told


def _scores(rows: pd.DataFrame, told: pd.DataFrame, data: Path) -> dict[str, Score]:
    """Of our verdicts and of the other rules."""
    verdict = rows["verdict"]
    contradicted = (verdict == "contradicted").to_numpy(bool)
    flags = {
        CONTRADICTED: contradicted,
        STRONG: contradicted & (rows["strength"] == "strong").to_numpy(bool),
        SUSPECTED: contradicted | (verdict == "suspected").to_numpy(bool),
        CONFIRMED: (verdict == "confirmed").to_numpy(bool),
    }
    flags |= amid_failures(rows, told, read_claims(data / "claims"))
    flags |= {rule: rivals.flagged(rule, rows) for rule in rivals.RIVALS}
    return {name: score(rows, flagged) for name, flagged in flags.items()} | {PARENTS: _parents(rows)}


def _parents(rows: pd.DataFrame) -> Score:
    """Contradictions of poor hexagons together, each scored once, by the mean truth of these hexagons."""
    against = rows[rows["parent_verdict"] == "contradicted"]
    h3_r7 = parent(against["h3_r8"].to_numpy(), HEXAGON_RESOLUTION - 1)
    p = against.groupby([h3_r7, against["operator"]])["p"].mean()
    together = pd.DataFrame({"good": p <= GOOD, "bad": p >= BAD, "hypothesis": True, "devices": 0})
    return score(together, np.ones(len(together), dtype=bool))


def _after_surveys(world: World, rows: pd.DataFrame, told: pd.DataFrame, data: Path) -> dict[str, Score]:
    """What a field team, judged by its own rule, contradicts among the places it was sent to."""
    found = {}
    for number, (name, places) in enumerate(screened(rows, told, read_claims(data / "claims")).items()):
        folder = Path(tempfile.mkdtemp(dir=data))
        survey(world, places, folder / "archive", np.random.default_rng([world.seed, number]))
        after = verdicts(binned(folder), data)
        about = (
            (after["technology"] == TECHNOLOGY) & (after["threshold"] == THRESHOLD) & (after["evidence"] == "survey")
        )
        against = after.loc[about & (after["verdict"] == "contradicted"), KEY].assign(against=True)
        flagged = rows[KEY].merge(against, on=KEY, how="left")["against"].fillna(False).to_numpy(bool)
        found[name] = score(rows, flagged)
        shutil.rmtree(folder)
    return found

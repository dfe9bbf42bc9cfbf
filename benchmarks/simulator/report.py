"""The tables that a decision benchmark prints, and its figures."""

from collections.abc import Sequence
from functools import reduce
from operator import add

from benchmarks.simulator.amid import TRUE_AT_MOST
from benchmarks.simulator.merit import LEVELS, TRUE_FAILURES, Calibration, Merit, expected_failing, pooled
from benchmarks.simulator.outcome import (
    CONFIRMED,
    CONTRADICTED,
    OURS,
    PARENTS,
    STRONG,
    Outcome,
    Setting,
)
from benchmarks.simulator.rivals import RIVALS
from benchmarks.simulator.survey import LEAST_P, LISTED, NAIVELY
from benchmarks.simulator.utility import ORACLE, WAYS

ENOUGH_FLAGGED = 5.0
"""Per territory: below, a share of false accusations says nothing."""


def report(found: Sequence[Outcome]) -> str:
    """Every setting's tables."""
    lines: list[str] = []
    for setting in _settings(found):
        own = [one for one in found if one.setting == setting]
        lines += [
            "",
            f"{setting.regime}, {setting.volunteers} volunteers, {setting.bad_share:.0%} bad devices",
            _facts(own),
            f"  {'rule':<40}{'flagged':>9}{'FDP':>7}{'worst':>7}{'precision':>11}{'recall':>8}{'rec3':>7}",
            *(
                _row(name, merit_of(own, name))
                for name in (*OURS, PARENTS, *TRUE_AT_MOST, *RIVALS, LISTED, LEAST_P, NAIVELY)
            ),
            _confirmed(own),
            *_calibration(reduce(add, (one.calibration for one in own))),
            *_zones(own),
        ]
    return "\n".join(lines)


def figures(found: Sequence[Outcome]) -> dict[str, float | None]:
    """Figures by their names; null where the settings asked for do not contain them."""

    def of(name: str, attribute: str, volunteers: int, bad_share: float) -> float | None:
        own = _at(found, "mixed", volunteers, bad_share)
        return round(getattr(merit_of(own, name), attribute), 4) if own else None

    strong = [merit_of([one for one in found if one.setting == setting], STRONG) for setting in _settings(found)]
    confirmed = merit_of(found, CONFIRMED)
    clean = _at(found, "mixed", 1_000, 0.0) or found
    return {
        "contradicted_fdp": of(CONTRADICTED, "fdp", 1_000, 0.0),
        "contradicted_rec3": of(CONTRADICTED, "recall_3", 1_000, 0.0),
        "contradicted_fdp_adversarial": of(CONTRADICTED, "fdp", 1_000, 0.05),
        "contradicted_fdp_3000": of(CONTRADICTED, "fdp", 3_000, 0.0),
        "contradicted_rec3_3000": of(CONTRADICTED, "recall_3", 3_000, 0.0),
        "strong_fdp": round(max((one.fdp for one in strong if one.flagged >= ENOUGH_FLAGGED), default=0.0), 4),
        "confirmed_bad_share": round(confirmed.precision, 5),
        "zones_utility": round(utility_of(clean, WAYS[0], 0), 4),
        "zones_utility_over_claimed": round(utility_of(clean, WAYS[0], 1), 4),
        "two_stages_contradicted": of(LISTED, "flagged", 1_000, 0.05),
        "two_stages_fdp": of(LISTED, "fdp", 1_000, 0.05),
    }


def merit_of(found: Sequence[Outcome], rule: str) -> Merit:
    """A rule over territories."""
    return pooled([one.scores[rule] for one in found])


def utility_of(found: Sequence[Outcome], way: str, which: int) -> float:
    """What zones chosen this way are worth, relative to the oracle's: of all unmet demand (0) or over-claimed (1)."""
    return sum(one.worth[way][which] for one in found) / max(sum(one.worth[ORACLE][which] for one in found), 1e-9)


def _settings(found: Sequence[Outcome]) -> list[Setting]:
    return list(dict.fromkeys(one.setting for one in found))


def _at(found: Sequence[Outcome], regime: str, volunteers: int, bad_share: float) -> list[Outcome]:
    wanted = Setting(regime=regime, volunteers=volunteers, bad_share=bad_share)
    return [one for one in found if one.setting == wanted]


def _facts(own: Sequence[Outcome]) -> str:
    count = len(own)
    reliable = [sum(one.facts.reliabilities[operator] for one in own) / count for operator in range(4)]
    means = {
        name: sum(getattr(one.facts, name) for one in own) / count
        for name in ("hypotheses", "bad", "bad_3", "usable_tests")
    }
    return (
        f"  true reliability {' '.join(f'{100 * share:.1f}' for share in reliable)} %; "
        f"{means['bad']:.0f} bad of {means['hypotheses']:.0f} claimed, {means['bad_3']:.0f} of them with 3 phones; "
        f"{means['usable_tests']:.0f} usable tests"
    )


def _row(name: str, merit: Merit) -> str:
    return (
        f"  {name:<40}{merit.flagged:>9.1f}{merit.fdp:>7.3f}{merit.worst_fdp:>7.2f}{merit.precision:>11.3f}"
        f"{merit.recall:>8.3f}{merit.recall_3:>7.3f}"
    )


def _confirmed(own: Sequence[Outcome]) -> str:
    merit = merit_of(own, CONFIRMED)
    return (
        f"  confirmed: {merit.flagged:.0f}, of which {100 * merit.precision:.2f} % bad, {100 * (1 - merit.fdp):.1f} % "
        "above 5 %"
    )


def _calibration(whole: Calibration) -> list[str]:
    nulls = max(whole.nulls, 1)
    tails = ", ".join(f"{count / nulls:.3f} ≤ {level:g}" for count, level in zip(whole.below, LEVELS, strict=True))
    votes = zip(whole.failing, whole.votes, expected_failing(), strict=True)
    shares = [f"{failing / max(count, 1):.3f} (π {law:.3f})" for failing, count, law in votes]
    half = len(TRUE_FAILURES)
    at = " | ".join(f"{100 * failure:g} %" for failure in TRUE_FAILURES)
    return [
        f"  {whole.nulls} true claims with 2 phones: p {tails}; mean e-value {whole.e_total / nulls:.2f}, "
        f"{whole.e_20 / nulls:.4f} ≥ 20",
        f"  failing votes where p = {at}: outdoors {' | '.join(shares[:half])}; vehicle {' | '.join(shares[half:])}",
    ]


def _zones(own: Sequence[Outcome]) -> list[str]:
    return [
        f"  zones, {way}: {utility_of(own, way, 0):.3f} of the oracle's on all unmet demand, "
        f"{utility_of(own, way, 1):.3f} on over-claimed"
        for way in WAYS
    ]

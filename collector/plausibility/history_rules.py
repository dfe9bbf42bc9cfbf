"""Rules that look at a sample among the others of its device: its journey, its counter, what is typical of it."""

from collector.plausibility.distance import distance_m
from collector.plausibility.portrait import CONSTANT_SHARE, DECIMALS_SHARE, MIN_PLACES, MIN_READINGS
from collector.plausibility.rule import HistoryRule
from collector.plausibility.sample_rules import CLOCK_TOLERANCE
from collector.storage.histories import Fix, Moment

FAST_MPS = 100.0
IMPOSSIBLE_MPS = 150.0
UNKNOWN_ACCURACY_M = 50.0
"""Ours: what is accepted of a position whose accuracy is not stated."""

ACCURACIES = 2.0
"""Ours: two radii of 68 % hold about 95 % of positions."""

CLOCK_STEP_S = 1.0
"""Ours: other tools write whole seconds."""


def speed_mps(one: Fix, other: Fix) -> float:
    """The least speed that joins two fixes, given how well their places and instants are known."""
    apart_m = distance_m(one.latitude, one.longitude, other.latitude, other.longitude)
    for fix in (one, other):
        apart_m -= ACCURACIES * (UNKNOWN_ACCURACY_M if fix.accuracy_m is None else fix.accuracy_m)
    if apart_m <= 0:
        return 0.0
    most = max(other.latest - one.earliest, one.latest - other.earliest)
    return apart_m / (most.total_seconds() + CLOCK_STEP_S)


def _travels_above(limit_mps: float, moment: Moment) -> bool:
    if moment.fix is None:
        return False
    neighbours = (moment.fix_before, moment.fix_after)
    return any(fix is not None and speed_mps(moment.fix, fix) > limit_mps for fix in neighbours)


def _goes_back(moment: Moment) -> bool:
    if moment.step is None:
        return False
    before, after, ended_at = moment.step_before, moment.step_after, moment.step.ended_at
    return (before is not None and before.ended_at > ended_at + CLOCK_TOLERANCE) or (
        after is not None and ended_at > after.ended_at + CLOCK_TOLERANCE
    )


def _is_used_twice(moment: Moment) -> bool:
    if moment.step is None:
        return False
    return any(step is not None and step.seq == moment.step.seq for step in (moment.step_before, moment.step_after))


HISTORY_RULES: tuple[HistoryRule, ...] = (
    HistoryRule(
        id="seq-clock-back",
        version=1,
        excludes=False,
        reason_en="the clock went back by more than 10 minutes from one sample to the next",
        reason_fr="l'horloge a reculé de plus de 10 minutes d'un relevé au suivant",
        source="the device counts its samples as they end; the tolerance is that of clock-ahead. Both are flagged",
        fires=lambda moment, _: _goes_back(moment),
    ),
    HistoryRule(
        id="seq-reused",
        version=1,
        excludes=False,
        reason_en="another sample of the device's key has the same number",
        reason_fr="un autre relevé de la même clé porte le même numéro",
        source="the device's counter only rises: a copied key, or an outbox that was put back",
        fires=lambda moment, _: _is_used_twice(moment),
    ),
    HistoryRule(
        id="journey-fast",
        version=1,
        excludes=False,
        reason_en="more than 100 m/s from the position before, or to the next one",
        reason_fr="plus de 100 m/s depuis la position précédente, ou jusqu'à la suivante",
        source="ours: the fastest trains run at 89 m/s. Twice the stated accuracies are taken off the distance; an "
        "accuracy that is not stated counts as 50 m",
        fires=lambda moment, _: _travels_above(FAST_MPS, moment),
    ),
    HistoryRule(
        id="journey-impossible",
        version=1,
        excludes=True,
        reason_en="more than 150 m/s from the position before, or to the next one",
        reason_fr="plus de 150 m/s depuis la position précédente, ou jusqu'à la suivante",
        source="ours: an aircraft, or a false position; nothing tells which of the two it is, so both are flagged",
        fires=lambda moment, _: _travels_above(IMPOSSIBLE_MPS, moment),
    ),
    HistoryRule(
        id="fabrication-constant",
        version=1,
        excludes=False,
        reason_en="a signal, rate or round trip that this device always has, wherever it is",
        reason_fr="un signal, un débit ou un délai que cet appareil donne toujours, où qu'il soit",
        source=f"ours: the same value in {CONSTANT_SHARE:.0%} of at least {MIN_READINGS} readings in at least "
        f"{MIN_PLACES} places: stuck, or invented",
        fires=lambda moment, portrait: portrait.is_constant(moment.sample),
    ),
    HistoryRule(
        id="fabrication-decimals",
        version=1,
        excludes=False,
        reason_en="a position that ends in the same decimals as most of this device's",
        reason_fr="une position qui finit par les mêmes décimales que la plupart de celles de l'appareil",
        source=f"ours: the 4th to 6th decimals are the same in {DECIMALS_SHARE:.0%} of at least {MIN_READINGS} "
        f"positions in at least {MIN_PLACES} places, for latitude and longitude: typed, rounded or generated",
        fires=lambda moment, portrait: portrait.has_usual_decimals(moment.sample),
    ),
    HistoryRule(
        id="fabrication-no-success",
        version=1,
        excludes=False,
        reason_en="a failure of a SIM that never succeeded anywhere",
        reason_fr="un échec d'une SIM qui n'a jamais réussi nulle part",
        source=f"ours: at least {MIN_READINGS} failures in at least {MIN_PLACES} places on two days, and no success: a "
        "broken phone or a SIM without a contract, or invented",
        fires=lambda moment, portrait: portrait.never_served(moment.sample),
    ),
)
"""Every rule of this kind, in the order in which flags are written."""

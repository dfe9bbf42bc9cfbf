"""Every rule, and what follows from the flags of a sample."""

from collections.abc import Iterable

from client_sdk.sample import Sample
from collector.plausibility.history_rules import HISTORY_RULES
from collector.plausibility.limits import MAX_PER_HEXAGON_AND_DAY
from collector.plausibility.rule import Known, Rule
from collector.plausibility.sample_rules import SAMPLE_RULES
from collector.plausibility.transfer_rules import TRANSFER_RULES

ONE_BY_ONE = (*SAMPLE_RULES, *TRANSFER_RULES)
"""Rules that are applied when a sample comes."""

LIMITS: tuple[Rule, ...] = (
    Rule(
        id="repeated",
        version=1,
        excludes=True,
        reason_en="another reading of the same kind, network and place within the 4 hours before: one vote",
        reason_fr="un relevé du même genre, du même réseau et au même endroit dans les 4 heures d'avant : un vote",
        source="ours: a place is an H3 cell of resolution 10, the network that of the SIM. The first one counts. "
        "Not judged: imports of Arcep's campaigns, whose files hold the tests of many teams",
    ),
    Rule(
        id="rate-cap",
        version=1,
        excludes=True,
        reason_en=f"beyond {MAX_PER_HEXAGON_AND_DAY} readings of the device in a hexagon and a day",
        reason_fr=f"au-delà de {MAX_PER_HEXAGON_AND_DAY} relevés de l'appareil dans un hexagone et un jour",
        source="ours: twice what a drive there and back with four modems leaves after repeated ones. Hexagons of "
        "resolution 8, days of UTC; the first ones count",
    ),
)

SERVING_CELL = Rule(
    id="cell-far",
    version=1,
    excludes=False,
    reason_en="more than 40 km from where other devices see the same serving cell",
    reason_fr="à plus de 40 km de l'endroit où d'autres appareils voient la même cellule",
    source="LTE's timing advance reaches 100 km, cells in practice 35 km (3GPP TS 36.213 §4.2.3); the place is the "
    "median of the devices' medians, and where two stand in the middle, both count",
)

RULES: tuple[Rule, ...] = (*ONE_BY_ONE, *HISTORY_RULES, *LIMITS, SERVING_CELL)
"""Every rule, in the order in which flags are written."""

_FIRES = tuple((rule.id, rule.fires) for rule in ONE_BY_ONE)
_BY_ID = {rule.id: rule for rule in RULES}
_ORDER = {rule.id: number for number, rule in enumerate(RULES)}


def judge(sample: Sample, known: Known) -> frozenset[str]:
    """Ids of the rules that fire on one sample by itself."""
    return frozenset([rule_id for rule_id, fires in _FIRES if fires(sample, known)])


def in_order(flags: Iterable[str]) -> tuple[str, ...]:
    """Flags in the order of :data:`RULES`, those of rules that no longer exist last."""
    return tuple(sorted(flags, key=lambda flag: (_ORDER.get(flag, len(_ORDER)), flag)))


def is_excluded(flags: Iterable[str]) -> bool:
    """Whether one of these flags takes the vote away."""
    return any(flag in _BY_ID and _BY_ID[flag].excludes for flag in flags)


def find_rule(flag: str) -> Rule | None:
    """The rule of a flag; None where it no longer exists."""
    return _BY_ID.get(flag)

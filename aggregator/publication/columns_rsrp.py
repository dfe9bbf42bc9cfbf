"""Columns of what the devices of a row received."""

from itertools import pairwise

from aggregator.publication.described import count
from aggregator.publication.rsrp_levels import COLUMNS, NONE, RSRP_EDGES_DBM

_EDGES = [f"−{-edge}" for edge in RSRP_EDGES_DBM]
_EN = [
    f"below {_EDGES[0]} dBm",
    *(f"from {low} dBm to less than {high} dBm" for low, high in pairwise(_EDGES)),
    f"at {_EDGES[-1]} dBm or above",
]
_FR = [
    f"sous {_EDGES[0]} dBm",
    *(f"de {low} dBm à moins de {high} dBm" for low, high in pairwise(_EDGES)),
    f"à {_EDGES[-1]} dBm ou plus",
]
_SHORT = ("rsrp_lt120", "rsrp_120", "rsrp_110", "rsrp_100", "rsrp_90", "rsrp_ge80")


_RULES_EN = (
    "for service alone; each counted once, at the median of its days; the classes add up to devices; missing where not "
    "most of them tell their RSRP"
)
_RULES_FR = (
    "pour le service seul ; chacun compté une fois, à la médiane de ses jours ; la somme des classes est le nombre "
    "d’appareils ; absent si la plupart n’indiquent pas leur RSRP"
)

LEVELS = (
    *(
        count(
            name,
            f"of the devices, those whose RSRP (4G: LTE; 5G: NR) was {en}; {_RULES_EN}",
            f"parmi les appareils, ceux dont le RSRP (4G : LTE ; 5G : NR) était {fr} ; {_RULES_FR}",
            short=short,
        )
        for name, en, fr, short in zip(COLUMNS[:-1], _EN, _FR, _SHORT, strict=True)
    ),
    count(
        NONE,
        f"of the devices, those that received nothing of this technology there; {_RULES_EN}",
        f"parmi les appareils, ceux qui n’y ont rien reçu de cette technologie ; {_RULES_FR}",
        short="rsrp_none",
    ),
)

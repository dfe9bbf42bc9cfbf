"""Columns of what the devices of a row received."""

from itertools import pairwise

from aggregator.publication.described import Column, count
from aggregator.publication.signal import CLASSES, RSRP_EDGES_DBM, UNKNOWN

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


def _one(name: str, en: str, fr: str, short: str) -> Column:
    return count(
        name,
        f"of the devices, those whose usual RSRP (4G: LTE; 5G: NR) was {en}; for service alone; above 20 rounded to 5; "
        "missing where fewer than k have one",
        f"parmi les appareils, ceux dont le RSRP habituel (4G : LTE ; 5G : NR) était {fr} ; pour le service seul ; "
        "au-dessus de 20, arrondi à 5 ; absent si moins de k en ont un",
        short=short,
    )


LEVELS = (
    *(_one(*own) for own in zip(CLASSES, _EN, _FR, _SHORT, strict=True)),
    count(
        UNKNOWN,
        "of the devices, those that gave no RSRP: without service there, or of a kind that does not tell it",
        "parmi les appareils, ceux qui n’ont donné aucun RSRP : sans service ici, ou d’un modèle qui ne le dit pas",
        short="rsrp_unkn",
    ),
)

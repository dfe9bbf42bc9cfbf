"""What each kind of thing looks like on a map: the colours of the web map, for desktop tools.

Okabe and Ito's palette, which people with any kind of colour blindness tell apart; patterns say the same in black and
white. ``web/colours.css`` has the same values, which a test compares.
"""

from dataclasses import dataclass
from typing import Literal

Pattern = Literal["", "hatch", "dots", "cross"]


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of a legend.

    Attributes:
        label: in French.
        where: what rows it is, in the common part of SQL and QGIS's expressions; each pair is a column and its value.
        colour: ``#rrggbb``.
        opacity: of the fill, 0 to 1.
        pattern: drawn over the fill.
    """

    label: str
    where: tuple[tuple[str, str], ...]
    colour: str
    opacity: float
    pattern: Pattern = ""


VERDICTS = (
    Look("contredite", (("verdict", "contradicted"), ("strength", "strong")), "#d55e00", 0.88),
    Look(
        "probablement contredite, à confirmer",
        (("verdict", "contradicted"), ("strength", "moderate")),
        "#d55e00",
        0.2,
        "hatch",
    ),
    Look("à vérifier sur place", (("verdict", "suspected"),), "#e69f00", 0.3, "dots"),
    Look("confirmée", (("verdict", "confirmed"),), "#0072b2", 0.62),
    Look("service présent, non déclaré", (("verdict", "unclaimed_service"),), "#009e73", 0.25, "cross"),
    Look("données insuffisantes", (("verdict", "insufficient"),), "#8b95a1", 0.5),
)
CLASSES = (
    Look("A : surtout des preuves fortes", (("evidence_class", "A"),), "#d55e00", 0.0),
    Look("B : avec ce qui est signalé", (("evidence_class", "B"),), "#e69f00", 0.0),
    Look("C : à mesurer d’abord", (("evidence_class", "C"),), "#4d5660", 0.0),
)
POINTS = (
    Look("centre de commune", (("kind", "commune"),), "#4d5660", 1.0),
    Look("contredit ou à vérifier", (("kind", "reported"),), "#d55e00", 1.0),
    Look("lieu habité à mesurer", (("kind", "demand"),), "#0072b2", 1.0),
)
COMPONENT = Look("hexagones contredits ou à vérifier", (), "#d55e00", 0.2, "hatch")
CLAIMED = "#6a4fa3"
"""Of declared coverage, in three depths: a colour that no verdict has."""

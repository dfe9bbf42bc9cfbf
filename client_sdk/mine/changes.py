"""What a release says where this device measured: a comparison of its own account with public data, and no more.

Who else was there is not known below k phones, so nothing is said of it: a place that is not published may have been
this device's alone, or short of one phone.
"""

import math
from dataclasses import dataclass

from client_sdk.mine.account import Account, Hexagon, Point
from client_sdk.mine.release import Release

TECHNOLOGY = "4G"
"""Whose verdicts are told: what the scheme is about, and what nearly every phone can say something of."""

VERDICTS = (
    *("confirmed", "contradicted-strong", "contradicted-moderate", "suspected"),
    *("unclaimed_service", "insufficient"),
)
OPEN = ("suspected", "insufficient")
"""Verdicts that one more phone helps to settle, the more urgent first."""

NEAR_KM, MOST_NEAR = 10.0, 12
"""Ours: a detour, and as many places as a person reads."""

_KM_PER_DEGREE = 111.195  # of a great circle, mean radius 6,371.0088 km
_BOX_EAST, _BOX_NORTH = 0.3, 0.1  # degrees; wider than NEAR_KM up to 70° of latitude


@dataclass(frozen=True, slots=True)
class Place:
    """A hexagon as one operator's customer sees it, and what is said of it.

    Attributes:
        said: a verdict of ``VERDICTS``; ``unpublished``; ``later``: all was measured after the release's data;
            ``uncounted``: nothing there can count, being indoors or without a vote.
    """

    hexagon: Hexagon
    operator: str
    said: str


@dataclass(frozen=True, slots=True)
class Near:
    """A hexagon where one more phone would help, for operators that this device has not measured there.

    Attributes:
        h3, centre: which, and where.
        said: by operator, one of ``OPEN``.
        away_km: from the nearest hexagon where it has measured for one of them.
    """

    h3: str
    centre: Point
    said: dict[str, str]
    away_km: float

    @property
    def urgency(self) -> int:
        """Place in ``OPEN`` of what is said for one of the operators, the first counts."""
        return min(OPEN.index(said) for said in self.said.values())


@dataclass(frozen=True, slots=True)
class Changes:
    """What a release says of a device's places.

    Attributes:
        places: every place that the device measured in with a known operator.
        near: where it could go next, the nearest first.
    """

    places: tuple[Place, ...]
    near: tuple[Near, ...]

    def count(self, *said: str) -> int:
        """Places of which one of these is said."""
        return sum(place.said in said for place in self.places)

    def counts(self) -> dict[str, int]:
        """Places by what is said of them."""
        return {said: self.count(said) for said in (*VERDICTS, "unpublished", "later", "uncounted")}


def compare(account: Account, release: Release) -> Changes:
    """Hold an account against a release."""
    places = [
        Place(hexagon, operator, _said(hexagon, operator, release))
        for hexagon in account.hexagons
        for operator in hexagon.operators
        if operator is not None
    ]
    return Changes(tuple(places), tuple(_near(places, release)))


def _said(hexagon: Hexagon, operator: str, release: Release) -> str:
    heap = hexagon.operators[operator]
    if not heap.countable:
        return "uncounted"
    if (heap.first_day or "") > release.date:
        return "later"
    return release.verdicts.get(hexagon.h3, {}).get((operator, TECHNOLOGY), "unpublished")


def _near(places: list[Place], release: Release) -> list[Near]:
    found: dict[str, Near] = {}
    for operator in sorted({place.operator for place in places}):
        own = [place.hexagon for place in places if place.operator == operator]
        measured = {hexagon.h3 for hexagon in own}
        boxes: dict[tuple[int, int], list[Point]] = {}
        for hexagon in own:
            boxes.setdefault(_box(hexagon.centre), []).append(hexagon.centre)
        for cell, verdicts in release.verdicts.items():
            said = verdicts.get((operator, TECHNOLOGY))
            if said not in OPEN or cell in measured:
                continue
            centre = release.centres[cell]
            around = [point for box in _boxes_around(centre) for point in boxes.get(box, ())]
            away_km = min((distance_km(centre, point) for point in around), default=math.inf)
            if away_km <= NEAR_KM:
                before = found.get(cell, Near(cell, centre, {}, away_km))
                found[cell] = Near(cell, centre, before.said | {operator: said}, min(away_km, before.away_km))
    # what is suspected is one finding away, what is insufficient many
    return sorted(found.values(), key=lambda near: (near.urgency, near.away_km, near.h3))[:MOST_NEAR]


def _box(point: Point) -> tuple[int, int]:
    return math.floor(point[0] / _BOX_EAST), math.floor(point[1] / _BOX_NORTH)


def _boxes_around(point: Point) -> list[tuple[int, int]]:
    east, north = _box(point)
    return [(east + dx, north + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def distance_km(one: Point, other: Point) -> float:
    """Between two positions, right to 1 % within 100 km."""
    east = (one[0] - other[0]) * math.cos(math.radians((one[1] + other[1]) / 2))
    return _KM_PER_DEGREE * math.hypot(east, one[1] - other[1])

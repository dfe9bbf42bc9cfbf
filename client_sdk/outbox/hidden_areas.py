"""Areas where the device keeps no sample: around a home, say.

The centre of an area is not the place that it hides. A hole in the data that were centred on a home would tell where
the home is to whoever sees where the samples stop (Hassan et al., "Analysis of Privacy Protections in Fitness Tracking
Social Networks", USENIX Security 2018). So the area is twice as wide as asked, and its centre is drawn once, evenly
from the disc of the asked radius around the place: everything within that radius of the place is inside, and all that
the hole tells is that the place is somewhere in its inner half. The place itself is written nowhere.
"""

import math
import secrets
import sqlite3
from dataclasses import dataclass

from client_sdk.sample import Sample

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""


@dataclass(frozen=True, slots=True)
class HiddenArea:
    """A disc where nothing is kept.

    Attributes:
        id: names it to its owner.
        latitude: of its centre.
        longitude: of its centre.
        radius_m: of the disc.
    """

    id: int
    latitude: float
    longitude: float
    radius_m: float

    def hides(self, sample: Sample) -> bool:
        """Whether a sample is inside, or may be: where it has no position its cell may tell the place."""
        if sample.latitude is None or sample.longitude is None:
            return True
        return self.distance_m(sample.latitude, sample.longitude) <= self.radius_m

    def distance_m(self, latitude: float, longitude: float) -> float:
        """From the centre to a place."""
        return _distance_m(self.latitude, self.longitude, latitude, longitude)


def read_areas(connection: sqlite3.Connection, *, lifted: bool = False) -> tuple[HiddenArea, ...]:
    """The areas in force, or those that were lifted, oldest first."""
    return tuple(
        HiddenArea(*row)
        for row in connection.execute(
            "SELECT id, latitude, longitude, radius_m FROM hidden_areas WHERE (removed_ms IS NOT NULL) = ? ORDER BY id",
            (lifted,),
        )
    )


def drawn_around(latitude: float, longitude: float, radius_m: float) -> tuple[float, float, float]:
    """Centre and radius of a new area that hides everything within ``radius_m`` of a place."""
    draw = secrets.SystemRandom()
    # the square root makes it even over the disc; a little less than the radius leaves room for rounding
    away_m = 0.99 * radius_m * math.sqrt(draw.random())
    bearing = draw.uniform(0, 2 * math.pi)
    return (*_moved(latitude, longitude, away_m, bearing), 2 * radius_m)


def _moved(latitude: float, longitude: float, away_m: float, bearing: float) -> tuple[float, float]:
    """The place so far away in a direction (radians from north), on the sphere."""
    angle, start = away_m / EARTH_RADIUS_M, math.radians(latitude)
    end = math.asin(math.sin(start) * math.cos(angle) + math.cos(start) * math.sin(angle) * math.cos(bearing))
    turned = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(start), math.cos(angle) - math.sin(start) * math.sin(end)
    )
    return math.degrees(end), (longitude + math.degrees(turned) + 180) % 360 - 180


def _distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """On the sphere, by the haversine formula."""
    first, second = math.radians(latitude), math.radians(other_latitude)
    across = math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    half = math.sin((second - first) / 2) ** 2 + math.cos(first) * math.cos(second) * across
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))

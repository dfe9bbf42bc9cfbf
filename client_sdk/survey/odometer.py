"""Distance on the ground, from fixes that jitter."""

import math

from client_sdk.sources.reading import PositionFix

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG); the sphere errs by at most 0.6 %."""

LEAST_STEP_M = 15.0
"""Ours: a receiver that stands still wanders by some metres, which are no distance travelled."""


def distance_m(one: PositionFix, other: PositionFix) -> float:
    """Great-circle distance between two fixes (haversine)."""
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    half_north = math.sin((other_latitude - latitude) / 2)
    half_east = math.sin(math.radians(other.longitude - one.longitude) / 2)
    square = half_north**2 + math.cos(latitude) * math.cos(other_latitude) * half_east**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, square)))


class Odometer:
    """Metres travelled; a step counts once it is larger than what the fixes' accuracy explains."""

    def __init__(self) -> None:
        self.metres = 0.0
        self._last: PositionFix | None = None

    def fix(self, fix: PositionFix) -> None:
        """Go on to a fix."""
        if self._last is None:
            self._last = fix
            return
        step_m = distance_m(self._last, fix)
        if step_m >= max(LEAST_STEP_M, fix.accuracy_m or 0.0):
            self.metres += step_m
            self._last = fix

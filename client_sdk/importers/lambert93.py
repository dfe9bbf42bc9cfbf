"""From Lambert-93, France's national projection, to degrees: what a phone without a projection library needs.

Source: IGN, NTG_71, algorithm ALG0004, with the constants of RGF93 / Lambert-93 (EPSG:2154) on the ellipsoid GRS 80.
"""

import math

_EXPONENT = 0.7256077650
_CONSTANT_M = 11_754_255.426
_POLE_X_M, _POLE_Y_M = 700_000.0, 12_655_612.050
_CENTRAL_MERIDIAN = math.radians(3.0)
_ECCENTRICITY = 0.081_819_191_042_8158

EASTINGS_M, NORTHINGS_M = (0.0, 1_300_000.0), (6_000_000.0, 7_200_000.0)
"""Where metropolitan France lies, with a margin."""


def to_degrees(x_m: float, y_m: float) -> tuple[float, float]:
    """Latitude and longitude in RGF93, which is WGS 84 to within a metre."""
    east, south = x_m - _POLE_X_M, _POLE_Y_M - y_m
    isometric = -math.log(math.hypot(east, south) / _CONSTANT_M) / _EXPONENT
    longitude = _CENTRAL_MERIDIAN + math.atan2(east, south) / _EXPONENT
    latitude = 2 * math.atan(math.exp(isometric)) - math.pi / 2
    for _ in range(8):  # each round gains two digits and more
        sine = _ECCENTRICITY * math.sin(latitude)
        factor = ((1 + sine) / (1 - sine)) ** (_ECCENTRICITY / 2)
        latitude = 2 * math.atan(factor * math.exp(isometric)) - math.pi / 2
    return math.degrees(latitude), math.degrees(longitude)

"""Which country's networks can be heard at a position: the country there, and those within some 50 km.

A country follows from the time zone of the position (the polygons of timezone-boundary-builder, inside ``tzfpy``) and
from the list of zones of the IANA database, which gives each zone its country.
"""

import math
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from tzfpy import get_tz

COUNTRIES_OF_MCC = MappingProxyType(
    {
        "204": frozenset({"NL"}),
        "206": frozenset({"BE"}),
        "208": frozenset({"FR"}),
        "213": frozenset({"AD"}),
        "214": frozenset({"ES"}),
        "222": frozenset({"IT"}),
        "228": frozenset({"CH", "LI"}),
        "234": frozenset({"GB", "GG", "IM", "JE"}),
        "235": frozenset({"GB", "GG", "IM", "JE"}),
        "262": frozenset({"DE"}),
        "270": frozenset({"LU"}),
        "340": frozenset({"BL", "GF", "GP", "MF", "MQ"}),
        "647": frozenset({"RE", "YT"}),
    }
)
"""Mobile country code → countries (ITU-T E.212 and its operational bulletins). France, its neighbours and those near
them; a code that is not here is not judged. Monaco is left out, since the ring below may step over it."""

RING_STEPS_KM = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
"""Ours: 50 km is beyond the reach of a cell (35 km in practice), and the inner rings find small countries."""

_DIRECTIONS = 16
_KM_PER_DEGREE = 111.2


def is_foreign(plmn: str, latitude: float, longitude: float) -> bool:
    """Whether a network of this PLMN cannot be heard there; never where the code or the country is not known."""
    countries = COUNTRIES_OF_MCC.get(plmn[:3])
    if countries is None:
        return False
    here = _country_near(round(latitude, 2), round(longitude, 2))
    return here is not None and here not in countries and not countries & countries_around(latitude, longitude)


def country_at(latitude: float, longitude: float) -> str | None:
    """ISO 3166 code of the country; None at sea."""
    return _country_of_zone().get(get_tz(longitude, latitude))


@lru_cache(maxsize=65_536)  # half a kilometre is nothing beside the rings
def _country_near(latitude: float, longitude: float) -> str | None:
    return country_at(latitude, longitude)


@lru_cache(maxsize=4_096)
def countries_around(latitude: float, longitude: float) -> frozenset[str]:
    """Countries within some 50 km."""
    found = set()
    for distance_km in RING_STEPS_KM:
        for number in range(_DIRECTIONS):
            angle = 2 * math.pi * number / _DIRECTIONS
            north = distance_km / _KM_PER_DEGREE * math.cos(angle)
            east = distance_km / _KM_PER_DEGREE * math.sin(angle) / max(math.cos(math.radians(latitude)), 0.01)
            place = max(-90.0, min(90.0, latitude + north)), (longitude + east + 180) % 360 - 180
            if country := country_at(*place):
                found.add(country)
    return frozenset(found)


@lru_cache(maxsize=1)
def _country_of_zone() -> dict[str, str]:
    rows = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    cells = (row.split("\t") for row in rows if not row.startswith("#"))
    return {zone: country for country, _, zone, *_ in cells}

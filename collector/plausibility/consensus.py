"""Where a serving cell is, as its devices agree: one liar moves nothing, two that disagree are both in doubt."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from statistics import median, median_high, median_low

from collector.plausibility.distance import distance_m
from collector.plausibility.rules import SERVING_CELL
from collector.storage.serving_cells import ServingCell, Sighting, wide_sightings
from collector.storage.store import Store

FAR_M = 40_000.0

Place = tuple[float, float]


def places_of(sightings: Iterable[Sighting]) -> dict[ServingCell, tuple[Place, ...]]:
    """Where each cell is: the median of its devices' medians, or the two places in the middle.

    Args:
        sightings: in order of cells and origins.
    """
    found: dict[ServingCell, tuple[Place, ...]] = {}
    placed = (sighting for sighting in sightings if sighting.placed)
    for cell, of_cell in groupby(placed, key=lambda sighting: sighting.serving_cell):
        found[cell] = _middle([_median(list(own)) for _, own in groupby(of_cell, key=lambda one: one.origin)])
    return found


def is_far(sighting: Sighting, places: dict[ServingCell, tuple[Place, ...]]) -> bool:
    """Whether a sample was taken too far from where its serving cell is."""
    if not sighting.placed:
        return False
    here = sighting.latitude, sighting.longitude
    return any(distance_m(*here, *place) > FAR_M for place in places.get(sighting.serving_cell, ()))


def misjudged(store: Store, *, everything: bool) -> Iterator[tuple[Sighting, bool]]:
    """Samples whose flag is not what it should be, in order of devices, and what it should be."""
    flag = SERVING_CELL.id
    places = places_of(wide_sightings(store, flag, everything=everything, by_cell=True))
    for sighting in wide_sightings(store, flag, everything=everything, by_cell=False):
        far = is_far(sighting, places)
        if far != (flag in sighting.flags.split()):
            yield sighting, far


def _median(own: list[Sighting]) -> Place:
    return median(one.latitude for one in own), median(one.longitude for one in own)


def _middle(places: list[Place]) -> tuple[Place, ...]:
    if len(places) <= 2:
        return tuple(places)
    latitudes, longitudes = [place[0] for place in places], [place[1] for place in places]
    middle = {(take(latitudes), take(longitudes)) for take in (median_low, median_high)}
    return tuple(sorted(middle))

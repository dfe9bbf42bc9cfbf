"""Where serving cells are seen: only cells whose sightings are spread wide are looked at one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, false, func, or_, select, true, tuple_

from collector.storage.store import Store
from collector.storage.tables import devices, samples

NARROW_DEGREES = 0.25
"""Sightings in a box of this size are less than 40 km apart, wherever it lies."""

_AT_ONCE = 5_000

ServingCell = tuple[str, int]
"""PLMN that served, and ECI."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One sample that names its serving cell; ``placed`` where its position counts."""

    origin: str
    device: str
    id: str
    serving_cell: ServingCell
    latitude: float
    longitude: float
    placed: bool
    flags: str


def wide_sightings(store: Store, flag: str, *, everything: bool, by_cell: bool) -> Iterator[Sighting]:
    """Sightings of every cell that is seen in places far apart.

    Args:
        store: where the samples are.
        flag: what a sample far from the others bears; samples that bear it now are told too.
        everything: look at every cell; otherwise at those that unjudged devices saw, or that a flagged sample names.
        by_cell: in order of cells and origins; otherwise in order of origins.
    """
    cell = tuple_(samples.c.serving_plmn, samples.c.lte_eci)
    placed = and_(
        samples.c.latitude.is_not(None),
        or_(samples.c.latitude != 0, samples.c.longitude != 0),
        ~func.coalesce(samples.c.position_mock, false()),
    )
    named = and_(samples.c.serving_plmn.is_not(None), samples.c.lte_eci.is_not(None))
    bears = samples.c.flags.contains(flag, autoescape=True)
    unjudged = select(devices.c.thumbprint).where(
        devices.c.origin.in_(select(devices.c.origin).where(devices.c.unjudged))
    )
    touched = select(samples.c.serving_plmn, samples.c.lte_eci).where(named, or_(samples.c.device.in_(unjudged), bears))
    wide = (
        select(samples.c.serving_plmn, samples.c.lte_eci)
        .where(named, placed, true() if everything else cell.in_(touched))
        .group_by(samples.c.serving_plmn, samples.c.lte_eci)
        .having(or_(*(func.max(axis) - func.min(axis) > NARROW_DEGREES for axis in (_LATITUDE, _LONGITUDE))))
    )
    of_cell = (samples.c.serving_plmn, samples.c.lte_eci, devices.c.origin)
    statement = (
        select(
            *(devices.c.origin, samples.c.device, samples.c.id, samples.c.serving_plmn, samples.c.lte_eci),
            *(_LATITUDE, _LONGITUDE, placed.label("placed"), samples.c.flags),
        )
        .join(devices, devices.c.thumbprint == samples.c.device)
        .where(named, or_(cell.in_(wide), bears))
        .order_by(*(of_cell if by_cell else (devices.c.origin,)))
    )
    with (
        store.reading() as connection,
        connection.execution_options(yield_per=_AT_ONCE).execute(statement) as result,
    ):
        for row in result:
            yield _sighting(row)


_LATITUDE, _LONGITUDE = samples.c.latitude, samples.c.longitude


def _sighting(row: Any) -> Sighting:
    return Sighting(
        origin=row.origin,
        device=row.device,
        id=row.id,
        serving_cell=(row.serving_plmn, row.lte_eci),
        latitude=row.latitude,
        longitude=row.longitude,
        placed=bool(row.placed),
        flags=row.flags,
    )

"""A collector's account of one device, as its answer tells it (``docs/protocol.md`` §10.3)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

Point = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Some samples, counted.

    Attributes:
        samples, tests: how many, and how many of them tested a connection.
        countable: those outside whose vote was not taken away: no other counts for a map.
        days: on how many days (UTC) they were measured.
        first_day, last_day: ISO dates; None where there is no sample.
    """

    samples: int
    tests: int
    countable: int
    days: int
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True, slots=True)
class Network:
    """Samples of one operator's SIM on one radio access technology; None where it is unknown or nothing served."""

    operator: str | None
    rat: str | None
    heap: Heap


@dataclass(frozen=True, slots=True)
class Hexagon:
    """A hexagon (H3 resolution 8, 0.7 km²) that this device measured in, by operator."""

    h3: str
    centre: Point
    outline: tuple[Point, ...]
    samples: int
    operators: dict[str | None, Heap]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a collector knows that this device contributed.

    Attributes:
        device: thumbprint of its key.
        tier: ``volunteer`` or ``field_team``.
        map_url: address of the public map, or None.
        heap: all samples.
        kinds, months: samples by kind, and by month (``2026-11``).
        accepted, flagged, excluded: samples by what plausibility found: nothing, something, or so much that they have
            no vote.
        rejected: lines that were not taken in, of envelopes that are still kept.
        kilometres: travelled while measuring.
        networks: by operator and technology.
        hexagons: where.
    """

    device: str
    tier: str
    map_url: str | None
    heap: Heap
    kinds: dict[str, int]
    months: dict[str, int]
    accepted: int
    flagged: int
    excluded: int
    rejected: int
    kilometres: float
    networks: tuple[Network, ...]
    hexagons: tuple[Hexagon, ...]


def read_account(members: dict[str, Any]) -> Account:
    """An account from its JSON.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    map_url = members["map_url"]
    return Account(
        device=str(members["device"]),
        tier=str(members["tier"]),
        map_url=None if map_url is None else str(map_url),
        heap=_heap(members),
        kinds={str(kind): int(count) for kind, count in members["kinds"].items()},
        months={_day(f"{month}-01")[:7]: int(count) for month, count in members["months"].items()},
        **{name: int(members[name]) for name in ("accepted", "flagged", "excluded", "rejected")},
        kilometres=float(members["kilometres"]),
        networks=tuple(Network(_text(one["operator"]), _text(one["rat"]), _heap(one)) for one in members["networks"]),
        hexagons=tuple(_hexagon(one) for one in members["hexagons"]),
    )


def _hexagon(members: dict[str, Any]) -> Hexagon:
    cell = str(members["h3"])
    int(cell, 16)  # it becomes part of an address
    return Hexagon(
        h3=cell,
        centre=(float(members["longitude"]), float(members["latitude"])),
        outline=tuple((float(longitude), float(latitude)) for longitude, latitude in members["outline"]),
        samples=int(members["samples"]),
        operators={_text(one["operator"]): _heap(one) for one in members["operators"]},
    )


def _heap(members: dict[str, Any]) -> Heap:
    return Heap(
        **{name: int(members[name]) for name in ("samples", "tests", "countable", "days")},
        first_day=None if members["first_day"] is None else _day(members["first_day"]),
        last_day=None if members["last_day"] is None else _day(members["last_day"]),
    )


def _day(value: str) -> str:
    return date.fromisoformat(value).isoformat()


def _text(value: object) -> str | None:
    return None if value is None else str(value)

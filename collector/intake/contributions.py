"""A device's signed request for an account of its own contributions: how much, when, where, and what became of it.

What they changed is said elsewhere, by the releases, which this collector knows nothing of: the device compares.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import h3.api.basic_int as h3

from client_sdk.bounds import instant_text
from client_sdk.operators import operator_of
from client_sdk.signing.statement_types import CONTRIBUTIONS
from client_sdk.survey.odometer import LEAST_STEP_M
from client_sdk.survey.report import LONGEST_STEP_MS
from collector.intake.devices import find_any_key, find_own_keys
from collector.intake.signed_request import read_device_request
from collector.plausibility.distance import distance_m
from collector.storage.journeys import BriefSample, brief_samples_of, count_rejected
from collector.storage.records import Device
from collector.storage.store import Store

HEXAGON_RESOLUTION = 8
"""Where verdicts and releases live."""

OUTSIDE = ("outdoor", "vehicle")
TESTS = ("throughput", "latency", "web")
DEGREE_DECIMALS = 5


def tell_contributions(jws: bytes, store: Store, collector: str, map_url: str, now: datetime) -> dict[str, Any]:
    """The account of the device that signed the request, with all its keys.

    Args:
        jws: compact JWS of type ``maille-contributions``.
        store: where the device's samples are.
        collector: this collector's thumbprint.
        map_url: address of the public map, empty where none is known.
        now: instant of reception.

    Raises:
        DeviceError: the device is unknown, or its key was replaced.
        JwsError: the signature does not hold.
        RequestError: ``device-request``: made for another collector, or not now.
    """
    _, key = read_device_request(jws, CONTRIBUTIONS, lambda thumbprint: find_any_key(store, thumbprint), collector, now)
    keys = find_own_keys(store, key.thumbprint)
    names = [one.thumbprint for one in keys]
    return {
        **_device(keys),
        "map_url": map_url or None,
        **account_of(brief_samples_of(store, names)),
        "rejected": count_rejected(store, names),
    }


def _device(keys: Sequence[Device]) -> dict[str, Any]:
    first, latest = keys[0], keys[-1]
    return {"device": latest.thumbprint, "tier": latest.tier, "enrolled_at": instant_text(first.enrolled_at)}


@dataclass(slots=True)
class _Heap:
    """Some of the samples, counted."""

    samples: int = 0
    tests: int = 0
    countable: int = 0
    days: set[str] = field(default_factory=set)

    def add(self, sample: BriefSample, day: str) -> None:
        self.samples += 1
        self.tests += sample.kind in TESTS
        self.countable += is_countable(sample)
        self.days.add(day)

    def told(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "tests": self.tests,
            "countable": self.countable,
            "days": len(self.days),
            "first_day": min(self.days, default=None),
            "last_day": max(self.days, default=None),
        }


def is_countable(sample: BriefSample) -> bool:
    """Whether a sample can count for a map: outside, and its vote not taken away. Not all that can do."""
    return not sample.excluded and sample.context in OUTSIDE


def account_of(samples: Iterable[BriefSample]) -> dict[str, Any]:
    """Counts of samples, in the order of their measuring; days are those of UTC."""
    whole, road = _Heap(), _Road()
    kinds: Counter[str] = Counter()
    months: Counter[str] = Counter()
    fates: Counter[str] = Counter(accepted=0, flagged=0, excluded=0)
    by_network: dict[tuple[str | None, str | None], _Heap] = {}
    by_place: dict[int, dict[str | None, _Heap]] = {}
    for sample in samples:
        day = sample.measured_at.date().isoformat()
        operator = operator_of(sample.sim_plmn) if sample.sim_plmn else None
        whole.add(sample, day)
        kinds[sample.kind] += 1
        months[day[:7]] += 1
        fates["excluded" if sample.excluded else "flagged" if sample.flags else "accepted"] += 1
        by_network.setdefault((operator, sample.rat), _Heap()).add(sample, day)
        if sample.h3_cell is not None:
            hexagon = h3.cell_to_parent(sample.h3_cell, HEXAGON_RESOLUTION)
            by_place.setdefault(hexagon, {}).setdefault(operator, _Heap()).add(sample, day)
        road.go_on(sample)
    return {
        **whole.told(),
        "kinds": dict(sorted(kinds.items())),
        "months": dict(sorted(months.items())),
        **fates,
        "kilometres": round(road.metres / 1000, 1),
        "networks": [
            {"operator": operator, "rat": rat, **heap.told()}
            for (operator, rat), heap in sorted(by_network.items(), key=lambda item: [name or "" for name in item[0]])
        ],
        "hexagons": [_hexagon(cell, heaps) for cell, heaps in sorted(by_place.items())],
    }


class _Road:
    """Distance travelled: between fixes that follow each other, as far as their jitter does not explain it."""

    def __init__(self) -> None:
        self.metres = 0.0
        self._anchor: tuple[float, float] | None = None
        self._known_until: datetime | None = None

    def go_on(self, sample: BriefSample) -> None:
        if sample.latitude is None or sample.longitude is None or sample.excluded:
            return
        here = (sample.latitude, sample.longitude)
        lost = self._known_until is None or sample.measured_at - self._known_until > timedelta(
            milliseconds=LONGEST_STEP_MS
        )
        self._known_until = sample.measured_at + timedelta(milliseconds=sample.duration_ms)
        if lost or self._anchor is None:
            self._anchor = here
            return
        step_m = distance_m(*self._anchor, *here)
        if step_m >= max(LEAST_STEP_M, sample.accuracy_m or 0.0):
            self.metres += step_m
            self._anchor = here


def _hexagon(cell: int, heaps: dict[str | None, _Heap]) -> dict[str, Any]:
    latitude, longitude = h3.cell_to_latlng(cell)
    outline = [[round(x, DEGREE_DECIMALS), round(y, DEGREE_DECIMALS)] for y, x in h3.cell_to_boundary(cell)]
    return {
        "h3": h3.int_to_str(cell),
        "latitude": round(latitude, DEGREE_DECIMALS),
        "longitude": round(longitude, DEGREE_DECIMALS),
        "outline": outline,
        "samples": sum(heap.samples for heap in heaps.values()),
        "operators": [
            {"operator": operator, **heap.told()}
            for operator, heap in sorted(heaps.items(), key=lambda item: item[0] or "")
        ],
    }

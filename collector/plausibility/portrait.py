"""What is typical of a device over its whole history: values, decimals and outcomes that no real phone shows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from client_sdk.sample import Sample

QUANTITIES = ("lte_rsrp_dbm", "nr_ss_rsrp_dbm", "download_bps", "rtt_median_ms")
COLUMNS = (
    *("sim_plmn", "measured_at", "service_state", "outcome", "latitude", "longitude", "position_source", "h3_cell"),
    *QUANTITIES,
)

MIN_READINGS = 20
MIN_PLACES = 20
"""Ours: over 20 places (H3 resolution 10, 130 m apart) shadowing alone spreads RSRP by several dB."""

CONSTANT_SHARE = 0.9
"""Ours: with a spread of only 3 dB from one reading to the next, the commonest whole dBm has 13 %."""

DECIMALS_SHARE = 0.5
"""Ours: the digits after the third decimal are as good as random, and the commonest of 1,000 rarely has 5 % of 20."""

MIN_DAYS = 2
"""Ours: a phone that spent one day in a dead zone is what we look for."""

_DISTINCT = 1_000
_FAILURES = frozenset({"no_data", "timeout", "stalled", "dns", "tcp"})


@dataclass(slots=True)
class Repetition:
    """How often values came back, and in how many places; it stops growing where that no longer matters."""

    readings: int = 0
    values: Counter[float] = field(default_factory=Counter)
    places: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)

    def add(self, value: float, place: int, day: int = 0) -> None:
        """Count one reading."""
        self.readings += 1
        if value in self.values or len(self.values) < _DISTINCT:
            self.values[value] += 1
        if len(self.places) < MIN_PLACES:
            self.places.add(place)
        if len(self.days) < MIN_DAYS:
            self.days.add(day)

    def commonest(self, share: float) -> float | None:
        """The value that at least this share of enough readings, in enough places, has."""
        if self.readings < MIN_READINGS or len(self.places) < MIN_PLACES:
            return None
        value, count = max(self.values.items(), key=lambda item: (item[1], item[0]))
        return value if count >= share * self.readings else None


class Portrait:
    """Of one device, from all its samples; each SIM stands for itself, since one of two modems may be broken."""

    def __init__(self, rows: Iterable[Any] = ()) -> None:
        self._quantities: dict[tuple[str | None, str], Repetition] = {}
        self._failures: dict[str | None, Repetition] = {}
        self._served: set[str | None] = set()
        self._decimals = (Repetition(), Repetition())
        last_place = None
        for row in rows:
            self._note_outcome(row)
            if row.h3_cell is None:
                continue
            for name in QUANTITIES:
                value = getattr(row, name)
                if value is not None:
                    self._quantities.setdefault((row.sim_plmn, name), Repetition()).add(value, row.h3_cell)
            if row.h3_cell != last_place and row.position_source != "manual":
                last_place = row.h3_cell
                for seen, degrees in zip(self._decimals, (row.latitude, row.longitude), strict=True):
                    seen.add(_decimals(degrees), row.h3_cell)
        self._constant = {key: seen.commonest(CONSTANT_SHARE) for key, seen in self._quantities.items()}
        self._usual = tuple(seen.commonest(DECIMALS_SHARE) for seen in self._decimals)

    def is_constant(self, sample: Sample) -> bool:
        """Whether the sample has a value that this device always has, wherever it is."""
        return any(
            value is not None and value == self._constant.get((sample.sim_plmn, name))
            for name in QUANTITIES
            if (value := getattr(sample, name)) is not None
        )

    def has_usual_decimals(self, sample: Sample) -> bool:
        """Whether both coordinates end as most of this device's do."""
        if sample.latitude is None or sample.longitude is None or sample.position_source == "manual":
            return False
        return (_decimals(sample.latitude), _decimals(sample.longitude)) == self._usual

    def never_served(self, sample: Sample) -> bool:
        """Whether the sample is a failure of a SIM that failed in many places, on several days, and never succeeded."""
        seen = self._failures.get(sample.sim_plmn)
        if seen is None or sample.sim_plmn in self._served or not is_failure(sample):
            return False
        return seen.commonest(0.0) is not None and len(seen.days) >= MIN_DAYS

    def _note_outcome(self, row: Any) -> None:
        if row.service_state == "in_service" or row.outcome == "ok":
            self._served.add(row.sim_plmn)
        elif is_failure(row) and row.h3_cell is not None:
            day = row.measured_at.toordinal()
            self._failures.setdefault(row.sim_plmn, Repetition()).add(0.0, row.h3_cell, day)


def is_failure(reading: Any) -> bool:
    """Whether a sample, or a row of one, says that the network was not there."""
    return reading.service_state in ("no_service", "limited") or reading.outcome in _FAILURES


def _decimals(degrees: float) -> float:
    """The fourth to sixth decimal: what is left of a position below 100 m."""
    return round(abs(degrees) * 1e6) % 1000

"""How often one device may vote: once per place and network in four hours, and so often per hexagon and day.

Samples come in order of time. One that another rule excludes takes nobody's place, except for a rule that depends on
the time of arrival: what counts here must not.
"""

from collections import Counter
from datetime import date, datetime, timedelta

import h3.api.basic_int as h3

from client_sdk.sample import Sample

REPEAT_WINDOW = timedelta(hours=4)
"""Ours: within it a second reading of the same kind at the same place says what the first said."""

MAX_PER_HEXAGON_AND_DAY = 300
"""Ours: a drive there and back with four modems leaves about 150 readings in a hexagon, after repeated ones."""

MANY_DEVICES = frozenset({"arcep-checks", "arcep-qos"})
"""Formats whose files hold the tests of many teams, to a plan of their own, and not always with their times."""

HEXAGON_RESOLUTION = 8
_PRUNE_ABOVE = 10_000


class VoteLimits:
    """What one device has already said; it remembers four hours and one day."""

    def __init__(self) -> None:
        self._counted: dict[tuple[int, str | None, str], datetime] = {}
        self._prune_above = _PRUNE_ABOVE
        self._day: date | None = None
        self._of_day: Counter[int] = Counter()

    def flag(self, sample: Sample, measured_at: datetime, h3_cell: int | None) -> str | None:
        """The id of the limit that the sample, which would vote otherwise, is beyond."""
        if h3_cell is None or sample.import_format in MANY_DEVICES:
            return None
        key = (h3_cell, sample.sim_plmn, sample.kind)
        first = self._counted.get(key)
        if first is not None and measured_at - first < REPEAT_WINDOW:
            return "repeated"
        self._counted[key] = measured_at
        self._prune(measured_at)
        if measured_at.date() != self._day:
            self._day = measured_at.date()
            self._of_day.clear()
        hexagon = h3.cell_to_parent(h3_cell, HEXAGON_RESOLUTION)
        self._of_day[hexagon] += 1
        return "rate-cap" if self._of_day[hexagon] > MAX_PER_HEXAGON_AND_DAY else None

    def _prune(self, now: datetime) -> None:
        if len(self._counted) > self._prune_above:
            self._counted = {key: first for key, first in self._counted.items() if now - first < REPEAT_WINDOW}
            self._prune_above = _PRUNE_ABOVE + 2 * len(self._counted)

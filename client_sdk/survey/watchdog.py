"""A loud word when recording has silently stopped being useful, and another when it is well again.

What is wrong is looked at again and again; a trouble is told once it has lasted, stays in view while it lasts, rings
from time to time, and is told over when it is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PATIENCE_S = {
    "no-fix": 30.0,
    "stale-position": 0.0,
    "no-radio": 15.0,
    "wifi": 5.0,
    "no-sim": 5.0,
    "no-echo": 30.0,
    "no-way": 30.0,
}
"""Ours: how long each trouble may last before it is told; those that are not here are told at once. A source may need
some seconds after a hiccup, and a receiver half a minute for its first fix."""

STALE_POSITION_S = 60.0
"""The collector's rule ``position-stale``: an older position is of no use for a verdict."""

RING_EVERY_S = 60.0
"""Ours: nobody looks at a laptop in a car; a bell a minute is heard and can be borne."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the troubles changed.

    Attributes:
        raised: texts of the troubles told for the first time.
        over: texts of those that are gone.
        ring: whether to ring now.
    """

    raised: tuple[str, ...]
    over: tuple[str, ...]
    ring: bool


class Watchdog:
    """Remembers which troubles last since when.

    A trouble is named ``id`` or ``id modem``; its text is for people and may change while it lasts.
    """

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._rang_s: float | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The troubles that last, as texts, in the order in which they were told."""
        return tuple(self._told.values())

    def look(self, troubles: Mapping[str, str], now_s: float) -> Seen:
        """Compare with what is wrong now.

        Args:
            troubles: text by name.
            now_s: monotonic.
        """
        over = tuple(self._told.pop(name) for name in [*self._told] if name not in troubles)
        self._since_s = {name: self._since_s.get(name, now_s) for name in troubles}
        raised: list[str] = []
        for name, text in troubles.items():
            lasting_s = now_s - self._since_s[name]
            if name not in self._told:
                if lasting_s < PATIENCE_S.get(name.partition(" ")[0], 0.0):
                    continue
                raised.append(text)
            self._told[name] = text
        ring = bool(raised) or (bool(self._told) and self._rang_s is not None and now_s - self._rang_s >= RING_EVERY_S)
        if ring:
            self._rang_s = now_s
        return Seen(tuple(raised), over, ring)

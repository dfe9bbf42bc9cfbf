"""When to test: every so far, so long or so much data; and runs by the clock for a fixed site."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from client_sdk.errors import MailleError
from client_sdk.messages import tr

_WRITTEN = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(km|m|s|min|h|MB/h|Mo/h)\s*", re.IGNORECASE)
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}

JITTER_SHARE = 0.1
JITTER_MOST_S = 120.0
"""Ours: sites that start on the same minute would meet at the collector; a tenth of the period, two minutes at most,
spreads them and still keeps each run where people expect it."""

GRACE_SHARE = 0.5
"""Ours: a run that is late by more than half its period belongs to no slot any more, and is told as missed."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a throughput test is due.

    Attributes:
        amount: metres, seconds, or bytes per hour.
        by: what is counted.
    """

    amount: float
    by: Literal["distance", "time", "budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Travelled:
    """What has happened since a channel's last test, or since the survey began.

    Attributes:
        metres: travelled.
        seconds: gone by.
        last_test_bytes: what the last test used; None before the first.
    """

    metres: float
    seconds: float
    last_test_bytes: int | None


def parse_rhythm(text: str) -> Rhythm:
    """``2km``, ``500m``, ``10min``, ``1h``, ``90s`` or ``200MB/h``; ``m`` is metres.

    Raises:
        MailleError: it is none of these.
    """
    found = _WRITTEN.fullmatch(text)
    amount = float(found[1].replace(",", ".")) if found else 0.0
    if not found or amount <= 0:
        raise MailleError(
            tr(
                f"--test-every: got {text!r}, expected a distance, a time or a rate of data, like 2km, 10min, 200MB/h",
                f"--test-every : reçu {text!r}, attendu une distance, une durée ou un débit de données, comme 2km, "
                "10min, 200Mo/h",
            )
        )
    unit = found[2].lower()
    if unit in _SECONDS:
        return Rhythm(amount * _SECONDS[unit], "time")
    if unit in ("km", "m"):
        return Rhythm(amount * (1000 if unit == "km" else 1), "distance")
    return Rhythm(amount * 1e6, "budget")


def parse_period_s(text: str) -> float:
    """``30m`` or ``30min``, ``1h``, ``90s``, in seconds; here ``m`` is minutes.

    Raises:
        MailleError: it is none of these, or shorter than a measurement.
    """
    found = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(s|m|min|h)\s*", text, re.IGNORECASE)
    period_s = 0.0
    if found:
        period_s = float(found[1].replace(",", ".")) * _SECONDS[{"m": "min"}.get(found[2].lower(), found[2].lower())]
    if period_s < 60:
        raise MailleError(
            tr(
                f"--every: got {text!r}, expected a time of at least one minute, like 30m or 1h",
                f"--every : reçu {text!r}, attendu une durée d’au moins une minute, comme 30m ou 1h",
            )
        )
    return period_s


def is_due(every: Rhythm, since: Travelled) -> bool:
    """Whether the next test is due; by budget, when what the last one used has had its time."""
    return until_due(every, since) <= 0


def until_due(every: Rhythm, since: Travelled) -> float:
    """How much is missing: metres by distance, seconds otherwise; the first test by time or budget is due at once."""
    match every.by:
        case "distance":
            return every.amount - since.metres
        case "time":
            return 0.0 if since.last_test_bytes is None else every.amount - since.seconds
        case "budget":
            return 0.0 if since.last_test_bytes is None else since.last_test_bytes / every.amount * 3600 - since.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Runs by the clock, numbered from 0.

    Attributes:
        first_ms: instant of run 0 before jitter.
        period_s: between runs.
        seed: of the jitter, so that a run is due at the same instant after a restart.
    """

    first_ms: int
    period_s: float
    seed: str

    def due_ms(self, number: int) -> int:
        """When a run is due; run 0 at once."""
        if number == 0:
            return self.first_ms
        share = int.from_bytes(hashlib.sha256(f"{self.seed} {number}".encode()).digest()[:4]) / 2**32
        jitter_s = share * min(JITTER_SHARE * self.period_s, JITTER_MOST_S)
        return self.first_ms + round((number * self.period_s + jitter_s) * 1000)

    def next_after(self, last: int | None, now_ms: int) -> tuple[int, range]:
        """The run to do next, and the ones that were missed since run ``last``: nothing is caught up in a burst."""
        number = 0 if last is None else last + 1
        first = number
        while self.due_ms(number) + round(GRACE_SHARE * self.period_s * 1000) < now_ms:
            behind = (now_ms - self.due_ms(number)) / 1000 / self.period_s
            number += max(1, int(behind) - 1)
        return number, range(first, number)

"""Is every interval accounted for once? Samples state their intervals, events explain what lies between."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from client_sdk.outbox.surveys import SurveyEvent

SILENT_FROM = frozenset({"paused", "interrupted", "stopped"})
"""Events after which nothing is recorded on any modem, until one of :data:`SILENT_UNTIL`."""

SILENT_UNTIL = frozenset({"started", "resumed"})

FAILED, BACK = "source_failed", "source_back"
"""The same for one modem, which their detail begins with; echoes may go on between them."""

SPANS = frozenset({"unread", "hidden"})
"""Events about one modem that say in their detail, after its name, how many milliseconds they lasted: the source had
not answered yet; the sample was left out near a hidden place."""


LONGEST_OPEN_MS = 120_000
"""Ours: a fence lasts ten seconds and a test less than a minute; a modem without a sample for longer had failed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Time of one modem without a sample and without an event that says why, or with two samples.

    Attributes:
        modem: which.
        from_ms: milliseconds since 1970.
        to_ms: the same; before ``from_ms`` where two samples overlap.
    """

    modem: str
    from_ms: int
    to_ms: int


def unaccounted(
    samples: Iterable[tuple[str, Mapping[str, Any]]], events: Sequence[SurveyEvent], modems: Sequence[str]
) -> list[Gap]:
    """Every gap that no event explains, and every overlap.

    Args:
        samples: modem and fields of each sample.
        events: of the survey, in order.
        modems: all of them, also one without any sample.
    """
    found: list[Gap] = []
    by_modem: dict[str, list[tuple[int, int]]] = {modem: [] for modem in modems}
    for modem, fields in samples:
        start_ms = round(datetime.fromisoformat(fields["measured_at"]).timestamp() * 1000)
        by_modem.setdefault(modem, []).append((start_ms, start_ms + fields.get("duration_ms", 0)))
    for modem, intervals in by_modem.items():
        explained = _explained(events, modem)
        reached_ms = events[0].at_ms if events else 0
        for start_ms, end_ms in sorted(intervals):
            if start_ms < reached_ms:
                found.append(Gap(modem, reached_ms, start_ms))
            found += _unexplained(modem, reached_ms, start_ms, explained)
            reached_ms = max(reached_ms, end_ms)
        end_ms = events[-1].at_ms if events else reached_ms
        found += _unexplained(modem, reached_ms, end_ms, explained)
    return found


def is_silent(events: Sequence[SurveyEvent]) -> bool:
    """Whether nothing is recorded after these events."""
    kinds = [event.kind for event in events if event.kind in SILENT_FROM | SILENT_UNTIL]
    return not kinds or kinds[-1] in SILENT_FROM


def interrupted_at_ms(last_ends_ms: Iterable[int], events: Sequence[SurveyEvent], alive_ms: int) -> int:
    """Since when a survey whose process died recorded nothing: where the first of its open fences began.

    Args:
        last_ends_ms: end of the newest sample of each modem; 0 where there is none.
        events: of the survey, in order.
        alive_ms: last time the process was known to run.
    """
    begun_ms = max((event.at_ms for event in events if event.kind in SILENT_UNTIL), default=0)
    open_ms = [max(begun_ms, end_ms) for end_ms in last_ends_ms]
    known_ms = max([alive_ms, begun_ms, *open_ms])
    return min([since_ms for since_ms in open_ms if known_ms - since_ms <= LONGEST_OPEN_MS], default=known_ms)


def _explained(events: Sequence[SurveyEvent], modem: str) -> list[tuple[int, int]]:
    """Stretches that events explain for a modem."""
    spans: list[tuple[int, int]] = []
    silent_ms: int | None = None
    failed_ms: int | None = None
    for event in events:
        if event.kind in SILENT_FROM and silent_ms is None:
            silent_ms = event.at_ms
        elif event.kind in SILENT_UNTIL and silent_ms is not None:
            spans.append((silent_ms, event.at_ms))
            silent_ms = None
        elif event.kind == FAILED and event.detail.startswith(f"{modem}: ") and failed_ms is None:
            failed_ms = event.at_ms
        elif event.kind == BACK and event.detail == modem and failed_ms is not None:
            spans.append((failed_ms, event.at_ms))
            failed_ms = None
        elif event.kind in SPANS and event.detail.startswith(f"{modem}: "):
            lasted = event.detail.removeprefix(f"{modem}: ").partition(" ")[0]
            spans.append((event.at_ms, event.at_ms + int(lasted)))
    last_ms = events[-1].at_ms if events else 0
    spans += [(open_ms, max(open_ms, last_ms)) for open_ms in (silent_ms, failed_ms) if open_ms is not None]
    return sorted(spans)


def _unexplained(modem: str, from_ms: int, to_ms: int, explained: Sequence[tuple[int, int]]) -> list[Gap]:
    """What is left of a gap when explained stretches are taken out."""
    left: list[Gap] = []
    reached_ms = from_ms
    for start_ms, end_ms in [*explained, (to_ms, to_ms)]:
        if start_ms > reached_ms and reached_ms < to_ms:
            left.append(Gap(modem, reached_ms, min(start_ms, to_ms)))
        reached_ms = max(reached_ms, end_ms)
    return left

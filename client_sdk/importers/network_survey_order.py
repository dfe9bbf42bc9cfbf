"""The records of a Network Survey survey in the order of their times, from however many files, without holding them."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from client_sdk.importers.log import Log
from client_sdk.importers.network_survey_files import Record, RecordKind
from client_sdk.importers.reading import LeftOut

Stream = Callable[[], Iterator[Record | LeftOut]]
"""Reads the records of one file and kind from their beginning."""

_KINDS: tuple[RecordKind, ...] = ("phone_state", "lte", "nr", "umts", "gsm")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def merged(
    found: Sequence[tuple[RecordKind, Log, Stream]],
) -> Iterator[tuple[Log, Record | LeftOut]]:
    """All records by time; files of one kind follow each other, as the app begins a new one when one is long."""
    chains: list[Iterator[tuple[datetime, int, Log, Record | LeftOut]]] = []
    for kind in _KINDS:
        parts = [(log, stream) for one, log, stream in found if one == kind]
        parts.sort(key=lambda part: _begins(part[1]))
        chains.append(_chained(len(chains), parts))
    for _, _, log, item in heapq.merge(*chains, key=lambda entry: entry[:2]):
        yield log, item


def _chained(order: int, parts: Sequence[tuple[Log, Stream]]) -> Iterator[tuple[datetime, int, Log, Record | LeftOut]]:
    at = _BEGINNING
    for log, stream in parts:
        for item in stream():
            at = at if isinstance(item, LeftOut) else item.measured_at
            yield at, order, log, item


def _begins(stream: Stream) -> datetime:
    return next((item.measured_at for item in stream() if isinstance(item, Record)), _BEGINNING)

"""The records of a Network Survey survey in the order of their times, from however many files, without holding them."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from client_sdk.importers.log import Log
from client_sdk.importers.network_survey_files import Record, Source
from client_sdk.importers.reading import LeftOut

_ORDER = ("phone_state", "lte", "nr", "umts", "gsm")
_BEGINNING = datetime.min.replace(tzinfo=UTC)

_Entry = tuple[datetime, int, Log, Record | LeftOut]


def merged(sources: Sequence[Source]) -> Iterator[tuple[Log, Record | LeftOut]]:
    """All records by time, at one time the phone's states first.

    Files of one kind, phone and mission follow each other, since the app begins a new one when one is long.
    """
    chains: dict[object, list[tuple[datetime, Source]]] = {}
    for source in sources:
        first = next((item for item in source.read() if isinstance(item, Record)), None)
        key = (source.kind, source.packaged, first.session if first else None)
        chains.setdefault(key, []).append((first.measured_at if first else _BEGINNING, source))
    ordered = [_chained(source for _, source in sorted(chain, key=lambda part: part[0])) for chain in chains.values()]
    for _, _, log, item in heapq.merge(*ordered, key=lambda entry: entry[:2]):
        yield log, item


def _chained(sources: Iterator[Source]) -> Iterator[_Entry]:
    at = _BEGINNING
    for source in sources:
        for item in source.read():
            at = at if isinstance(item, LeftOut) else item.measured_at
            yield at, _ORDER.index(source.kind), source.log, item

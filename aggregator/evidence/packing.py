"""Keys of evidence as whole numbers, in the order of what they stand for.

Counting and sorting them is several times faster than counting and sorting their texts.

``place``, 62 bits: the cell of resolution 9 (34 bits: base cell and nine digits), the operator's PLMN (21), the
technology that served (3), tier (2) and context (2). ``said``: the day since 1970-01-01 (UTC), what a test said of
rates, and whether it failed. ``moment``: hour of the day (UTC) and cause of a failure. ``bin``: measure and bin.
"""

from collections.abc import Sequence
from typing import Any

import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggregator.evidence.ledger import CONTEXTS, LEDGER_RESOLUTION, NOTHING_SERVED, TECHNOLOGIES

Numbers = NDArray[np.int64]

SERVED = (*TECHNOLOGIES, NOTHING_SERVED)
TIERS = ("field_team", "volunteer")
ORDERED_CONTEXTS = tuple(sorted(CONTEXTS))
CAUSES = ("", "dns", "limited", "no_data", "no_service", "page", "stalled", "tcp", "timeout")
"""States without service, ends of tests that say something of the network, a page that did not load in time."""

_CELL_BITS = 7 + 3 * LEDGER_RESOLUTION
_CELL_SHIFT = 3 * (15 - LEDGER_RESOLUTION)
_CELL = 1 << 59 | LEDGER_RESOLUTION << 52 | (1 << _CELL_SHIFT) - 1
"""What is the same in every cell of resolution 9: mode, resolution, and digits that are not used."""

_SERVED_SHIFT, _TIER_SHIFT = 4, 2
_OPERATOR_SHIFT = 7
_CELL_PLACE = 28
_WHO_BITS = _SERVED_SHIFT
SERVED_BITS = _OPERATOR_SHIFT - _SERVED_SHIFT
RATE_BITS = 4
DAY_SHIFT = RATE_BITS + 1
HOUR_SHIFT = 4
MEASURE_SHIFT, _BIN_ZERO = 12, 1 << 11

TEST_BITS = 28
"""Of a count of tests: no device makes that many of a cell in a month, a hundred a second."""
SAMPLE_BITS = 40
"""Of a count of all devices' samples."""


def code(texts: Any, known: Sequence[str]) -> Any:
    """Place of each text (Ibis column) in an ordered list; null where it is not in it."""
    return texts.cases(*((text, place) for place, text in enumerate(known)), else_=None)


def operator_code(plmn: Any) -> Any:
    """PLMN of five or six digits as a whole number, in the order of the texts: of a text, or of a column of Ibis."""
    if isinstance(plmn, str):
        return int(plmn) * 20 if len(plmn) == 5 else int(plmn) * 2 + 1
    number = plmn.cast("int64")
    return (plmn.length() == 5).ifelse(number * 20, number * 2 + 1)


def place(h3_cell: Any, operator: Any, served: Any, tier: Any, context: Any) -> Any:
    """One number for where, whose and how (columns of Ibis, int64).

    Args:
        h3_cell: H3 indexes of resolution 9 or finer.
        operator: codes of :func:`operator_code`.
        served: places in :data:`SERVED`.
        tier: places in :data:`TIERS`.
        context: places in :data:`ORDERED_CONTEXTS`.
    """
    cell = (h3_cell >> _CELL_SHIFT) & ((1 << _CELL_BITS) - 1)
    low = (served * (1 << _SERVED_SHIFT) + tier * (1 << _TIER_SHIFT) + context).cast("int64")
    return (cell << _CELL_PLACE) + operator.cast("int64") * (1 << _OPERATOR_SHIFT) + low


def cell_and_operator(places: Any) -> Any:
    """What is left of places without technology, tier and context; in their order."""
    return places >> _OPERATOR_SHIFT


def served(places: Any) -> Any:
    """Places in :data:`SERVED`."""
    return places >> _SERVED_SHIFT & ((1 << SERVED_BITS) - 1)


def device_and_who(device: Any, places: Any) -> Any:
    """One number for a device (column of Ibis, int32) and its tier and context, in this order."""
    return device.cast("int64") * (1 << _WHO_BITS) + (places & ((1 << _WHO_BITS) - 1))


def said_where_served(said: Any, places: Any) -> Any:
    """One number for what was said (column of Ibis, int32) and what served, in this order."""
    return said.cast("int64") * (1 << SERVED_BITS) + served(places)


def counted(what: Any, samples: Any, bits: int) -> Any:
    """One number for what was counted (column of Ibis) and how often, in the order of the former.

    Sorting it takes less than sorting the one and carrying the other along.

    Args:
        what: whole numbers, of at most ``63 - bits`` bits.
        samples: of one state.
        bits: of ``samples``: :data:`TEST_BITS` or :data:`SAMPLE_BITS`.
    """
    return what.cast("int64") * (1 << bits) + samples


def whole(sums: Any) -> Any:
    """Sums (column of Ibis) in 64 bits.

    SQL's are wider than that, whatever Ibis believes: a type that differs makes it cast them.
    """
    return sums.cast(dt.int64(nullable=False))


def uncounted(packed: Numbers, bits: int) -> tuple[Numbers, Numbers]:
    """What was counted, and how often, of :func:`counted` (n,)."""
    return packed >> bits, packed & ((1 << bits) - 1)


def places_of(cells: Numbers, technologies: Numbers, devices_and_who: Numbers) -> Numbers:
    """Places (n,) from their parts.

    Args:
        cells: of :func:`cell_and_operator`.
        technologies: places in :data:`SERVED`.
        devices_and_who: of :func:`device_and_who`.
    """
    who = devices_and_who & ((1 << _WHO_BITS) - 1)
    return cells << _OPERATOR_SHIFT | technologies << _SERVED_SHIFT | who


def devices_of(devices_and_who: Numbers) -> Numbers:
    """The devices of :func:`device_and_who` (n,)."""
    return devices_and_who >> _WHO_BITS


def columns_of(places: Numbers) -> dict[str, pa.Array]:
    """The columns ``h3_r9, operator, technology, tier, context`` of places (n,)."""
    return {
        "h3_r9": pa.array((places >> _CELL_PLACE) << _CELL_SHIFT | _CELL),
        "operator": _plmns(places >> _OPERATOR_SHIFT & ((1 << 21) - 1)),
        "technology": texts(SERVED, served(places)),
        "tier": texts(TIERS, places >> _TIER_SHIFT & 3),
        "context": texts(ORDERED_CONTEXTS, places & 3),
    }


def texts(known: Sequence[str], places: Numbers) -> pa.DictionaryArray:
    """The texts at places (n,) of a list."""
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(known, pa.string()))


def starts_of_runs(*keys: Numbers) -> Numbers:
    """Where rows (n,) begin that have the same keys as the one before."""
    first = np.zeros(len(keys[0]), dtype=bool)
    first[:1] = True
    for key in keys:
        first[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(first)


def _plmns(codes: Numbers) -> pa.DictionaryArray:
    """Rows are in the order of cells: an operator has a run in each."""
    starts = starts_of_runs(codes)
    found, places = np.unique(codes[starts], return_inverse=True)
    names = [f"{number // 2:06d}" if number % 2 else f"{number // 20:05d}" for number in found.tolist()]
    return texts(names, np.repeat(places, np.diff(np.append(starts, len(codes)))))


def binned(measure: int, number: Any) -> Any:
    """One number for a measure, by its place among the measures, and a bin (column of Ibis, int32)."""
    return (number.cast("int32") + (measure * (1 << MEASURE_SHIFT) + _BIN_ZERO)).cast("int32")


def measure_and_bin(packed: Numbers) -> tuple[Numbers, Numbers]:
    """Places among the measures, and bins, of :func:`binned` (n,)."""
    return packed >> MEASURE_SHIFT, (packed & ((1 << MEASURE_SHIFT) - 1)) - _BIN_ZERO

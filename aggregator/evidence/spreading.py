"""From sums of states, in order, to rows of the tables of evidence: keys as columns, the ledger by technology.

What a test says about technology T: no service, or service below T, fails at service and, for a test with a rate, at
every threshold; data that did not pass although registered fails too; a rate below a threshold fails at it. A rate
known as a lower bound counts only for the thresholds it reaches. A reading of signal alone counts for service alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import COUNTS, NOTHING_SERVED, TABLES, TECHNOLOGIES, THRESHOLDS_MBPS
from aggregator.evidence.ordered_file import whole_groups
from aggregator.evidence.packing import (
    CAUSES,
    DAY_SHIFT,
    HOUR_SHIFT,
    SAMPLE_BITS,
    SERVED,
    SERVED_BITS,
    TEST_BITS,
    Numbers,
    columns_of,
    devices_of,
    measure_and_bin,
    places_of,
    starts_of_runs,
    texts,
    uncounted,
)
from aggregator.evidence.tallies import NO_RATE, RATE_AT_LEAST, RATE_KNOWN, RATE_LOST

Batches = Iterable[pa.RecordBatch]


def says(technology_served: int, rate: int, failed: bool) -> list[tuple[int, ...]]:
    """What a test says about each technology: for each of ``ledger.COUNTS``, 1 where it counts.

    Args:
        technology_served: place in ``packing.SERVED``.
        rate: ``tallies.NO_RATE`` and its like.
        failed: something did.
    """
    found = []
    for technology in range(len(TECHNOLOGIES)):
        below = SERVED[technology_served] == NOTHING_SERVED or technology_served < technology
        counts = [1, int(below or failed)]
        for place in range(len(THRESHOLDS_MBPS)):
            exact = RATE_KNOWN <= rate < RATE_AT_LEAST
            missed = rate == RATE_LOST or (exact and rate <= RATE_KNOWN + place)
            known = rate == RATE_LOST or exact or rate > RATE_AT_LEAST + place
            rated = rate != NO_RATE or SERVED[technology_served] == NOTHING_SERVED
            counts += [int(rated), int(rated)] if below else [int(known), int(missed)]
        found.append(tuple(counts))
    return found


_WORDS = 1 << DAY_SHIFT
_FIRST = 32
"""Bits of the first of two counts in one number: no device makes that many tests of a cell in a day."""
_NUMBERED = (*range(len(SERVED)), *[0] * ((1 << SERVED_BITS) - len(SERVED)))
"""Places in ``packing.SERVED``; other numbers of as many bits do not occur."""
_SAYS: NDArray[np.int64] = (
    np.array([[says(of, word >> 1, bool(word & 1)) for of in _NUMBERED] for word in range(_WORDS)])
    .transpose(3, 2, 0, 1)
    .reshape(2, len(COUNTS) * len(TECHNOLOGIES) // 2, -1)
)
_SAY_BOTH: NDArray[np.int64] = _SAYS[0] + (_SAYS[1] << _FIRST)
"""(half of counts and technologies, rate, failure and what served): the other half in the upper bits."""


def ledger(batches: Batches, tokens: Sequence[str]) -> Iterator[pa.Table]:
    """Rows of the ledger, from tests in the order of cell and operator, device, tier and context, day.

    Args:
        batches: ``cell, whose, tests``, see :func:`merge.summed`; devices are places in ``tokens``.
        tokens: in order.
    """
    for rows in whole_groups(batches, "cell"):
        cell, whose, tests = (_numbers(rows, name) for name in ("cell", "whose", "tests"))
        what, samples = uncounted(tests, TEST_BITS)
        day = what >> DAY_SHIFT + SERVED_BITS
        starts = starts_of_runs(cell, whose, day)
        what &= (_WORDS << SERVED_BITS) - 1
        both = np.array([np.add.reduceat(counts[what] * samples, starts) for counts in _SAY_BOTH])
        counts = np.concatenate([both & (1 << _FIRST) - 1, both >> _FIRST]).reshape(len(COUNTS), -1)
        order, technology = _by_technology(cell[starts])
        source = technology * len(starts) + order
        of = starts[order]
        columns = {
            **columns_of(places_of(cell[of], technology, whose[of])),
            "device_token": texts(tokens, devices_of(whose[of])),
            "day": pa.array(day[of].astype(np.int32)).cast(pa.date32()),
            **{name: count[source] for name, count in zip(COUNTS, counts, strict=True)},
        }
        yield _table("ledger", columns)


def _by_technology(cells: Numbers) -> tuple[Numbers, Numbers]:
    """Which of rows (n,) comes at each place, and for which technology: a cell has all its rows for each in turn."""
    starts = starts_of_runs(cells)
    sizes = np.diff(np.append(starts, len(cells)))
    cell = np.repeat(np.arange(len(starts)), sizes * len(TECHNOLOGIES))
    within = np.arange(len(cell)) - np.repeat(starts * len(TECHNOLOGIES), sizes * len(TECHNOLOGIES))
    technology, row = np.divmod(within, sizes[cell])
    return starts[cell] + row, technology


def histograms(batches: Batches) -> Iterator[pa.Table]:
    """Rows of histograms, from bins in the order of place and bin."""
    for rows in whole_groups(batches, "place"):
        place, (packed, samples) = _numbers(rows, "place"), uncounted(_numbers(rows, "counted"), SAMPLE_BITS)
        starts = starts_of_runs(place, packed)
        measure, number = measure_and_bin(packed[starts])
        columns = {"measure": texts(tuple(MEASURES), measure), "bin": number}
        yield _table(
            "histograms", {**columns_of(place[starts]), **columns, "samples": np.add.reduceat(samples, starts)}
        )


def signals(batches: Batches, tokens: Sequence[str]) -> Iterator[pa.Table]:
    """Rows of signals, from their sums in their order.

    Args:
        batches: ``cell, technology, whose, day, rsrp_sum, readings``, see :func:`merge.summed`.
        tokens: in order.
    """
    for batch in batches:
        cell, technology, whose = (_numbers(batch, name) for name in ("cell", "technology", "whose"))
        columns = {
            **columns_of(places_of(cell, technology, whose)),
            "device_token": texts(tokens, devices_of(whose)),
            "day": pa.array(_numbers(batch, "day").astype(np.int32)).cast(pa.date32()),
            "rsrp_sum_dbm": batch["rsrp_sum"],
            "readings": batch["readings"],
        }
        yield _table("signals", columns)


def hours(batches: Batches) -> Iterator[pa.Table]:
    """Rows of hours, from moments in their order."""
    for rows in whole_groups(batches, "place"):
        place, (moment, samples) = _numbers(rows, "place"), uncounted(_numbers(rows, "counted"), SAMPLE_BITS)
        hour = moment >> HOUR_SHIFT
        starts = starts_of_runs(place, hour)
        failed = np.where(moment & (1 << HOUR_SHIFT) - 1 != CAUSES.index(""), samples, 0)
        counts = {name: np.add.reduceat(of, starts) for name, of in (("samples", samples), ("failures", failed))}
        yield _table("hours", {**columns_of(place[starts]), "hour_utc": hour[starts], **counts})


def failures(batches: Batches) -> Iterator[pa.Table]:
    """Rows of failures, from their sums in the order of place and cause."""
    for batch in batches:
        columns = {"cause": texts(CAUSES, _numbers(batch, "cause")), "samples": batch["samples"]}
        yield _table("failures", {**columns_of(_numbers(batch, "place")), **columns})


def capability(batches: Batches) -> Iterator[pa.Table]:
    """Rows of capability, from the same rows."""
    for batch in batches:
        yield pa.Table.from_batches([batch]).cast(TABLES["capability"])


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    return pa.table([columns[column] for column in TABLES[name].names], TABLES[name].names)


def _numbers(rows: pa.Table | pa.RecordBatch, column: str) -> Numbers:
    found: Numbers = rows[column].to_numpy().astype(np.int64, copy=False)
    return found

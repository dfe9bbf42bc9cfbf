"""From sums of states, in order, to rows of the tables of evidence: keys as columns, the ledger by technology.

What a test says about technology T: no service, or service below T, fails at service and, for a test with a rate, at
every threshold; data that did not pass although registered fails too; a rate below a threshold fails at it. A rate
known as a lower bound counts only for the thresholds it reaches. A reading of signal alone counts for service alone.
"""

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggregator.evidence.histograms import MEASURES
from aggregator.evidence.ledger import COUNTS, NOTHING_SERVED, TABLES, TECHNOLOGIES, THRESHOLDS_MBPS
from aggregator.evidence.packing import (
    ANY_SERVED,
    CAUSES,
    DAY_SHIFT,
    SERVED,
    Numbers,
    cell_and_operator,
    columns_of,
    measure_and_bin,
    served,
    texts,
    with_served,
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
_SAYS: NDArray[np.int64] = (
    np.array([[says(of, word >> 1, bool(word & 1)) for word in range(_WORDS)] for of in range(len(SERVED))])
    .transpose(3, 2, 0, 1)
    .reshape(len(COUNTS) * len(TECHNOLOGIES), -1)
)
"""(count and technology, what served and the word of rate and failure)"""


def ledger(batches: Batches) -> Iterator[pa.Table]:
    """Rows of the ledger, from tests in the order of cell and operator, device, tier and context, day."""
    waiting: list[pa.Table] = []
    for batch in batches:
        rows = pa.concat_tables([*waiting, pa.Table.from_batches([batch])]).combine_chunks()
        cells = cell_and_operator(_numbers(rows, "place"))
        last = int(np.searchsorted(cells, cells[-1]))  # the last cell may go on in the next batch
        waiting = [rows.slice(last)]
        if last:
            yield _ledger(rows.slice(0, last))
    for rest in waiting:
        yield _ledger(rest)


def _ledger(tests: pa.Table) -> pa.Table:
    place, said, samples = (_numbers(tests, name) for name in ("place", "said", "samples"))
    token = tests["device_token"].combine_chunks()
    word, day, who = said % _WORDS, said >> DAY_SHIFT, place & ANY_SERVED
    other = pc.not_equal(token[1:], token[:-1]).to_numpy(zero_copy_only=False)
    first = np.append(True, other | (who[1:] != who[:-1]) | (day[1:] != day[:-1]))
    starts = np.flatnonzero(first)
    counts = np.add.reduceat(_SAYS[:, served(place) * _WORDS + word] * samples, starts, axis=1).reshape(len(COUNTS), -1)
    order, technology = _by_technology(cell_and_operator(place[starts]))
    source = technology * len(starts) + order
    of = starts[order]
    columns = {
        **columns_of(with_served(place[of], technology)),
        "device_token": token.take(pa.array(of)),
        "day": pa.array(day[of].astype(np.int32)).cast(pa.date32()),
        **{name: count[source] for name, count in zip(COUNTS, counts, strict=True)},
    }
    return _table("ledger", columns)


def _by_technology(cells: Numbers) -> tuple[Numbers, Numbers]:
    """Which of rows (n,) comes at each place, and for which technology: a cell has all its rows for each in turn."""
    starts = np.flatnonzero(np.append(True, cells[1:] != cells[:-1]))
    sizes = np.diff(np.append(starts, len(cells)))
    cell = np.repeat(np.arange(len(starts)), sizes * len(TECHNOLOGIES))
    within = np.arange(len(cell)) - np.repeat(starts * len(TECHNOLOGIES), sizes * len(TECHNOLOGIES))
    technology, row = np.divmod(within, sizes[cell])
    return starts[cell] + row, technology


def _keyed(name: str, more: Callable[[pa.RecordBatch], dict[str, pa.Array]]) -> Callable[[Batches], Iterator[pa.Table]]:
    """Rows whose keys begin with a place."""

    def spread(batches: Batches) -> Iterator[pa.Table]:
        for batch in batches:
            counts = {column: batch[column] for column in batch.schema.names if column in ("samples", "failures")}
            yield _table(name, {**columns_of(_numbers(batch, "place")), **more(batch), **counts})

    return spread


def _of_bin(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    measure, number = measure_and_bin(_numbers(batch, "bin"))
    return {"measure": texts(tuple(MEASURES), measure), "bin": pa.array(number)}


def _as_it_is(batches: Batches) -> Iterator[pa.Table]:
    for batch in batches:
        yield pa.Table.from_batches([batch]).cast(TABLES["capability"])


def _table(name: str, columns: dict[str, pa.Array]) -> pa.Table:
    schema = TABLES[name]
    return pa.table([columns[column] for column in schema.names], schema.names).cast(schema)


def _numbers(rows: pa.Table | pa.RecordBatch, column: str) -> Numbers:
    found: Numbers = rows[column].to_numpy().astype(np.int64, copy=False)
    return found


SPREAD = MappingProxyType(
    {
        "ledger": ledger,
        "capability": _as_it_is,
        "histograms": _keyed("histograms", _of_bin),
        "failures": _keyed("failures", lambda batch: {"cause": texts(CAUSES, _numbers(batch, "cause"))}),
        "hours": _keyed("hours", lambda batch: {"hour_utc": batch["hour_utc"]}),
    }
)
"""Name of a table of evidence → its rows, from batches of its sums in the order of their keys."""

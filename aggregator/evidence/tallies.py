"""What one month's samples say, counted: the state that binning keeps, and from which its tables follow by addition.

One expression for any engine that Ibis speaks. What a test says about technology T: no service, or service below T,
fails at service and, for a test with a rate, at every threshold; data that did not pass although registered fails too;
a rate below a threshold fails at it. A rate known as a lower bound counts only for the thresholds it reaches. A reading
of signal alone counts for service alone. So a test says the same of every technology above the one that served, and the
same of every other: samples are counted once, by the technology that served, and the four technologies' counts follow.
"""

from functools import cache
from typing import Any

import ibis

from aggregator.evidence.histograms import MEASURES, histograms
from aggregator.evidence.ledger import COUNTS, LEDGER_KEYS, TECHNOLOGIES, THRESHOLDS_MBPS
from aggregator.evidence.usable import RANK_OF_RAT, SECONDS_PER_DAY, BinningParameters, usable_samples
from collector.storage.archive import SCHEMA

STATES = ("tests", "capability", "histograms", "moments")
"""Tables of a month's state."""

ARCHIVE, SAMPLES = "archive_month", "samples"
"""Names of a month's rows of the archive, and of what :func:`narrow` leaves of them."""

WHO_AND_WHEN = tuple(name for name in LEDGER_KEYS if name != "technology")
PLACE = ("h3_r9", "operator", "rank", "tier", "context")


NO_RATE, RATE_LOST, RATE_KNOWN = 0, 1, 2
"""What a sample says of rates: nothing; that data did not pass; ``RATE_KNOWN`` and the number of thresholds reached."""

RATE_AT_LEAST = RATE_KNOWN + len(THRESHOLDS_MBPS) + 1
"""The same, where the rate is a lower bound."""


def narrow(samples: Any) -> Any:
    """Usable samples with the bins of their measures and their rate against the thresholds, as an Ibis expression.

    Args:
        samples: as :func:`aggregator.evidence.usable.usable_samples` gives them.

    Returns:
        The keys, ``hour_utc``, ``rank``, ``cause``, ``rate`` (:data:`NO_RATE` and its like), and a bin per measure.
    """
    measured = samples.download_bps
    reached = RATE_KNOWN + samples.lower_bound.ifelse(RATE_AT_LEAST - RATE_KNOWN, 0)
    for threshold in THRESHOLDS_MBPS:
        reached += (measured >= threshold * 1_000_000).fill_null(False).ifelse(1, 0)
    lost = (samples.throughput & samples.data_failed).fill_null(False)
    rate = ibis.cases((lost, RATE_LOST), (measured.isnull(), NO_RATE), else_=reached).cast("int8")
    bins = {name: edges.number(samples[name]) for name, edges in MEASURES.items()}
    return samples.select(*WHO_AND_WHEN, "hour_utc", "rank", "cause", rate=rate, **bins)


def state(archive: Any, samples: Any) -> dict[str, Any]:
    """The tables of :data:`STATES`, as Ibis expressions.

    Args:
        archive: Ibis table in the archive's columns.
        samples: :func:`narrow` of it, or a table that holds it: it is read once for each measure and table.
    """
    tests = samples.group_by(*WHO_AND_WHEN, "rank", "rate", failed=samples.cause != "").agg(samples=samples.count())
    moments = samples.group_by(*PLACE, "hour_utc", "cause").agg(samples=samples.count())
    tables = (tests, capability(archive), histograms(samples), moments)
    return dict(zip(STATES, tables, strict=True))


@cache
def statements(dialect: str, parameters: BinningParameters) -> dict[str, str]:
    """Queries in an engine's SQL: :data:`SAMPLES` from the view :data:`ARCHIVE`, then each of :data:`STATES`."""
    archive = ibis.table(ibis.Schema.from_pyarrow(SCHEMA), name=ARCHIVE)
    samples = narrow(usable_samples(archive, parameters))
    queries = {SAMPLES: samples, **state(archive, ibis.table(samples.schema(), name=SAMPLES))}
    return {name: str(getattr(ibis, dialect).compile(query)) for name, query in queries.items()}


def state_tables() -> dict[str, Any]:
    """The tables of :data:`STATES` by name, to compute with."""
    archive = ibis.table(ibis.Schema.from_pyarrow(SCHEMA), name=ARCHIVE)
    queries = state(archive, narrow(usable_samples(archive, BinningParameters())))
    return {name: ibis.table(query.schema(), name=name) for name, query in queries.items()}


def capability(archive: Any) -> Any:
    """Best rank each device was seen on, day by day, wherever that was, as an Ibis expression over the archive."""
    seen = archive.filter(~archive.excluded, archive.rat.notnull())
    rank = seen.rat.cases(*RANK_OF_RAT, else_=0)
    day = (seen.measured_at.epoch_seconds() // SECONDS_PER_DAY).cast("int32")
    ranked = seen.select("device_token", day=day, rank=rank)
    return ranked.group_by("device_token", "day").agg(best_rank=ranked["rank"].max())


def ledger(tests: Any) -> Any:
    """Tests and failures per key of the ledger, as an Ibis expression over the ``tests`` of any number of states."""
    rated = (tests["rank"] == 0) | (tests.rate != NO_RATE)
    lost, exact = tests.rate == RATE_LOST, (tests.rate >= RATE_KNOWN) & (tests.rate < RATE_AT_LEAST)

    def total(where: Any) -> Any:
        return tests.samples.sum(where=where).fill_null(0)

    sums = {"tested": tests.samples.sum()}
    for rank in range(1, len(TECHNOLOGIES) + 1):
        below = tests["rank"] < rank
        sums[f"failed_service@{rank}"] = total(below | tests.failed)
        for place, threshold in enumerate(THRESHOLDS_MBPS):
            missed = lost | (exact & (tests.rate <= RATE_KNOWN + place))
            known = lost | exact | (tests.rate > RATE_AT_LEAST + place)
            sums[f"tested_{threshold}@{rank}"] = total(ibis.ifelse(below, rated, known))
            sums[f"failed_{threshold}@{rank}"] = total(ibis.ifelse(below, rated, missed))
    wide = tests.group_by(*WHO_AND_WHEN).agg(**sums)
    ranks = list(enumerate(TECHNOLOGIES, start=1))
    rows = wide.mutate(of=ibis.array([rank for rank, _ in ranks]).unnest())
    counts = {
        name: rows.tested
        if name == "tested_service"
        else rows.of.cases(*((rank, rows[f"{name}@{rank}"]) for rank, _ in ranks))
        for name in COUNTS
    }
    return rows.select(*WHO_AND_WHEN, technology=rows.of.cases(*ranks), **counts)

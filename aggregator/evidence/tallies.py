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


def narrow(samples: Any) -> Any:
    """Usable samples with the bins of their measures and their rate against the thresholds, as an Ibis expression.

    Args:
        samples: as :func:`aggregator.evidence.usable.usable_samples` gives them.

    Returns:
        The keys, ``hour_utc``, ``rank``, ``cause``, ``data_failed``, ``rated`` (says something of rates), ``tested_R``
        and ``failed_R`` for each rate (of technologies up to the one that served), and a bin for each measure.
    """
    rate = samples.download_bps
    lost = (samples.throughput & samples.data_failed).fill_null(False)
    flags = {"rated": (samples["rank"] == 0) | lost | rate.notnull()}
    for threshold in THRESHOLDS_MBPS:
        reached = (rate >= threshold * 1_000_000).fill_null(False)
        flags[f"tested_{threshold}"] = lost | (rate.notnull() & (reached | ~samples.lower_bound))
        flags[f"failed_{threshold}"] = flags[f"tested_{threshold}"] & ~reached
    bins = {name: edges.number(samples[name]) for name, edges in MEASURES.items()}
    return samples.select(*WHO_AND_WHEN, "hour_utc", "rank", "cause", "data_failed", **flags, **bins)


def state(archive: Any, samples: Any) -> dict[str, Any]:
    """The tables of :data:`STATES`, as Ibis expressions.

    Args:
        archive: Ibis table in the archive's columns.
        samples: :func:`narrow` of it, or a table that holds it: it is read once for each measure and table.
    """
    tests = samples.group_by(*WHO_AND_WHEN, "rank").agg(
        samples=samples.count(), **{name: samples.count(where=samples[name]) for name in _FLAGS}
    )
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


_FLAGS = ("data_failed", "rated", *(f"{kind}_{rate}" for rate in THRESHOLDS_MBPS for kind in ("tested", "failed")))


def capability(archive: Any) -> Any:
    """Best rank each device was seen on, day by day, wherever that was, as an Ibis expression over the archive."""
    seen = archive.filter(~archive.excluded, archive.rat.notnull())
    rank = seen.rat.cases(*RANK_OF_RAT, else_=0)
    day = (seen.measured_at.epoch_seconds() // SECONDS_PER_DAY).cast("int32")
    ranked = seen.select("device_token", day=day, rank=rank)
    return ranked.group_by("device_token", "day").agg(best_rank=ranked["rank"].max())


def ledger(tests: Any) -> Any:
    """Tests and failures per key of the ledger, as an Ibis expression over the ``tests`` of any number of states."""

    def total(name: str, where: Any) -> Any:
        return tests[name].sum(where=where).fill_null(0)

    sums = {"tested": tests.samples.sum()}
    for rank in range(1, len(TECHNOLOGIES) + 1):
        below, served = tests["rank"] < rank, tests["rank"] >= rank
        sums[f"failed_service@{rank}"] = total("samples", below) + total("data_failed", served)
        for rate in THRESHOLDS_MBPS:
            sums[f"tested_{rate}@{rank}"] = total("rated", below) + total(f"tested_{rate}", served)
            sums[f"failed_{rate}@{rank}"] = total("rated", below) + total(f"failed_{rate}", served)
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

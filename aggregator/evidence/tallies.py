"""What one month's samples say, counted: the state that binning keeps, and from which its tables follow by addition.

One expression for any engine that Ibis speaks. A test says the same of every technology above the one that served, and
the same of every other: samples are counted once, by the technology that served, and what they say of each technology
follows (:mod:`aggregator.evidence.spreading`).
"""

from functools import cache
from typing import Any

import ibis

from aggregator.evidence.histograms import MEASURES, histograms
from aggregator.evidence.ledger import THRESHOLDS_MBPS
from aggregator.evidence.packing import CAUSES, DAY_SHIFT, HOUR_SHIFT, whole
from aggregator.evidence.usable import RANK_OF_RAT, US_PER_DAY, BinningParameters, usable_samples
from collector.storage.archive import SCHEMA

STATES = ("histograms", "moments", "tests", "capability")
"""Tables of a month's state, those that take longest first."""

ARCHIVE, SAMPLES = "archive_month", "samples"
"""Names of a month's rows of the archive, and of what :func:`narrow` leaves of them."""

RSRP_OF = {"4G": "lte_rsrp_dbm", "5G": "nr_ss_rsrp_dbm"}
"""Technology → the measure of what is received from its cells. Non-standalone 5G receives both."""

INSTANTS = ("measured_at",)
"""Columns of the archive that engines give in microseconds since 1970-01-01 UTC: each has its own idea of zones."""

NO_RATE, RATE_LOST, RATE_KNOWN = 0, 1, 2
"""What a sample says of rates: nothing; that data did not pass; ``RATE_KNOWN`` and the number of thresholds reached."""

RATE_AT_LEAST = RATE_KNOWN + len(THRESHOLDS_MBPS) + 1
"""The same, where the rate is a lower bound."""


def narrow(samples: Any) -> Any:
    """Usable samples with the bins of their measures and their rate against the thresholds, as an Ibis expression.

    Args:
        samples: as :func:`aggregator.evidence.usable.usable_samples` gives them.

    Returns:
        ``place, device_token, said, moment`` (see :mod:`aggregator.evidence.packing`), and a bin per measure.
    """
    measured = samples.download_bps
    reached = RATE_KNOWN + samples.lower_bound.ifelse(RATE_AT_LEAST - RATE_KNOWN, 0)
    for threshold in THRESHOLDS_MBPS:
        reached += (measured >= threshold * 1_000_000).ifelse(1, 0)
    lost = samples.throughput & samples.data_failed
    rate = ibis.cases((lost, RATE_LOST), (measured.isnull(), NO_RATE), else_=reached)
    failed = (samples.cause != CAUSES.index("")).ifelse(1, 0)
    bins = {name: edges.number(samples[name]) for name, edges in MEASURES.items()}
    said = (samples.day * (1 << DAY_SHIFT) + rate * 2 + failed).cast("int32")
    moment = (samples.hour_utc * (1 << HOUR_SHIFT) + samples.cause).cast("int32")
    return samples.select("place", "device_token", said=said, moment=moment, **bins)


def state(archive: Any, samples: Any) -> dict[str, Any]:
    """The tables of :data:`STATES`, as Ibis expressions.

    Args:
        archive: Ibis table in the archive's columns.
        samples: :func:`narrow` of it, or a table that holds it: it is read once for each measure and table.
    """
    received = {
        name: count
        for technology, measure in RSRP_OF.items()
        for name, count in (
            (f"rsrp_sum_{technology}", whole(samples[measure].sum()).fill_null(0)),
            (f"readings_{technology}", samples[measure].count()),
        )
    }
    tests = samples.group_by("place", "device_token", "said").agg(samples=samples.count(), **received)
    moments = samples.group_by("place", "moment").agg(samples=samples.count())
    tables = (histograms(samples), moments, tests, capability(archive))
    return dict(zip(STATES, tables, strict=True))


_COLUMNS = ibis.schema({**ibis.Schema.from_pyarrow(SCHEMA), **dict.fromkeys(INSTANTS, "int64")})


@cache
def _expressions(parameters: BinningParameters) -> dict[str, Any]:
    """:data:`SAMPLES` over the view :data:`ARCHIVE`, then each of :data:`STATES` over those."""
    archive = ibis.table(_COLUMNS, name=ARCHIVE)
    samples = narrow(usable_samples(archive, parameters))
    return {SAMPLES: samples, **state(archive, ibis.table(samples.schema(), name=SAMPLES))}


@cache
def statements(dialect: str, parameters: BinningParameters) -> dict[str, str]:
    """Queries in an engine's SQL: :data:`SAMPLES` from the view :data:`ARCHIVE`, then each of :data:`STATES`."""
    return {name: str(getattr(ibis, dialect).compile(query)) for name, query in _expressions(parameters).items()}


def state_tables() -> dict[str, Any]:
    """The tables of :data:`STATES` by name, to compute with."""
    found = _expressions(BinningParameters())
    return {name: ibis.table(found[name].schema(), name=name) for name in STATES}


def capability(archive: Any) -> Any:
    """Best rank each device was seen on, day by day, wherever that was, as an Ibis expression over the archive."""
    seen = archive.filter(~archive.excluded, archive.rat.notnull())
    rank = seen.rat.cases(*RANK_OF_RAT, else_=0)
    day = (seen.measured_at // US_PER_DAY).cast("int32")
    ranked = seen.select("device_token", day=day, rank=rank)
    return ranked.group_by("device_token", "day").agg(best_rank=ranked["rank"].max())

"""Histograms on fixed bins: they merge by addition, and quantiles follow from them whatever the order of merging.

RSRP: bins of 1 dB, ``floor(x)``, from −140 to −44 dBm; −141 below, −43 above. Rates (bit/s) and delays (ms):
``floor(ln x / ln 1.02)``, so a quantile is known within 1 %; one bin for x ≤ 0, one below and one above the range.
A rate known only as a lower bound counts at that bound: quantiles of rates are then lower bounds too.
"""

import math
from typing import Any

import ibis

from aggregator.evidence.ledger import HISTOGRAM_KEYS, TECHNOLOGIES

RSRP_MEASURES = ("lte_rsrp_dbm", "nr_ss_rsrp_dbm")
RATE_AND_DELAY_MEASURES = ("download_bps", "upload_bps", "rtt_median_ms")

RSRP_LOWEST, RSRP_HIGHEST = -140, -44
LOGARITHMIC_BASE = 1.02
LOGARITHMIC_LOWEST, LOGARITHMIC_HIGHEST = -400, 1400
NOT_POSITIVE = LOGARITHMIC_LOWEST - 2
"""Bin of rates and delays that are zero."""


def histograms(samples: Any) -> Any:
    """Samples per bin, as an Ibis expression over :func:`aggregator.evidence.usable.usable_samples`."""
    served = samples.filter(samples.rank > 0)
    technology = served["rank"].cases(*enumerate(TECHNOLOGIES, start=1))
    parts = []
    for measure in (*RSRP_MEASURES, *RATE_AND_DELAY_MEASURES):
        value = served[measure]
        edges = rsrp_bin(value) if measure in RSRP_MEASURES else logarithmic_bin(value)
        parts.append(
            served.filter(value.notnull()).select(
                "h3_r9", "operator", "tier", "context", technology=technology, measure=ibis.literal(measure), bin=edges
            )
        )
    return ibis.union(*parts).group_by(*HISTOGRAM_KEYS).agg(samples=lambda rows: rows.count())


def rsrp_bin(value: Any) -> Any:
    """Bin of an RSRP in dBm (Ibis column)."""
    return value.floor().cast("int64").clip(lower=RSRP_LOWEST - 1, upper=RSRP_HIGHEST + 1)


def logarithmic_bin(value: Any) -> Any:
    """Bin of a rate or a delay (Ibis column)."""
    positive = (value > 0).fill_null(False)
    exponent = (ibis.ifelse(positive, value, 1.0).ln() / math.log(LOGARITHMIC_BASE)).floor().cast("int64")
    return ibis.ifelse(
        positive, exponent.clip(lower=LOGARITHMIC_LOWEST - 1, upper=LOGARITHMIC_HIGHEST + 1), NOT_POSITIVE
    )

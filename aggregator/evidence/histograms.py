"""Histograms on fixed bins: they merge by addition, and quantiles follow from them whatever the order of merging.

RSRP and SINR: bins of 1 dB, ``floor(x)``, with one bin below and one above the range. Rates (bit/s) and delays (ms):
``floor(ln x / ln 1.02)``, so that a value is known within 1 %; one bin for x ≤ 0, one below and one above the range.
A rate known only as a lower bound counts at that bound: quantiles of rates are then lower bounds too.
"""

import math
from dataclasses import dataclass
from typing import Any

import ibis

from aggregator.evidence.ledger import NOTHING_SERVED
from aggregator.evidence.packing import SERVED, binned, served


@dataclass(frozen=True, slots=True)
class Bins:
    """Fixed bins of one measure: ``lowest`` to ``highest``, and one more on either side for what lies beyond.

    Attributes:
        lowest: number of the first bin.
        highest: number of the last bin.
        logarithmic: bin b holds 1.02^b ≤ x < 1.02^(b+1), and x ≤ 0 has the bin ``lowest - 2``; else b ≤ x < b + 1.
    """

    lowest: int
    highest: int
    logarithmic: bool = False

    @property
    def not_positive(self) -> int:
        """Bin of zero, where bins are logarithmic."""
        return self.lowest - 2

    def number(self, value: Any) -> Any:
        """Bin of each value (Ibis column), null where it is."""
        if not self.logarithmic:
            return ibis.cases((value.notnull(), self._limited(value)), else_=None)
        positive = value > 0
        exponent = ibis.ifelse(positive, value, 1.0).ln() / math.log(LOGARITHMIC_BASE)
        return ibis.cases((positive, self._limited(exponent)), (value.notnull(), self.not_positive), else_=None)

    def _limited(self, value: Any) -> Any:
        """Integer part, from one below the lowest to one above the highest."""
        return ibis.least(ibis.greatest(value, self.lowest - 1.0), self.highest + 1.0).floor().cast("int16")


LOGARITHMIC_BASE = 1.02
RSRP_BINS = Bins(-140, -44)
SINR_BINS = Bins(-30, 49)
"""The range of LTE's SINR, as ``client_sdk.sample`` bounds it; NR's lies within."""
RATE_AND_DELAY_BINS = Bins(-400, 1400, logarithmic=True)

MEASURES = {
    "download_bps": RATE_AND_DELAY_BINS,
    "lte_rsrp_dbm": RSRP_BINS,
    "lte_sinr_db": SINR_BINS,
    "nr_ss_rsrp_dbm": RSRP_BINS,
    "nr_ss_sinr_db": SINR_BINS,
    "rtt_download_median_ms": RATE_AND_DELAY_BINS,
    "rtt_median_ms": RATE_AND_DELAY_BINS,
    "rtt_upload_median_ms": RATE_AND_DELAY_BINS,
    "upload_bps": RATE_AND_DELAY_BINS,
}
"""Field of a sample → its bins, in the order of the names. ``rtt_median_ms`` is idle, the two others loaded."""


def histograms(samples: Any) -> Any:
    """Samples per bin of each measure, as an Ibis expression over the samples of :func:`tallies.narrow`.

    Returns:
        ``place``, ``bin`` (with its measure, see :func:`packing.binned`), ``samples``.
    """
    parts = []
    for number, name in enumerate(MEASURES):
        known = samples.filter(samples[name].notnull(), served(samples.place) != SERVED.index(NOTHING_SERVED))
        parts.append(known.group_by("place", bin=binned(number, known[name])).agg(samples=known.count()))
    return ibis.union(*parts)

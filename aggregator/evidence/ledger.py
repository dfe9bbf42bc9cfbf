"""The tables that binning leaves behind: their columns, and the words used in them.

The ledger merges by addition: two ledgers of disjoint samples are one by summing the counts of equal keys. Counts of
devices or votes would not be additive, so they are only ever computed from it.
"""

import pyarrow as pa

TECHNOLOGIES = ("2G", "3G", "4G", "5G")
"""In rank order, the first of rank 1. Non-standalone 5G serves 4G and 5G alike."""

THRESHOLDS_MBPS = (3, 8, 30)
"""Classes of download rate in Arcep's campaigns: web, video, professional use."""

THRESHOLDS = ("service", *(str(rate) for rate in THRESHOLDS_MBPS))

LEDGER_KEYS = ("h3_r9", "operator", "technology", "device_token", "tier", "context", "day")

COUNTS = tuple(f"{count}_{threshold}" for threshold in THRESHOLDS for count in ("tested", "failed"))

LEDGER = pa.schema(
    [
        ("h3_r9", pa.int64()),
        *((name, pa.string()) for name in LEDGER_KEYS[1:-1]),
        ("day", pa.date32()),
        *((name, pa.int64()) for name in COUNTS),
    ]
)
"""One row per key: tests and failures against each threshold."""

CAPABILITY_KEYS = ("device_token", "day")

CAPABILITY = pa.schema([("device_token", pa.string()), ("day", pa.date32()), ("best_rank", pa.int64())])
"""Best technology each device was seen on that day, 1 (2G) to 4 (5G); it merges by the maximum per key."""

HISTOGRAM_KEYS = ("h3_r9", "operator", "technology", "tier", "context", "measure", "bin")

HISTOGRAMS = pa.schema(
    [
        ("h3_r9", pa.int64()),
        *((name, pa.string()) for name in HISTOGRAM_KEYS[1:-1]),
        ("bin", pa.int64()),
        ("samples", pa.int64()),
    ]
)
"""Samples per bin of each measure, by the technology that served; see :mod:`aggregator.evidence.histograms`."""

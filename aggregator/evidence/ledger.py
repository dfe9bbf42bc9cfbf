"""The tables that binning leaves behind: their columns, and the words used in them.

All merge by addition: tables of disjoint samples are one by summing the counts of equal keys. Counts of devices or
votes would not be additive, so they are only ever computed from the ledger. Contexts are ``outdoor``, ``vehicle``,
``indoor`` and ``unknown``; only the first two vote.
"""

import pyarrow as pa

LEDGER_RESOLUTION = 9
"""Of H3."""

TECHNOLOGIES = ("2G", "3G", "4G", "5G")
"""In rank order, the first of rank 1. Non-standalone 5G serves 4G and 5G alike."""

NOTHING_SERVED = "none"
"""In place of the technology that served, where there was no service."""

THRESHOLDS_MBPS = (3, 8, 30)
"""Classes of download rate in Arcep's campaigns: web, video, professional use."""

THRESHOLDS = ("service", *(str(rate) for rate in THRESHOLDS_MBPS))

CONTEXTS = ("outdoor", "vehicle", "indoor", "unknown")

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

SIGNALS = pa.schema(
    [*(LEDGER.field(name) for name in LEDGER_KEYS), ("rsrp_sum_dbm", pa.int64()), ("readings", pa.int64())]
)
"""One row per key with a reading of RSRP: what each device received that day, by the technology that was received, 4G
(LTE) or 5G (NR). Each reading is rounded down to 1 dB."""

CAPABILITY = pa.schema([("device_token", pa.string()), ("day", pa.date32()), ("best_rank", pa.int64())])
"""Best technology each device was seen on that day, 1 (2G) to 4 (5G); it merges by the maximum per key."""

SERVED_KEYS = ("h3_r9", "operator", "technology", "tier", "context")
"""Where, whose, and by which technology a sample was served; no device and no day."""

_SERVED = [("h3_r9", pa.int64()), *((name, pa.string()) for name in SERVED_KEYS[1:])]

HISTOGRAM_KEYS = (*SERVED_KEYS, "measure", "bin")

HISTOGRAMS = pa.schema([*_SERVED, ("measure", pa.string()), ("bin", pa.int64()), ("samples", pa.int64())])
"""Samples per bin of each measure, by the technology that served; see :mod:`aggregator.evidence.histograms`."""

FAILURES = pa.schema([*_SERVED, ("cause", pa.string()), ("samples", pa.int64())])
"""Samples that failed, by cause: ``no_service`` or ``limited``, the outcome of a test, or ``page`` for a page that did
not load in time. ``technology`` is that which served, or :data:`NOTHING_SERVED`."""

HOURS = pa.schema([*_SERVED, ("hour_utc", pa.int64()), ("samples", pa.int64()), ("failures", pa.int64())])
"""Samples, and failures among them, by hour of the day **in UTC**. For the project team alone: no hour is published."""

TABLES = {
    "ledger": LEDGER,
    "capability": CAPABILITY,
    "histograms": HISTOGRAMS,
    "signals": SIGNALS,
    "failures": FAILURES,
    "hours": HOURS,
}
"""Name of a file of evidence → its columns."""

"""Idle round trips over HTTP: small requests, one after another, on one connection kept open.

They include the server's own handling, so they are a little above what UDP or ICMP would show; samples say ``http``.
"""

import time
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, quantiles

import httpx

PROBES = 20
PROBE_TIMEOUT_S = 2.0
"""A probe without an answer by then is lost (the limit of RTR's UDP ping)."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Answered probes in the order of sending, in milliseconds, and how many had no answer."""

    rtts_ms: tuple[float, ...]
    lost: int

    def fields(self) -> dict[str, object]:
        """Fields of a sample; no figure where no probe was answered."""
        counted: dict[str, object] = {
            "rtt_sent": len(self.rtts_ms) + self.lost,
            "rtt_lost": self.lost,
            "rtt_protocol": "http",
        }
        if not self.rtts_ms:
            return counted
        several = len(self.rtts_ms) > 1
        figures = {
            "rtt_median_ms": median(self.rtts_ms),
            "rtt_min_ms": min(self.rtts_ms),
            "rtt_p95_ms": quantiles(self.rtts_ms, n=20, method="inclusive")[-1] if several else self.rtts_ms[0],
            "rtt_jitter_ms": fmean(abs(b - a) for a, b in pairwise(self.rtts_ms)) if several else None,
        }
        return counted | {name: None if value is None else round(value, 3) for name, value in figures.items()}


def measure_round_trips(url: str, headers: dict[str, str], probes: int = PROBES) -> RoundTrips:
    """Send probes, each after the answer to the one before; opening the connection is not counted.

    Args:
        url: answers a GET with a short answer.
        headers: sent with each probe.
        probes: how many.

    Raises:
        httpx.TransportError: the connection could not even be opened.
        httpx.HTTPStatusError: the server refuses.
    """
    rtts_ms: list[float] = []
    lost = 0
    connected = False
    with httpx.Client(
        headers=headers, timeout=PROBE_TIMEOUT_S, limits=httpx.Limits(max_connections=1, keepalive_expiry=60)
    ) as client:
        client.get(url, timeout=10).raise_for_status()
        connected = True
        for _ in range(probes):
            try:
                if not connected:  # the connection went down with the lost probe: open another, uncounted
                    client.get(url).raise_for_status()
                    connected = True
                start = time.perf_counter()
                client.get(url).raise_for_status()
                rtts_ms.append((time.perf_counter() - start) * 1000)
            except httpx.TransportError:
                lost += 1
                connected = False
    return RoundTrips(tuple(rtts_ms), lost)

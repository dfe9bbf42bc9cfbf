"""When a transfer has told enough, and what it then tells.

Pure functions over *arrivals*: ``(elapsed_s, total_bytes)`` as the receiver counted them, both never decreasing, from
the end of the handshake. They are cut into buckets of half a second; what comes before the rate has settled (the ramp)
is left out; the rule stops once the mean of the rest is steady.

The stability index is the half-width of a 95 % interval over the mean. Buckets of half a second resemble their
neighbours, so it is too small to be a probability, and is not called one: transfers run to full length on a draw
(:func:`is_calibration`) measure what stopping early costs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean, median, stdev

from client_sdk.sample import Confidence, StopReason

Arrival = tuple[float, int]
"""Seconds since the handshake, and all bytes received by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """Parameters of the rule.

    Where no source is named they are ours, chosen by replaying recorded transfers (uccmisl/5Gdataset: 273 static and
    528 driving ones), which ``benchmarks/replay_stop_rule.py`` does again.

    Attributes:
        bucket_s: length of a bucket; RPM-style averages use the same (draft-ietf-ippm-responsiveness).
        min_s: never stop before; shorter fixed lengths erred by 14–17 % and more.
        max_s: ndt7's usual length of a test (spec v0.11 §"expected duration").
        wall_s: by the device's clock, whatever the server's says: ndt7 lets either side close after it.
        min_buckets: buckets after the ramp that the index needs.
        target: stop once the index is at or below; also the limit of high confidence.
        medium: limit of medium confidence.
        z: 97.5 % point of the normal distribution.
        ramp_share: the ramp ends with the first bucket of this share of the later half's median…
        ramp_buckets: …but not before this many buckets.
        stall_s: no byte for this long ends a transfer.
        silence_s: not one byte for this long is a network that carries nothing.
        slow_bps: below it the rule is not applied: too few packets a bucket, and full length costs little.
    """

    bucket_s: float = 0.5
    min_s: float = 4.0
    max_s: float = 10.0
    wall_s: float = 13.0
    min_buckets: int = 6
    target: float = 0.10
    medium: float = 0.25
    z: float = 1.96
    ramp_share: float = 0.7
    ramp_buckets: int = 2
    stall_s: float = 3.0
    silence_s: float = 10.0
    slow_bps: float = 256_000.0


RULE = StopRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a transfer tells.

    Attributes:
        bps: mean rate after the ramp; of the whole transfer where no bucket follows the ramp.
        whole_bps: mean rate of the whole transfer.
        ramp_s: length of what ``bps`` leaves out.
        stability: the index; None where it is not defined.
        confidence: by the index and the number of buckets.
        buckets: bytes in each complete bucket.
        would_stop_s: when the rule was satisfied first, if ever.
        would_stop_bps: what it would have told then.
    """

    bps: float
    whole_bps: float
    ramp_s: float
    stability: float | None
    confidence: Confidence
    buckets: tuple[int, ...]
    would_stop_s: float | None
    would_stop_bps: float | None


def is_calibration(sample_id: str) -> bool:
    """Whether this sample's transfers run to full length: one in ten, by a draw that anyone can repeat."""
    return hashlib.sha256(sample_id.encode()).digest()[0] < 26


def bucket_bytes(arrivals: Sequence[Arrival], bucket_s: float = RULE.bucket_s) -> list[int]:
    """Bytes in each complete bucket; totals at the edges are interpolated linearly between arrivals.

    Totals are rounded, not buckets, so that the buckets add up to the bytes at the last edge.
    """
    edges = [0]
    before_s, before_bytes = 0.0, 0
    for at_s, total in arrivals:
        while (edge_s := len(edges) * bucket_s) <= at_s:
            share = (edge_s - before_s) / (at_s - before_s) if at_s > before_s else 1.0
            edges.append(round(before_bytes + share * (total - before_bytes)))
        before_s, before_bytes = at_s, total
    return [after - before for before, after in pairwise(edges)]


def ramp_end(buckets: Sequence[int], rule: StopRule = RULE) -> int:
    """Number of buckets that belong to the ramp: all of them while the rate has not settled."""
    if len(buckets) <= rule.ramp_buckets:
        return len(buckets)
    settled = rule.ramp_share * median(buckets[len(buckets) // 2 :])
    return next((index for index in range(rule.ramp_buckets, len(buckets)) if buckets[index] >= settled), len(buckets))


def stability_index(steady: Sequence[int], rule: StopRule = RULE) -> float | None:
    """Half-width of the interval of the mean over the mean; None for fewer than two buckets, or empty ones."""
    if len(steady) < 2 or not any(steady):
        return None
    return float(rule.z * stdev(steady) / len(steady) ** 0.5 / fmean(steady))


def is_steady(buckets: Sequence[int], rule: StopRule = RULE) -> bool:
    """Whether the rule says stop at the end of these buckets."""
    steady = buckets[ramp_end(buckets, rule) :]
    if len(buckets) * rule.bucket_s < rule.min_s or len(steady) < rule.min_buckets:
        return False
    if _rate_bps(steady, rule) < rule.slow_bps:
        return False
    index = stability_index(steady, rule)
    return index is not None and index <= rule.target


def first_steady(buckets: Sequence[int], rule: StopRule = RULE) -> int | None:
    """After how many buckets the rule says stop for the first time; None if it never does."""
    return next((count for count in range(1, len(buckets) + 1) if is_steady(buckets[:count], rule)), None)


def stop_reason(
    arrivals: Sequence[Arrival],
    *,
    now_s: float,
    quiet_s: float,
    max_bytes: int | None,
    full_length: bool = False,
    rule: StopRule = RULE,
) -> StopReason | None:
    """Why the transfer should end now, or None.

    Args:
        arrivals: so far.
        now_s: time since the handshake, by the clock that counts the arrivals.
        quiet_s: time since the total last grew.
        max_bytes: cap of this direction; None: no cap.
        full_length: leave the rule out, for a calibration run or on request.
        rule: its parameters.
    """
    total = arrivals[-1][1] if arrivals else 0
    if not total:  # a network that wakes up late is no network without data
        return "stalled" if now_s >= rule.silence_s else None
    if max_bytes is not None and total >= max_bytes:
        return "byte_cap"
    if not full_length and is_steady(bucket_bytes(arrivals, rule.bucket_s), rule):
        return "ci"
    if now_s >= rule.max_s:
        return "time_cap"
    return "stalled" if quiet_s >= rule.stall_s else None


def figures(arrivals: Sequence[Arrival], rule: StopRule = RULE) -> Figures:
    """What a transfer tells that ended with the last of these arrivals, whatever ended it."""
    elapsed_s, total = arrivals[-1] if arrivals else (0.0, 0)
    buckets = bucket_bytes(arrivals, rule.bucket_s)
    ramp = ramp_end(buckets, rule)
    steady = buckets[ramp:]
    whole_bps = total * 8 / elapsed_s if elapsed_s > 0 else 0.0
    index = stability_index(steady, rule)
    steady_after = first_steady(buckets, rule)
    would = buckets[:steady_after] if steady_after else []
    return Figures(
        bps=_rate_bps(steady, rule) if steady else whole_bps,
        whole_bps=whole_bps,
        ramp_s=ramp * rule.bucket_s if steady else 0.0,
        stability=index,
        confidence=_confidence(index, len(steady), rule),
        buckets=tuple(buckets),
        would_stop_s=len(would) * rule.bucket_s if would else None,
        would_stop_bps=_rate_bps(would[ramp_end(would, rule) :], rule) if would else None,
    )


def is_lower_bound(told: Figures, reason: StopReason, rule: StopRule = RULE) -> bool:
    """Whether something else than the network ended the transfer before the rule did, so that the rate may be higher.

    That is the byte cap; and a server that leaves before the shortest length, which must not make a network look slow.
    """
    if told.would_stop_s is not None:
        return False
    return reason == "byte_cap" or (reason == "closed" and len(told.buckets) * rule.bucket_s < rule.min_s)


def arrivals_of(buckets: Sequence[int], bucket_s: float = RULE.bucket_s) -> list[Arrival]:
    """Arrivals that fall into these buckets: what was recorded in a sample can be judged by another rule."""
    return [(index * bucket_s, total) for index, total in enumerate(accumulate(buckets), start=1)]


def _rate_bps(buckets: Sequence[int], rule: StopRule) -> float:
    return sum(buckets) * 8 / (len(buckets) * rule.bucket_s)


def _confidence(index: float | None, count: int, rule: StopRule) -> Confidence:
    if index is None or count < rule.min_buckets or index > rule.medium:
        return "low"
    return "high" if index <= rule.target else "medium"

"""Laws of one direction of the emulated link."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.link.line import MIN_QUEUE_PACKETS, MTU_BYTES, Line, LinkSettings

MBPS = 1e6
rates_bps = st.sampled_from([0.25 * MBPS, MBPS, 8 * MBPS, 100 * MBPS])
sizes = st.integers(min_value=40, max_value=MTU_BYTES)
arrivals = st.lists(st.tuples(st.integers(min_value=0, max_value=20_000_000), sizes), min_size=1, max_size=60)
"""Gaps in nanoseconds and sizes in bytes."""


def line(rate_bps: float, delay_ns: float = 10e6, queue_bytes: int = 48_000, loss: float = 0.0, seed: int = 1) -> Line:
    return Line(rate_bps=rate_bps, delay_ns=delay_ns, queue_bytes=queue_bytes, loss=loss, seed=seed)


def offer(to: Line, packets: list[tuple[int, int]]) -> list[tuple[int, int, float | None]]:
    """When each came, its size, and when it arrives."""
    times = accumulate(gap for gap, _ in packets)
    return [(now_ns, size, to.admit(now_ns, size)) for now_ns, (_, size) in zip(times, packets, strict=True)]


@given(rate_bps=rates_bps, size=sizes, now_ns=st.integers(min_value=0, max_value=10**15))
def test_a_lone_packet_takes_the_delay_and_nothing_more(rate_bps: float, size: int, now_ns: int) -> None:
    assert line(rate_bps, delay_ns=10e6).admit(now_ns, size) == now_ns + 10e6


@given(rate_bps=rates_bps, packets=arrivals)
def test_no_stretch_of_time_carries_more_than_the_rate(rate_bps: float, packets: list[tuple[int, int]]) -> None:
    arrived = [(due_ns, size) for _, size, due_ns in offer(line(rate_bps), packets) if due_ns is not None]

    for first in range(len(arrived)):
        carried = list(accumulate(size for _, size in arrived[first:]))
        for (due_ns, _), before in zip(arrived[first + 1 :], carried, strict=False):
            assert before * 8e9 / rate_bps <= due_ns - arrived[first][0] + 1


@given(rate_bps=rates_bps, packets=st.lists(sizes, min_size=2, max_size=MIN_QUEUE_PACKETS))
def test_packets_that_come_together_leave_at_exactly_the_rate(rate_bps: float, packets: list[int]) -> None:
    to = line(rate_bps)
    dues = [to.admit(0, size) for size in packets]

    assert None not in dues
    for (due_ns, next_ns), size in zip(pairwise(dues), packets, strict=False):
        assert next_ns - due_ns == pytest.approx(size * 8e9 / rate_bps)  # type: ignore[operator]


@given(rate_bps=rates_bps, packets=arrivals)
def test_packets_keep_their_order(rate_bps: float, packets: list[tuple[int, int]]) -> None:
    dues = [due_ns for _, _, due_ns in offer(line(rate_bps), packets) if due_ns is not None]

    assert dues == sorted(dues)


@given(rate_bps=rates_bps, packets=arrivals, queue_bytes=st.integers(min_value=MTU_BYTES, max_value=20_000))
def test_the_queue_never_holds_more_than_its_size_and_drops_only_what_would_not_fit(
    rate_bps: float, packets: list[tuple[int, int]], queue_bytes: int
) -> None:
    to = line(rate_bps, delay_ns=0, queue_bytes=queue_bytes)
    free_at_ns = 0.0
    for now_ns, size, due_ns in offer(to, packets):
        waiting_bytes = max(free_at_ns - now_ns, 0) * rate_bps / 8e9
        if due_ns is None:
            assert waiting_bytes + size > queue_bytes - 1e-6
        else:
            assert waiting_bytes == 0 or waiting_bytes + size <= queue_bytes + 1e-6
            free_at_ns = due_ns + size * 8e9 / rate_bps


@given(rate_bps=rates_bps, packets=arrivals, seed=st.integers(min_value=0, max_value=1000))
def test_losses_repeat_with_their_seed_and_take_their_time_on_the_line(
    rate_bps: float, packets: list[tuple[int, int]], seed: int
) -> None:
    lossy, whole = line(rate_bps, loss=0.3, seed=seed), line(rate_bps)
    once = offer(lossy, packets)

    assert once == offer(line(rate_bps, loss=0.3, seed=seed), packets)
    for (*_, lossy_ns), (*_, whole_ns) in zip(once, offer(whole, packets), strict=True):
        assert lossy_ns in (None, whole_ns)
    assert lossy.lost + lossy.overflowed == sum(due_ns is None for *_, due_ns in once)
    assert lossy.overflowed == whole.overflowed


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.2, 1.0])
def test_losses_are_as_many_as_asked(loss: float) -> None:
    to, packets = line(1e12, loss=loss), 100_000
    for now_ns in range(packets):
        to.admit(now_ns * 1000, MTU_BYTES)

    spread = (loss * (1 - loss) / packets) ** 0.5
    assert abs(to.lost / packets - loss) <= 4 * spread


@given(rate_bps=rates_bps, delay_ms=st.sampled_from([20, 60, 150]))
def test_both_directions_are_alike_but_for_their_losses(rate_bps: float, delay_ms: float) -> None:
    settings = LinkSettings(rate_bps=rate_bps, delay_ms=delay_ms, loss=0.5)
    there, back = settings.line(0), settings.line(1)
    both = [(there.admit(0, 40), back.admit(0, 40)) for _ in range(64)]

    assert {due for pair in both for due in pair if due} <= {n * 320e9 / rate_bps + delay_ms * 5e5 for n in range(64)}
    assert [one is None for one, _ in both] != [other is None for _, other in both]


def test_the_queue_follows_the_bandwidth_delay_product_and_has_a_floor() -> None:
    assert LinkSettings(rate_bps=100 * MBPS, delay_ms=150).queue_bytes == 2 * 1_875_000
    assert LinkSettings(rate_bps=0.25 * MBPS, delay_ms=20).queue_bytes == MIN_QUEUE_PACKETS * MTU_BYTES


@given(rate_bps=rates_bps)
def test_more_than_the_queue_holds_overflows(rate_bps: float) -> None:
    to = line(rate_bps, queue_bytes=10 * MTU_BYTES)
    taken = [to.admit(0, MTU_BYTES) for _ in range(30)]
    assume(rate_bps > 0)

    assert sum(due is not None for due in taken) == 10
    assert to.overflowed == 20

"""The laws of a bucket that refills: what it lets through, how long it says to wait, and what it remembers."""

import math
import sys

from hypothesis import given
from hypothesis import strategies as st

from collector.admission.rate import MAX_KEYS, Rate

AMOUNTS = st.integers(1, 1_000)
PERIODS = st.sampled_from([1.0, 60.0, 86_400.0])
STEPS = st.lists(st.tuples(st.floats(0, 100_000), st.integers(1, 500)), min_size=1, max_size=30)


@given(AMOUNTS, PERIODS, STEPS, st.integers(1, 20))
def test_who_waits_the_whole_seconds_told_gets_in(
    amount: int, period_s: float, steps: list[tuple[float, int]], factor: int
) -> None:
    rate, now_s = Rate(amount, period_s), 1_000.0
    for pause_s, count in steps:
        now_s += pause_s
        wait_s = rate.wait_s("one", now_s, count, factor)
        assert wait_s <= period_s * (1 + 500 / amount)
        now_s += math.ceil(wait_s)
        assert rate.wait_s("one", now_s, count, factor) == 0
        rate.take("one", now_s, count, factor)


@given(AMOUNTS, PERIODS, STEPS)
def test_no_more_passes_than_the_bucket_holds_and_what_flows_in(
    amount: int, period_s: float, steps: list[tuple[float, int]]
) -> None:
    rate, now_s, passed, largest = Rate(amount, period_s), 0.0, 0, 0
    for pause_s, count in steps:
        now_s += pause_s
        if rate.wait_s("one", now_s, count) == 0:
            rate.take("one", now_s, count)
            passed, largest = passed + count, max(largest, count)
    # more than a bucket holds passes when it is full, on credit
    assert passed <= amount + max(0, largest - amount) + now_s * amount / period_s + 1e-3


@given(AMOUNTS, PERIODS, STEPS)
def test_what_is_given_back_was_never_taken(amount: int, period_s: float, steps: list[tuple[float, int]]) -> None:
    rate, twin, now_s = Rate(amount, period_s), Rate(amount, period_s), 0.0
    for pause_s, count in steps:
        now_s += pause_s
        assert math.isclose(rate.wait_s("one", now_s, count), twin.wait_s("one", now_s, count), abs_tol=1e-3)
        rate.take("one", now_s, count)
        twin.take("one", now_s, count)
        rate.take("one", now_s, 7)
        rate.take("one", now_s, -7)


def test_a_key_that_used_its_share_leaves_the_others_theirs() -> None:
    rate = Rate(2, 60)
    for _ in range(2):
        rate.take("one", 0)
    assert rate.wait_s("one", 0) == 30
    assert rate.wait_s("other", 0) == 0


def test_more_than_a_bucket_holds_passes_once_it_is_full() -> None:
    rate = Rate(100, 86_400)
    assert rate.wait_s("one", 0, 500) == 0
    rate.take("one", 0, 500)
    assert rate.wait_s("one", 0, 500) == 5 * 86_400
    assert rate.wait_s("one", 5 * 86_400, 500) == 0


def test_zero_is_no_limit() -> None:
    rate = Rate(0, 60)
    for _ in range(1_000):
        rate.take("one", 0, 1_000_000)
    assert rate.wait_s("one", 0, 1_000_000) == 0
    assert len(rate) == 0


def test_full_buckets_are_not_remembered_and_the_oldest_go_first() -> None:
    rate = Rate(10, 60, max_keys=3)
    for number in range(3):
        rate.take(str(number), 0, 10)
    rate.take("0", 0)
    rate.take("3", 0, 10)
    assert [rate.wait_s(str(number), 0) > 0 for number in range(4)] == [True, False, True, True]
    rate.take("0", 500)
    rate.take("0", 500, -1)
    assert rate.wait_s("0", 500) == 0
    assert len(rate) == 2


def test_any_number_of_keys_takes_bounded_memory() -> None:
    rate = Rate(10, 60)
    for number in range(MAX_KEYS * 2):
        rate.take(number.to_bytes(16, "big"), 0)
    assert len(rate) == MAX_KEYS
    size = sys.getsizeof(rate._full_at_s) + sum(map(sys.getsizeof, rate._full_at_s)) + MAX_KEYS * sys.getsizeof(0.5)
    assert size < 16_000_000

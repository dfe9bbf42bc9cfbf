"""Transfers found in a log, and the rule over them, on logs that can be reckoned by hand."""

import pytest

from benchmarks.replay_stop_rule import LEAST_S, replayed, transfers


def log(*rows: tuple[int, int, str]) -> str:
    lines = [
        f"2026.11.20_08.{second // 60:02d}.{second % 60:02d},{kilobits},{state}" for second, kilobits, state in rows
    ]
    return "\n".join(["Timestamp,DL_bitrate,State", *lines])


def test_a_transfer_is_an_unbroken_run_of_seconds_with_data() -> None:
    run = [(second, 8000, "D") for second in range(20)]
    assert list(transfers(log(*run))) == [[1_000_000] * 20]
    assert list(transfers(log(*run, (20, 0, "D"), *[(21 + second, 80, "D") for second in range(15)]))) == [
        [1_000_000] * 20,
        [10_000] * 15,
    ]
    assert list(transfers(log(*run, (22, 8000, "D")))) == [[1_000_000] * 20]  # a second is missing
    assert list(transfers(log(*run[: LEAST_S - 1]))) == []
    assert list(transfers(log(*[(second, 8000, "I") for second in range(20)]))) == []
    assert list(transfers(log(*run, (19, 8000, "D"), (19, 1, "D")))) == [[1_000_000] * 20]  # rows of one second


def test_a_steady_transfer_is_stopped_early_at_its_rate() -> None:
    found = replayed([1_000_000] * 14, moving=False)
    assert found
    assert (found.error, found.stop_s, found.bytes_share) == (0.0, 4.0, pytest.approx(0.4))


def test_a_rough_transfer_runs_to_its_end() -> None:
    found = replayed([1_000_000, 10_000] * 7, moving=True)
    assert found
    assert (found.error, found.stop_s, found.bytes_share) == (0.0, 10.0, 1.0)

"""What the accuracy benchmark concludes from what was told, and which rows it makes."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.trial.rows import DIRECTIONS, TARGETS, Outcome, Row, Try, figures, rows
from benchmarks.trial.table import COLUMNS, save, table

LOSS_FREE, LOSSY = Row(1.0, 20.0, 0.0), Row(1.0, 20.0, 0.01)
rates_mbps = st.floats(min_value=0.1, max_value=1000)


def told(row: Row, *, ours: float = 1.0, theirs: float = 1.0, ruled: float = 1.0) -> Try:
    """A try whose figures are these shares of the truth."""
    return Try(
        full_bps=row.deliverable_bps("download") * ours,
        full_bytes=1_000_000,
        full_stop="time_cap",
        iperf3_bps=row.tcp_bps * theirs,
        iperf3_bytes=1_200_000,
        ruled_bps=row.deliverable_bps("download") * ours * ruled,
        ruled_bytes=500_000,
        ruled_stop="ci",
        would_stop_bps=None,
    )


def outcome(
    row: Row, *tries: Try, rtts_ms: tuple[float, ...] = (20.5,), ruled_shares: tuple[float, ...] = (0.5,)
) -> Outcome:
    return Outcome(
        row=row,
        tries=dict.fromkeys(DIRECTIONS, tries),
        rtts_ms=rtts_ms,
        full_link_bytes=(1_100_000,) * len(ruled_shares),
        ruled_link_bytes=tuple(round(1_100_000 * share) for share in ruled_shares),
        iperf3_link_bytes=(1_300_000,),
        latest_ms=0.3,
        congestion="bbr",
        faults=(),
    )


def test_every_combination_is_a_row_and_the_fastest_come_first() -> None:
    found = rows()

    assert len(found) == len(set(found)) == 6 * 3 * 2
    assert [row.rate_mbps for row in found] == sorted((row.rate_mbps for row in found), reverse=True)


@given(rate_mbps=rates_mbps)
def test_headers_take_their_share_of_the_link(rate_mbps: float) -> None:
    row = Row(rate_mbps, 20.0, 0.0)

    # 1448 of 1500 bytes are TCP's, 8192 of 8196 or 8200 of those a message's
    assert row.tcp_bps == pytest.approx(rate_mbps * 1e6 * 1448 / 1500)
    assert row.deliverable_bps("download") == pytest.approx(row.tcp_bps * 8192 / 8196)
    assert row.deliverable_bps("upload") == pytest.approx(row.tcp_bps * 8192 / 8200)


def test_rows_have_losses_of_their_own() -> None:
    assert len({row.settings.seed for row in rows()}) == len(rows())


@given(shares=st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=7))
def test_the_error_is_the_median_distance_whatever_the_order(shares: list[float]) -> None:
    tries = [told(LOSS_FREE, ours=share) for share in shares]
    distances = sorted(abs(share - 1) * 100 for share in shares)

    error_pct = outcome(LOSS_FREE, *tries).error_pct("download")

    assert distances[0] - 1e-9 <= error_pct <= distances[-1] + 1e-9
    assert error_pct == pytest.approx(outcome(LOSS_FREE, *reversed(tries)).error_pct("download"))


def test_a_test_that_told_nothing_is_wholly_wrong() -> None:
    silent = replace(told(LOSS_FREE), full_bps=None, full_bytes=None)

    assert outcome(LOSS_FREE, silent).error_pct("upload") == 100
    assert outcome(LOSS_FREE).error_pct("upload") == 100


def test_losses_count_against_iperf3_only() -> None:
    found = figures(
        [
            outcome(LOSS_FREE, told(LOSS_FREE, ours=0.98, theirs=0.99)),
            outcome(LOSSY, told(LOSSY, ours=0.80, theirs=0.85)),
        ]
    )

    assert found["worst_loss_free_error_pct"] == pytest.approx(2.0, abs=0.06)
    assert found["worst_excess_over_iperf3_points"] == pytest.approx(5.0, abs=0.1)


def test_without_iperf3_there_is_nothing_to_exceed() -> None:
    alone = replace(told(LOSS_FREE, ours=0.5), iperf3_bps=None)

    assert figures([outcome(LOSS_FREE, alone)])["worst_excess_over_iperf3_points"] is None


def test_the_stop_rule_is_compared_with_the_full_length_of_its_repetition() -> None:
    tries = [told(LOSS_FREE, ruled=ruled) for ruled in (1.04, 0.95, 1.09)]

    found = figures([outcome(LOSS_FREE, *tries, ruled_shares=(0.4, 0.5, 0.9)), outcome(LOSSY, ruled_shares=(1.0,))])

    assert found["stop_rule_bytes_ratio"] == pytest.approx((0.5 + 1.0) / 2)
    assert found["stop_rule_difference_pct"] == pytest.approx(5.0)


def test_a_row_without_round_trips_leaves_no_figure_for_them() -> None:
    measured, silent = outcome(LOSS_FREE, told(LOSS_FREE), rtts_ms=(18.0, 21.0, 21.5)), outcome(LOSSY, told(LOSSY))

    assert figures([measured])["rtt_error_ms"] == pytest.approx(1.5)
    assert figures([measured, replace(silent, rtts_ms=())])["rtt_error_ms"] is None


def test_every_target_has_its_figure() -> None:
    assert TARGETS.keys() == figures([outcome(LOSS_FREE, told(LOSS_FREE))]).keys()


def test_the_table_and_the_files_hold_every_row_in_both_directions(tmp_path: Path) -> None:
    outcomes = [outcome(LOSS_FREE, told(LOSS_FREE)), outcome(LOSSY, replace(told(LOSSY), iperf3_bps=None))]

    shown = table(outcomes).splitlines()
    rows_file, everything = save(tmp_path / "results", outcomes, figures(outcomes))

    assert len(shown) == 1 + 2 * len(outcomes)
    assert "—" in shown[-1]
    with rows_file.open(newline="") as opened:
        lines = list(csv.DictReader(opened))
    assert [(line["loss_pct"], line["direction"]) for line in lines] == [
        ("0.0", "download"),
        ("0.0", "upload"),
        ("1.0", "download"),
        ("1.0", "upload"),
    ]
    assert set(lines[0]) == {name for name, _, _ in COLUMNS}
    assert json.loads(everything.read_text())["figures"] == figures(outcomes)

"""Other rules and figures of merit, on hexagons that can be reckoned by hand."""

import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.decision import main
from benchmarks.simulator.merit import Score, pooled, score
from benchmarks.simulator.rivals import flagged
from benchmarks.simulator.utility import held


def claimed(**columns: list[object]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"fcc": [True] * count, "devices": [3] * count, "failing": [0] * count, **columns})


@pytest.mark.parametrize(
    ("rule", "tests", "failures", "expected"),
    [
        ("majority of tests", [1, 2, 3, 0], [1, 1, 2, 0], [True, False, True, False]),
        ("≥ 5 tests, ≥ 25 % fail", [4, 8, 8, 0], [4, 2, 1, 0], [False, True, False, False]),
        ("≥ 5 tests, ≥ 50 % fail", [4, 8, 8, 0], [4, 4, 3, 0], [False, True, False, False]),
        # 24 % from 21 tests on: 5.04 of 21; below, 5 failures
        ("FCC-like", [20, 20, 21, 21, 100], [4, 5, 5, 6, 16], [False, True, False, True, True]),
    ],
)
def test_counting_rules(rule: str, tests: list[object], failures: list[object], expected: list[bool]) -> None:
    assert flagged(rule, claimed(tests=tests, failures=failures)).tolist() == expected


def test_the_fcc_like_rule_wants_failures_spread_over_place_and_time() -> None:
    rows = claimed(tests=[20], failures=[20]).assign(fcc=False)

    assert not flagged("FCC-like", rows).any()


def test_discoveries_by_hand() -> None:
    # p-values .05, .0025, .0975, 1 at a failure probability of 5 %; BH at 5 % over four: only .0025 ≤ .0125
    rows = claimed(tests=[1, 2, 2, 5], failures=[1, 2, 1, 0])

    assert flagged("binomial on tests, BH", rows).tolist() == [False, True, False, False]


def test_what_accusations_are_worth() -> None:
    rows = pd.DataFrame(
        {
            "good": [True, False, False, False, True],
            "bad": [False, True, True, True, False],
            "hypothesis": [True, True, True, True, True],
            "devices": [3, 3, 5, 1, 0],
        }
    )
    one = score(rows, np.array([True, True, False, True, False]))
    assert one == Score(flagged=3, false=1, bad=2, bad_3=2, found_3=1, bad_all=3, found=2)

    two = Score(flagged=1, false=1, bad=0, bad_3=2, found_3=0, bad_all=2, found=0)
    whole = pooled([one, two])
    assert (whole.flagged, whole.fdp, whole.worst_fdp) == (2.0, 0.5, 1.0)
    assert (whole.precision, whole.recall_3, whole.recall) == (0.5, 0.25, 0.4)


def test_overlapping_zones_count_once() -> None:
    metres = np.array([[0.0, 0.0], [3_000.0, 0.0], [9_000.0, 0.0]])

    assert held(metres, np.array([[0.0, 0.0], [1_000.0, 0.0]]), np.array([1.0, 2.0, 4.0])) == 3.0


@pytest.mark.parametrize("options", [["--regimes", "lax"], ["--adversaries", "2"], ["--mix", "1,1,0,0"]])
def test_settings_that_mean_nothing_are_refused(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["decision", *options])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert options[1] in capsys.readouterr().err

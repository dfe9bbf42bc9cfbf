from datetime import date
from typing import Any

import h3
import pandas as pd
import pytest

from aggregator.judgement.comparison import VERDICTS, compare
from aggregator.judgement.hysteresis import earlier_days, held

HERE, THERE = (h3.str_to_int(h3.latlng_to_cell(latitude, 3.5, 8)) for latitude in (47.0, 48.0))
CLAIMED = [h3.str_to_int(cell) for cell in h3.grid_disk(h3.int_to_str(HERE), 3)]
JUNE, SEPTEMBER = date(2026, 6, 30), date(2026, 9, 30)


def verdict(outdoor: tuple[int, int], hexagon: int = HERE, **change: Any) -> pd.DataFrame:
    row = {
        **dict.fromkeys(("votes_vehicle", "failing_vehicle", "points", "failing_points", "point_days"), 0),
        "h3_r8": hexagon,
        "operator": "20801",
        "technology": "4G",
        "threshold": "service",
        "evidence": "crowd",
        "votes_outdoor": outdoor[0],
        "failing_outdoor": outdoor[1],
        "device_days": 9,
        "tests": 12,
        "first_day": date(2026, 3, 1),
        "last_day": date(2026, 5, 1),
    }
    claims = pd.DataFrame({"h3_r8": CLAIMED}).assign(
        operator="20801", technology="4G", usage="data", level="CL", bounded=False, declared_share=1.0
    )
    return compare(pd.DataFrame([{**row, **change}]), claims)


STRONG, MODERATE, SUSPECTED, CONFIRMED, NOTHING = (verdict(votes) for votes in ((5, 5), (4, 4), (2, 2), (8, 0), (3, 1)))


@pytest.mark.parametrize(
    ("last_day", "expected"),
    [
        (date(2026, 9, 30), [date(2026, 6, 30)]),
        (date(2026, 11, 15), [date(2026, 9, 30), date(2026, 6, 30)]),
        (date(2026, 1, 1), [date(2025, 12, 31), date(2025, 9, 30)]),
        (date(2026, 3, 30), [date(2025, 12, 31), date(2025, 9, 30)]),
        (date(2026, 3, 31), [date(2025, 12, 31)]),
    ],
)
def test_windows_looked_at_enclose_the_last_full_quarter(last_day: date, expected: list[date]) -> None:
    assert earlier_days(last_day) == expected


def test_a_verdict_without_support_is_held_with_the_evidence_it_had() -> None:
    (row,) = held(NOTHING, {SEPTEMBER: NOTHING, JUNE: STRONG}).to_dict("records")
    assert (row["verdict"], row["strength"], row["rule"]) == ("contradicted", "moderate", "contradicted-moderate-1")
    assert row["held_since"] == JUNE
    assert (row["devices"], row["failing"]) == (5, 5)
    assert row["p"] == STRONG["p"].iloc[0]
    assert (row["votes_outdoor"], row["failing_outdoor"]) == (3, 1)  # its own of today
    assert list(held(NOTHING, {JUNE: STRONG}).columns) == VERDICTS.names


def test_what_no_window_supports_is_dropped() -> None:
    (row,) = held(NOTHING, {SEPTEMBER: NOTHING, JUNE: NOTHING}).to_dict("records")
    assert (row["verdict"], row["held_since"]) == ("insufficient", None)


def test_what_today_supports_as_well_is_not_held() -> None:
    (row,) = held(STRONG, {JUNE: STRONG, SEPTEMBER: MODERATE}).to_dict("records")
    assert (row["strength"], row["held_since"]) == ("strong", None)
    (row,) = held(MODERATE, {JUNE: SUSPECTED}).to_dict("records")
    assert (row["strength"], row["held_since"]) == ("moderate", None)


def test_the_latest_support_counts() -> None:
    (row,) = held(NOTHING, {SEPTEMBER: MODERATE, JUNE: MODERATE}).to_dict("records")
    assert row["held_since"] == SEPTEMBER


def test_only_today_contradicts_strongly_but_a_survey_holds() -> None:
    """Three windows are three chances to err: what an earlier one alone found strong is moderate."""
    (row,) = held(NOTHING, {SEPTEMBER: MODERATE, JUNE: STRONG}).to_dict("records")
    assert (row["strength"], row["held_since"]) == ("moderate", SEPTEMBER)
    (row,) = held(MODERATE, {SEPTEMBER: STRONG}).to_dict("records")
    assert (row["strength"], row["held_since"], row["devices"]) == ("moderate", None, 4)
    (row,) = held(SUSPECTED, {SEPTEMBER: STRONG}).to_dict("records")
    assert (row["strength"], row["held_since"], row["withdrawn"]) == ("moderate", SEPTEMBER, 3)
    survey = verdict((0, 0), evidence="survey", points=12, failing_points=9, point_days=2)
    (row,) = held(survey.iloc[:0], {JUNE: survey}).to_dict("records")
    assert (row["strength"], row["rule"]) == ("strong", "survey-contradicted-1")


def test_a_later_confirmation_is_a_conflict_first_and_a_contradiction_prevails_at_once() -> None:
    (row,) = held(CONFIRMED, {JUNE: STRONG}).to_dict("records")
    assert (row["verdict"], row["conflict"], row["held_since"]) == ("contradicted", "confirmed-1", JUNE)
    (row,) = held(STRONG, {JUNE: CONFIRMED}).to_dict("records")
    assert (row["verdict"], row["held_since"]) == ("contradicted", None)


def test_a_hexagon_where_nobody_goes_any_more_keeps_its_verdict_for_that_long() -> None:
    rows = held(NOTHING, {JUNE: verdict((8, 0), hexagon=CLAIMED[1])})
    row = rows[rows["h3_r8"] == CLAIMED[1]].iloc[0]
    assert (row["verdict"], row["held_since"], row["votes_outdoor"], row["devices"]) == ("confirmed", JUNE, 0, 8)
    assert held(NOTHING.iloc[:0], {JUNE: STRONG})["verdict"].tolist() == ["contradicted"]
    assert held(NOTHING.iloc[:0], {JUNE: NOTHING}).empty

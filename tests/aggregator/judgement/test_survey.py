"""A field team's points: what is a point, and what they decide."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from h3.api import basic_int as h3

from aggregator.judgement.comparison import compare
from aggregator.judgement.constants import Constants
from aggregator.judgement.survey import count_points

HERE = h3.latlng_to_cell(47.0, 3.5, 8)
HEXAGONS = sorted(h3.grid_disk(HERE, 3))
SPOTS = sorted(h3.cell_to_children(HERE, 9))
KEY = ["h3_r8", "operator", "technology", "threshold", "evidence"]


def surveyed(points: int, failing: int, days: int = 2, hexagon: int = HERE, **change: Any) -> dict[str, Any]:
    row = {
        "h3_r8": hexagon,
        "operator": "20801",
        "technology": "4G",
        "threshold": "service",
        "evidence": "survey",
        "votes_outdoor": 1,
        "failing_outdoor": 0,
        "votes_vehicle": 0,
        "failing_vehicle": 0,
        "device_days": days,
        "tests": points,
        "first_day": date(2026, 3, 1),
        "last_day": date(2026, 3, 9),
        "points": points,
        "failing_points": failing,
        "point_days": days,
    }
    return {**row, **change}


def verdicts(*rows: dict[str, Any], claimed: list[int] = HEXAGONS) -> pd.DataFrame:
    claims = pd.DataFrame({"h3_r8": claimed}).assign(
        operator="20801", technology="4G", usage="data", level="CL", bounded=False, declared_share=1.0
    )
    return compare(pd.DataFrame(list(rows)), claims)


@pytest.mark.parametrize(
    ("points", "failing", "days", "rule"),
    [
        (10, 3, 2, "survey-contradicted-1"),  # P[Bin(10, .05) ≥ 3] = .0115
        (10, 2, 2, "survey-insufficient-1"),  # .0861
        (10, 10, 1, "survey-insufficient-1"),  # one day
        (9, 9, 2, "survey-insufficient-1"),  # nine points
        (10, 0, 2, "survey-insufficient-1"),  # .75^10 = .0563: ten are not enough to confirm
        (11, 0, 2, "survey-confirmed-1"),  # .75^11 = .0422
    ],
)
def test_ten_points_on_two_days_are_held_against_the_claim(points: int, failing: int, days: int, rule: str) -> None:
    row = verdicts(surveyed(points, failing, days)).iloc[0]
    assert row["rule"] == rule
    assert (row["devices"], row["failing"], row["withdrawn"]) == (points, failing, 0)
    assert pd.isna(row["p_withdrawn"])


def test_the_tail_and_the_evidence_of_points() -> None:
    row = verdicts(surveyed(10, 3)).iloc[0]
    assert row["p"] == pytest.approx(0.011504, abs=1e-6)
    assert row["q"] == row["p"]
    ratios = [(a / 0.05) ** 3 * ((1 - a) / 0.95) ** 7 for a in (0.15, 0.25, 0.4, 0.6, 0.8)]
    assert row["e_value"] == pytest.approx(sum(ratios) / 5)
    assert (row["verdict"], row["strength"]) == ("contradicted", "strong")


def test_all_hexagons_surveyed_are_considered_together() -> None:
    """p = .0115 alone is a discovery; among five it is not (q = .0575), unless others are as bad."""
    calm = [surveyed(11, 0, hexagon=cell) for cell in HEXAGONS[1:5]]
    one = verdicts(surveyed(10, 3, hexagon=HEXAGONS[0]), *calm)
    assert one["rule"].tolist() == ["survey-insufficient-1"] + ["survey-confirmed-1"] * 4
    assert one["q"].iloc[0] == pytest.approx(5 * 0.011504, abs=1e-5)
    two = verdicts(*(surveyed(10, 3, hexagon=cell) for cell in HEXAGONS[:2]), *calm[1:])
    assert two["verdict"].tolist() == ["contradicted"] * 2 + ["confirmed"] * 3
    poor = [surveyed(9, 0, hexagon=cell) for cell in HEXAGONS[1:5]]
    assert verdicts(surveyed(10, 3, hexagon=HEXAGONS[0]), *poor)["verdict"].iloc[0] == "contradicted"
    elsewhere = [surveyed(11, 0, hexagon=cell, threshold="8") for cell in HEXAGONS[1:5]]
    assert verdicts(surveyed(10, 3, hexagon=HEXAGONS[0]), *elsewhere)["verdict"].iloc[0] == "contradicted"


def test_what_is_not_claimed_cannot_be_contradicted() -> None:
    rows = verdicts(surveyed(20, 20), surveyed(20, 0), claimed=HEXAGONS[:1])
    assert rows["verdict"].tolist() == ["insufficient", "unclaimed_service"]
    assert rows["q"].isna().all()


def test_a_crowd_beside_changes_nothing() -> None:
    crowd = surveyed(0, 0, evidence="crowd", votes_outdoor=9, failing_outdoor=9, point_days=0)
    both = verdicts(surveyed(10, 3), crowd)
    assert both["q"].iloc[0] == verdicts(surveyed(10, 3))["q"].iloc[0]
    assert both["q"].iloc[1] == pytest.approx(verdicts(crowd)["q"].iloc[0])


def spot(cell: int, day: int, tested: int, failed: int, **change: Any) -> dict[str, Any]:
    named = {"h3_r8": HERE, "operator": "20801", "technology": "4G", "threshold": "service", "evidence": "survey"}
    seen = {"h3_r9": cell, "device_token": "a", "context": "outdoor", "day": pd.Timestamp(2026, 3, day)}
    return {**named, **seen, "tested": tested, "failed": failed, **change}


def points(*rows: dict[str, Any]) -> list[list[int]]:
    counted = count_points(pd.DataFrame(list(rows)), KEY, Constants())
    return counted[["points", "failing_points", "point_days"]].to_numpy().tolist()


def test_points_are_outdoor_tests_whichever_phone_made_them() -> None:
    rows = [spot(SPOTS[0], 1, 3, 1), spot(SPOTS[1], 1, 2, 0, device_token="b"), spot(SPOTS[0], 4, 4, 4)]
    assert points(*rows, spot(SPOTS[2], 5, 9, 9, context="vehicle"), spot(SPOTS[2], 6, 9, 9, evidence="crowd")) == [
        [9, 5, 2]
    ]


def test_a_log_of_one_a_second_makes_no_crowd_of_points() -> None:
    assert points(spot(SPOTS[0], 1, 600, 299)) == [[10, 4, 1]]
    assert points(spot(SPOTS[0], 1, 10, 7)) == [[10, 7, 1]]

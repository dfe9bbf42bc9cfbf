from datetime import date
from pathlib import Path
from typing import Any

import h3
import pandas as pd
import pytest

from aggregator.judgement.comparison import VERDICTS, compare, read_verdicts, write_verdicts
from aggregator.judgement.constants import Constants
from aggregator.judgement.rules import RULES

CENTRE = h3.latlng_to_cell(47.0, 3.5, 8)
HERE = h3.str_to_int(CENTRE)
INSIDE = [h3.str_to_int(cell) for cell in h3.grid_disk(CENTRE, 2)]
AT_EDGE = [h3.str_to_int(cell) for cell in h3.grid_disk(CENTRE, 1)]


def votes(outdoor: tuple[int, int] = (0, 0), vehicle: tuple[int, int] = (0, 0), **change: Any) -> pd.DataFrame:
    row = {
        "h3_r8": HERE,
        "operator": "20801",
        "technology": "4G",
        "threshold": "service",
        "evidence": "crowd",
        "votes_outdoor": outdoor[0],
        "failing_outdoor": outdoor[1],
        "votes_vehicle": vehicle[0],
        "failing_vehicle": vehicle[1],
        "device_days": 9,
        "tests": 12,
        "first_day": date(2026, 3, 1),
        "last_day": date(2026, 8, 1),
    }
    return pd.DataFrame([{**row, **change}])


def claims(hexagons: list[int], share: float = 1.0, **change: Any) -> pd.DataFrame:
    columns = {"operator": "20801", "technology": "4G", "usage": "data", "level": "CL", "bounded": False}
    return pd.DataFrame({"h3_r8": hexagons}).assign(declared_share=share, **{**columns, **change})


def judged(ballot: pd.DataFrame, claimed: pd.DataFrame) -> Any:
    return compare(ballot, claimed).iloc[0]


@pytest.mark.parametrize(
    ("outdoor", "vehicle", "at_edge", "inside"),
    [
        ((3, 3), (0, 0), "contradicted moderate", "suspected "),  # p−1 .0138, p−2 .1177; inside wants 4 phones
        ((4, 3), (0, 0), "contradicted moderate", "suspected "),
        ((5, 3), (0, 0), "suspected ", "suspected "),  # p−1 .0706
        ((4, 4), (0, 0), "contradicted strong", "contradicted moderate"),  # p−2 .0138, p−3 .1177
        ((5, 5), (0, 0), "contradicted strong", "contradicted strong"),  # p−3 .0138
        ((6, 4), (0, 0), "contradicted moderate", "suspected "),
        ((0, 0), (5, 5), "contradicted moderate", "contradicted moderate"),  # p−2 .0396, at 7 dB .0606; p−3 .1161
        ((0, 0), (6, 6), "contradicted strong", "contradicted moderate"),  # p−2 at 7 dB .0238; p−3 .0606
        ((1, 1), (5, 5), "contradicted strong", "contradicted moderate"),  # the outdoor one is withdrawn first
        ((0, 0), (4, 4), "contradicted moderate", "suspected "),
        ((2, 2), (3, 2), "suspected ", "suspected "),
        ((2, 2), (0, 0), "suspected ", "suspected "),
        ((1, 1), (0, 0), "insufficient ", "insufficient "),
        ((0, 0), (3, 0), "confirmed ", "confirmed "),  # .0475
        ((7, 0), (0, 0), "insufficient ", "insufficient "),  # .0724
        ((8, 0), (0, 0), "confirmed ", "confirmed "),  # .0497
    ],
)
def test_verdicts_of_the_published_ballots(
    outdoor: tuple[int, int], vehicle: tuple[int, int], at_edge: str, inside: str
) -> None:
    for hexagons, expected, edge in ((AT_EDGE, at_edge, True), (INSIDE, inside, False)):
        row = judged(votes(outdoor, vehicle), claims(hexagons))
        assert f"{row['verdict']} {row['strength']}" == expected
        assert (bool(row["claimed"]), bool(row["edge"])) == (True, edge)


def test_the_evidence_travels_with_the_verdict() -> None:
    row = judged(votes((4, 3), (2, 2)), claims(AT_EDGE))
    assert (row["devices"], row["failing"]) == (6, 5)
    assert row["rule"] == "contradicted-strong-2"
    assert row["withdrawn"] == 2
    assert row["p"] < row["p_withdrawn"] <= 0.05


def test_a_moderate_finding_shows_the_votes_it_withdrew() -> None:
    row = judged(votes((3, 3)), claims(AT_EDGE))
    assert row["withdrawn"] == 1
    assert row["p_withdrawn"] == pytest.approx(0.0138, abs=5e-5)


def test_levels_count_together_and_half_a_hexagon_is_claimed() -> None:
    levels = pd.concat([claims([HERE], 0.25, level="TBC"), claims([HERE], 0.25, level="BC")])
    assert bool(judged(votes((2, 2)), levels)["claimed"])
    assert judged(votes((2, 2)), levels)["declared_share"] == 0.5
    assert not bool(judged(votes((2, 2)), claims([HERE], 0.49))["claimed"])


def test_service_that_nobody_claimed() -> None:
    row = judged(votes((8, 0)), claims([INSIDE[-1]]))
    assert row["verdict"] == "unclaimed_service"
    assert row["declared_share"] == 0


@pytest.mark.parametrize(
    "other",
    [
        claims([]),
        claims([HERE], operator="20810"),
        claims([HERE], technology="5G"),
        claims([HERE], usage="voix"),
        claims([INSIDE[-1]], bounded=True),
    ],
)
def test_without_a_claim_source_nothing_is_judged(other: pd.DataFrame) -> None:
    for ballot in (votes((9, 9)), votes((9, 0))):
        row = judged(ballot, other)
        assert (row["verdict"], row["rule"]) == ("insufficient", "no-claim-source-1")
        assert pd.isna(row["claimed"])
        assert pd.isna(row["declared_share"])


def test_an_unknown_neighbour_makes_no_edge_but_a_declared_zero_does() -> None:
    known = claims(AT_EDGE, bounded=True)
    assert not judged(votes((4, 4)), known)["edge"]
    zero = claims([INSIDE[-1]], 0.0, bounded=True, level="")
    assert judged(votes((4, 4)), pd.concat([known, zero]))["edge"]


def test_claims_without_the_column_bounded_speak_about_everything() -> None:
    row = judged(votes((8, 0)), claims([INSIDE[-1]]).drop(columns="bounded"))
    assert row["verdict"] == "unclaimed_service"


def test_a_rule_that_speaks_the_other_way_is_noted() -> None:
    row = judged(votes((200, 36)), claims(INSIDE))  # 18 % of failing votes: above 11.8 %, below 31.3 %
    assert (row["verdict"], row["conflict"]) == ("contradicted", "confirmed-1")
    assert judged(votes((5, 5)), claims(INSIDE))["conflict"] == ""


def test_constants_are_parameters() -> None:
    row = compare(votes((3, 3)), claims(AT_EDGE), constants=Constants(significance=0.001)).iloc[0]
    assert row["verdict"] == "insufficient"


def test_rules_have_ids_of_their_own_and_the_last_always_holds() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.reason for rule in RULES)
    assert RULES[-1].verdict == "insufficient"


def test_verdicts_keep_their_values_on_disk(tmp_path: Path) -> None:
    ballots = pd.concat([votes((3, 3)), votes((3, 3), operator="20810"), votes((9, 9), evidence="survey")])
    verdicts = compare(ballots, claims(AT_EDGE))
    write_verdicts(verdicts, tmp_path / "judgement")
    again = read_verdicts(tmp_path / "judgement")
    assert list(again.columns) == VERDICTS.names
    pd.testing.assert_frame_equal(again, verdicts, check_dtype=False)
    assert again["claimed"].tolist() == [True, pd.NA, True]


def test_no_votes_no_verdicts(tmp_path: Path) -> None:
    verdicts = compare(votes().iloc[:0], claims(AT_EDGE))
    assert list(verdicts.columns) == VERDICTS.names
    assert verdicts.empty
    write_verdicts(verdicts, tmp_path)
    assert read_verdicts(tmp_path).empty

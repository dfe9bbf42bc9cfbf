"""A visit is worth nothing where the answer is known, most where it is open, in proportion to people and roads."""

from collections.abc import Callable
from datetime import date
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h3.api import basic_int as h3
from hypothesis import given
from hypothesis import strategies as st

from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.ledger import CAPABILITY, LEDGER, LEDGER_KEYS
from aggregator.judgement.comparison import compare
from aggregator.judgement.constants import Constants
from aggregator.judgement.null import failing_vote_probability
from aggregator.judgement.votes import cast_votes
from aggregator.proposals.mission_plan import MissionParameters
from aggregator.proposals.mission_values import (
    BAD,
    FINE,
    ValueWeights,
    chance_bad,
    chance_contradicted,
    expected_bits,
    mission_values,
)

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
COSSAYE = (46.7722, 3.4817)
VOTES = {"votes_outdoor": 2, "failing_outdoor": 2, "votes_vehicle": 4, "failing_vehicle": 3}
NO_CLAIMS = CLAIMS.empty_table().to_pandas()


def ballots(*rows: tuple[int, int, int, int], claimed: bool = True) -> pd.DataFrame:
    columns = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle"]
    return pd.DataFrame(rows, columns=columns).assign(claimed=claimed)


def claims(cells: list[int], operator: str = "20801", share: float = 1.0) -> pd.DataFrame:
    table = pd.DataFrame({"h3_r8": cells, "operator": operator, "technology": "4G", "usage": "data", "level": "BC"})
    return table.assign(declared_share=share, bounded=False)


def test_the_chance_of_a_bad_place_is_bayes_rule_by_hand() -> None:
    (none, two) = chance_bad(ballots((0, 0, 0, 0), (3, 2, 1, 1)), ValueWeights(), Constants())
    assert none == pytest.approx(0.03)

    def likelihood(failures: tuple[float, ...]) -> float:
        outdoor = [failing_vote_probability(failure, "outdoor", Constants()) for failure in failures]
        vehicle = [failing_vote_probability(failure, "vehicle", Constants()) for failure in failures]
        return sum(o**2 * (1 - o) * v for o, v in zip(outdoor, vehicle, strict=True)) / len(failures)

    bad, fine = 0.03 * likelihood(BAD), 0.97 * likelihood(FINE)
    assert two == pytest.approx(bad / (bad + fine))
    assert chance_bad(ballots((0, 0, 0, 0), claimed=False), ValueWeights(), Constants()) == pytest.approx(0.5)


def test_the_information_of_one_point_is_that_of_a_noisy_channel() -> None:
    bad, fine = np.mean(BAD), np.mean(FINE)

    def entropy(x: float) -> float:
        return float(-x * np.log2(x) - (1 - x) * np.log2(1 - x))

    u = 0.3
    expected = entropy(u * bad + (1 - u) * fine) - u * entropy(bad) - (1 - u) * entropy(fine)
    assert expected_bits(np.array([u]), 1)[0] == pytest.approx(expected)


@given(u=st.floats(0, 1), points=st.integers(1, 30))
def test_information_is_between_nothing_and_the_doubt_and_grows_with_points(u: float, points: int) -> None:
    bits = [float(expected_bits(np.array([u]), n)[0]) for n in (points, points + 1)]
    doubt = 0.0 if u in (0.0, 1.0) else float(-u * np.log2(u) - (1 - u) * np.log2(1 - u))
    assert -1e-9 <= bits[0] <= doubt + 1e-9
    assert bits[1] >= bits[0] - 1e-9


def test_three_failing_points_of_ten_contradict() -> None:
    """P[Bin(10, 5 %) ≥ 2] = .0861 and P[≥ 3] = .0115."""
    certain = chance_contradicted(np.array([1.0]), 10, Constants())[0]
    below = np.mean([sum(comb(10, k) * p**k * (1 - p) ** (10 - k) for k in range(3)) for p in BAD])
    assert certain == pytest.approx(1 - below)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_points_of_a_visit_can_settle_the_question_either_way(lost: int, tmp_path: Path) -> None:
    """The survey rule itself, on what a planned visit brings home: without a failure, and with three."""
    cell = h3.latlng_to_cell(*COSSAYE, 8)
    spots = sorted(h3.cell_to_children(cell, 10))[: MissionParameters(latitude=47.0, longitude=3.0).points - lost]
    rows = [
        {
            **dict.fromkeys(LEDGER.names, 0),
            "h3_r9": h3.cell_to_parent(spot, 9),
            "operator": operator,
            "technology": "4G",
            "device_token": "van",
            "tier": "field_team",
            "context": "outdoor",
            "day": date(2026, 6, 1 + number % 2),
            "tested_service": 1,
            "failed_service": int(operator == "20810" and number < 3),
        }
        for operator in ("20801", "20810")
        for number, spot in enumerate(spots)
    ]
    sums = pd.DataFrame(rows).groupby(list(LEDGER_KEYS), as_index=False).sum()
    capability = pd.DataFrame({"device_token": "van", "day": [date(2026, 6, 1)], "best_rank": 4})
    for name, table, schema in (("ledger", sums, LEDGER), ("capability", capability, CAPABILITY)):
        pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), tmp_path / f"{name}.parquet")
    both = pd.concat([claims([cell]), claims([cell], "20810")])
    found = compare(cast_votes(tmp_path), both)
    found = found[found["threshold"] == "service"].set_index("operator")
    assert found["verdict"].to_dict() == {"20801": "confirmed", "20810": "contradicted"}


def test_what_is_concluded_is_worth_nothing_and_what_is_open_has_its_reason(verdict_row: Row, around: Around) -> None:
    cells = around(*COSSAYE, 1)
    strong, moderate, suspected, confirmed, surveyed, silent, undeclared = cells
    verdicts = pd.DataFrame(
        [
            verdict_row(strong, "contradicted", "strong", **VOTES),
            verdict_row(moderate, "contradicted", "moderate", **VOTES),
            verdict_row(moderate, "suspected", operator="20820", **VOTES),
            verdict_row(suspected, "suspected", **VOTES),
            verdict_row(confirmed, "confirmed", **VOTES),
            verdict_row(surveyed, "suspected", **VOTES),
            verdict_row(surveyed, "confirmed", evidence="survey", **VOTES),
            verdict_row(undeclared, "insufficient", claimed=False, **VOTES),
        ]
    )
    people = pd.Series(10.0, index=cells)
    values = mission_values(verdicts, claims([*cells[:3], silent]), people)
    assert values["reason"].to_dict() == dict(
        sorted({moderate: "moderate", suspected: "suspected", silent: "unknown"}.items())
    )
    assert values.loc[moderate, "operators"] == "20801 20820"
    assert (values["value"] > 0).all()
    assert values.loc[suspected, "value"] > values.loc[silent, "value"]
    in_zone = mission_values(verdicts, claims([silent]), people, class_c=np.array([undeclared, silent]))
    assert in_zone.loc[[undeclared, silent], "reason"].tolist() == ["class_c", "class_c"]
    assert in_zone.loc[silent, "value"] == pytest.approx(2 * values.loc[silent, "value"])
    assert undeclared in in_zone.index
    assert confirmed not in in_zone.index


def test_value_is_in_proportion_to_people_and_roads(verdict_row: Row, around: Around) -> None:
    one, two, three = (around(*place, 0)[0] for place in (COSSAYE, (46.70, 3.48), (46.83, 3.46)))  # none near another
    verdicts = pd.DataFrame([verdict_row(cell, "suspected", **VOTES) for cell in (one, two, three)])
    roads = pd.DataFrame({"h3_r8": [two], "main_km": [1.5], "other_km": [2.0]})
    values = mission_values(verdicts, NO_CLAIMS, pd.Series({one: 19.0}), roads)
    assert values["demand"].to_dict() == {one: 19.0, two: 38.0}, "nobody lives or drives in the third"
    assert values.loc[two, "value"] == pytest.approx(2 * values.loc[one, "value"])
    near = mission_values(verdicts, NO_CLAIMS, pd.Series({one: 19.0}), roads, within=np.array([one]))
    assert near.index.tolist() == [one]

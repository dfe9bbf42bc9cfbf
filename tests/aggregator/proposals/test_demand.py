"""Unmet demand: people and roads × mean of u; surveys, the DCC and the weights."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from shapely import Point

from aggregator.judgement.comparison import VERDICTS
from aggregator.judgement.constants import Constants
from aggregator.proposals.demand import BASES, Demand, prevailing, unmet_demand
from aggregator.proposals.parameters import DemandWeights, ZoneParameters, read_weights, weights_of
from aggregator.proposals.strata import STRATA, UNKNOWN
from client_sdk.errors import MailleError

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
ClaimsOn = Callable[..., pd.DataFrame]

COSSAYE = (46.7722, 3.4817)
ROOT = Path(__file__).parents[3]


def demand_of(rows: list[dict[str, object]], claims: pd.DataFrame, people: dict[int, float], **more: object) -> Demand:
    verdicts = pd.DataFrame(rows) if rows else VERDICTS.empty_table().to_pandas()
    named = {"parameters": ZoneParameters(), "constants": Constants(), **more}
    return unmet_demand(verdicts, claims, pd.Series(people, dtype=float), **named)


def test_unmet_demand_is_people_and_roads_times_the_mean_of_u(claims_on: ClaimsOn, around: Around) -> None:
    one, two = around(*COSSAYE, 1)[:2]
    claims = pd.concat([claims_on([one, two], share=0.0), claims_on([one, two], "20820", share=0.0)])
    roads = pd.DataFrame({"h3_r8": [one], "main_km": [1.5], "other_km": [2.0]})
    demand = demand_of([], claims, {one: 100.0, two: 40.0}, road_km=roads)
    u = float(demand.fitted.unmet(0.25)[STRATA.index(0)])
    at = demand.cells.tolist().index
    assert demand.demand[at(one)] == 100 + 20 * 1.5 + 4 * 2
    assert demand.unmet[at(one)] == pytest.approx(138 * u, abs=1e-3)
    assert demand.unmet[at(two)] == pytest.approx(40 * u, abs=1e-3)
    assert set(demand.basis.reshape(-1).tolist()) == {BASES["unclaimed"]}
    other = ZoneParameters(weights=DemandWeights(person=0.0, main_road_km=10.0, other_road_km=0.0))
    assert demand_of([], claims, {one: 100.0}, road_km=roads, parameters=other).demand.tolist() == [15.0]


def test_the_mean_is_over_the_operators_of_the_territory(claims_on: ClaimsOn, around: Around) -> None:
    (one, *_), far = around(*COSSAYE, 1), h3.latlng_to_cell(53.07, 8.8, 8)
    claims = pd.concat([claims_on([one], share=0.0), claims_on([one], "20820"), claims_on([far], "26201")])
    demand = demand_of([], claims, {one: 100.0})
    assert demand.operators == ("20801", "20820")
    unclaimed, deepest = demand.fitted.unmet(0.25)[[STRATA.index(0), STRATA.index(5)]]
    assert demand.unmet[0] == pytest.approx(100 * (unclaimed + deepest) / 2, abs=1e-3)


def test_a_hexagon_nobody_measured_counts_through_its_stratum_if_a_source_speaks(
    verdict_row: Row, claims_on: ClaimsOn, around: Around
) -> None:
    cells = around(*COSSAYE, 2)
    claims = claims_on(cells[:-1])
    rows = [verdict_row(cell, "contradicted", "strong") for cell in cells[:12]]
    demand = demand_of(rows, claims, dict.fromkeys(cells, 10.0))
    untested, unknown = demand.cells.tolist().index(cells[13]), demand.cells.tolist().index(cells[-1])
    assert demand.strata[unknown, 0] == UNKNOWN
    assert demand.unmet[unknown] == 0.0
    assert 5.0 < demand.unmet[untested] < demand.unmet[demand.cells.tolist().index(cells[0])]
    assert demand.basis[untested, 0] == BASES["prior"]
    cautious = ZoneParameters(weights=DemandWeights(prior_only=0.0))
    measured = demand_of(rows, claims, dict.fromkeys(cells, 10.0), parameters=cautious)
    assert measured.unmet[untested] == 0.0
    assert measured.unmet[measured.cells.tolist().index(cells[0])] > 0


def test_what_a_field_team_found_prevails(verdict_row: Row, claims_on: ClaimsOn, around: Around) -> None:
    good, bad, open_ = around(*COSSAYE, 1)[:3]
    rows = [
        verdict_row(good, "contradicted", "strong"),
        verdict_row(good, "confirmed", evidence="survey"),
        verdict_row(bad, "confirmed"),
        verdict_row(bad, "contradicted", "moderate", evidence="survey"),
        verdict_row(open_, "suspected"),
        verdict_row(open_, "insufficient", evidence="survey"),
    ]
    demand = demand_of(rows, claims_on([good, bad, open_]), {good: 1.0, bad: 1.0, open_: 1.0})
    u = dict(zip(demand.cells.tolist(), demand.u[:, 0], strict=True))
    basis = dict(zip(demand.cells.tolist(), demand.basis[:, 0].tolist(), strict=True))
    assert (u[good], u[bad]) == (0.0, 1.0)
    assert 0.5 < u[open_] < 1.0
    assert basis == {good: BASES["measured"], bad: BASES["strong"], open_: BASES["reported"]}
    kept = prevailing(pd.DataFrame(rows)).set_index("h3_r8")["verdict"]
    assert kept.to_dict() == {good: "confirmed", bad: "contradicted", open_: "suspected"}


def test_a_verdict_on_the_accessible_part_says_what_is_claimed(
    verdict_row: Row, claims_on: ClaimsOn, around: Around
) -> None:
    claimed, unclaimed = around(*COSSAYE, 1)[:2]
    rows = [
        verdict_row(claimed, "suspected", claimed=True),
        verdict_row(unclaimed, "insufficient", claimed=False),
    ]
    claims = pd.concat([claims_on([claimed], share=0.1), claims_on([unclaimed])])
    demand = demand_of(rows, claims, {claimed: 1.0, unclaimed: 1.0})
    strata = dict(zip(demand.cells.tolist(), demand.strata[:, 0].tolist(), strict=True))
    assert strata == {claimed: 1, unclaimed: 0}


def test_what_the_dcc_decided_is_subtracted_for_the_operators_obliged(claims_on: ClaimsOn, around: Around) -> None:
    cells = around(*COSSAYE, 4)
    claims = pd.concat([claims_on(cells, share=0.0), claims_on(cells, "20820", share=0.0)])
    people = dict.fromkeys(cells, 10.0)
    place = Point(COSSAYE[1], COSSAYE[0])
    dcc = gpd.GeoDataFrame({"operators": ["20801 20810"], "dossier": ["7"]}, geometry=[place], crs=4326)
    plain, less = demand_of([], claims, people), demand_of([], claims, people, dcc=dcc)
    middle = less.cells.tolist().index(h3.latlng_to_cell(*COSSAYE, 8))
    far = max(range(len(cells)), key=lambda row: h3.grid_distance(less.cells[row], less.cells[middle]))
    assert less.u[middle].tolist() == [0.0, plain.u[middle, 1]]
    assert less.unmet[middle] == pytest.approx(plain.unmet[middle] / 2)
    assert less.unmet[far] == plain.unmet[far]
    assert less.unmet + less.subtracted == pytest.approx(plain.unmet)
    half = ZoneParameters(weights=DemandWeights(dcc_remaining=0.5, dcc_reach_m=10_000.0))
    assert demand_of([], claims, people, dcc=dcc, parameters=half).unmet == pytest.approx(0.75 * plain.unmet)


def test_demand_is_evidenced_where_a_map_or_a_phone_speaks(
    verdict_row: Row, claims_on: ClaimsOn, around: Around
) -> None:
    tested, untested, undeclared = around(*COSSAYE, 1)[:3]
    claims = pd.concat([claims_on([tested, untested]), claims_on([undeclared], share=0.0)])
    people = dict.fromkeys((tested, untested, undeclared), 10.0)
    rows = [verdict_row(tested, "insufficient", votes_outdoor=2, failing_outdoor=1)]
    demand = demand_of(rows, claims, people)
    at = {cell: demand.cells.tolist().index(cell) for cell in people}
    assert demand.evidenced[at[tested]] == demand.unmet[at[tested]] > 0
    assert demand.evidenced[at[untested]] == 0 < demand.unmet[at[untested]]
    assert demand.evidenced[at[undeclared]] == demand.unmet[at[undeclared]] > 5
    half = demand_of(rows, claims, people, parameters=ZoneParameters(weights=DemandWeights(undeclared=0.5)))
    assert half.evidenced[at[undeclared]] == pytest.approx(demand.evidenced[at[undeclared]] / 2)
    assert half.evidenced[at[tested]] == demand.evidenced[at[tested]]
    assert half.absent.tolist() == demand.absent.tolist()
    assert half.absent[at[undeclared]].tolist() == [True]


def test_only_the_hexagons_asked_for_count(claims_on: ClaimsOn, around: Around) -> None:
    cells = around(*COSSAYE, 2)
    demand = demand_of([], claims_on(cells), dict.fromkeys(cells, 1.0), within=np.array(cells[:4]))
    assert demand.cells.tolist() == cells[:4]


def test_the_documented_weights_are_the_defaults(tmp_path: Path) -> None:
    example = ROOT / "examples" / "zone-weights.toml"
    assert set(tomllib.loads(example.read_text())) == set(DemandWeights.__dataclass_fields__)
    assert read_weights(example) == weights_of(tmp_path) == DemandWeights()
    (tmp_path / "weights.toml").write_text("main_road_km = 50\n")
    assert weights_of(tmp_path) == DemandWeights(main_road_km=50.0)
    assert weights_of(tmp_path, example) == DemandWeights()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("road = 3\n", "road is no weight, expected person, main_road_km"),
        ("person = -1\n", "person is -1, expected a number ≥ 0"),
        ("prior_only = 2\n", "prior_only is 2, expected a number 0…1"),
        ("person = true\n", "person is True"),
        ("person = nan\n", "person is nan"),
        ("person = \n", "cannot be read as TOML"),
    ],
)
def test_a_wrong_weight_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text(text)
    with pytest.raises(MailleError, match=message):
        read_weights(file)

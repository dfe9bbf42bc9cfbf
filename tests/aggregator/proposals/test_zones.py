from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.proposals.demand import DEMAND_MODEL, DemandWeights, prevailing, unmet_demand
from aggregator.proposals.points import components
from aggregator.proposals.zones import ZoneParameters, propose_zones, read_parameters, write_proposals

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]

COSSAYE = (46.7722, 3.4817)
TREVOL = (46.6281, 3.3061)


@pytest.fixture(scope="session")
def people(around: Around) -> pd.Series:
    cells = sorted({*around(*COSSAYE, 14), *around(*TREVOL, 8)})
    return pd.Series(np.linspace(5.0, 15.0, len(cells)), index=pd.Index(cells, name="h3_r8"))


@pytest.fixture(scope="session")
def verdicts(verdict_row: Row, around: Around) -> pd.DataFrame:
    strong = [verdict_row(cell, "contradicted", "strong") for cell in around(*COSSAYE, 1)]
    ring = sorted({*around(*COSSAYE, 2)} - {*around(*COSSAYE, 1)})
    moderate = [verdict_row(cell, "suspected", operator="20820") for cell in ring]
    far = [verdict_row(cell, "contradicted", "moderate") for cell in around(*TREVOL, 1)]
    fine = [verdict_row(cell, "confirmed", operator="20815") for cell in around(*COSSAYE, 3)]
    return pd.DataFrame([*strong, *moderate, *far, *fine])


def test_unmet_demand_is_people_times_the_mean_weight_over_operators(verdict_row: Row, around: Around) -> None:
    one, two, three, empty = around(*COSSAYE, 1)[:4]
    rows = pd.DataFrame(
        [
            verdict_row(one, "contradicted", "strong"),
            verdict_row(one, "suspected", operator="20820"),
            verdict_row(two, "contradicted", "moderate"),
            verdict_row(three, "confirmed"),
            verdict_row(empty, "contradicted", "strong"),
        ]
    )
    demand = unmet_demand(rows, pd.Series({one: 100.0, two: 40.0, three: 70.0}))
    assert demand.loc[[one, two, three, empty], "unmet"].tolist() == [75.0, 10.0, 0.0, 0.0]
    assert demand.loc[[one, two], "unmet_firm"].tolist() == [50.0, 0.0]
    assert unmet_demand(rows, pd.Series({one: 8.0}), DemandWeights(suspected=0.0)).loc[one, "unmet"] == 4.0


def test_a_survey_prevails_over_the_crowd_unless_it_concludes_nothing(verdict_row: Row, around: Around) -> None:
    one, two = around(*COSSAYE, 1)[:2]
    rows = pd.DataFrame(
        [
            verdict_row(one, "contradicted", "strong"),
            verdict_row(one, "confirmed", evidence="survey"),
            verdict_row(two, "suspected"),
            verdict_row(two, "insufficient", evidence="survey"),
        ]
    )
    kept = prevailing(rows).set_index("h3_r8")["verdict"]
    assert kept.to_dict() == {one: "confirmed", two: "suspected"}


def test_a_zone_tells_who_lives_there_who_measured_and_which_operators_miss(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    zones, points = propose_zones(verdicts, communes, people=people)
    assert zones["rank"].tolist() == [1, 2]
    first, second = zones.iloc[0], zones.iloc[1]
    assert first["name"] == "Cossaye"
    assert first["insee_dep"] == "58"
    assert first["communes"].startswith("Cossaye")
    assert (first["contradicted"], first["suspected"], first["evidence_class"]) == (7, 12, "A")
    assert (second["contradicted"], second["suspected"], second["evidence_class"]) == (7, 0, "B")
    assert first[["op_20801", "op_20815", "op_20820"]].tolist() == [1, 0, 1]
    assert second[["op_20801", "op_20815", "op_20820"]].tolist() == [1, 0, 0]
    assert (first["devices"], first["device_days"]) == (6, 9)
    assert (first["first_day"], first["last_day"]) == (date(2026, 3, 2), date(2026, 8, 14))
    assert set(zones["demand_model"]) == {DEMAND_MODEL}
    assert zones.crs.to_epsg() == points.crs.to_epsg() == 2154
    assert zones.area.to_numpy() == pytest.approx(np.pi * 4000**2, rel=0.01)
    assert 0 < first["unmet_people"] < first["people"]


def test_points_of_interest_are_commune_centres_near_demand_and_one_per_group(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    zones, points = propose_zones(verdicts, communes, people=people)
    own = points[points["zone_id"] == zones["zone_id"].iloc[0]]
    assert own["kind"].tolist() == ["commune", "reported"]
    assert own["commune_name"].tolist() == ["Cossaye", "Cossaye"]
    assert own["insee_com"].tolist() == ["58087", "58087"]
    assert own["point_id"].tolist() == [f"{own['zone_id'].iloc[0]}-P01", f"{own['zone_id'].iloc[0]}-P02"]
    commune = own.iloc[0]
    assert (commune["x_lambert_93"], commune["y_lambert_93"]) == pytest.approx((736767, 6629916), abs=500)
    group = own.iloc[1]
    richest = max((cell for cell in set(verdicts["h3_r8"]) if cell in people.index), key=lambda c: people[c])
    assert richest in people.index
    cell = h3.latlng_to_cell(group["latitude"], group["longitude"], 8)
    accused = verdicts[verdicts["verdict"].isin(["contradicted", "suspected"])]["h3_r8"]
    cossaye = [c for c in accused if h3.grid_distance(c, h3.latlng_to_cell(*COSSAYE, 8)) <= 2]
    assert cell == max(cossaye, key=lambda c: people[c])


def test_devices_of_a_zone_are_counted_once_however_many_hexagons_they_crossed(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series, around: Around
) -> None:
    days = pd.DataFrame(
        [
            {"h3_r8": cell, "operator": "20801", "evidence": "crowd", "device_token": token, "day": date(2026, 3, day)}
            for cell in around(*COSSAYE, 1)
            for token in "abcdefgh"
            for day in (2, 3)
        ]
    )
    zones, _ = propose_zones(verdicts, communes, people=people, device_days=days)
    assert (zones["devices"].iloc[0], zones["device_days"].iloc[0]) == (8, 16)


def test_nothing_contradicted_proposes_nothing(
    verdict_row: Row, communes: gpd.GeoDataFrame, people: pd.Series, around: Around
) -> None:
    rows = pd.DataFrame([verdict_row(cell, "confirmed") for cell in around(*COSSAYE, 1)])
    zones, points = propose_zones(rows, communes, people=people)
    assert len(zones) == len(points) == 0
    empty, _ = propose_zones(rows.iloc[:0], communes, people=people)
    assert list(empty.columns[:3]) == ["zone_id", "rank", "name"]


def test_other_technologies_and_thresholds_do_not_count(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    assert len(propose_zones(verdicts, communes, people=people, technology="5G")[0]) == 0
    assert len(propose_zones(verdicts, communes, people=people, threshold="8")[0]) == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_input_changes_nothing(
    seed: int, verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    def shuffled(table: Any) -> Any:
        return table.iloc[np.random.default_rng(seed).permutation(len(table))]

    plain = propose_zones(verdicts, communes, people=people)
    mixed = propose_zones(shuffled(verdicts), shuffled(communes), people=shuffled(people))
    for one, other in zip(plain, mixed, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one.to_wkb()), pd.DataFrame(other.to_wkb()))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_id_survives_a_small_change_of_the_evidence(
    seed: int, verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    before, _ = propose_zones(verdicts, communes, people=people)
    random = np.random.default_rng(seed)
    fewer = verdicts[random.random(len(verdicts)) > 0.2]
    other_people = people * random.uniform(0.7, 1.3, len(people))
    after, points = propose_zones(fewer, communes, people=other_people, previous=before)
    names = dict(zip(before["name"], before["zone_id"], strict=True))
    assert {name: names[name] for name in after["name"]} == dict(zip(after["name"], after["zone_id"], strict=True))
    assert set(points["zone_id"]) <= set(after["zone_id"])


def test_a_new_zone_at_the_place_an_old_one_left_gets_another_id(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series
) -> None:
    plain, _ = propose_zones(verdicts, communes, people=people)
    elsewhere = plain.iloc[:1].assign(latitude=plain["latitude"].iloc[1], longitude=plain["longitude"].iloc[1])
    zones, _ = propose_zones(verdicts, communes, people=people, previous=elsewhere)
    assert zones["zone_id"].iloc[1] == plain["zone_id"].iloc[0]
    assert zones["zone_id"].iloc[0] == plain["zone_id"].iloc[0] + "-2"


def test_components_are_groups_of_adjoining_cells(around: Around) -> None:
    left, right = around(*COSSAYE, 1), around(*TREVOL, 1)
    assert components([*left, *right]) == sorted([left, right], key=min)


def test_proposals_are_written_with_their_parameters(
    verdicts: pd.DataFrame, communes: gpd.GeoDataFrame, people: pd.Series, tmp_path: Path
) -> None:
    parameters = ZoneParameters(count=1, weights=DemandWeights(suspected=0.25))
    zones, points = propose_zones(verdicts, communes, people=people, parameters=parameters)
    write_proposals(zones, points, tmp_path, parameters)
    assert gpd.read_parquet(tmp_path / "zones.parquet")["zone_id"].tolist() == zones["zone_id"].tolist()
    assert len(gpd.read_parquet(tmp_path / "points.parquet")) == len(points)
    assert read_parameters(tmp_path) == parameters
    assert read_parameters(tmp_path / "nowhere") == ZoneParameters()

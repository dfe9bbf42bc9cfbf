import json
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
from shapely import Point

from aggregator.proposals.areas import Choice
from aggregator.proposals.demand import DEMAND_MODEL
from aggregator.proposals.discs import lambert_93
from aggregator.proposals.drawing import zone_components
from aggregator.proposals.parameters import DemandWeights, ZoneParameters, read_parameters
from aggregator.proposals.points import components
from aggregator.proposals.support import verdict_figures
from aggregator.proposals.surroundings import Surroundings
from aggregator.proposals.writing import write_proposals

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
Propose = Callable[..., tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]]

COSSAYE = (46.7722, 3.4817)
TREVOL = (46.6281, 3.3061)


def test_a_zone_tells_who_lives_there_who_measured_and_which_operators_miss(
    verdicts: pd.DataFrame, propose: Propose
) -> None:
    zones, points = propose(verdicts)
    assert zones["rank"].tolist() == [1, 2]
    first, second = zones.iloc[0], zones.iloc[1]
    assert first["name"] == "Cossaye"
    assert first["insee_dep"] == "58"
    assert first["communes"].startswith("Cossaye")
    assert (first["contradicted"], first["suspected"], first["evidence_class"]) == (7, 12, "B")
    assert first["share_strong"] == pytest.approx(7 / 19, abs=0.06)
    assert first["share_reported"] == pytest.approx(12 / 19, abs=0.1)
    assert json.loads(first["verdicts"])["20801"]["contradicted strong"] == 7
    assert (second["contradicted"], second["suspected"], second["evidence_class"]) == (7, 0, "B")
    assert first[["op_20801", "op_20815", "op_20820"]].tolist() == [1, 0, 1]
    assert second[["op_20801", "op_20815", "op_20820"]].tolist() == [1, 0, 0]
    assert (first["devices"], first["device_days"]) == (9, 12)
    assert (first["first_day"], first["last_day"]) == (date(2026, 3, 2), date(2026, 8, 14))
    assert set(zones["demand_model"]) == {DEMAND_MODEL}
    assert zones.crs.to_epsg() == points.crs.to_epsg() == 2154
    assert zones.area.to_numpy() == pytest.approx(np.pi * 4000**2, rel=0.01)
    assert 0 < first["unmet_people"] < first["people"]


def test_devices_of_a_zone_are_counted_once_however_many_hexagons_they_crossed(
    verdicts: pd.DataFrame, propose: Propose, around: Around
) -> None:
    days = pd.DataFrame(
        [
            {"h3_r8": cell, "operator": "20801", "evidence": "crowd", "device_token": token, "day": date(2026, 3, day)}
            for cell in around(*COSSAYE, 1)
            for token in "abcdefgh"
            for day in (2, 3)
        ]
    )
    zones, _ = propose(verdicts, device_days=days)
    assert (zones["devices"].iloc[0], zones["device_days"].iloc[0]) == (8, 16)


def test_what_is_said_of_a_parent_counts_once(verdict_row: Row) -> None:
    """Seven poor hexagons judged together and one judged alone are two places, two verdicts and eight hexagons."""
    parent = h3.cell_to_parent(h3.latlng_to_cell(*COSSAYE, 8), 7)
    children = sorted(h3.cell_to_children(parent, 8))
    alone = next(cell for cell in h3.grid_ring(children[0], 3) if cell not in children)
    rows = [verdict_row(cell, "suspected", resolution=7, e_value=4.0) for cell in children]
    # another operator's verdict on one of them is another verdict on that hexagon
    rows += [verdict_row(children[0], "confirmed", operator="20815", resolution=8, e_value=0.5)]
    table = pd.DataFrame([*rows, verdict_row(alone, "contradicted", "moderate", resolution=8, e_value=10.0)])
    days = pd.DataFrame({"h3_r8": children, "operator": "20801", "evidence": "crowd"})
    days = days.assign(device_token=list("abbbccc"), day=date(2026, 3, 2))
    zone = verdict_figures(table, days)
    assert (zone["hexagons"], zone["contradicted"], zone["suspected"]) == (8, 1, 1)
    told = {"20801": {"contradicted moderate": 1, "suspected": 1}, "20815": {"confirmed": 1}}
    assert json.loads(zone["verdicts"]) == told
    assert zone["e_value"] == pytest.approx((4.0 + 0.5 + 10.0) / 3, rel=0.01)
    assert (zone["devices"], zone["device_days"]) == (3, 3)
    centre = Point(*lambert_93([COSSAYE[0]], [COSSAYE[1]])[0])
    disc = gpd.GeoDataFrame({"zone_id": ["Z"]}, geometry=[centre.buffer(5000)], crs=2154)
    drawn = zone_components(disc, table, ZoneParameters())
    assert (drawn["contradicted"].sum(), drawn["suspected"].sum(), drawn["hexagons"].sum()) == (1, 1, 8)


def test_where_nothing_is_declared_nor_measured_nothing_is_proposed(
    verdict_row: Row, propose: Propose, claims: pd.DataFrame, around: Around
) -> None:
    rows = pd.DataFrame([verdict_row(cell, "confirmed") for cell in around(*COSSAYE, 1)])
    for table in (rows, rows.iloc[:0]):
        zones, points = propose(table, technology="5G")
        assert len(zones) == len(points) == 0
        assert list(zones.columns[:3]) == ["zone_id", "rank", "name"]
    told: list[Choice] = []
    propose(rows, claims=claims.iloc[:0], tell_choice=told.append)
    assert told[0].chosen.total < 0.02 * 7 * 15  # seven hexagons without a failing vote, and nothing elsewhere


def test_a_disc_with_next_to_no_unmet_demand_is_no_zone(verdicts: pd.DataFrame, propose: Propose) -> None:
    zones, _ = propose(verdicts, parameters=ZoneParameters(count=50))
    assert zones["unmet_people"].min() >= 1.0
    least = float(zones["evidenced_people"].iloc[1])
    cautious = DemandWeights(prior_only=0.0)
    assert (
        len(propose(verdicts, parameters=ZoneParameters(count=50, least_unmet=least - 0.1, weights=cautious))[0]) == 2
    )


def test_a_town_that_nobody_measured_outranks_no_place_with_evidence(
    verdicts: pd.DataFrame, propose: Propose, people: pd.Series, around: Around
) -> None:
    town = around(*TREVOL, 2)
    measured = verdicts[~verdicts["h3_r8"].isin(town)]
    crowded = people.where(~people.index.isin(town), 2_000.0)
    zones, _ = propose(measured, people=crowded, count=3)
    assert zones["name"].iloc[0] == "Cossaye"
    assert zones["evidence_class"].tolist() == sorted(zones["evidence_class"])
    (untested,) = zones[zones["name"] == "Trévol"].to_dict("records")
    assert (untested["evidence_class"], untested["rank"]) == ("C", len(zones))
    assert untested["unmet_people"] > zones["unmet_people"].iloc[0] > zones["evidenced_people"].iloc[0]
    assert untested["share_prior"] > 0.9
    assert "Trévol" not in set(propose(measured, people=crowded, count=1)[0]["name"])
    # the first phones there that find no service make it a zone like any other
    again, _ = propose(verdicts, people=crowded, count=3)
    assert (again["name"].iloc[0], again["evidence_class"].iloc[0]) == ("Trévol", "B")


def test_a_town_beside_a_dead_zone_does_not_lower_its_class(
    verdicts: pd.DataFrame, propose: Propose, people: pd.Series, around: Around
) -> None:
    plain, _ = propose(verdicts, count=1)
    town = set(around(COSSAYE[0] + 0.05, COSSAYE[1], 1)) - set(verdicts["h3_r8"])
    crowded = people.where(~people.index.isin(town), 20_000.0)
    zones, _ = propose(verdicts, people=crowded, count=1)
    assert zones["name"].tolist() == plain["name"].tolist() == ["Cossaye"]
    assert zones["evidence_class"].tolist() == plain["evidence_class"].tolist() == ["B"]
    assert zones["share_prior"].iloc[0] <= 0.5
    assert zones["evidenced_people"].iloc[0] >= 0.9 * plain["evidenced_people"].iloc[0]


def test_other_technologies_and_thresholds_do_not_count(verdicts: pd.DataFrame, propose: Propose) -> None:
    assert len(propose(verdicts, technology="5G")[0]) == 0
    zones, _ = propose(verdicts, threshold="8")
    assert set(zones["evidence"]) == {"none"}
    assert (set(zones["evidence_class"]), zones["devices"].sum()) == ({"C"}, 0)


def test_without_any_measurement_zones_lie_where_nothing_is_declared(
    verdicts: pd.DataFrame, propose: Propose, claims: pd.DataFrame, around: Around
) -> None:
    hole = set(around(*TREVOL, 4))
    zones, points = propose(
        verdicts.iloc[:0], claims=claims.assign(declared_share=(~claims["h3_r8"].isin(hole)).astype(float)), count=1
    )
    assert zones["evidence_class"].tolist() == ["A"]
    assert zones["share_unclaimed"].iloc[0] > 0.9
    assert zones["operators_missing"].tolist() == [3]
    assert h3.grid_distance(h3.str_to_int(zones["h3_centre"].iloc[0]), h3.latlng_to_cell(*TREVOL, 8)) <= 4
    assert set(points["zone_id"]) == set(zones["zone_id"])


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_input_changes_nothing(
    seed: int,
    verdicts: pd.DataFrame,
    communes: gpd.GeoDataFrame,
    people: pd.Series,
    claims: pd.DataFrame,
    propose: Propose,
) -> None:
    def shuffled(table: Any) -> Any:
        return table.iloc[np.random.default_rng(seed).permutation(len(table))]

    plain = propose(verdicts)
    mixed = propose(shuffled(verdicts), communes=shuffled(communes), people=shuffled(people), claims=shuffled(claims))
    for one, other in zip(plain, mixed, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one.to_wkb()), pd.DataFrame(other.to_wkb()))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_id_survives_a_small_change_of_the_evidence(
    seed: int, verdicts: pd.DataFrame, people: pd.Series, propose: Propose
) -> None:
    before, _ = propose(verdicts)
    random = np.random.default_rng(seed)
    fewer = verdicts[random.random(len(verdicts)) > 0.2]
    other_people = people * random.uniform(0.7, 1.3, len(people))
    after, points = propose(fewer, people=other_people, previous=before)
    names = dict(zip(before["name"], before["zone_id"], strict=True))
    assert {name: names[name] for name in after["name"]} == dict(zip(after["name"], after["zone_id"], strict=True))
    assert set(points["zone_id"]) <= set(after["zone_id"])


def test_a_new_zone_at_the_place_an_old_one_left_gets_another_id(verdicts: pd.DataFrame, propose: Propose) -> None:
    plain, _ = propose(verdicts)
    elsewhere = plain.iloc[:1].assign(latitude=plain["latitude"].iloc[1], longitude=plain["longitude"].iloc[1])
    zones, _ = propose(verdicts, previous=elsewhere)
    assert zones["zone_id"].iloc[1] == plain["zone_id"].iloc[0]
    assert zones["zone_id"].iloc[0] == plain["zone_id"].iloc[0] + "-2"


def test_components_are_groups_of_adjoining_cells(around: Around) -> None:
    left, right = around(*COSSAYE, 1), around(*TREVOL, 1)
    assert components([*left, *right]) == sorted([left, right], key=min)


def test_proposals_are_written_with_their_parameters(verdicts: pd.DataFrame, propose: Propose, tmp_path: Path) -> None:
    parameters = ZoneParameters(count=1, weights=DemandWeights(main_road_km=30.0))
    told: list[Choice] = []
    zones, points = propose(verdicts, parameters=parameters, tell_choice=told.append)
    write_proposals(zones, points, zone_components(zones, verdicts, parameters), tmp_path, parameters, told[0])
    assert gpd.read_parquet(tmp_path / "zones.parquet")["zone_id"].tolist() == zones["zone_id"].tolist()
    assert len(gpd.read_parquet(tmp_path / "points.parquet")) == len(points)
    choice = json.loads((tmp_path / "choice.json").read_text())
    assert 1 - 1 / np.e <= choice["guarantee"] <= 1
    assert [row["stratum"] for row in choice["strata"]][:3] == ["no source", "not claimed", "ring 1"]
    assert read_parameters(tmp_path) == parameters
    assert read_parameters(tmp_path / "nowhere") == ZoneParameters()


def test_a_zone_is_drawn_by_its_groups_of_hexagons(verdicts: pd.DataFrame, propose: Propose) -> None:
    zones, _ = propose(verdicts)
    drawn = zone_components(zones, verdicts, ZoneParameters())
    assert drawn["zone_id"].tolist() == zones["zone_id"].tolist()
    assert drawn[["hexagons", "contradicted", "suspected"]].to_numpy().tolist() == [[19, 7, 12], [7, 7, 0]]
    assert drawn["operators"].tolist() == ["20801 20820", "20801"]
    assert drawn.area.to_numpy() == pytest.approx([19 * 0.69e6, 7 * 0.69e6], rel=0.05)
    assert set(drawn.geom_type) == {"Polygon"}
    assert all(zone.buffer(600).contains(part) for zone, part in zip(zones.geometry, drawn.geometry, strict=True))


def test_antennas_and_dcc_points_near_a_zone_are_told(verdicts: pd.DataFrame, propose: Propose) -> None:
    plain, _ = propose(verdicts)
    middle = plain.geometry.iloc[0].centroid
    flags = {"has_2g": True, "has_3g": True, "has_4g": [True, False, True], "has_5g": False}
    places = [Point(middle.x + 3000, middle.y), Point(middle.x + 10, middle.y), Point(middle.x + 3020, middle.y)]
    sites = gpd.GeoDataFrame({"operator": ["20801", "20810", "20820"], **flags}, geometry=places, crs=2154)
    dcc = gpd.GeoDataFrame({"operators": ["20815"], "dossier": ["4711"]}, geometry=[middle], crs=2154)
    zones, _ = propose(verdicts, surroundings=Surroundings(sites=sites, planned=sites.iloc[2:], dcc=dcc))
    first = zones.iloc[0]
    assert (first["nearest_site_m"], first["nearest_site_operators"]) == (pytest.approx(3000, abs=60), "20801 20820")
    assert first["nearest_planned_m"] == pytest.approx(3020, abs=60)
    assert (first["dcc_near"], first["dcc_dossiers"]) == (1, "4711")
    assert first["dcc_subtracted"] > 0
    assert zones["dcc_near"].iloc[1] == 0


def test_a_disc_where_no_operator_lacks_gives_way_to_the_next(
    verdicts: pd.DataFrame, propose: Propose, people: pd.Series, claims: pd.DataFrame, around: Around
) -> None:
    """A few hexagons that nobody declares are less than a quarter of a town; two rings are a quarter of a village."""
    town, hole = around(*TREVOL, 1)[:3], set(around(*COSSAYE, 3))
    crowded = people.where(~people.index.isin(around(*TREVOL, 4)), 200.0)
    named = {
        "people": crowded,
        "claims": claims.assign(declared_share=(~claims["h3_r8"].isin([*town, *hole])).astype(float)),
    }
    first, points = propose(verdicts.iloc[:0], count=1, **named)
    assert first["name"].tolist() == ["Cossaye"]
    assert first["operators_missing"].tolist() == [3]
    assert set(points["zone_id"]) == set(first["zone_id"])
    more, points = propose(verdicts.iloc[:0], count=10, **named)
    firm = more[more["evidence_class"] != "C"]
    assert (firm["operators_missing"] > 0).all()
    assert set(points["zone_id"]) == set(more.loc[more["operators_missing"] > 0, "zone_id"])


def test_the_mean_of_the_e_values_of_the_claims_tested_is_told(verdicts: pd.DataFrame, propose: Propose) -> None:
    assert propose(verdicts)[0]["e_value"].isna().all()
    zones, _ = propose(verdicts.assign(e_value=np.where(verdicts["operator"] == "20815", 0.25, 10.0)))
    inside = verdicts.assign(e_value=np.where(verdicts["operator"] == "20815", 0.25, 10.0))
    centres = [h3.cell_to_latlng(cell) for cell in inside["h3_r8"]]
    places = gpd.points_from_xy([lon for _, lon in centres], [lat for lat, _ in centres], crs=4326).to_crs(2154)
    apart = np.hypot(places.x - zones.geometry.iloc[0].centroid.x, places.y - zones.geometry.iloc[0].centroid.y)
    held = inside[apart <= 4000]
    assert held["h3_r8"].nunique() == zones["hexagons"].iloc[0]
    assert zones["e_value"].iloc[0] == pytest.approx(held["e_value"].mean(), rel=0.01)


def test_the_exact_choice_is_at_least_as_good(verdicts: pd.DataFrame, propose: Propose) -> None:
    told: list[Choice] = []
    for exact in (False, True):
        propose(verdicts, parameters=ZoneParameters(count=3, exact=exact), tell_choice=told.append)
    greedy, best = told
    assert greedy.exact is None
    assert best.exact is not None
    assert best.exact.proven
    assert best.chosen.total >= greedy.chosen.total - 1e-9
    assert best.chosen.total <= greedy.chosen.bound + 1e-9

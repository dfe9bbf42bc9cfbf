"""Points of interest: where they are put, and what they ask of whom."""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from aggregator.proposals.surroundings import Surroundings

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
Propose = Callable[..., tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]]

COSSAYE = (46.7722, 3.4817)
TREVOL = (46.6281, 3.3061)


def test_points_of_interest_are_commune_centres_near_demand_and_one_per_group(
    verdicts: pd.DataFrame, people: pd.Series, propose: Propose
) -> None:
    zones, points = propose(verdicts)
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


def test_points_are_put_where_people_are_or_on_a_road(
    verdicts: pd.DataFrame, propose: Propose, people: pd.Series
) -> None:
    _, plain = propose(verdicts)
    assert plain["placed_on"].tolist() == ["commune centre", "hexagon centre"] * 2
    spot = plain[plain["kind"] == "reported"].iloc[0]
    x, y = float(spot["x_lambert_93"]), float(spot["y_lambert_93"])
    road = gpd.GeoDataFrame(
        {"name": ["D"], "kind": ["main"]}, geometry=[LineString([(x - 900, y + 200), (x + 900, y + 200)])], crs=2154
    )
    _, points = propose(verdicts, surroundings=Surroundings(roads=road, road_km=None))
    moved = points[points["placed_on"] == "road"]
    assert moved["y_lambert_93"].tolist() == pytest.approx([y + 200], abs=0.2)
    homes = pd.DataFrame({"h3_r8": people.index, "latitude": 46.7, "longitude": 3.5})
    _, points = propose(verdicts, surroundings=Surroundings(people_places=homes))
    assert set(
        points.loc[points["kind"] == "reported", ["latitude", "longitude", "placed_on"]].itertuples(index=False)
    ) == {(46.7, 3.5, "people")}


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_point_asks_nothing_of_who_serves_there_or_is_obliged_nearby(
    seed: int, verdicts: pd.DataFrame, propose: Propose
) -> None:
    random = np.random.default_rng(seed)
    changed = verdicts.assign(verdict=verdicts["verdict"].where(random.random(len(verdicts)) > 0.4, "confirmed"))
    changed["strength"] = changed["strength"].where(changed["verdict"] != "confirmed", "")
    plain, _ = propose(verdicts)
    middle = plain.geometry.iloc[0].centroid
    at = [Point(middle.x + x, middle.y + y) for x, y in random.uniform(-4000, 4000, (2, 2))]
    dcc = gpd.GeoDataFrame({"operators": ["20801 20810", "20820"], "dossier": "4711"}, geometry=at, crs=2154)
    zones, points = propose(changed, surroundings=Surroundings(dcc=dcc))
    lacking = zones.set_index("zone_id")[["op_20801", "op_20815", "op_20820"]]
    served = set(
        changed.loc[changed["verdict"] == "confirmed", ["h3_r8", "operator"]].itertuples(index=False, name=None)
    )
    for point in points.to_dict("records"):
        cell = h3.latlng_to_cell(point["latitude"], point["longitude"], 8)
        near = {
            name
            for place, obliged in zip(at, dcc["operators"], strict=True)
            if place.distance(point["geometry"]) < 2000
            for name in obliged.split()
        }
        expected = {
            name: int(lacks and (cell, name[3:]) not in served and name[3:] not in near)
            for name, lacks in lacking.loc[point["zone_id"]].items()
        }
        assert {name: point[name] for name in expected} == expected
        assert any(expected.values())


def test_a_commune_whose_centre_is_served_is_no_point_and_a_decided_one_is_not_proposed_again(
    verdicts: pd.DataFrame, propose: Propose, verdict_row: Row, around: Around
) -> None:
    against = verdicts[(verdicts["verdict"] != "confirmed") | ~verdicts["h3_r8"].isin(around(*COSSAYE, 2))]
    plain, points = propose(against, count=1)
    zone = plain["zone_id"].iloc[0]
    assert points[["kind", "op_20801", "op_20815", "op_20820"]].to_numpy().tolist() == [
        ["commune", 1, 0, 1],
        ["reported", 1, 0, 1],
    ]
    centre = h3.latlng_to_cell(*COSSAYE, 8)
    others = against[against["h3_r8"] != centre]
    fine = [verdict_row(centre, "confirmed"), verdict_row(centre, "unclaimed_service", operator="20820")]
    _, left = propose(pd.concat([others, pd.DataFrame(fine[:1])]), count=1)
    assert left.loc[left["kind"] == "commune", ["op_20801", "op_20820"]].to_numpy().tolist() == [[0, 1]]
    _, left = propose(pd.concat([others, pd.DataFrame(fine)]), count=1)
    assert left["kind"].tolist() == ["reported"]
    assert left["point_id"].tolist() == [f"{zone}-P01"]
    # an operator obliged at the commune's centre is asked there no more, all of them make it no point
    for obliged, kinds in (("20820", ["commune"]), ("20801 20820", [])):
        dcc = gpd.GeoDataFrame(
            {"operators": [obliged], "dossier": "4711"}, geometry=[points.geometry.iloc[0]], crs=2154
        )
        _, left = propose(against, count=1, surroundings=Surroundings(dcc=dcc))
        near = left[left.distance(points.geometry.iloc[0]) < 2000]
        assert near.loc[near["kind"] == "commune", "kind"].tolist() == kinds
        assert not near["op_20820"].any()

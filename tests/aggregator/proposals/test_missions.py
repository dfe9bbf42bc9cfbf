"""A mission keeps its promises: hours, start and end, points inside their hexagons, the same plan again."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.evidence.hexagons import outlines, parent
from aggregator.evidence.ledger import CAPABILITY, LEDGER
from aggregator.proposals.mission_plan import Mission, MissionParameters, members_of, mission_of, read_plan, write_plan
from aggregator.proposals.mission_points import MARGIN_M, choose_points
from aggregator.proposals.mission_report import report_mission
from aggregator.proposals.mission_values import VISIT_POINTS
from aggregator.proposals.missions import plan_mission
from client_sdk.errors import MailleError

Row = Callable[..., dict[str, object]]
Around = Callable[[float, float, int], list[int]]
DECIZE, COSSAYE = (46.8289, 3.4622), (46.7722, 3.4817)
CELLS = sorted(h3.grid_disk(h3.latlng_to_cell(*COSSAYE, 8), 9))
START = {"latitude": DECIZE[0], "longitude": DECIZE[1]}
PLANNED_ON = date(2026, 8, 14)


def values(seed: int = 0, count: int = 40) -> pd.DataFrame:
    drawn = np.random.default_rng(seed)
    cells = np.sort(drawn.choice(np.array(CELLS), count, replace=False))
    worth = drawn.lognormal(2, 1, count)
    table = {"people": worth, "main_km": 0.0, "other_km": 1.0, "reason": "suspected", "operators": "20801 20820"}
    table |= {"expected_contradicted": 0.5, "demand": worth, "value": worth}
    return pd.DataFrame(table, index=pd.Index(cells, name="h3_r8"))


@pytest.fixture(scope="module")
def verdicts(verdict_row: Row) -> pd.DataFrame:
    return pd.DataFrame([verdict_row(cell, "suspected", last_day=PLANNED_ON) for cell in CELLS])


@pytest.fixture(scope="module")
def roads() -> gpd.GeoDataFrame:
    east = np.linspace(3.30, 3.66, 200)
    ways = [
        shapely.LineString(np.column_stack([east, 46.70 + 0.01 * n + 0.003 * np.sin(90 * east)])) for n in range(15)
    ]
    kinds = ["main" if number % 5 == 0 else "other" for number in range(15)]
    return gpd.GeoDataFrame({"name": "", "kind": kinds}, geometry=ways, crs=4326)


@pytest.fixture(scope="module")
def mission(verdicts: pd.DataFrame, roads: gpd.GeoDataFrame, communes: gpd.GeoDataFrame) -> Mission:
    return plan_mission(values(), verdicts, MissionParameters(**START), roads=roads, communes=communes)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), hours=st.floats(1.5, 10), minutes=st.floats(2, 15))
def test_whatever_is_asked_the_day_fits_and_every_point_is_in_its_hexagon(
    seed: int, hours: float, minutes: float, verdicts: pd.DataFrame
) -> None:
    wanted = MissionParameters(**START, hours=hours, minutes_per_point=minutes)
    worth = values(seed)
    plan = plan_mission(worth, verdicts, wanted)
    assert (plan.days["minutes"] <= hours * 60 + 0.05).all()
    points = plan.points
    assert len(points) == VISIT_POINTS * len(plan.stops)
    assert points.groupby(["stop", "day"]).size().tolist() == [6] * (2 * len(plan.stops))
    cell_of = plan.stops.set_index("stop")["h3_r8"]
    for stop, latitude, longitude in points[["stop", "latitude", "longitude"]].itertuples(index=False):
        assert parent(h3.latlng_to_cell(latitude, longitude, 10), 8) == cell_of[stop]
    assert members_of(plan_mission(worth, verdicts, wanted)) == members_of(plan)


def test_times_of_a_day_are_those_of_its_way(mission: Mission) -> None:
    wanted = mission.parameters
    start = gpd.GeoSeries.from_xy([wanted.longitude], [wanted.latitude], crs=4326).to_crs(2154)
    for day in (1, 2):
        own = mission.points[mission.points["day"] == day]
        way = np.vstack([[start.x[0], start.y[0]], own[["x", "y"]].to_numpy(), [start.x[0], start.y[0]]])
        metres = np.hypot(*np.diff(way, axis=0).T) * wanted.detour
        inside = np.append(np.append(False, np.diff(own["stop"]) == 0), False)
        minutes = (metres / np.where(inside, wanted.local_kmh, wanted.drive_kmh) * 60 / 1000).sum()
        told = mission.days.set_index("day").loc[day]
        assert told["minutes"] == pytest.approx(minutes + wanted.minutes_per_point * len(own), abs=0.1)
        assert told["km"] == pytest.approx(metres.sum() / 1000, abs=0.1)
        arrivals = own["minute"].to_numpy()
        assert (np.diff(arrivals) >= wanted.minutes_per_point).all()
    first, second = (mission.points[mission.points["day"] == day]["stop"].tolist() for day in (1, 2))
    assert list(dict.fromkeys(first)) == list(dict.fromkeys(second))[::-1]


def test_points_are_apart_inside_and_on_smaller_roads_where_there_are_some(
    mission: Mission, roads: gpd.GeoDataFrame
) -> None:
    for _, own in mission.points.groupby("stop"):
        apart = np.hypot(*(own[["x", "y"]].to_numpy()[:, None] - own[["x", "y"]].to_numpy()[None]).transpose(2, 0, 1))
        assert apart[np.triu_indices(len(own), 1)].min() >= 100 - 0.2
    assert set(mission.points["ground"]) <= {"other", "main", "open"}
    everywhere = choose_points(np.array(CELLS[::12]), roads, points=10, days=2)
    flat = roads.to_crs(2154)
    for ground, kept in (("other", flat["kind"] == "other"), ("main", flat["kind"] == "main")):
        own = everywhere[everywhere["ground"] == ground]
        far = shapely.distance(shapely.points(own[["x", "y"]].to_numpy()), shapely.union_all(flat.geometry[kept]))
        assert len(own) > 0
        assert far.max() < 1.0
    inner = shapely.buffer(outlines(mission.stops["h3_r8"].to_numpy(np.int64), 2154), -MARGIN_M + 1)
    spots = shapely.points(mission.points[["x", "y"]].to_numpy())
    assert shapely.contains(inner[mission.points["stop"].to_numpy() - 1], spots).all()
    assert {"Cossaye", "Decize"} & set(mission.points["commune"])


def test_a_hexagon_too_small_for_its_points_gets_fewer() -> None:
    few = choose_points(np.array(CELLS[:2]), None, points=10, days=2, apart_m=400.0)
    assert few.groupby("stop").size().between(4, 7).all()
    assert choose_points(np.array(CELLS[:1]), None, points=10, days=1)["day"].eq(1).all()


def test_nothing_within_reach_is_said(verdicts: pd.DataFrame) -> None:
    far = MissionParameters(latitude=48.85, longitude=2.35, hours=2)
    with pytest.raises(MailleError, match=r"no hexagon .* within 2 h"):
        plan_mission(values(), verdicts, far)
    with pytest.raises(MailleError, match="no hexagon"):
        plan_mission(values().iloc[:0], verdicts, far)


def test_a_plan_is_read_back_as_it_was_written(mission: Mission, tmp_path: Path) -> None:
    assert mission.mission_id.startswith("2026-08-14-")
    write_plan(mission, tmp_path)
    again = read_plan(tmp_path)
    assert members_of(again) == members_of(mission)
    assert again.parameters == mission.parameters
    assert members_of(mission_of(json.loads((tmp_path / "plan.json").read_text()))) == members_of(mission)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(MailleError, match="no plan of a mission"):
        read_plan(tmp_path)


def test_the_report_counts_outdoor_points_of_teams_and_says_what_is_left(
    mission: Mission, verdicts: pd.DataFrame, verdict_row: Row, tmp_path: Path
) -> None:
    done, half, bare = mission.stops["h3_r8"].tolist()[:3]
    rows = [
        *(ledger_row(done, day=day, tested=5) for day in (1, 2)),
        ledger_row(half, day=1, tested=4),
        ledger_row(half, day=2, tested=6, context="vehicle"),
        ledger_row(half, day=2, tested=6, tier="volunteer"),
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER), tmp_path / "ledger.parquet")
    able = [{"device_token": "t", "day": date(2026, 9, 1), "best_rank": 3}]
    pq.write_table(pa.Table.from_pylist(able, schema=CAPABILITY), tmp_path / "capability.parquet")
    settled = verdict_row(done, "contradicted", "strong", evidence="survey")
    now = pd.concat([verdicts, pd.DataFrame([settled])], ignore_index=True)
    report = report_mission(mission, tmp_path, now)
    rows_of = report.rows.set_index(["h3_r8", "operator"])
    assert len(rows_of) == 2 * len(mission.stops)
    columns = ["points", "days", "before", "now", "settled", "points_left", "days_left"]
    assert rows_of.loc[(done, "20801"), columns].tolist() == [10, 2, "suspected", "contradicted", True, 0, 0]
    assert rows_of.loc[(half, "20801"), columns].tolist() == [4, 1, "suspected", "suspected", False, 8, 1]
    assert rows_of.loc[(bare, "20820"), columns].tolist() == [0, 0, "insufficient", "insufficient", False, 12, 2]
    assert report.members()["settled"] == 1
    assert f"1 of {len(rows_of)} questions settled" in report.text()
    assert json.loads(json.dumps(report.members()))["questions"] == len(rows_of)


def ledger_row(
    cell: int, *, day: int, tested: int, context: str = "outdoor", tier: str = "field_team"
) -> dict[str, object]:
    (inner, *_) = sorted(h3.cell_to_children(cell, 9))
    key = {"h3_r9": inner, "operator": "20801", "technology": "4G", "device_token": "t", "tier": tier}
    counts = {name: 0 for name in LEDGER.names if name.startswith(("tested", "failed"))}
    return key | counts | {"context": context, "day": date(2026, 9, day), "tested_service": tested}

"""Missions: a day's round through the hexagons where a field team's points would teach most, and again another day.

The survey rule wants outdoor points on two days in each hexagon, and twelve can settle the question either way. So the
points of a hexagon are shared out between two days; both tours visit the same hexagons, the second in the other
direction, so that a place is not met twice at the same hour.
"""

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from aggregator.evidence.territory import commune_of
from aggregator.proposals.demand import prevailing
from aggregator.proposals.discs import hexagon_centres, lambert_93
from aggregator.proposals.mission_plan import POINTS, STOPS, Mission, MissionParameters, named
from aggregator.proposals.mission_points import choose_points
from aggregator.proposals.tours import best_tour
from client_sdk.errors import MailleError
from client_sdk.messages import tr

HOP_M = 300.0
"""Ours: between neighbouring points of a hexagon about 900 m across; the exact way is known once points are chosen."""

CANDIDATES = 600
"""Ours: hexagons considered for a tour: so many of the most value, and so many of the most value for their time."""


def plan_mission(
    values: pd.DataFrame,
    verdicts: pd.DataFrame,
    parameters: MissionParameters,
    *,
    roads: gpd.GeoDataFrame | None = None,
    communes: gpd.GeoDataFrame | None = None,
) -> Mission:
    """Choose hexagons, their points, and the ways through them.

    Args:
        values: as ``proposals.mission_values.mission_values`` gives them.
        verdicts: behind them, kept for the report.
        parameters: of the plan.
        roads: to put points on, where known.
        communes: to name places, where known.

    Raises:
        MailleError: no hexagon worth a visit can be surveyed within the hours.
    """
    start = lambert_93([parameters.latitude], [parameters.longitude])[0]
    chosen = _chosen(values, start, parameters)
    cells = chosen.index.to_numpy(np.int64)
    order = list(range(len(cells)))
    if order:
        points = choose_points(cells, roads, points=parameters.points, days=parameters.days, apart_m=parameters.apart_m)
    while order:
        days = range(1, parameters.days + 1)
        tours = [_day(points, order if day % 2 else order[::-1], start, day, parameters) for day in days]
        if all(tour["minute"].iloc[-1] <= parameters.hours * 60 for tour in tours):
            ways = pd.concat(tours, ignore_index=True)
            ways["stop"] = ways["stop"].map({stop: number for number, stop in enumerate(order)}).fillna(-1).astype(int)
            return _mission(chosen.iloc[order], ways, len(values), verdicts, parameters, communes)
        # from point to point it takes longer than was estimated from centres
        order.remove(min(order, key=lambda stop: (float(chosen["value"].iloc[stop]), stop)))
    raise MailleError(
        tr(
            f"no hexagon worth a visit can be surveyed within {parameters.hours:g} h from there "
            f"({len(values)} are worth one)",
            f"aucun hexagone utile n’est faisable en {parameters.hours:g} h depuis ce point "
            f"({len(values)} sont utiles)",
        )
    )


def _chosen(values: pd.DataFrame, start: Any, parameters: MissionParameters) -> pd.DataFrame:
    """Rows of the hexagons to visit, in the order of the tour."""
    if values.empty:
        return values
    metres = _metres(values.index.to_numpy(np.int64))
    away = np.hypot(*(metres - start).T) * parameters.detour / _per_minute(parameters.drive_kmh)
    a_day = int(np.ceil(parameters.points / parameters.days))
    hops = (a_day - 1) * HOP_M * parameters.detour / _per_minute(parameters.local_kmh)
    stay = a_day * parameters.minutes_per_point + hops
    worth = values["value"].to_numpy(float)
    near = np.flatnonzero(2 * away + stay <= parameters.hours * 60)
    best = near[np.argsort(-worth[near], kind="stable")[:CANDIDATES]]
    quick = near[np.argsort(-worth[near] / (away[near] + stay), kind="stable")[:CANDIDATES]]
    kept = np.union1d(best, quick)
    way = np.vstack([start, metres[kept]])
    travel = (
        np.hypot(*(way[:, None] - way[None]).transpose(2, 0, 1)) * parameters.detour / _per_minute(parameters.drive_kmh)
    )
    tour = best_tour(travel, np.full(len(kept), stay), worth[kept], parameters.hours * 60)
    found = values.iloc[kept[tour]]
    if len(found) > parameters.most_hexagons:
        least = found["value"].nlargest(parameters.most_hexagons, keep="first").index
        found = found[found.index.isin(least)]
    return found


def _day(
    points: pd.DataFrame, order: Sequence[int], start: Any, day: int, parameters: MissionParameters
) -> pd.DataFrame:
    """Points of one day in the order of the way, with minutes and kilometres; a last row back at the start."""
    metres, stops = points[["x", "y"]].to_numpy(float), points["stop"].to_numpy(np.intp)
    own = (points["day"] == day).to_numpy()
    here, minute, km, before = start, 0.0, 0.0, -1
    way: list[tuple[int, float, float]] = []
    for stop in order:
        left = np.flatnonzero(own & (stops == stop)).tolist()
        while left:
            far = np.hypot(*(metres[left] - here).T) * parameters.detour
            nearest = int(far.argmin())
            row = left.pop(nearest)
            minute += far[nearest] / _per_minute(parameters.local_kmh if before == stop else parameters.drive_kmh)
            km += far[nearest] / 1000
            way.append((row, minute, km))
            minute += parameters.minutes_per_point
            here, before = metres[row], stop
    home = float(np.hypot(*(here - start))) * parameters.detour
    minute += home / _per_minute(parameters.drive_kmh)
    timed = points.iloc[[row for row, _, _ in way]].assign(minute=[at for _, at, _ in way], km=[at for _, _, at in way])
    back = pd.DataFrame([{"stop": -1, "day": day, "minute": minute, "km": km + home / 1000}])
    return pd.concat([timed, back], ignore_index=True)


def _mission(
    chosen: pd.DataFrame,
    ways: pd.DataFrame,
    considered: int,
    verdicts: pd.DataFrame,
    parameters: MissionParameters,
    communes: gpd.GeoDataFrame | None,
) -> Mission:
    cells = chosen.index.to_numpy(np.int64)
    centres = hexagon_centres(cells.tolist()).round(6)
    stops = chosen.reset_index(names="h3_r8").assign(
        stop=np.arange(1, len(cells) + 1), latitude=centres[:, 0], longitude=centres[:, 1]
    )
    stops["commune"] = _communes(communes, stops)
    points = ways[ways["stop"] >= 0].reset_index(drop=True)
    points = points.assign(stop=points["stop"].astype(int) + 1, day=points["day"].astype(int))
    points["commune"] = _communes(communes, points)
    number = points.groupby(["day", "stop"]).cumcount()
    points["point"] = [
        f"{day}-{stop:02d}{chr(ord('a') + n)}"
        for day, stop, n in zip(points["day"], points["stop"], number, strict=True)
    ]
    ends = ways[ways["stop"] < 0]
    days = pd.DataFrame({"day": ends["day"], "minutes": ends["minute"].round(1), "km": ends["km"].round(1)})
    rows = prevailing(verdicts[verdicts["h3_r8"].isin(cells)])
    rows = rows[(rows["technology"] == parameters.technology) & (rows["threshold"] == parameters.threshold)]
    mission = Mission(
        mission_id="",
        parameters=parameters,
        stops=stops[STOPS].round({"people": 1, "demand": 1, "expected_contradicted": 3, "value": 3}),
        points=points[POINTS].round({"minute": 1, "x": 1, "y": 1}),
        days=days.reset_index(drop=True),
        before=rows[["h3_r8", "operator", "verdict", "strength", "evidence"]].reset_index(drop=True),
        considered=considered,
    )
    return named(mission, verdicts["last_day"].max() if len(verdicts) else "0000-00-00")


def _communes(communes: gpd.GeoDataFrame | None, places: pd.DataFrame) -> list[str]:
    if communes is None:
        return [""] * len(places)
    rows = commune_of(communes, places["latitude"], places["longitude"])
    names = communes["name"].to_numpy()
    return ["" if row < 0 else str(names[row]) for row in rows]


def _metres(cells: Any) -> Any:
    centres = hexagon_centres(cells.tolist())
    return lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist())


def _per_minute(kmh: float) -> float:
    """Metres a minute."""
    return kmh * 1000 / 60

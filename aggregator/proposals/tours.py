"""A round trip that collects as much value as its time allows (the orienteering problem), found greedily.

Places are inserted where they bring the most value for the time they cost, the way is shortened (2-opt, or-opt), and
places are exchanged for better ones, until nothing helps. From several first places the best tour is kept. Every step
is deterministic.
"""

import numpy as np
from numpy.typing import NDArray

FIRST_PLACES = 12
"""Ours: tours begun, each with another first place; more hardly ever find a better one."""

Floats = NDArray[np.float64]


def best_tour(travel: Floats, stay: Floats, value: Floats, budget: float) -> list[int]:
    """The places to visit, in order.

    Args:
        travel: symmetrical times (n + 1, n + 1) between the start (row 0) and the places (rows 1 to n).
        stay: time at each place (n,), in the same unit.
        value: of each place (n,), > 0 where it is worth a visit.
        budget: time for the whole, back at the start.

    Returns:
        Positions 0 to n − 1; empty where no place can be reached. The time of the tour is at most ``budget``.
    """
    stays = np.append(0.0, stay)
    values = np.append(0.0, value)
    alone = 2 * travel[0] + stays
    alone[0] = np.inf
    reachable = np.flatnonzero((alone <= budget) & (values > 0))
    if not len(reachable):
        return []
    by_rate = reachable[np.argsort(-values[reachable] / np.maximum(alone[reachable], 1e-9), kind="stable")]
    by_value = reachable[np.argsort(-values[reachable], kind="stable")]
    firsts = dict.fromkeys(
        [*by_rate[: FIRST_PLACES // 2].tolist(), *by_value[: FIRST_PLACES // 2].tolist()],
    )
    best: list[int] = []
    most = -1.0
    for first in firsts:
        tour = _improved([first], travel, stays, values, budget)
        gained = float(values[tour].sum())
        if gained > most + 1e-12:
            best, most = tour, gained
    return [place - 1 for place in best]


def tour_time(tour: list[int], travel: Floats, stay: Floats) -> float:
    """Time of a round trip through places (0 to n − 1) in this order."""
    way = [0, *(place + 1 for place in tour), 0]
    return float(travel[way[:-1], way[1:]].sum() + stay[tour].sum()) if tour else 0.0


def _improved(tour: list[int], travel: Floats, stays: Floats, values: Floats, budget: float) -> list[int]:
    gained = -1.0
    while True:
        tour = _filled(tour, travel, stays, values, budget)
        tour = _shortened(tour, travel)
        tour = _filled(tour, travel, stays, values, budget)
        tour = _exchanged(tour, travel, stays, values, budget)
        now = float(values[tour].sum())
        if now <= gained + 1e-12:
            return tour
        gained = now


def _length(tour: list[int], travel: Floats, stays: Floats) -> float:
    way = np.array([0, *tour, 0])
    return float(travel[way[:-1], way[1:]].sum() + stays[tour].sum())


def _detours(tour: list[int], travel: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Least extra travel of visiting each place (n + 1,), and before which position of the tour."""
    way = np.array([0, *tour, 0])
    extra = travel[way[:-1]] + travel[way[1:]] - travel[way[:-1], way[1:]][:, None]
    where = extra.argmin(axis=0)
    return extra[where, np.arange(extra.shape[1])], where


def _filled(tour: list[int], travel: Floats, stays: Floats, values: Floats, budget: float) -> list[int]:
    """Insert the place of the best value for its time, again and again."""
    tour = list(tour)
    used = _length(tour, travel, stays)
    free = values > 0
    free[tour] = False
    while free.any():
        extra, where = _detours(tour, travel)
        cost = extra + stays
        fits = free & (used + cost <= budget)
        if not fits.any():
            return tour
        rate = np.where(fits, values / np.maximum(cost, 1e-9), -1.0)
        chosen = int(rate.argmax())
        tour.insert(int(where[chosen]), chosen)
        free[chosen] = False
        used = _length(tour, travel, stays)
        if used > budget:  # by rounding alone
            tour.remove(chosen)
            return tour
    return tour


def _shortened(tour: list[int], travel: Floats) -> list[int]:
    """The same places on a shorter way: turn a stretch round (2-opt), or move up to three places (or-opt)."""
    for _ in range(10 * len(tour)):
        way = np.array([0, *tour, 0])
        n = len(tour)
        here = travel[way[:-1], way[1:]]
        # turning way[i + 1 … j] round replaces the edges i and j
        gain = here[:, None] + here[None, :] - travel[np.ix_(way[:-1], way[:-1])] - travel[np.ix_(way[1:], way[1:])]
        i, j = np.unravel_index(int(np.triu(gain, 1).argmax()), gain.shape)
        if gain[i, j] > 1e-9 and i < j:
            tour = [*tour[:i], *tour[i:j][::-1], *tour[j:]]
            continue
        moved = next(
            (new for size in (1, 2, 3) for at in range(n - size + 1) if (new := _moved(tour, at, size, travel))), None
        )
        if moved is None:
            return tour
        tour = moved
    return tour


def _moved(tour: list[int], at: int, size: int, travel: Floats) -> list[int] | None:
    """The tour with the stretch of ``size`` places from ``at`` on moved where it shortens the way, if anywhere."""
    stretch, rest = tour[at : at + size], [*tour[:at], *tour[at + size :]]
    before, after = (0, *tour)[at], (*tour, 0)[at + size]
    saved = travel[before, stretch[0]] + travel[stretch[-1], after] - travel[before, after]
    way = np.array([0, *rest, 0])
    ahead = travel[way[:-1], stretch[0]] + travel[stretch[-1], way[1:]] - travel[way[:-1], way[1:]]
    turned = travel[way[:-1], stretch[-1]] + travel[stretch[0], way[1:]] - travel[way[:-1], way[1:]]
    cost = np.minimum(ahead, turned)
    where = int(cost.argmin())
    if saved - cost[where] <= 1e-9:
        return None
    placed = stretch if ahead[where] <= turned[where] else stretch[::-1]
    return [*rest[:where], *placed, *rest[where:]]


def _exchanged(tour: list[int], travel: Floats, stays: Floats, values: Floats, budget: float) -> list[int]:
    """Give up the one place whose exchange for another gains most, if any does."""
    best: tuple[float, list[int]] = (1e-12, tour)
    for at, given_up in enumerate(tour):
        rest = [*tour[:at], *tour[at + 1 :]]
        extra, where = _detours(rest, travel)
        fits = _length(rest, travel, stays) + extra + stays <= budget
        fits[[0, *tour]] = False
        gain = np.where(fits, values - values[given_up], -np.inf)
        chosen = int(gain.argmax())
        if gain[chosen] > best[0]:
            new = [*rest[: where[chosen]], chosen, *rest[where[chosen] :]]
            if _length(new, travel, stays) <= budget:
                best = (float(gain[chosen]), new)
    return best[1]

"""Which hexagons belong to which zone: first those a team decided on, then discs chosen on what these leave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from aggregator.proposals.decisions import Decision
from aggregator.proposals.demand import Demand
from aggregator.proposals.discs import Chosen, greedy, lambert_93, reach
from aggregator.proposals.exact import Exact, exact_discs
from aggregator.proposals.parameters import ZoneParameters


@dataclass(frozen=True, slots=True)
class Choice:
    """How good the choice of discs is, zones a team decided on apart.

    Attributes:
        chosen: the discs, what they hold together and what no choice exceeds.
        exact: what the integer programme found, None where it was not asked.
        demand: what it was made on, with the laws behind.
    """

    chosen: Chosen
    exact: Exact | None
    demand: Demand


@dataclass(frozen=True, slots=True)
class Area:
    """Hexagons of one zone.

    Attributes:
        centre: position of the hexagon at the zone's centre.
        centres: (n, 2) of its discs in Lambert-93, its own first, then those of the zones merged into it.
        members: positions of its hexagons, ascending.
        gain: their evidenced demand.
        zone_id: of a zone that was decided on, else empty, as are ``decision`` (``kept`` or ``set-aside``), ``names``
            (its own, which may be empty, and those merged into it) and ``merged`` (ids).
    """

    centre: int
    centres: NDArray[np.float64]
    members: NDArray[np.intp]
    gain: float
    zone_id: str = ""
    decision: str = ""
    names: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()

    def holds(self, places: NDArray[np.float64], radius_m: float) -> NDArray[np.bool_]:
        """Which places (n, 2) lie in one of its discs."""
        apart = np.hypot(*(places[:, None, :] - self.centres[None, :, :]).transpose(2, 0, 1))
        return np.asarray((apart <= radius_m).any(axis=1))


def decided_areas(
    demand: Demand, metres: NDArray[np.float64], decisions: Sequence[Decision], radius_m: float
) -> tuple[list[Area], NDArray[np.bool_]]:
    """Zones the team decided on, where they were, and which hexagons (h,) they leave.

    Kept ones take their hexagons before those set aside; a zone without any hexagon of the territory is left out.

    Args:
        demand: of the territory.
        metres: Lambert-93 of its hexagons.
        decisions: as ``decisions.located`` gives them, without open ones; a merged zone's hexagons go to the zone it
            was merged into.
        radius_m: radius of a disc.
    """
    free = np.ones(len(demand.cells), dtype=bool)
    placed = {
        one.zone_id: (one, lambert_93([one.latitude], [one.longitude])[0])
        for one in sorted(decisions, key=lambda one: one.zone_id)
        if one.latitude is not None and one.longitude is not None
    }
    if not placed or not len(free):
        return [], free
    tree, evidenced = cKDTree(metres), demand.evidenced
    hosts = [one for one, _ in placed.values() if one.decision != "merged"]
    areas = []
    for host in sorted(hosts, key=lambda one: one.decision == "set-aside"):
        guests = [one for one, _ in placed.values() if one.decision == "merged" and one.into == host.zone_id]
        centres = np.array([placed[one.zone_id][1] for one in (host, *guests)])
        inside = np.unique(np.concatenate([np.asarray(near) for near in tree.query_ball_point(centres, radius_m)]))
        members = inside.astype(np.intp)
        members = members[free[members]]
        if not len(members):
            continue
        free[members] = False
        _, nearest = tree.query(centres[0])
        areas.append(
            Area(
                centre=int(nearest),
                centres=centres,
                members=members,
                gain=float(evidenced[members].sum()),
                zone_id=host.zone_id,
                decision=host.decision,
                names=tuple(one.name for one in (host, *guests)),
                merged=tuple(one.zone_id for one in guests),
            )
        )
    return areas, free


def wanted_areas(
    demand: Demand,
    metres: NDArray[np.float64],
    free: NDArray[np.bool_],
    count: int,
    parameters: ZoneParameters,
    wanted: Callable[[Area], bool],
) -> tuple[list[Area], Choice]:
    """Up to ``count`` areas as ``new_areas`` chooses them; those not wanted give way to the next ones."""
    found, choice = new_areas(demand, metres, free, count, parameters)
    kept, free, asked = list[Area](), free.copy(), count
    while True:
        kept += [area for area in found if wanted(area)]
        if len(kept) >= count or len(found) < asked:  # enough, or no disc is left
            return kept[:count], choice
        for area in found:
            free[area.members] = False
        asked *= 2  # few rounds, however many give way
        found, _ = new_areas(demand, metres, free, asked, replace(parameters, exact=False))


def new_areas(
    demand: Demand, metres: NDArray[np.float64], free: NDArray[np.bool_], count: int, parameters: ZoneParameters
) -> tuple[list[Area], Choice]:
    """Up to ``count`` discs on the free hexagons, greedy, or better ones where the parameters ask for them.

    They are chosen on all unmet demand, among the discs of which enough is evidenced; where these are fewer than
    ``count``, the others follow on what is left, and rest on prior probability. Centres are hexagons with people or a
    road; discs with next to no demand are left out.
    """
    unmet, evidenced = (np.where(free, values, 0.0) for values in (demand.unmet, demand.evidenced))
    every = reach(metres, unmet, demand.demand > 0, parameters.radius_m, free)
    discs = every.only(every.holds @ evidenced >= parameters.class_share * (every.holds @ unmet))
    found, exact = greedy(discs, unmet, count, evidenced, parameters.class_share), None
    worthy = sum(disc.gain >= parameters.least_unmet for disc in found.discs)
    if worthy < count:  # the others are too small, and no choice of as many is to be looked for
        found = greedy(discs, unmet, worthy, evidenced, parameters.class_share) if worthy else Chosen([], 0.0)
    if parameters.exact and worthy:
        exact = exact_discs(discs, unmet, worthy, found, seconds=parameters.exact_seconds)
        found = exact.chosen
    areas = [
        Area(disc.centre, metres[[disc.centre]], disc.members, float(evidenced[disc.members].sum()))
        for disc in found.discs
    ]
    return [*areas, *_untested(demand, metres, free, areas, count - len(areas), parameters)], Choice(
        found, exact, demand
    )


def _untested(
    demand: Demand,
    metres: NDArray[np.float64],
    free: NDArray[np.bool_],
    areas: Sequence[Area],
    count: int,
    parameters: ZoneParameters,
) -> list[Area]:
    """Up to ``count`` more discs, on all unmet demand of the hexagons that no area holds."""
    if not count:
        return []
    free = free.copy()
    for area in areas:
        free[area.members] = False
    unmet = np.where(free, demand.unmet, 0.0)
    discs = reach(metres, unmet, demand.demand > 0, parameters.radius_m, free)
    evidenced = demand.evidenced
    return [
        Area(disc.centre, metres[[disc.centre]], disc.members, float(evidenced[disc.members].sum()))
        for disc in greedy(discs, unmet, count).discs
        if disc.gain >= parameters.least_unmet
    ]

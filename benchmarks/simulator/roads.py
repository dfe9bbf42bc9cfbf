"""Roads as a graph with their geometry, and places along the shortest way between two of its nodes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from aggregator.synthetic.world import STEP_M, Booleans, Floats, Integers, bent_road


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Shortest ways from some nodes to all others, shape (starts, nodes).

    Attributes:
        metres: length; infinite where there is no way.
        before: the node before the last, −9999 where there is none.
    """

    metres: Floats
    before: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """Stretches of road between nodes.

    Attributes:
        nodes: how many; the first are the settlements.
        ends: first and last node of each stretch, shape (stretches, 2).
        first, count: where its points lie in ``points``; one every 50 m, both ends included.
        main: stretches of a main road; the others are lanes.
        points: shape (points, 2), metres.
        main_points: points of main roads.
    """

    nodes: int
    ends: Integers
    first: Integers
    count: Integers
    main: Booleans
    points: Floats
    main_points: Booleans

    @property
    def metres(self) -> Floats:
        """Length of each stretch."""
        return np.asarray((self.count - 1) * STEP_M)

    def ways(self, starts: Integers) -> Ways:
        """Shortest ways from each of ``starts``."""
        graph = csr_array((self.metres, (self.ends[:, 0], self.ends[:, 1])), shape=(self.nodes, self.nodes))
        metres, before = dijkstra(graph, directed=False, indices=starts, return_predecessors=True)
        return Ways(metres, before)

    def along(self, ways: Ways, start: Integers, end: Integers, share: Floats) -> Floats:
        """The place (n, 2) after ``share`` of the way from row ``start`` of ``ways`` to node ``end``."""
        target = share * ways.metres[start, end]
        node, before = end.copy(), ways.before[start, end].astype(np.int64)
        far = np.flatnonzero(before >= 0)
        while len(far):
            far = far[ways.metres[start[far], before[far]] > target[far]]
            node[far] = before[far]
            before[far] = ways.before[start[far], node[far]]
        key = self.ends.min(axis=1) * self.nodes + self.ends.max(axis=1)
        order = np.argsort(key)
        stretch = order[np.searchsorted(key[order], np.minimum(node, before) * self.nodes + np.maximum(node, before))]
        step = ((target - ways.metres[start, before]) / STEP_M).astype(np.int64)
        step = np.clip(step, 0, self.count[stretch] - 1)
        backwards = self.ends[stretch, 0] == node
        return self.points[self.first[stretch] + np.where(backwards, self.count[stretch] - 1 - step, step)]


def joined(
    places: Floats, main: Sequence[tuple[int, int, Floats]], villages: int, random: np.random.Generator
) -> Roads:
    """Main roads, cut where lanes begin, and two lanes per hamlet.

    Args:
        places: settlements; those from ``villages`` on are hamlets.
        main: node, node and points of every main road.
        villages: how many settlements are no hamlets.
        random: bends the lanes.
    """
    on_road = np.vstack([points for _, _, points in main])
    starts = np.cumsum([0, *(len(points) for _, _, points in main)])
    hamlets = np.arange(villages, len(places))
    landing = np.asarray(KDTree(on_road).query(places[hamlets])[1])
    # A lane ends where the road is: one node per point of a road that a lane reaches, unless it is the road's end.
    node_of = np.full(len(on_road), -1, dtype=np.int64)
    for road, (a, b, points) in enumerate(main):
        node_of[starts[road]], node_of[starts[road] + len(points) - 1] = a, b
    fresh = np.unique(landing[node_of[landing] < 0])
    node_of[fresh] = len(places) + np.arange(len(fresh))
    stretches: list[tuple[int, int, Floats]] = []
    for road, (_, _, points) in enumerate(main):
        cuts = np.flatnonzero(node_of[starts[road] : starts[road] + len(points)] >= 0)
        nodes = node_of[starts[road] + cuts]
        stretches += [
            (int(nodes[i]), int(nodes[i + 1]), points[cuts[i] : cuts[i + 1] + 1]) for i in range(len(cuts) - 1)
        ]
    main_stretches = len(stretches)
    lanes = {(int(hamlet), int(node)) for hamlet, node in zip(hamlets, node_of[landing], strict=True)}
    nearest = hamlets[np.asarray(KDTree(places[hamlets]).query(places[hamlets], k=2)[1])[:, 1]]
    lanes |= {(int(min(pair)), int(max(pair))) for pair in zip(hamlets, nearest, strict=True)}
    where = np.vstack([places, on_road[fresh]])
    stretches += [(a, b, bent_road(where[a], where[b], random)) for a, b in sorted(lanes)]
    counts = np.array([len(points) for _, _, points in stretches])
    is_main = np.arange(len(stretches)) < main_stretches
    return Roads(
        nodes=len(where),
        ends=np.array([(a, b) for a, b, _ in stretches]),
        first=np.cumsum(counts) - counts,
        count=counts,
        main=is_main,
        points=np.vstack([points for _, _, points in stretches]),
        main_points=np.repeat(is_main, counts),
    )

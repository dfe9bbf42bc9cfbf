"""The best discs there are, by mixed-integer programming: how far is the greedy choice from them?

Candidates that no better choice can contain are dropped first. Where λ_h is the price of a hexagon, 0 ≤ λ_h ≤ W_h, no
choice of N discs holds more than Σ (W − λ) plus the N largest sums of prices in a disc (Lagrangian relaxation, Fisher
1981); a candidate that would stay below the greedy choice even so cannot be part of a better one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_matrix, csr_matrix, hstack, identity, vstack

from aggregator.proposals.discs import Chosen, Floats, Reach, in_order

PRICE_STEPS = 400
"""Ours: subgradient steps on the prices; the bound is then mostly within a percent of the greedy choice."""
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Exact:
    """The better of the programme's choice and the greedy one.

    Attributes:
        chosen: its discs and what no choice can exceed.
        proven: whether the programme ended, so that no choice is better.
        candidates: centres that could not be ruled out beforehand.
        greedy_total: demand the greedy choice holds.
    """

    chosen: Chosen
    proven: bool
    candidates: int
    greedy_total: float

    @property
    def gap(self) -> float:
        """Share by which a better choice might exceed this one."""
        return max(0.0, 1 - self.chosen.guarantee)


def exact_discs(discs: Reach, demand: Floats, count: int, greedy: Chosen, *, seconds: float) -> Exact:
    """Solve max Σ W_h y_h, y_h ≤ Σ of the discs that hold h, N discs at most.

    Args:
        discs: all candidates.
        demand: W (h,).
        count: N.
        greedy: the greedy choice among them.
        seconds: time allowed; where it runs out, the best found so far counts, with its gap.
    """
    bound, kept = _promising(discs, demand, count, greedy.total)
    if len(discs.centres) <= count or bound <= greedy.total * (1 + TOLERANCE) or not len(kept):
        return Exact(Chosen(greedy.discs, greedy.total), True, len(kept), greedy.total)
    held, worth = _merged(discs.holds[kept], demand)
    candidates, groups = held.shape
    covered = hstack([-csr_matrix(held.T), identity(groups, format="csr")])
    budget = hstack([csr_matrix(np.ones((1, candidates))), csr_matrix((1, groups))])
    limits = np.append(np.zeros(groups), float(count))
    solution = milp(
        np.concatenate([np.zeros(candidates), -worth]),
        integrality=np.concatenate([np.ones(candidates), np.zeros(groups)]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(vstack([covered, budget], format="csc"), -np.inf, limits),
        options={"time_limit": seconds, "mip_rel_gap": TOLERANCE},
    )
    best = greedy.discs
    if solution.x is not None:
        rows = kept[np.flatnonzero(solution.x[:candidates] > 0.5)]
        found = in_order(discs, rows.tolist(), demand)
        if sum(disc.gain for disc in found) > greedy.total * (1 + TOLERANCE):
            best = found
    total = float(sum(disc.gain for disc in best))
    proven = solution.status == 0
    ceiling = -float(solution.mip_dual_bound) if solution.mip_dual_bound is not None else bound
    bound = total if proven else max(total, min(bound, max(ceiling, greedy.total)))
    return Exact(Chosen(best, bound), proven, len(kept), greedy.total)


def _promising(discs: Reach, demand: Floats, count: int, target: float) -> tuple[float, NDArray[np.intp]]:
    """What no choice of ``count`` discs exceeds, and the candidates that one better than ``target`` may contain."""
    price = np.full(len(demand), 0.5)  # as a share of W
    back = csc_matrix(discs.holds).T.tocsr()
    bound, kept = np.inf, np.ones(len(discs.centres), dtype=bool)
    size, waited = 1.0, 0
    for _ in range(PRICE_STEPS):
        sums = discs.holds @ (price * demand)
        order = np.argsort(-sums, kind="stable")[:count]
        value = float(((1 - price) * demand).sum() + sums[order].sum())
        kept &= value - sums[order[-1]] + sums >= target * (1 - TOLERANCE)
        waited = 0 if value < bound * (1 - 1e-4) else waited + 1
        bound = min(bound, value)
        size, waited = (size / 2, 0) if waited == 15 else (size, waited)
        picked = np.zeros(len(discs.centres))
        picked[order] = 1.0
        # against the slope Σ W (times held − 1), each price in proportion to its hexagon's W
        slope = back @ picked - 1.0
        slope[((price <= 0) & (slope > 0)) | ((price >= 1) & (slope < 0))] = 0.0
        length = float((slope**2) @ demand)
        if length == 0 or value <= target:
            break
        price = np.clip(price - size * (value - target) * slope / length, 0.0, 1.0)
    return bound, np.flatnonzero(kept)


def _merged(held: csr_matrix, demand: Floats) -> tuple[csr_matrix, Floats]:
    """Hexagons that the same candidates hold become one: (candidates, groups) and the demand of each group."""
    columns = csc_matrix(held)
    sizes = np.diff(columns.indptr)
    mark = np.random.default_rng(0).integers(1, 2**62, size=(held.shape[0], 2), dtype=np.int64)
    owner = np.repeat(np.arange(held.shape[1]), sizes)
    marks = np.zeros((held.shape[1], 2), dtype=np.int64)
    np.add.at(marks, owner, mark[columns.indices])  # sums wrap around: equal sets have equal marks
    needed = np.flatnonzero((sizes > 0) & (demand > 0))
    _, first, group = np.unique(marks[needed], axis=0, return_index=True, return_inverse=True)
    worth = np.bincount(group.reshape(-1), weights=demand[needed]).astype(np.float64)
    return csr_matrix(columns[:, needed[first]]), worth

"""How much of each territory is declared, and how much of that is confirmed, contradicted, suspected or unknown.

The declared share of a hexagon counts in the state of its verdict: a hexagon of which 80 % is declared and whose claim
is confirmed adds 80 % of its surface to ``confirmed`` and 20 % to ``undeclared``. People and lines take the share of
the accessible part where one is known (they are in it), surface that of the whole area.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import USAGE, DeclaredCoverage
from aggregator.proposals.demand import prevailing
from aggregator.publication.observatory.places import KINDS, Places

STATES = (
    *("confirmed", "contradicted_strong", "contradicted_moderate", "suspected", "unknown"),
    *("undeclared_service", "undeclared", "unspoken"),
)
"""A partition of what there is. ``unknown``: declared, and no measurement allows a conclusion. ``undeclared_service``:
not declared, in a hexagon where service was shown all the same. ``unspoken``: no source speaks about it."""

DECLARED = STATES[:5]
"""The states that add up to what is declared."""

THRESHOLD = "service"
SUBJECT = ["operator", "technology"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Of every territory.

    Attributes:
        subjects: ``operator, technology``, sorted (s,).
        totals: for each kind (territories, measures).
        by_state: for each kind (subjects, territories, measures, states).
        measured: for each kind (subjects, territories, measures): in hexagons that have a published figure.
    """

    subjects: pd.DataFrame
    totals: dict[str, NDArray[np.float64]]
    by_state: dict[str, NDArray[np.float64]]
    measured: dict[str, NDArray[np.float64]]


def shares_of(
    places: Places, verdicts: pd.DataFrame, measured: pd.DataFrame, claims: pd.DataFrame, constants: Constants
) -> Shares:
    """Lay claims and verdicts over territories.

    Args:
        places: territories.
        verdicts: those that may be told, as ``judgement.comparison.compare`` gives them.
        measured: ``h3_r8, operator, technology`` of hexagons with a published figure of service.
        claims: columns of ``evidence.claims_table.CLAIMS``.
        constants: of the decision rule.
    """
    told = prevailing(verdicts[verdicts["threshold"] == THRESHOLD])
    data = claims[claims["usage"] == USAGE]
    either = pd.concat([data[SUBJECT], told[SUBJECT]]).astype("str").drop_duplicates()
    subjects = either.sort_values(SUBJECT, ignore_index=True)
    by_area = DeclaredCoverage(data.drop(columns="accessible_share", errors="ignore"), constants)
    by_place = DeclaredCoverage(data, constants)
    cells, cell = np.unique(places.pieces["h3_r8"].to_numpy(np.int64), return_inverse=True)
    measures = places.measures
    weights = places.pieces[measures].to_numpy(np.float64)
    commune = places.pieces["commune"].to_numpy(np.intp)
    communes = len(places.membership["commune"])
    found = np.zeros((len(subjects), communes, len(measures), len(STATES)))
    seen = np.zeros((len(subjects), communes, len(measures)))
    for number, (operator, technology) in enumerate(subjects.itertuples(index=False, name=None)):
        own = told[(told["operator"] == operator) & (told["technology"] == technology)]
        verdict = _states(own, cells)[cell]
        inside, outside = np.where(verdict < 0, STATES.index("unknown"), verdict), _elsewhere(verdict)
        inside = np.where(inside == STATES.index("undeclared_service"), STATES.index("unknown"), inside)
        there = measured[(measured["operator"] == operator) & (measured["technology"] == technology)]
        visited = np.isin(cells, there["h3_r8"].to_numpy(np.int64))[cell]
        for column, measure in enumerate(measures):
            coverage = by_area if measure == "surface" else by_place
            share, weight = coverage.shares(operator, technology, cells)[cell], weights[:, column]
            spoken = ~np.isnan(share)
            declared = np.where(spoken, share, 0.0) * weight
            _add(found[number, :, column], commune, inside, declared)
            _add(
                found[number, :, column],
                commune,
                np.where(spoken, outside, STATES.index("unspoken")),
                weight - declared,
            )
            seen[number, :, column] = np.bincount(commune, weights=weight * visited, minlength=communes)
    whole = np.column_stack([np.bincount(commune, weight, communes) for weight in weights.T]).astype(np.float64)
    return Shares(
        subjects=subjects,
        totals={kind: places.summed(whole, kind) for kind in KINDS},
        by_state={kind: np.swapaxes(places.summed(np.swapaxes(found, 0, 1), kind), 0, 1) for kind in KINDS},
        measured={kind: np.swapaxes(places.summed(np.swapaxes(seen, 0, 1), kind), 0, 1) for kind in KINDS},
    )


def _states(verdicts: pd.DataFrame, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position in :data:`STATES` of what each hexagon's verdict says, −1 for no conclusion."""
    said = verdicts["verdict"].astype("str")
    named = said.where(said != "contradicted", "contradicted_" + verdicts["strength"].astype("str"))
    named = named.replace({"unclaimed_service": "undeclared_service"})
    numbers = named.map({state: number for number, state in enumerate(STATES)}).fillna(-1).astype(np.int64)
    by_cell = pd.Series(numbers.to_numpy(), index=verdicts["h3_r8"].to_numpy(np.int64), dtype=np.int64)
    return by_cell.reindex(cells, fill_value=-1).to_numpy()


def _elsewhere(verdict: NDArray[np.int64]) -> NDArray[np.int64]:
    """State of the part that is not declared."""
    served = STATES.index("undeclared_service")
    return np.where(verdict == served, served, STATES.index("undeclared"))


def _add(
    into: NDArray[np.float64], commune: NDArray[np.intp], state: NDArray[np.int64], value: NDArray[np.float64]
) -> None:
    flat = np.bincount(commune * len(STATES) + state, weights=value, minlength=into.size)
    into += flat.reshape(into.shape)

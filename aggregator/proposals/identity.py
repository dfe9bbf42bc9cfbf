"""A zone keeps its name through the years: that of the zone nearest to it which a team noted, else of the last ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.proposals.discs import lambert_93


def zone_ids(
    centres: Sequence[int],
    departements: Sequence[str],
    metres: NDArray[np.float64],
    previous: pd.DataFrame | None,
    *,
    radius_m: float,
    reserved: Sequence[str] = (),
    noted: pd.DataFrame | None = None,
) -> list[str]:
    """One id per zone, in the zones' order.

    Pairs of an old and a new disc that overlap (centres less than two radii apart) are matched one to one, nearest
    first; zones that a team wrote about come before the others. A zone without a match gets
    ``<departement>-<H3 index of its centre, without its padding>``.

    Args:
        centres: H3 index of each zone's centre.
        departements: INSEE code of each zone's departement.
        metres: Lambert-93 of each centre.
        previous: zones of the last release (``zone_id``, ``latitude``, ``longitude``), or nothing.
        radius_m: radius of the discs.
        reserved: ids that a team decided on: none of these zones may have one.
        noted: zones that a team only wrote about, with the columns of ``previous``, or nothing.
    """
    kept: dict[int, str] = {}
    for known in (noted, previous):
        if known is None or known.empty or not len(centres):
            continue
        old = known[~known["zone_id"].isin([*reserved, *kept.values()])].sort_values("zone_id")
        old_ids = [str(zone_id) for zone_id in old["zone_id"]]
        old_metres = lambert_93(old["latitude"].tolist(), old["longitude"].tolist())
        apart = np.hypot(*(metres[:, None, :] - old_metres[None, :, :]).transpose(2, 0, 1))
        pairs = [
            (float(apart[row, column]), old_ids[column], int(centres[row]), row)
            for row, column in zip(*np.nonzero(apart < 2 * radius_m), strict=True)
        ]
        for _, old_id, _, row in sorted(pairs):
            if row not in kept and old_id not in kept.values():
                kept[row] = old_id
    taken = {*kept.values(), *reserved}
    for row, centre in enumerate(centres):
        if row not in kept:
            kept[row] = _new_id(departements[row], int(centre), taken)
            taken.add(kept[row])
    return [kept[row] for row in range(len(centres))]


def _new_id(departement: str, centre: int, taken: set[str]) -> str:
    """The centre may still belong to a zone that moved away and took its id along: then a number follows."""
    plain = f"{departement}-{h3.int_to_str(centre).rstrip('f')}"
    candidates = [plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)

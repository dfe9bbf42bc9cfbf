"""Roads and railways: what is known of each operator's service along them, and how long its longest gaps are.

Every metre of a line takes what is known of its hexagon. It is a summary of verdicts on places, not a measurement of
the line, and no finding about an obligation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.ledger import TECHNOLOGIES
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import declared_shares
from aggregator.proposals.demand import prevailing
from aggregator.proposals.paths import named_paths
from client_sdk.messages import tr

Progress = Callable[[str, float], None]

STATES = (
    *("confirmed", "unclaimed_service", "contradicted strong", "contradicted moderate", "suspected"),
    *("unclaimed", "insufficient", "unmeasured"),
)
"""What may be known of a place: the verdicts with their strengths; ``unclaimed``: not declared, and no service shown;
``insufficient``: measured, nothing concluded; ``unmeasured``: declared or not known to be, and nobody measured."""

SERVED = ("confirmed", "unclaimed_service")
DOUBTED = ("contradicted strong", "contradicted moderate", "suspected")

SPEED_KMH = {"roads": 90.0, "railways": 160.0}
"""Ours, to tell a gap in seconds: the limit on a French main road between towns, an ordinary train on a main line."""

SUBJECT = ["operator", "technology"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridors:
    """What is known along the lines of a layer.

    Attributes:
        paths: as :func:`aggregator.proposals.paths.named_paths` gives them.
        pieces: ``path`` (position in ``paths``), ``h3_r8``, ``start_m``, ``end_m``, LineString in EPSG:2154, in order
            along each path.
        states: one row per piece, operator and technology: ``piece`` (position in ``pieces``), ``state`` (of
            :data:`STATES`), ``votes`` of phones there and how many are ``failing``.
        table: one row per path, operator and technology about which something is known on the layer: kilometres by
            state, longest gaps; see :func:`summary`.
        threshold: ``service`` or Mbit/s of download.
        speed_kmh: at which gaps are told in seconds.
    """

    paths: gpd.GeoDataFrame
    pieces: gpd.GeoDataFrame
    states: pd.DataFrame
    table: pd.DataFrame
    threshold: str
    speed_kmh: float


def follow(
    lines: gpd.GeoDataFrame,
    verdicts: pd.DataFrame,
    claims: pd.DataFrame,
    *,
    speed_kmh: float,
    threshold: str = "service",
    within: NDArray[np.int64] | None = None,
    constants: Constants | None = None,
    progress: Progress | None = None,
) -> Corridors:
    """Lay verdicts and claims along the named lines of a layer.

    Args:
        lines: as ``evidence.lines.read_lines`` gives them.
        verdicts: as ``judgement.comparison.compare`` gives them.
        claims: as ``evidence.claims.read_claims`` gives them.
        speed_kmh: at which gaps are told in seconds.
        threshold: whose verdicts count: ``service`` or Mbit/s of download.
        within: hexagons to stay in; by default everywhere. A stretch never goes on across what is left out.
        constants: of the decision rule, for the share from which a hexagon is claimed.
        progress: told what is being done, and the share done.
    """
    report = progress or (lambda step, fraction: None)
    report(tr("lines", "lignes"), 0.0)
    paths = named_paths(lines)
    pieces = cut_by_hexagons(paths.geometry.to_numpy()).rename(columns={"line": "path"})
    if within is not None:
        pieces = pieces[np.isin(pieces["h3_r8"], within)].reset_index(drop=True)
    report(tr("verdicts along them", "verdicts le long des lignes"), 0.4)
    known, elsewhere = states_of_hexagons(verdicts, claims, threshold, constants or Constants())
    known = known[known["h3_r8"].isin(pieces["h3_r8"])]
    spoken = pd.MultiIndex.from_frame(elsewhere[SUBJECT]).isin(pd.MultiIndex.from_frame(known[SUBJECT]))
    elsewhere = elsewhere[spoken | (elsewhere["state"] == "unclaimed")]
    states = _along(pieces, known, elsewhere)
    report(tr("gaps", "lacunes"), 0.7)
    table = summary(paths, pieces, states, speed_kmh)
    report("", 1.0)
    return Corridors(paths=paths, pieces=pieces, states=states, table=table, threshold=threshold, speed_kmh=speed_kmh)


def states_of_hexagons(
    verdicts: pd.DataFrame, claims: pd.DataFrame, threshold: str, constants: Constants
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """State of every hexagon with a verdict or a claim, and of all others.

    Returns:
        ``h3_r8, operator, technology, state, votes, failing``; and ``operator, technology, state`` elsewhere, one
        row for every operator and technology that has a verdict or a claim: ``unclaimed`` where its source speaks
        about every hexagon, else ``unmeasured``.
    """
    key = ["h3_r8", *SUBJECT]
    rows = prevailing(verdicts[verdicts["threshold"] == threshold])
    said = rows["verdict"].where(rows["verdict"] != "contradicted", "contradicted " + rows["strength"])
    not_claimed = ~rows["claimed"].astype("boolean").fillna(True).astype(bool)
    said = said.mask((said == "insufficient") & not_claimed, "unclaimed")
    votes = rows["votes_outdoor"] + rows["votes_vehicle"]
    failing = rows["failing_outdoor"] + rows["failing_vehicle"]
    judged = rows.assign(state=said, votes=votes, failing=failing)[[*key, "state", "votes", "failing"]]

    shares = declared_shares(claims[claims["technology"].isin(TECHNOLOGIES)])
    claimed = shares["declared_share"] >= constants.claimed_share
    declared = shares.assign(state=np.where(claimed, "unmeasured", "unclaimed"), votes=0, failing=0)
    both = pd.concat([judged, declared[[*key, "state", "votes", "failing"]]], ignore_index=True)
    known = both.drop_duplicates(key, keep="first")

    bounded = shares.groupby(SUBJECT)["bounded"].any() if len(shares) else pd.Series(dtype=bool)
    subjects = known[SUBJECT].drop_duplicates().sort_values(SUBJECT, ignore_index=True)
    everywhere = {subject for subject, limited in bounded.items() if not limited}
    elsewhere = [
        "unclaimed" if subject in everywhere else "unmeasured"
        for subject in subjects.itertuples(index=False, name=None)
    ]
    return known, subjects.assign(state=elsewhere)


def summary(paths: gpd.GeoDataFrame, pieces: pd.DataFrame, states: pd.DataFrame, speed_kmh: float) -> pd.DataFrame:
    """Kilometres and longest gaps of each path, operator and technology.

    ``confirmed_km + unclaimed_service_km + contradicted_km + suspected_km + unclaimed_km + unknown_km = length_km``;
    ``contradicted_strong_km`` is part of ``contradicted_km``, ``measured_unknown_km`` (measured, nothing concluded) of
    ``unknown_km``. ``unconfirmed_gap_km`` is the longest stretch on which service was shown nowhere (neither confirmed
    nor, undeclared, present), ``doubted_gap_km`` the longest on which the claim is contradicted or suspected
    throughout; each with the kilometre where it begins, and its seconds at ``speed_kmh``.
    """
    place = pieces[["path", "start_m", "end_m"]].iloc[states["piece"]].reset_index(drop=True)
    rows = pd.concat([place, states.reset_index(drop=True)], axis=1)
    rows["km"] = (rows["end_m"] - rows["start_m"]) / 1000
    rows = rows.sort_values(["path", *SUBJECT, "start_m"], ignore_index=True)
    key = ["path", *SUBJECT]
    km = rows.pivot_table(index=key, columns="state", values="km", aggfunc="sum", fill_value=0.0)
    km = km.reindex(columns=pd.Index(STATES), fill_value=0.0)
    table = pd.DataFrame(
        {
            "length_km": km.sum(axis=1),
            "confirmed_km": km["confirmed"],
            "unclaimed_service_km": km["unclaimed_service"],
            "contradicted_km": km["contradicted strong"] + km["contradicted moderate"],
            "contradicted_strong_km": km["contradicted strong"],
            "suspected_km": km["suspected"],
            "unclaimed_km": km["unclaimed"],
            "unknown_km": km["insufficient"] + km["unmeasured"],
            "measured_unknown_km": km["insufficient"],
        }
    )
    gaps = {"unconfirmed": ~rows["state"].isin(SERVED), "doubted": rows["state"].isin(DOUBTED)}
    for name, held in gaps.items():
        found = _longest(rows, key, held).reindex(table.index, fill_value=0.0)
        table[f"{name}_gap_km"] = found["km"]
        table[f"{name}_gap_from_km"] = found["from_km"]
        table[f"{name}_gap_s"] = found["km"] / speed_kmh * 3600
    told: pd.DataFrame = table.reset_index()
    of_path = paths[["name", "part", "kind"]].iloc[told["path"]].reset_index(drop=True)
    told = pd.concat([told["path"], of_path, told.drop(columns="path")], axis=1)
    told["speed_kmh"] = speed_kmh
    return told


def _along(pieces: pd.DataFrame, known: pd.DataFrame, elsewhere: pd.DataFrame) -> pd.DataFrame:
    """State of every piece for every operator and technology."""
    asked = pd.DataFrame({"piece": np.arange(len(pieces)), "h3_r8": pieces["h3_r8"].to_numpy(np.int64)})
    asked = asked.merge(elsewhere.rename(columns={"state": "otherwise"}), how="cross")
    found = asked.merge(known, on=["h3_r8", *SUBJECT], how="left")
    return pd.DataFrame(
        {
            "piece": found["piece"],
            "operator": found["operator"],
            "technology": found["technology"],
            "state": found["state"].fillna(found["otherwise"]),
            "votes": found["votes"].fillna(0).astype(np.int64),
            "failing": found["failing"].fillna(0).astype(np.int64),
        }
    )


def _longest(rows: pd.DataFrame, key: list[str], held: "pd.Series[bool]") -> pd.DataFrame:
    """Length and start in km of the longest contiguous stretch that is ``held``, by key; the first of equal ones.

    ``rows`` are in order along each path; a piece continues a stretch where the one before it ends.
    """
    same = (rows[key] == rows[key].shift()).all(axis=1)
    joined = same & ((rows["start_m"] - rows["end_m"].shift()).abs() < 1e-3) & (held == held.shift())
    run = (~joined).cumsum()
    kept = rows[held]
    stretches = kept.groupby(run[held]).agg(
        **{name: (name, "first") for name in key}, km=("km", "sum"), from_km=("start_m", "min")
    )
    stretches["from_km"] /= 1000
    best = stretches.sort_values([*key, "km", "from_km"], ascending=[*[True] * len(key), False, True])
    return best.drop_duplicates(key).set_index(key)[["km", "from_km"]]

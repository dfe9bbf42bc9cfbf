"""One device, one vote, whatever its volume.

A device votes in a hexagon by its outdoor days if it has any there, else by its days in a vehicle. A day fails if at
least half of its tests fail; the vote fails if more than half of its days do. A device votes on a technology only if
it was seen on that technology or a better one somewhere within the window, and if it is not in quarantine
(:mod:`aggregator.judgement.trust`). Volunteers' votes are the crowd's; a field team's are a survey's.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import CAPABILITY, LEDGER, TECHNOLOGIES, THRESHOLDS
from aggregator.judgement.constants import Constants
from aggregator.judgement.excused import without_excused
from aggregator.judgement.grouping import Groups, boundaries, group, packed
from aggregator.judgement.survey import POINTS, count_points
from aggregator.judgement.trust import quarantined, trusted

EVIDENCE_OF_TIER = {"volunteer": "crowd", "field_team": "survey"}

SUBJECT = ["operator", "technology", "threshold", "evidence"]
"""What a vote is about, besides its place."""

VOTE_KEYS = ["h3_r8", *SUBJECT]

BALLOT = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle"]

VOTES = pa.schema(
    [
        ("h3_r8", pa.int64()),
        *((name, pa.string()) for name in VOTE_KEYS[1:]),
        *((name, pa.int64()) for name in (*BALLOT, "device_days", "tests")),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        *((name, pa.int64()) for name in POINTS),
    ]
)
"""Votes per hexagon, operator, technology, threshold and evidence; days and tests are those behind the votes. Points
are a field team's outdoor tests and the days they were made on; 0 for the crowd."""

VOTING_CONTEXTS = ("outdoor", "vehicle")
"""In the order in which a device votes. What was measured indoors, or nobody knows where, is no vote."""

_TEXTS = ["operator", "technology", "device_token", "tier", "context"]
_THRESHOLD = pd.CategoricalDtype(list(THRESHOLDS))
_RANKS = {technology: rank for rank, technology in enumerate(TECHNOLOGIES, start=1)}


def cast_votes(
    evidence: Path,
    *,
    last_day: date | None = None,
    window_days: int = 365,
    constants: Constants | None = None,
    excused: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Votes of the days from ``last_day - window_days + 1`` to ``last_day``, without the devices in quarantine.

    Args:
        evidence: directory with ``ledger.parquet`` and ``capability.parquet``.
        last_day: end of the window; by default the last day in the ledger.
        window_days: length of the window.
        constants: of the decision rule.
        excused: declared outages, see :func:`votable_rows`.

    Returns:
        A frame with the columns of :data:`VOTES`, in the order of its keys.
    """
    ledger, capability = read_evidence(evidence)
    rows = votable_rows(ledger, capability, last_day or ledger["day"].max(), window_days, excused=excused)
    return votes_of(with_hexagon(rows), constants)[0]


def votes_of(rows: pd.DataFrame, constants: Constants | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votes (:data:`VOTES`) of rows as :func:`votable_rows` gives them, with ``h3_r8``; and who is in quarantine."""
    ballots = device_votes(rows, ["h3_r8"])
    quarantine = quarantined(ballots, constants)
    votes = tally(trusted(ballots, quarantine), ["h3_r8"])
    points = count_points(rows, VOTE_KEYS, constants or Constants())
    key = {name: points[name].astype("str") for name in SUBJECT}
    both = votes.drop(columns=POINTS).merge(points.assign(**key), on=VOTE_KEYS, how="left")
    return both.assign(**{name: both[name].fillna(0).astype("int64") for name in POINTS}), quarantine


def read_evidence(evidence: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ledger and the capabilities of a directory of evidence; texts as categories, days as datetime64."""
    ledger = pq.read_table(evidence / "ledger.parquet", schema=LEDGER, read_dictionary=_TEXTS)
    capability = pq.read_table(evidence / "capability.parquet", schema=CAPABILITY)
    return ledger.to_pandas(date_as_object=False), capability.to_pandas(date_as_object=False)


def last_day_in(evidence: Path) -> date | None:
    """Last day in the ledger, None where it is empty."""
    day: date | None = pc.max(pq.read_table(evidence / "ledger.parquet", columns=["day"])["day"]).as_py()
    return day


def with_hexagon(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with their hexagon ``h3_r8``, the parent of ``h3_r9``."""
    return rows.assign(h3_r8=parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION))


def votable_rows(
    ledger: pd.DataFrame,
    capability: pd.DataFrame,
    last_day: date,
    window_days: int,
    *,
    excused: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The ledger's rows that speak: in the window, outdoors or in a vehicle, from a device seen on the technology.

    Args:
        ledger: columns of :data:`aggregator.evidence.ledger.LEDGER`.
        capability: columns of :data:`aggregator.evidence.ledger.CAPABILITY`.
        last_day: last day of the window.
        window_days: its length.
        excused: declared outages: ``h3_r8`` or ``h3_r9``, ``operator``, ``technology`` (null: any), ``first_day``,
            ``last_day``. A row with failures there and then is left out.

    Returns:
        One row per ledger row and threshold with at least one test: ``h3_r9``, :data:`SUBJECT`, ``device_token``,
        ``context``, ``day`` (datetime64), ``tested``, ``failed``. Texts are categories.
    """
    rows = _in_window(ledger, last_day, window_days)
    seen = _in_window(capability, last_day, window_days)
    rows = rows[rows["context"].isin(VOTING_CONTEXTS)]
    rows = rows.assign(**{name: rows[name].astype("category") for name in _TEXTS})
    best = rows["device_token"].cat.rename_categories(str).map(seen.groupby("device_token")["best_rank"].max())
    able = rows[best.astype("float64").fillna(0) >= rows["technology"].map(_RANKS).astype("float64")]
    kept = able[["h3_r9", "operator", "technology", "device_token", "context", "day"]].assign(
        evidence=able["tier"].map(EVIDENCE_OF_TIER).astype("category")
    )
    parts = []
    for threshold in THRESHOLDS:
        tested = able[f"tested_{threshold}"].to_numpy(np.int64)
        spoken = tested > 0
        codes = np.full(spoken.sum(), THRESHOLDS.index(threshold), dtype=np.int8)
        named = pd.Categorical.from_codes(codes, dtype=_THRESHOLD)
        failed = able[f"failed_{threshold}"].to_numpy(np.int64)[spoken]
        parts.append(kept[spoken].assign(threshold=named, tested=tested[spoken], failed=failed))
    rows = pd.concat(parts, ignore_index=True)
    return rows if excused is None else without_excused(rows, excused)


def voting_rows(
    ledger: pd.DataFrame,
    capability: pd.DataFrame,
    last_day: date,
    window_days: int,
    *,
    constants: Constants | None = None,
    excused: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """:func:`votable_rows` without those of devices in quarantine: what the verdicts of this window rest on."""
    rows = votable_rows(ledger, capability, last_day, window_days, excused=excused)
    return trusted(rows, quarantined(device_votes(with_hexagon(rows), ["h3_r8"]), constants))


def _in_window(rows: pd.DataFrame, last_day: date, window_days: int) -> pd.DataFrame:
    days = pd.to_datetime(rows["day"])
    end = pd.Timestamp(last_day)
    return rows.assign(day=days)[(days <= end) & (days > end - timedelta(days=window_days))]


def count_votes(rows: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Votes per place and subject of rows as :func:`votable_rows` gives them, with the columns of ``place``.

    Returns:
        ``place``, :data:`SUBJECT` and the counts of :data:`VOTES`, in the order of the keys; days as datetime64.
    """
    return _sums(device_votes(rows, place), place)


def device_votes(rows: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """The vote of every device in every place, on every subject.

    Args:
        rows: as :func:`votable_rows` gives them, with the columns of ``place``.
        place: names of the columns that say where.

    Returns:
        ``place``, :data:`SUBJECT`, ``device_token``, ``outdoor`` (bool: the context it votes in), ``failing`` (bool),
        ``days``, ``tests``, ``first_day`` and ``last_day`` behind the vote, and ``succeeded``: tests that did, in any
        context. In the order of these keys.
    """
    device = [*place, *SUBJECT, "device_token"]
    key, sizes = packed(rows, [*device, "context", "day"])
    order = np.argsort(key, kind="stable")
    by_day = Groups(order, boundaries(key[order]))
    tested, failed = by_day.total(rows["tested"].to_numpy()), by_day.total(rows["failed"].to_numpy())
    context = key[by_day.first] // sizes[-1]
    by_context = Groups(np.arange(len(context)), boundaries(context))
    voter = context[by_context.first] // sizes[-2]
    by_device = Groups(np.arange(len(voter)), boundaries(voter))
    # "outdoor" sorts before "vehicle": the first context of a device is the one it votes in
    chosen = by_device.first
    days, first = by_context.sizes[chosen], by_context.starts[chosen]
    behind = by_day.first
    votes = rows[[*device, "context"]].iloc[behind[first]].reset_index(drop=True)
    day = rows["day"].to_numpy()
    return votes.drop(columns="context").assign(
        outdoor=votes["context"] == "outdoor",
        failing=2 * by_context.total(2 * failed >= tested)[chosen] > days,
        days=days,
        tests=by_context.total(tested)[chosen],
        first_day=day[behind[first]],
        last_day=day[behind[first + days - 1]],
        succeeded=by_device.total(by_context.total(tested - failed)),
    )


def tally(ballots: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Votes of devices (:func:`device_votes`) per place and subject: the columns of :data:`VOTES`."""
    votes = _sums(ballots, place)
    days = {name: _dates(votes[name].to_numpy()) for name in ("first_day", "last_day")}
    none = dict.fromkeys(POINTS, 0)
    return votes.assign(**days, **none).reindex(columns=[*place, *VOTES.names[1:]])


def _dates(days: NDArray[np.datetime64]) -> NDArray[np.object_]:
    distinct, which = np.unique(days.astype("datetime64[D]"), return_inverse=True)
    return distinct.astype(object)[which]


def _sums(ballots: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    by_place: Groups = group(ballots, [*place, *SUBJECT])
    outdoor, failing = ballots["outdoor"].to_numpy(bool), ballots["failing"].to_numpy(bool)
    named = ballots[[*place, *SUBJECT]].iloc[by_place.first].reset_index(drop=True)
    return named.assign(
        **{name: named[name].astype("str") for name in SUBJECT},
        votes_outdoor=by_place.total(outdoor),
        failing_outdoor=by_place.total(outdoor & failing),
        votes_vehicle=by_place.total(~outdoor),
        failing_vehicle=by_place.total(~outdoor & failing),
        device_days=by_place.total(ballots["days"].to_numpy()),
        tests=by_place.total(ballots["tests"].to_numpy()),
        first_day=by_place.least(ballots["first_day"].to_numpy()),
        last_day=by_place.greatest(ballots["last_day"].to_numpy()),
    )

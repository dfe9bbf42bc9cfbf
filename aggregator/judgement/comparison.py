"""Votes × claims → verdicts, with the evidence that each rests on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION
from aggregator.evidence.whole_file import replacing
from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import DeclaredCoverage
from aggregator.judgement.grouping import group
from aggregator.judgement.multiplicity import crowd_e_value, discarding_q
from aggregator.judgement.null import Ballot, largest_attainable, lower_tail, upper_tail
from aggregator.judgement.rules import RULES
from aggregator.judgement.survey import POINTS, with_survey_tails
from aggregator.judgement.votes import BALLOT, VOTES

VERDICTS = pa.schema(
    [
        *VOTES,
        ("devices", pa.int64()),
        ("failing", pa.int64()),
        ("claimed", pa.bool_()),
        ("declared_share", pa.float64()),
        ("accessible", pa.bool_()),
        ("edge", pa.bool_()),
        ("p", pa.float64()),
        ("p_withdrawn", pa.float64()),
        ("withdrawn", pa.int64()),
        ("verdict", pa.string()),
        ("strength", pa.string()),
        ("rule", pa.string()),
        ("conflict", pa.string()),
        ("q", pa.float64()),
        ("e_value", pa.float64()),
        ("resolution", pa.int64()),
        ("held_since", pa.date32()),
        ("constants", pa.string()),
    ]
)
"""``votes_…``, ``failing_outdoor``, ``failing_vehicle`` and the points are the hexagon's own, of this window;
``claimed`` and ``declared_share`` are its own too, null where no source speaks about it; ``accessible`` tells that the
share is that of its accessible part, not of its whole area. Everything else is what the verdict rests on: the same
votes, or those of an earlier window where ``held_since`` says until when they supported it
(:mod:`~aggregator.judgement.hysteresis`), or those of the poor hexagons of its parent together where ``resolution``
is 7 (:mod:`~aggregator.judgement.escalation`): the rows of one parent then tell one thing, not several.
``devices`` and ``failing`` are votes; for a survey they are points.

``p_withdrawn`` is p after ``withdrawn`` failing votes were taken out: as many as a strong contradiction wants, if it is
one (or was in the window that ``held_since`` names), else a moderate one; null for surveys, from which nothing is
withdrawn. ``q`` and ``e_value`` are null where nothing is claimed, ``q`` also where p is too large to be corrected.
``constants`` is the version of the constants."""

_TAILS = (
    *("withdrawn_strong", "withdrawn_moderate", "p", "p_poor"),
    *("p_strong", "p_cautious", "p_moderate", "e_value", "attainable"),
)


def compare(
    votes: pd.DataFrame,
    claims: pd.DataFrame,
    *,
    constants: Constants | None = None,
) -> pd.DataFrame:
    """A verdict for every row of votes, from them alone.

    Args:
        votes: columns of :data:`aggregator.judgement.votes.VOTES`.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without the column ``bounded``, a source
            speaks about every hexagon.
        constants: of the decision rule.

    Returns:
        A frame with the columns of :data:`VERDICTS`, in the order of the votes.
    """
    rule = constants or Constants()
    return compare_with(votes, DeclaredCoverage(claims, rule), rule)


def compare_with(votes: pd.DataFrame, declared: DeclaredCoverage, constants: Constants) -> pd.DataFrame:
    """:func:`compare` with claims that were read already."""
    rows = votes.reset_index(drop=True)
    return judged(rows.join(declared.around(rows)), constants)


def judged(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """A verdict for every row of votes with ``declared_share`` and ``edge``: the columns of :data:`VERDICTS`."""
    rows = rows.assign(**{name: rows.get(name, 0) for name in POINTS})
    is_claimed = rows["declared_share"] >= constants.claimed_share
    rows = rows.assign(
        devices=rows["votes_outdoor"] + rows["votes_vehicle"],
        failing=rows["failing_outdoor"] + rows["failing_vehicle"],
        is_crowd=rows["evidence"] == "crowd",
        has_claim=rows["declared_share"].notna(),
        is_claimed=is_claimed,
        claimed=is_claimed.astype("boolean").mask(rows["declared_share"].isna()),
    )
    return _decided(with_survey_tails(_with_tails(rows, constants), constants), constants)


def read_verdicts(judgement: Path) -> pd.DataFrame:
    """The verdicts in ``verdicts.parquet``; ``claimed`` is a nullable boolean."""
    verdicts: pd.DataFrame = pq.read_table(judgement / "verdicts.parquet", schema=VERDICTS).to_pandas()
    return verdicts.astype({"claimed": "boolean"})


def write_verdicts(verdicts: pd.DataFrame, judgement: Path) -> None:
    """Write ``verdicts.parquet``, rows in the order given."""
    table = pa.Table.from_pandas(verdicts, schema=VERDICTS, preserve_index=False)
    with replacing(judgement / "verdicts.parquet") as partial:
        pq.write_table(table, partial, compression="zstd")


def _with_tails(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """Tails beside each row: of all votes, and with as many withdrawn as each strength wants; q and e."""
    distinct = group(rows, [*BALLOT, "edge"])
    ballots = rows[[*BALLOT, "edge"]].iloc[distinct.first]
    ballot = Ballot(*(ballots[name].to_numpy(np.int64) for name in BALLOT))
    edge = ballots["edge"].to_numpy(bool)
    strong = np.where(edge, constants.strong_withdrawn_edge, constants.strong_withdrawn_inside)
    moderate = np.where(edge, constants.moderate_withdrawn_edge, constants.moderate_withdrawn_inside)
    promised = constants.promised_failure
    more_loss_db = constants.vehicle_loss_db + constants.strong_vehicle_margin_db
    cautious = replace(constants, vehicle_loss_db=more_loss_db)
    tails = (
        strong,
        moderate,
        upper_tail(ballot, promised, constants),
        lower_tail(ballot, constants.poor_failure, constants),
        upper_tail(ballot.without(strong), promised, constants),
        upper_tail(ballot.without(strong), promised, cautious),
        upper_tail(ballot.without(moderate), promised, constants),
        crowd_e_value(ballot, constants),
        largest_attainable(ballot, constants.discard_above, promised, constants),
    )
    which = distinct.labels
    told = rows.assign(**{name: tail[which] for name, tail in zip(_TAILS, tails, strict=True)})
    asked = told["is_crowd"] & told["is_claimed"]
    p = told["p"].where(asked).to_numpy(np.float64)
    families = group(told, ["technology", "threshold"]).labels
    q = discarding_q(p, told["attainable"].to_numpy(np.float64), families, constants)
    return told.assign(q=q, e_value=told["e_value"].where(asked))


def _decided(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    held = np.column_stack([rule.holds(rows, constants).to_numpy(bool) for rule in RULES])
    first = held.argmax(axis=1)
    spoken = np.array([rule.speaks for rule in RULES])
    opposite = np.array([{"against": "for", "for": "against"}.get(word, "-") for word in spoken])
    conflicting = held & (spoken[None, :] == opposite[first][:, None])
    crowd = rows["is_crowd"]
    strong = pd.Series(np.array([rule.strength == "strong" for rule in RULES])[first], index=rows.index)
    decided = rows.assign(
        devices=rows["devices"].where(crowd, rows["points"]),
        failing=rows["failing"].where(crowd, rows["failing_points"]),
        verdict=_texts([rule.verdict for rule in RULES], first),
        strength=_texts([rule.strength for rule in RULES], first),
        rule=_texts([rule.id for rule in RULES], first),
        conflict=_texts(
            [*(rule.id for rule in RULES), ""],
            np.where(conflicting.any(axis=1), conflicting.argmax(axis=1), len(RULES)),
        ),
        p_withdrawn=rows["p_strong"].where(strong, rows["p_moderate"]).where(crowd),
        withdrawn=rows["withdrawn_strong"].where(strong, rows["withdrawn_moderate"]).where(crowd, 0),
        resolution=HEXAGON_RESOLUTION,
        held_since=None,
        constants=constants.version,
    )
    return decided.reindex(columns=VERDICTS.names)


def _texts(texts: list[str], chosen: NDArray[np.int64]) -> "pd.api.extensions.ExtensionArray":
    return pd.array(texts, dtype="str").take(chosen)

"""Votes × claims → verdicts, with the evidence that each rests on."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.judgement.constants import Constants
from aggregator.judgement.declared import DeclaredCoverage
from aggregator.judgement.null import Ballot, lower_tail, upper_tail
from aggregator.judgement.rules import RULES
from aggregator.judgement.votes import VOTES

VERDICTS = pa.schema(
    [
        *VOTES,
        ("devices", pa.int64()),
        ("failing", pa.int64()),
        ("claimed", pa.bool_()),
        ("declared_share", pa.float64()),
        ("edge", pa.bool_()),
        ("p", pa.float64()),
        ("p_withdrawn", pa.float64()),
        ("withdrawn", pa.int64()),
        ("verdict", pa.string()),
        ("strength", pa.string()),
        ("rule", pa.string()),
        ("conflict", pa.string()),
    ]
)
"""``claimed`` and ``declared_share`` are null where no source speaks about the hexagon. ``p_withdrawn`` is p after
``withdrawn`` failing votes were taken out: as many as a strong contradiction wants, if it is one, else a moderate one.
``p`` and ``p_withdrawn`` are null for surveys, which the crowd's null hypothesis does not describe."""

_BALLOT = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle"]
_TAILS = {
    "p": "float64",
    "p_poor": "float64",
    "withdrawn_strong": "int64",
    "withdrawn_moderate": "int64",
    "p_strong": "float64",
    "p_moderate": "float64",
}


def compare(votes: pd.DataFrame, claims: pd.DataFrame, *, constants: Constants | None = None) -> pd.DataFrame:
    """A verdict for every row of votes.

    Args:
        votes: columns of :data:`aggregator.judgement.votes.VOTES`.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`; without the column ``bounded``, a source
            speaks about every hexagon.
        constants: of the decision rule.

    Returns:
        A frame with the columns of :data:`VERDICTS`, in the order of the votes.
    """
    rule = constants or Constants()
    rows = votes.reset_index(drop=True)
    rows = rows.assign(
        devices=rows["votes_outdoor"] + rows["votes_vehicle"],
        failing=rows["failing_outdoor"] + rows["failing_vehicle"],
    )
    return _judged(_with_tails(_with_claims(rows, claims, rule), rule), rule)


def read_verdicts(judgement: Path) -> pd.DataFrame:
    """The verdicts in ``verdicts.parquet``; ``claimed`` and ``edge`` are nullable booleans."""
    verdicts: pd.DataFrame = pq.read_table(judgement / "verdicts.parquet", schema=VERDICTS).to_pandas()
    return verdicts.astype({"claimed": "boolean"})


def write_verdicts(verdicts: pd.DataFrame, judgement: Path) -> None:
    """Write ``verdicts.parquet``, rows in the order given."""
    judgement.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(verdicts, schema=VERDICTS, preserve_index=False)
    pq.write_table(table, judgement / ".verdicts.parquet.partial", compression="zstd")
    os.replace(judgement / ".verdicts.parquet.partial", judgement / "verdicts.parquet")


def _with_claims(rows: pd.DataFrame, claims: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """``declared_share`` (NaN where unknown), ``has_claim``, ``is_claimed``, ``claimed`` and ``edge`` of each row."""
    declared = DeclaredCoverage(claims, constants)
    places = list(rows[["operator", "technology", "h3_r8"]].itertuples(index=False, name=None))
    known = {place: (declared.share(*place), declared.at_edge(*place)) for place in set(places)}
    shares = pd.Series([known[place][0] for place in places], index=rows.index, dtype="float64")
    is_claimed = shares >= constants.claimed_share
    return rows.assign(
        declared_share=shares,
        has_claim=shares.notna(),
        is_claimed=is_claimed,
        claimed=is_claimed.astype("boolean").mask(shares.isna()),
        edge=pd.Series([known[place][1] for place in places], index=rows.index, dtype="bool"),
    )


def _with_tails(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    """Tails beside each row: of all votes, and with as many withdrawn as each strength wants."""
    key = [*_BALLOT, "edge"]
    distinct = rows[key].drop_duplicates()
    tails = pd.DataFrame(
        [_tails(Ballot(*map(int, votes)), bool(edge), constants) for *votes, edge in distinct.itertuples(index=False)],
        columns=list(_TAILS),
        index=distinct.index,
    ).astype(_TAILS)
    return rows.merge(distinct.join(tails), on=key, how="left")


def _tails(ballot: Ballot, edge: bool, constants: Constants) -> tuple[float, ...]:
    strong = constants.strong_withdrawn_edge if edge else constants.strong_withdrawn_inside
    moderate = constants.moderate_withdrawn_edge if edge else constants.moderate_withdrawn_inside
    return (
        upper_tail(ballot, constants.promised_failure, constants),
        lower_tail(ballot, constants.poor_failure, constants),
        strong,
        moderate,
        upper_tail(ballot.without(strong), constants.promised_failure, constants),
        upper_tail(ballot.without(moderate), constants.promised_failure, constants),
    )


def _judged(rows: pd.DataFrame, constants: Constants) -> pd.DataFrame:
    held = np.column_stack([rule.holds(rows, constants).to_numpy(bool) for rule in RULES])
    first = held.argmax(axis=1)
    spoken = np.array([rule.speaks for rule in RULES])
    opposite = np.array([{"against": "for", "for": "against"}.get(word, "-") for word in spoken])
    conflicting = held & (spoken[None, :] == opposite[first][:, None])
    ids = np.array([rule.id for rule in RULES])
    strengths = np.array([rule.strength for rule in RULES])
    crowd = rows["evidence"] == "crowd"
    strong = pd.Series(strengths[first] == "strong", index=rows.index)
    judged = rows.assign(
        verdict=np.array([rule.verdict for rule in RULES])[first],
        strength=strengths[first],
        rule=ids[first],
        conflict=np.where(conflicting.any(axis=1), ids[conflicting.argmax(axis=1)], ""),
        p=rows["p"].where(crowd),
        p_withdrawn=rows["p_strong"].where(strong, rows["p_moderate"]).where(crowd),
        withdrawn=rows["withdrawn_strong"].where(strong, rows["withdrawn_moderate"]).where(crowd, 0),
    )
    return judged.reindex(columns=VERDICTS.names)

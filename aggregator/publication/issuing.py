"""What a release says, beside what earlier releases said already.

Whoever holds two releases can subtract one from the other. So what was published is repeated, word for word, until
enough volunteers' devices have something new to say about it:

- The counts of a quarter are issued once. Later data of that quarter count only in hexagons that had none before.
- A verdict, which rests on four quarters, is issued again once at least k devices came that did not stand behind it,
  or where the same devices still do and at least k of them have new days.
- A verdict's devices and those behind the counts of the same hexagon are the same ones or differ by at least k;
  otherwise the counts are withheld, or, where they are out already, the verdict stays as it was.

For that, a private record of which devices stood behind each release stays in the data directory, and nowhere else. A
device that was erased vanishes from it, and what was published of k devices or more stays as it was.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.judgement.votes import SUBJECT
from aggregator.publication.anonymity import place, summary, tellable
from aggregator.publication.quarters import quarters_of
from aggregator.publication.rsrp_levels import with_levels

PLACE = ["h3_r8", *SUBJECT]
FIGURE = ["cell", "resolution", *SUBJECT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What a release says; what stands behind it is for the next release alone, and never leaves.

    Attributes:
        quarter: of the counts.
        figures: exact counts by ``FIGURE``, those of surveys over the whole window.
        verdicts: columns of ``judgement.comparison.VERDICTS``; ``issued``, the quarter in which it was said; ``told``,
            false where it was said once and is remembered alone. ``device_days`` is missing where the days of fewer
            than k devices could be told from it.
        settled: hexagons whose counts of the quarter are issued.
        counted: private: ``PLACE``, ``quarter``, ``device_token`` behind each count of a hexagon.
        behind: private: ``PLACE``, ``device_token``, ``day`` behind each verdict.
    """

    quarter: str
    figures: pd.DataFrame
    verdicts: pd.DataFrame
    settled: pd.DataFrame
    counted: pd.DataFrame
    behind: pd.DataFrame


def issue(
    rows: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    quarter: str,
    k: int,
    before: Issue | None = None,
    said_in: str = "",
    since: str = "",
) -> Issue:
    """Decide what may be said.

    Args:
        rows: as :func:`aggregator.judgement.votes.votable_rows` gives them, of the territory; with the columns of
            :func:`aggregator.publication.rsrp_levels.with_signal` where levels of signal are to be told.
        verdicts: as :func:`aggregator.judgement.comparison.compare` gives them, of the territory.
        quarter: whose volunteers' counts are shown.
        k: least number of distinct volunteer devices.
        before: what the release before said, of any territory.
        said_in: the release's own quarter; by default ``quarter``.
        since: first quarter of the window; what rests on earlier ones alone is forgotten.
    """
    rows = rows.assign(
        h3_r8=parent(rows["h3_r9"].astype("int64"), HEXAGON_RESOLUTION), quarter=quarters_of(rows["day"])
    )
    earlier = _recent(before, since) if before else None
    crowd, survey = rows[rows["evidence"] == "crowd"], rows[rows["evidence"] == "survey"]
    figures, settled, counted = _counts(crowd, quarter, k, earlier)
    fresh, behind = _fresh_verdicts(crowd, verdicts, k)
    fresh = fresh.assign(issued=said_in or quarter, told=True)
    conflicts = _conflicts(behind, counted, k)
    out_already = earlier.counted if earlier else counted.iloc[:0]
    stuck = _among(fresh, _among_frame(conflicts, out_already, [*PLACE, "quarter"]), PLACE)
    if earlier:
        held = _held(fresh, behind, earlier, k)
        stuck |= _among(fresh, held, PLACE)
    fresh, behind = _together(fresh[~stuck], behind, earlier, k)
    shown = _days_told(fresh, crowd, counted, k)
    kept, still_behind = _kept(shown, crowd, earlier, k)
    # counts whose devices nearly coincide with a verdict's give way to the verdict, which they would undo
    giving_way = pd.concat([_among_frame(conflicts, fresh, PLACE), _conflicts(still_behind, counted, k)])
    giving_way = giving_way[~_among(giving_way, out_already, [*PLACE, "quarter"])]
    here = figures.rename(columns={"cell": "h3_r8"}).assign(quarter=quarter)
    figures = figures[~(_among(here, giving_way, [*PLACE, "quarter"]) & (here["resolution"] == HEXAGON_RESOLUTION))]
    counted = counted[~_among(counted, giving_way, [*PLACE, "quarter"])]
    surveyed = verdicts[verdicts["evidence"] == "survey"].assign(issued=said_in or quarter, told=True)
    return Issue(
        quarter=quarter,
        figures=_stacked([figures, _surveyed(survey) if len(survey) else figures.iloc[:0]], FIGURE),
        verdicts=_stacked([shown, kept, surveyed], PLACE),
        settled=settled,
        counted=_stacked([counted], [*PLACE, "quarter", "device_token"]),
        behind=_stacked([behind, still_behind], [*PLACE, "device_token", "day"]),
    )


def forget(before: Issue, devices: set[str]) -> Issue:
    """The record of a release without the devices that are no longer among ``devices``: they were erased."""
    return replace(
        before,
        counted=before.counted[before.counted["device_token"].isin(devices)],
        behind=before.behind[before.behind["device_token"].isin(devices)],
    )


def _recent(before: Issue, since: str) -> Issue:
    """The record of a release, without what the window has left behind."""
    lately = before.behind[quarters_of(before.behind["day"]) >= since]
    verdicts = before.verdicts[before.verdicts["evidence"] == "crowd"]
    verdicts = verdicts[_among(verdicts, lately, PLACE)]
    return replace(
        before,
        verdicts=verdicts,
        counted=before.counted[before.counted["quarter"] >= since],
        behind=before.behind[_among(before.behind, verdicts, PLACE)],
    )


def _counts(
    crowd: pd.DataFrame, quarter: str, k: int, before: Issue | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts of the quarter, hexagons now settled, and devices behind counts of hexagons in any quarter."""
    of_quarter = crowd[crowd["quarter"] == quarter]
    if before and before.quarter == quarter:
        of_quarter = of_quarter[~of_quarter["h3_r8"].isin(before.settled["h3_r8"])]
    placed = place(of_quarter, k)
    figures = with_levels(summary(placed), placed)
    own = placed.loc[placed["resolution"] == HEXAGON_RESOLUTION, [*PLACE, "quarter", "device_token"]].drop_duplicates()
    settled = of_quarter[["h3_r8"]].drop_duplicates()
    if before is None:
        return figures, settled.sort_values("h3_r8", ignore_index=True), own
    counted = pd.concat([before.counted, own], ignore_index=True)
    if before.quarter == quarter:
        old = before.figures[before.figures["evidence"] == "crowd"]
        figures = pd.concat([old, figures[~_among(figures, old, FIGURE)]], ignore_index=True)
        settled = pd.concat([before.settled, settled])
    return figures, settled.drop_duplicates().sort_values("h3_r8", ignore_index=True), counted


def _surveyed(survey: pd.DataFrame) -> pd.DataFrame:
    placed = place(survey)
    return with_levels(summary(placed), placed)


def _fresh_verdicts(crowd: pd.DataFrame, verdicts: pd.DataFrame, k: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdicts that may be told on their own, and the device-days behind them.

    One that was reached on a parent's votes is not among them: it would tell, by difference, what the parent's other
    hexagons hold back. Nor is one that is held although the window no longer supports it, since its evidence is of
    other days: if a release said it, that is repeated.
    """
    told = crowd[tellable(crowd, "h3_r8", k).of_rows]
    behind = told[[*PLACE, "device_token", "day"]].drop_duplicates()
    own = verdicts[verdicts["evidence"] == "crowd"]
    if "resolution" in own:
        own = own[(own["resolution"] == HEXAGON_RESOLUTION) & own["held_since"].isna()]
    own = own[_among(own, behind, PLACE)]
    return own, behind[_among(behind, own, PLACE)]


def _conflicts(behind: pd.DataFrame, counted: pd.DataFrame, k: int) -> pd.DataFrame:
    """``PLACE`` and ``quarter`` where a verdict and counts of days it rests on differ by 1 to k − 1 devices."""
    key = [*PLACE, "quarter"]
    voters = behind[[*PLACE, "device_token"]].drop_duplicates()
    shared = counted.merge(voters, on=[*PLACE, "device_token"]).groupby(key, as_index=False).size()
    blocks = counted.groupby(key, as_index=False).size().rename(columns={"size": "counted"})
    blocks = blocks[_among(blocks, behind.assign(quarter=quarters_of(behind["day"])), key)]
    blocks = blocks.merge(voters.groupby(PLACE, as_index=False).size().rename(columns={"size": "voters"}), on=PLACE)
    both = blocks.merge(shared, on=key, how="left")["size"].fillna(0).to_numpy()
    apart = np.column_stack([blocks["counted"].to_numpy() - both, blocks["voters"].to_numpy() - both])
    found: pd.DataFrame = blocks[np.any((apart > 0) & (apart < k), axis=1)][key]
    return found


def _held(fresh: pd.DataFrame, behind: pd.DataFrame, before: Issue, k: int) -> pd.DataFrame:
    """``PLACE`` of verdicts said before that stay as they were.

    They are said anew where at least k devices came that did not stand behind them, or where the same devices still do
    and at least k of them have new days.
    """
    device = [*PLACE, "device_token"]
    now, then = (one[device].drop_duplicates() for one in (behind, before.behind))
    days = behind[~_among(behind, before.behind, [*device, "day"])][device].drop_duplicates()
    again = _among_frame(fresh, before.verdicts, PLACE)[PLACE]
    counts = {"came": now[~_among(now, then, device)], "left": then[~_among(then, now, device)], "busy": days}
    for name, devices in counts.items():
        again = again.merge(devices.groupby(PLACE, as_index=False).size().rename(columns={"size": name}), how="left")
    found = again.fillna(dict.fromkeys(counts, 0))
    same = (found["came"] == 0) & (found["left"] == 0)
    anew = (found["came"] >= k) | (same & (found["busy"] >= k))
    return found.loc[~anew, PLACE]


def _together(
    fresh: pd.DataFrame, behind: pd.DataFrame, before: Issue | None, k: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Only what may stand beside the verdicts that are repeated: readings of one hexagon are told together."""
    behind = behind[_among(behind, fresh, PLACE)]
    if before is None or before.behind.empty:
        return fresh, behind
    repeated = before.behind[~_among(before.behind, fresh, PLACE)]
    beside = pd.concat([behind, repeated], ignore_index=True)
    spoilt = beside[~tellable(beside, "h3_r8", k).of_rows][["h3_r8", "operator"]].drop_duplicates()
    fresh = fresh[~_among(fresh, spoilt, ["h3_r8", "operator"])]
    return fresh, behind[_among(behind, fresh, PLACE)]


def _days_told(fresh: pd.DataFrame, crowd: pd.DataFrame, counted: pd.DataFrame, k: int) -> pd.DataFrame:
    """Verdicts without their device-days where these, less those of published quarters, are of 1 to k − 1 devices."""
    rows = crowd[_among(crowd, fresh, PLACE)]
    rest = rows[~_among(rows, counted, [*PLACE, "quarter"])]
    few = rest.groupby(PLACE)["device_token"].nunique()
    hidden = _among(fresh, few[few < k].reset_index(), PLACE)
    return fresh.assign(device_days=fresh["device_days"].astype("Int64").mask(hidden))


def _kept(shown: pd.DataFrame, crowd: pd.DataFrame, before: Issue | None, k: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdicts repeated from the release before, told while k devices still stand there, with those behind them."""
    if before is None:
        return shown.iloc[:0], crowd.iloc[:0][[*PLACE, "device_token", "day"]]
    old = before.verdicts[~_among(before.verdicts, shown, PLACE)]
    still = crowd.groupby(PLACE)["device_token"].nunique()
    old = old.assign(told=_among(old, still[still >= k].reset_index(), PLACE))
    return old, before.behind[_among(before.behind, old, PLACE)]


def _among(rows: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> pd.Series:
    """Whether the key of each row is among those of other rows."""
    keys = others[key].drop_duplicates().assign(_found=True)
    found = rows[key].merge(keys, on=key, how="left")["_found"]
    return pd.Series(found.notna().to_numpy(), index=rows.index, dtype=bool)


def _among_frame(rows: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return rows[_among(rows, others, key)]


def _stacked(parts: list[pd.DataFrame], order: list[str]) -> pd.DataFrame:
    """Parts on top of each other, sorted; empty ones do not decide the types."""
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True).sort_values(order, ignore_index=True)

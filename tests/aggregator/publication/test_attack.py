"""Somebody who reads every release tries to tell fewer than k volunteers apart; the truth judges whether it worked.

The attacker subtracts one published number from another: children from their parent, an earlier release from a later
one, one threshold or technology from another, counts of a quarter from what a verdict rests on. A difference is an
exposure when it is exactly that of a real group of 1 to k − 1 devices. The same attacker is let loose on publishers
that are wrong on purpose.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import parent
from aggregator.judgement.comparison import compare
from aggregator.judgement.votes import SUBJECT, device_votes, tally, with_hexagon
from aggregator.judgement.wording import EXACT_UP_TO
from aggregator.publication.anonymity import K_VOLUNTEERS, RESOLUTIONS, place, summary
from aggregator.publication.hexagons import published_hexagons
from aggregator.publication.issuing import FIGURE, Issue, issue
from aggregator.publication.quarters import four_quarters, quarters_of
from aggregator.publication.rsrp_levels import COLUMNS as LEVELS
from aggregator.publication.rsrp_levels import NONE, with_levels

K = K_VOLUNTEERS
AREA = sorted(h3.cell_to_children(h3.latlng_to_cell(46.77, 3.48, 6), 8))[:18]
FIRST_DAY = pd.Timestamp("2025-07-01")
CLAIMS = pd.DataFrame({"h3_r8": AREA, "operator": "20801", "technology": "4G", "usage": "data", "declared_share": 1.0})
KEY = ["cell", *SUBJECT]


Pairs = set[tuple[str, pd.Timestamp]]


@dataclass(frozen=True)
class Release:
    """What is published, and the truth behind it, which the attacker has not."""

    table: pd.DataFrame
    window: pd.DataFrame
    counted: pd.DataFrame
    said: Issue

    @cached_property
    def behind_verdicts(self) -> dict[tuple[object, ...], Pairs]:
        """Device-days that each verdict rests on, which may be those of an earlier release, by hexagon and subject."""
        return grouped(self.said.behind, self.said.behind["h3_r8"])

    @cached_property
    def behind_counts(self) -> dict[tuple[object, ...], Pairs]:
        """Device-days of the counted rows by cell, of every resolution, and subject."""
        return {key: pairs for size in RESOLUTIONS for key, pairs in device_days(self.counted, size).items()}


def field(seed: int, devices: int) -> pd.DataFrame:
    """Votable rows of some dozens of phones over fifteen months, on 4G and 5G, service and rates."""
    draw = np.random.default_rng(seed)
    rows = []
    weights = np.arange(len(AREA), 0, -1) ** 1.5
    for device in range(devices):
        favourites = draw.choice(len(AREA), 3, p=weights / weights.sum())
        rates, has_5g, since = draw.random() < 0.8, draw.random() < 0.5, draw.integers(0, 420)
        for _ in range(10):
            day = FIRST_DAY + pd.Timedelta(days=int(draw.integers(since, 457)))
            cell = AREA[draw.choice(favourites) if draw.random() < 0.9 else draw.integers(len(AREA))]
            tested, fails = int(draw.integers(1, 3)), draw.random() < 0.3
            technologies = ("4G", "5G") if has_5g else ("4G",)
            thresholds = ("service", "3", "8") if rates and draw.random() < 0.9 else ("service",)
            heard = tested if device % 4 and not fails else 0
            place = (h3.cell_to_center_child(cell, 9), f"{device:032x}", day, tested, tested * fails)
            level = (-heard * int(draw.integers(75, 130)), heard, device % 4 > 0)
            rows += [
                (*place, *(level if threshold == "service" else (0, 0, False)), technology, threshold)
                for technology, threshold in product(technologies, thresholds)
            ]
    counts = ["tested", "failed", "rsrp_sum_dbm", "readings", "tells"]
    names = ["h3_r9", "device_token", "day", *counts, "technology", "threshold"]
    table = pd.DataFrame(rows, columns=names).assign(operator="20801", evidence="crowd", context="outdoor")
    same = ["h3_r9", *SUBJECT, "device_token", "context", "day"]
    found = table.groupby(same, as_index=False)[counts].sum()
    return found.assign(tells=found["tells"] > 0)


def pocket() -> pd.DataFrame:
    """Six phones in one hexagon and two in its neighbour, every quarter: few enough for exact counts."""
    near = [cell for cell in AREA if h3.cell_to_parent(cell, 7) == h3.cell_to_parent(AREA[0], 7)]
    rows = [
        (
            h3.cell_to_center_child(near[device // 6], 9),
            f"{device:032x}",
            pd.Timestamp(f"2026-{month:02}-{device + 1:02}"),
        )
        for device in range(8)
        for month in (4, 8)
    ]
    table = pd.DataFrame(rows, columns=["h3_r9", "device_token", "day"])
    subject = {"operator": "20801", "technology": "4G", "threshold": "service", "evidence": "crowd"}
    return table.assign(**subject, context="outdoor", tested=1, failed=0, rsrp_sum_dbm=-99, readings=1, tells=True)


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    return compare(tally(device_votes(with_hexagon(rows), ["h3_r8"]), ["h3_r8"]), CLAIMS)


def in_window(rows: pd.DataFrame, last_day: date) -> pd.DataFrame:
    end = pd.Timestamp(last_day)
    return rows[(rows["day"] <= end) & (rows["day"] > end - pd.Timedelta(days=four_quarters(last_day)))]


def released(said: Issue, window: pd.DataFrame, counted: pd.DataFrame) -> Release:
    table = pd.DataFrame(published_hexagons(said).drop(columns="geometry"))
    table["cell"] = table["h3"].map(h3.str_to_int)
    return Release(table, window, counted, said)


def honest(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    window = in_window(rows, last_day)
    said = issue(window, judged(window), quarter=quarter, k=K, before=before.said if before else None)
    counted = window[quarters_of(window["day"]) == quarter]
    if before and before.said.quarter == quarter:
        new = ~parent(counted["h3_r9"], 8).isin(before.said.settled["h3_r8"])
        counted = pd.concat([before.counted, counted[new]], ignore_index=True)
    return released(said, window, counted)


def forgetful(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Remembers nothing of what was published."""
    return honest(rows, last_day, quarter, None)


def with_counts(release: Release, figures: pd.DataFrame, counted: pd.DataFrame) -> Release:
    return released(replace(release.said, figures=figures), release.window, counted)


def moving(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Counts the last 91 days instead of a fixed quarter."""
    release = honest(rows, last_day, quarter, before)
    lately = rows[
        (rows["day"] <= pd.Timestamp(last_day)) & (rows["day"] > pd.Timestamp(last_day) - pd.Timedelta("91D"))
    ]
    return with_counts(release, summary(place(lately, K)), lately)


def copying(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Publishes whole parents beside their children."""
    release = honest(rows, last_day, quarter, before)
    figures, counted = release.said.figures, release.counted
    whole = counted.assign(cell=parent(counted["h3_r9"], 7), resolution=7)
    whole = whole[whole.groupby(KEY)["device_token"].transform("nunique") >= K]
    return with_counts(release, pd.concat([figures[figures["resolution"] != 7], summary(whole)]), counted)


def counting_rows(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Wants k rows of the ledger instead of k devices."""
    release = honest(rows, last_day, quarter, before)
    counted = release.counted.reset_index(drop=True)
    placed = place(counted.assign(device_token=[f"{n}" for n in counted.index], own=counted["device_token"]), K)
    return with_counts(release, summary(placed.assign(device_token=placed["own"])), release.counted)


def by_reading(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Wants k devices of each threshold and technology, whatever the others tell."""
    release = honest(rows, last_day, quarter, before)
    here = release.counted.assign(cell=parent(release.counted["h3_r9"], 8), resolution=8)
    enough = here.groupby(KEY)["device_token"].transform("nunique") >= K
    return with_counts(release, summary(here[enough]), release.counted)


def by_ear(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Counts the phones that tell no signal among those that received none."""
    return honest(rows.assign(tells=rows["threshold"] == "service"), last_day, quarter, before)


def listening(rows: pd.DataFrame, last_day: date, quarter: str, before: Release | None) -> Release:
    """Repeats the counts of a quarter, and brings their signal up to date."""
    release = honest(rows, last_day, quarter, before)
    lately = release.window[quarters_of(release.window["day"]) == quarter]
    placed = place(lately, K)
    now = with_levels(summary(placed), placed)[[*FIGURE, *LEVELS]]
    return with_counts(release, release.said.figures.drop(columns=LEVELS).merge(now, how="left"), lately)


Publisher = Callable[[pd.DataFrame, date, str, Release | None], Release]


def series(publisher: Publisher, seed: int, devices: int = 110) -> list[Release]:
    """A quarter's release, the same quarter with late data and three weeks more, and the next quarter's."""
    rows = field(seed, devices) if devices else pocket()
    batch = rows.groupby(["device_token", "day"]).ngroup()
    late = np.random.default_rng(seed + 1).random(len(rows)) < 0.08
    late = late[batch]
    first = publisher(rows[~late], date(2026, 6, 30), "2026_T2", None)
    second = publisher(rows, date(2026, 7, 21), "2026_T2", first)
    return [first, second, publisher(rows, date(2026, 9, 30), "2026_T3", second)]


def device_days(rows: pd.DataFrame, resolution: int) -> dict[tuple[object, ...], Pairs]:
    return grouped(rows, parent(rows["h3_r9"], resolution))


def grouped(rows: pd.DataFrame, cells: pd.Series) -> dict[tuple[object, ...], Pairs]:
    found: dict[tuple[object, ...], Pairs] = {}
    subjects = [rows[name] for name in SUBJECT]
    for *key, token, day in zip(cells, *subjects, rows["device_token"], rows["day"], strict=True):
        found.setdefault(tuple(key), set()).add((token, day))
    return found


def few(devices: set[str]) -> bool:
    return 1 <= len(devices) < K


def tokens(pairs: Pairs) -> set[str]:
    return {token for token, _ in pairs}


def key_of(row: object) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in KEY)


def small_groups(release: Release) -> Iterator[str]:
    """A figure of fewer than k devices, or one that the private record of its publisher is wrong about."""
    for count in ("devices", "judged_devices"):
        for row in release.table[release.table[count] < K].itertuples():
            yield f"k: {row.h3} {count}"
    for row in release.table[release.table["judged_devices"] < EXACT_UP_TO].itertuples():
        if row.judged_devices != len(tokens(release.behind_verdicts[key_of(row)])):
            yield f"record: {row.h3} rests on other devices than those on record"


def signal_of_others(release: Release) -> Iterator[str]:
    """Levels of others than the row's devices: their number is then one more figure to subtract."""
    for row in release.table[release.table[NONE].notna()].itertuples():
        if sum(getattr(row, name) for name in LEVELS) != row.devices:
            yield f"signal: {row.h3}"


def parents_less_children(release: Release) -> Iterator[str]:
    """A parent's device-days without those of its published children are those of the few who were held back."""
    table = release.table[release.table["devices"].notna()]
    for row in table[(table["resolution"] < 8) & (table["device_days"] < EXACT_UP_TO)].itertuples():
        inside = table[(table["resolution"] > row.resolution) & (parent(table["cell"], row.resolution) == row.cell)]
        inside = inside[(inside[SUBJECT] == list(key_of(row)[1:])).all(axis=1)]
        told = set().union(*(release.behind_counts[key_of(child)] for child in inside.itertuples()))
        hidden = release.behind_counts[key_of(row)] - told
        if few(tokens(hidden)) and row.device_days - inside["device_days"].sum() == len(hidden):
            yield f"parent: {row.h3}"


def later_less_earlier(earlier: Release, later: Release) -> Iterator[str]:
    """Counts, or what a verdict rests on, changed by exactly the few who came."""
    both = earlier.table.merge(later.table, on=["resolution", *KEY], suffixes=("_then", "_now"))
    exact = (both["device_days_now"] < EXACT_UP_TO) & both["device_days_then"].notna()
    for row in both[exact].itertuples():
        came = later.behind_counts[key_of(row)] - earlier.behind_counts[key_of(row)]
        if few(tokens(came)) and row.device_days_now - row.device_days_then == len(came):
            yield f"release: {row.h3_now} counts"
    for row in both[both[f"{NONE}_then"].notna() & both[f"{NONE}_now"].notna()].itertuples():
        changed = any(getattr(row, f"{name}_then") != getattr(row, f"{name}_now") for name in LEVELS)
        if changed and few(tokens(later.behind_counts[key_of(row)] - earlier.behind_counts[key_of(row)])):
            yield f"release: {row.h3_now} signal"
    for row in both[both["judged_devices_then"].notna() & both["judged_devices_now"].notna()].itertuples():
        changed = any(
            getattr(row, f"{name}_then") != getattr(row, f"{name}_now")
            for name in ("judged_devices", "judged_failing", "verdict", "strength")
        )
        if changed and few(tokens(later.behind_verdicts[key_of(row)]) - tokens(earlier.behind_verdicts[key_of(row)])):
            yield f"release: {row.h3_now} verdict"


def reading_less_reading(release: Release) -> Iterator[str]:
    """Two readings of one hexagon differ by exactly the few devices that have only one of them."""
    hexagons = release.table[release.table["resolution"] == 8]
    for count, truth in (("devices", release.behind_counts), ("judged_devices", release.behind_verdicts)):
        for _, group in hexagons[hexagons[count] < EXACT_UP_TO].groupby("cell"):
            for one, other in combinations(group.itertuples(), 2):
                apart = tokens(truth[key_of(one)]) ^ tokens(truth[key_of(other)])
                if few(apart) and abs(getattr(one, count) - getattr(other, count)) == len(apart):
                    yield f"reading: {one.h3} {count}"


def verdict_less_counts(release: Release) -> Iterator[str]:
    """What a verdict rests on, less the counts of the quarter, is the few who came in other quarters alone."""
    table = release.table[(release.table["judged_devices"] < EXACT_UP_TO) & release.table["devices"].notna()]
    for row in table.itertuples():
        apart = tokens(release.behind_verdicts[key_of(row)]) - tokens(release.behind_counts[key_of(row)])
        if few(apart) and row.judged_devices - row.devices == len(apart):
            yield f"verdict: {row.h3}"


def attack(releases: list[Release]) -> list[str]:
    """Every exposure, by what was subtracted from what."""
    found = []
    for release in releases:
        for single in (
            small_groups,
            signal_of_others,
            parents_less_children,
            reading_less_reading,
            verdict_less_counts,
        ):
            found += list(single(release))
    for earlier, later in combinations(releases, 2):
        found += list(later_less_earlier(earlier, later))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_series_of_releases_exposes_nobody(seed: int) -> None:
    assert attack(series(honest, seed, devices=0)) == []
    releases = series(honest, seed)
    for release in releases:
        told = release.table
        assert len(told[told["devices"].notna()]) > 5
        assert len(told[told["judged_devices"].notna()]) > 15
        assert len(told[told[LEVELS].sum(axis=1) > 0]) > 3
    assert attack(releases) == []


@pytest.mark.parametrize(
    ("publisher", "how", "devices"),
    [
        (copying, "parent", 0),
        (counting_rows, "k", 60),
        (moving, "release", 60),
        (forgetful, "release", 60),
        (by_reading, "reading", 60),
        (listening, "release", 110),
    ],
)
def test_the_attack_succeeds_on_releases_made_wrong_on_purpose(publisher: Publisher, how: str, devices: int) -> None:
    found = (exposure for seed in range(6) for exposure in attack(series(publisher, seed, devices)))
    assert any(exposure.startswith(f"{how}:") for exposure in found)


@pytest.mark.parametrize(("publisher", "traced"), [(honest, False), (by_ear, True)])
def test_a_phone_that_tells_no_signal_leaves_no_trail(publisher: Publisher, traced: bool) -> None:
    rows = field(7, 110).assign(failed=0)
    service = rows["threshold"] == "service"
    rows = rows.assign(readings=rows["tested"].where(service, 0), tells=service)
    rows = rows.assign(rsrp_sum_dbm=-100 * rows["readings"])
    lately = rows[(quarters_of(rows["day"]) == "2026_T2") & parent(rows["h3_r9"], 8).isin(AREA[:3])]
    mute = rows["device_token"] == lately["device_token"].value_counts().index[0]
    silent = rows.assign(
        **{name: rows[name].where(~mute, 0) for name in ("readings", "rsrp_sum_dbm")}, tells=service & ~mute
    )
    all_tell, one_does_not = (publisher(world, date(2026, 6, 30), "2026_T2", None).table for world in (rows, silent))
    assert (all_tell["rsrp_m100_m90"] > 0).sum() > 5
    assert all_tell.equals(one_does_not) != traced
    if traced:
        marked = one_does_not[(one_does_not["resolution"] == 8) & (one_does_not[NONE] > 0)]
        assert set(marked["cell"]) <= set(parent(rows.loc[mute, "h3_r9"], 8))

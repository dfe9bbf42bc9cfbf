"""From a ledger to verdicts, and what may not change them."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h3.api import basic_int as h3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.evidence.ledger import CAPABILITY, COUNTS, LEDGER, LEDGER_KEYS
from aggregator.judgement.comparison import VERDICTS, write_verdicts
from aggregator.judgement.constants import Constants
from aggregator.judgement.decision import Decision, decide
from aggregator.judgement.escalation import once_per_parent
from aggregator.judgement.null import Ballot, lower_tail
from aggregator.judgement.rules import RULES

PARENT = h3.cell_to_parent(h3.latlng_to_cell(47.0, 3.5, 8), 7)
HEXAGONS = sorted(h3.cell_to_children(PARENT, 8))
SPOTS = {cell: sorted(h3.cell_to_children(cell, 9)) for cell in HEXAGONS}
TOWN = sorted(h3.cell_to_children(h3.latlng_to_cell(46.0, 3.5, 8), 9))
DAY = date(2026, 5, 4)
LAST_DAY = date(2026, 9, 30)


def row(device: str, cell: int, failed: int, tested: int = 1, day: date = DAY, **change: Any) -> dict[str, Any]:
    return {
        "h3_r9": cell,
        "operator": "20801",
        "technology": "4G",
        "device_token": device,
        "tier": "volunteer",
        "context": "outdoor",
        "day": day,
        **dict.fromkeys(COUNTS, 0),
        "tested_service": tested,
        "failed_service": failed,
        **change,
    }


def working(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows, and for each device three days of successes in three far hexagons where it is alone."""
    devices = dict.fromkeys(str(one["device_token"]) for one in rows)
    far = [
        row(device, sorted(h3.cell_to_children(h3.latlng_to_cell(30.0 + number, step, 8), 9))[0], 0)
        for number, device in enumerate(devices)
        for step in range(3)
    ]
    return [*rows, *far]


def claims(hexagons: list[int], share: float = 1.0) -> pd.DataFrame:
    columns = {"operator": "20801", "technology": "4G", "usage": "data", "level": "CL", "bounded": False}
    return pd.DataFrame({"h3_r8": hexagons}).assign(declared_share=share, **columns)


EVERYWHERE = claims(sorted(h3.grid_disk(HEXAGONS[0], 9)))


def decided(folder: Path, rows: list[dict[str, Any]], claimed: pd.DataFrame = EVERYWHERE, **more: Any) -> Decision:
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER), folder / "ledger.parquet")
    seen = pd.DataFrame(rows)[["device_token", "day"]].drop_duplicates().assign(best_rank=4)
    pq.write_table(pa.Table.from_pandas(seen, schema=CAPABILITY, preserve_index=False), folder / "capability.parquet")
    return decide(folder, claimed, **{"last_day": LAST_DAY, **more})


def at(decision: Decision, hexagon: int) -> Any:
    (found,) = decision.verdicts[decision.verdicts["h3_r8"] == hexagon].itertuples()
    return found


def fail(count: int, hexagon: int = HEXAGONS[0], first: int = 0, **change: Any) -> list[dict[str, Any]]:
    return [row(f"phone {first + number}", SPOTS[hexagon][number % 7], 1, **change) for number in range(count)]


def test_five_working_phones_contradict_and_say_on_what(tmp_path: Path) -> None:
    found = at(decided(tmp_path, working(*fail(5))), HEXAGONS[0])
    assert (found.verdict, found.strength, found.rule) == ("contradicted", "strong", "contradicted-strong-2")
    assert (found.devices, found.failing, found.device_days, found.withdrawn) == (5, 5, 5, 3)
    assert found.p_withdrawn == pytest.approx(0.1177**2, abs=1e-4)
    assert (found.first_day, found.last_day, found.resolution, found.held_since) == (DAY, DAY, 8, None)
    assert found.q == pytest.approx(found.p / 0.4653, rel=1e-3)  # τ_c of 5 votes: 1 − .8823^5
    assert found.e_value > 20


def test_phones_that_never_worked_are_told_and_do_not_vote(tmp_path: Path) -> None:
    decision = decided(tmp_path, fail(5))
    assert decision.verdicts.empty
    assert decision.quarantine["reason"].tolist() == ["never-works-1"] * 5


def test_failures_of_a_declared_outage_are_no_vote(tmp_path: Path) -> None:
    outage = {"h3_r8": HEXAGONS[0], "operator": "20801", "technology": None, "first_day": DAY, "last_day": DAY}

    def excused(**change: Any) -> Any:
        verdicts = decided(tmp_path, working(*fail(5)), excused=pd.DataFrame([{**outage, **change}])).verdicts
        return (verdicts["h3_r8"] == HEXAGONS[0]).any()

    assert not excused()
    assert not excused(technology="4G", first_day=DAY - timedelta(days=9))
    assert excused(technology="5G")
    assert excused(operator="20810")
    assert excused(first_day=DAY + timedelta(days=1), last_day=DAY + timedelta(days=3))
    assert excused(h3_r8=HEXAGONS[1])
    cells = pd.DataFrame([{**outage, "h3_r9": SPOTS[HEXAGONS[0]][0]}]).drop(columns="h3_r8")
    assert at(decided(tmp_path, working(*fail(5)), excused=cells), HEXAGONS[0]).devices == 4


def test_what_succeeded_during_an_outage_still_counts(tmp_path: Path) -> None:
    outage = pd.DataFrame([{"h3_r8": HEXAGONS[0], "operator": "20801", "technology": None}])
    good = [row(f"good {number}", SPOTS[HEXAGONS[0]][0], 0) for number in range(8)]
    rows = working(*fail(3), *good)
    found = at(decided(tmp_path, rows, excused=outage.assign(first_day=DAY, last_day=DAY)), HEXAGONS[0])
    assert (found.verdict, found.devices, found.failing) == ("confirmed", 8, 0)


def test_the_accessible_part_decides_what_is_claimed(tmp_path: Path) -> None:
    poor = claims(sorted(h3.grid_disk(HEXAGONS[0], 9)), 0.2)
    assert at(decided(tmp_path, working(*fail(5)), poor), HEXAGONS[0]).verdict == "insufficient"
    near = poor["h3_r8"].isin(h3.grid_disk(HEXAGONS[0], 2))
    roads = poor.assign(accessible_share=np.where(near, 0.9, np.nan))
    found = at(decided(tmp_path, working(*fail(5)), roads), HEXAGONS[0])
    assert (found.verdict, found.declared_share, found.edge) == ("contradicted", 0.9, False)
    fewer = roads.assign(accessible_share=roads["accessible_share"].where(poor["h3_r8"] == HEXAGONS[0]))
    assert at(decided(tmp_path, working(*fail(5)), fewer), HEXAGONS[0]).edge
    nowhere = poor.assign(declared_share=0.9, accessible_share=0.0)
    assert not at(decided(tmp_path, working(*fail(5)), nowhere), HEXAGONS[0]).claimed


def test_only_the_hexagons_asked_for_are_judged(tmp_path: Path) -> None:
    rows = working(*fail(5), *fail(5, HEXAGONS[1]))
    decision = decided(tmp_path, rows, within=np.array(HEXAGONS[1:2]))
    assert decision.verdicts["h3_r8"].tolist() == HEXAGONS[1:2]
    assert decided(tmp_path, working(*fail(5)), within=np.array([], dtype=np.int64)).verdicts.empty


def test_a_contradiction_is_dropped_after_a_full_quarter_without_support(tmp_path: Path) -> None:
    """Seen on 4 May 2026: in the window until 3 May 2027."""
    rows = working(*fail(5))

    def on(day: date) -> tuple[str, Any] | None:
        verdicts = decided(tmp_path, rows, last_day=day).verdicts
        here = verdicts[verdicts["h3_r8"] == HEXAGONS[0]]
        return None if here.empty else (here["verdict"].iloc[0], here["held_since"].iloc[0])

    assert on(date(2027, 3, 31)) == ("contradicted", None)
    assert on(date(2027, 5, 3)) == ("contradicted", None)
    assert on(date(2027, 5, 4)) == ("contradicted", date(2027, 3, 31))
    assert on(date(2027, 6, 30)) == ("contradicted", date(2027, 3, 31))
    assert on(date(2027, 9, 29)) == ("contradicted", date(2027, 3, 31))
    assert on(date(2027, 9, 30)) is None


def test_poor_hexagons_of_a_parent_are_judged_together(tmp_path: Path) -> None:
    """Seven phones, one in each hexagon, all failing: nothing at resolution 8, a contradiction at 7."""
    rows = [row(f"phone {number}", SPOTS[cell][0], 1) for number, cell in enumerate(HEXAGONS)]
    verdicts = decided(tmp_path, working(*rows)).verdicts
    here = verdicts[verdicts["h3_r8"].isin(HEXAGONS)]
    assert here["resolution"].tolist() == [7] * 7
    assert set(here["rule"]) == {"contradicted-strong-2"}
    assert set(zip(here["devices"], here["failing"], here["votes_outdoor"], strict=True)) == {(7, 7, 1)}
    assert (verdicts.loc[~verdicts["h3_r8"].isin(HEXAGONS), "resolution"] == 8).all()
    counted = once_per_parent(verdicts)
    assert counted["h3_r8"].isin(HEXAGONS).sum() == 1
    assert len(counted) == len(verdicts) - 6
    mixed = verdicts.assign(claimed=[True, False] * (len(verdicts) // 2) + [True] * (len(verdicts) % 2))
    assert once_per_parent(mixed)["h3_r8"].isin(HEXAGONS).sum() == 2  # claimed and not: judged apart


def test_a_phone_in_every_hexagon_of_a_parent_has_one_vote_there(tmp_path: Path) -> None:
    rows = [row("phone", SPOTS[cell][0], 1) for cell in HEXAGONS[:6]]
    found = at(decided(tmp_path, working(*rows, *fail(1, HEXAGONS[6], first=9))), HEXAGONS[0])
    assert (found.verdict, found.resolution, found.devices, found.failing) == ("suspected", 7, 2, 2)
    one = at(decided(tmp_path, working(*rows)), HEXAGONS[0])
    assert (one.verdict, one.resolution, one.devices) == ("insufficient", 8, 1)


def test_what_was_decided_is_not_used_again_for_the_parent(tmp_path: Path) -> None:
    rows = [*fail(5), row("phone 7", SPOTS[HEXAGONS[1]][0], 0), row("phone 8", SPOTS[HEXAGONS[2]][0], 0)]
    decision = decided(tmp_path, working(*rows))
    assert (at(decision, HEXAGONS[0]).devices, at(decision, HEXAGONS[0]).resolution) == (5, 8)
    assert at(decision, HEXAGONS[1]).verdict == "insufficient"


def test_claimed_and_unclaimed_hexagons_are_not_put_together(tmp_path: Path) -> None:
    rows = [row(f"phone {number}", SPOTS[cell][0], 1) for number, cell in enumerate(HEXAGONS[:4])]
    found = decided(tmp_path, working(*rows), claims(HEXAGONS[:2])).verdicts.set_index("h3_r8")
    assert found.loc[HEXAGONS[:2], "verdict"].tolist() == ["suspected"] * 2
    assert set(found.loc[HEXAGONS[:2], "devices"]) == {2}
    assert found.loc[HEXAGONS[2:4], "verdict"].tolist() == ["insufficient"] * 2


@st.composite
def ledgers(draw: st.DrawFn) -> list[dict[str, Any]]:
    seen = draw(
        st.dictionaries(
            st.tuples(
                st.sampled_from("abcdefgh"),
                st.sampled_from([SPOTS[HEXAGONS[0]][0], SPOTS[HEXAGONS[0]][1], SPOTS[HEXAGONS[1]][0], TOWN[0]]),
                st.integers(0, 3),
                st.sampled_from(["outdoor", "vehicle", "indoor"]),
                st.sampled_from(["volunteer", "field_team"]),
            ),
            st.tuples(st.integers(1, 6), st.integers(0, 6)),
            min_size=1,
            max_size=40,
        )
    )
    return [
        row(device, cell, min(failed, tested), tested, DAY + timedelta(days=day), context=context, tier=tier)
        for (device, cell, day, context, tier), (tested, failed) in seen.items()
    ]


fast = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fast
@given(rows=ledgers(), data=st.data())
def test_neither_the_order_of_rows_nor_how_they_were_split_matters(
    tmp_path: Path, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    once = decided(tmp_path, rows).verdicts
    shuffled = data.draw(st.permutations(rows))
    pd.testing.assert_frame_equal(decided(tmp_path, shuffled).verdicts, once)
    counts = list(COUNTS)
    table = pd.DataFrame(shuffled)
    first = table.assign(**{name: table[name] // 2 for name in counts})
    rest = table.assign(**{name: table[name] - first[name] for name in counts})
    merged = pd.concat([rest, first]).groupby(list(LEDGER_KEYS), as_index=False)[counts].sum()
    pd.testing.assert_frame_equal(decided(tmp_path, merged.to_dict("records")).verdicts, once)


@fast
@given(rows=ledgers(), times=st.integers(2, 50))
def test_the_volume_of_one_phone_changes_no_verdict(tmp_path: Path, rows: list[dict[str, Any]], times: int) -> None:
    crowd = [one for one in rows if one["tier"] == "volunteer"]
    if not crowd:
        return
    loud = [one if one["device_token"] != "a" else one | {name: one[name] * times for name in COUNTS} for one in crowd]
    once, again = decided(tmp_path, crowd).verdicts, decided(tmp_path, loud).verdicts
    pd.testing.assert_frame_equal(again.drop(columns="tests"), once.drop(columns="tests"))


def test_poverty_is_that_no_ballot_of_so_few_could_confirm() -> None:
    spotless = [Ballot(7, 3, 0, 0).spotless(), Ballot(8, 3, 0, 0).spotless(), Ballot(0, 0, 3, 2).spotless()]
    assert [bool(lower_tail(one, 0.25, Constants()) > 0.05) for one in spotless] == [True, False, False]


def test_every_rule_id_of_a_verdict_is_a_rule(tmp_path: Path) -> None:
    verdicts = decided(tmp_path, working(*fail(5), *fail(2, HEXAGONS[1]))).verdicts
    assert set(verdicts["rule"]) <= {rule.id for rule in RULES}
    assert list(verdicts.columns) == VERDICTS.names
    write_verdicts(verdicts, tmp_path)
    assert set(verdicts["constants"]) == {Constants().version}

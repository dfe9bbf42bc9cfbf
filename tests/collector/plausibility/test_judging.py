"""The judging pass: what it settles, when it writes, and that it does not matter how samples arrived."""

import json
import random
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging_desk import NEVERS, NOON, Desk
from sqlalchemy import select

from client_sdk.sample import Sample
from collector.plausibility import judging
from collector.plausibility.judging_report import report_members
from collector.storage.store import Store
from collector.storage.tables import devices, month_revisions, samples

PLACES = [(NEVERS[0] + degrees, NEVERS[1]) for degrees in (0, 0.001, 0.03, 0.6, 6)]
DEVICES = 4  # the second is a later key of the first


@st.composite
def readings(draw: st.DrawFn, desk: Desk) -> tuple[int, Sample]:
    place = draw(st.sampled_from([*PLACES, None]))
    fields: dict[str, Any] = {
        "seq": draw(st.integers(0, 5)),
        "position_age_ms": draw(st.sampled_from([0, 500, 50_000, 70_000])),
        "duration_ms": draw(st.sampled_from([0, 0, 600_000])),
    }
    if draw(st.booleans()):
        fields |= {"serving_plmn": "20801", "lte_eci": draw(st.integers(1, 2))}
    if draw(st.integers(0, 4)) == 0:
        fields |= {"import_format": "gnettrack", "import_sha256": draw(st.sampled_from(["0", "1"])) * 64}
    if draw(st.integers(0, 3)) == 0:
        test = {"test_id": draw(st.sampled_from(["a", "b"])), "download_bps": 4e6, "download_bytes": 1_000_000}
        fields |= {"kind": "throughput", "outcome": "ok"} | test
    minutes = draw(st.sampled_from([0, 1, 2, 60, 239, 240, 600]))
    return draw(st.integers(0, DEVICES - 1)), desk.sample(minutes, place, **fields)


def enrolled(desk: Desk) -> list[str]:
    first = desk.device(seed=1)
    return [first, desk.device(seed=2, origin=first), *(desk.device(seed=number) for number in range(3, DEVICES + 1))]


def settled(file: Path, sent: list[tuple[int, Sample]], witnessed: list[tuple[int, str]], order: int | None) -> Any:
    """Flags after everything came: at once and in order, or as ``order`` shuffles, splits, repeats and judges it."""
    drawn = random.Random(order)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{shutil.copy(file, folder)}")
        desk = Desk(store)
        names = enrolled(desk)
        arrivals: list[Any] = [*sent, *witnessed]
        if order is not None:
            arrivals += drawn.choices(arrivals, k=2)
            drawn.shuffle(arrivals)
        later = NOON + timedelta(days=2)
        while arrivals:
            size = drawn.randint(1, 4) if order is not None else len(arrivals)
            batch, arrivals = arrivals[:size], arrivals[size:]
            for number, what in batch:
                if isinstance(what, str):
                    desk.witness(names[number], what)
            for number, name in enumerate(names):
                own = [what for who, what in batch if who == number and isinstance(what, Sample)]
                if own:
                    desk.send(name, own, later + timedelta(hours=drawn.randint(0, 99) if order is not None else 0))
            if order is not None and drawn.random() < 0.3:
                desk.judge()
        assert desk.judge().unsettled == 0
        found = desk.flags()
        again = desk.judge(everything=True)
        assert (again.gained, again.lost, again.changed_devices) == ({}, {}, set())
        assert desk.flags() == found
        store.close()
    return found


@settings(max_examples=20)
@given(data=st.data())
def test_flags_do_not_depend_on_the_order_in_which_samples_came(migrated_file: Path, data: st.DataObject) -> None:
    desk = Desk(None)  # type: ignore[arg-type]
    sent = data.draw(st.lists(readings(desk), min_size=1, max_size=12))
    witnessed = data.draw(st.lists(st.tuples(st.integers(0, DEVICES - 1), st.sampled_from(["a", "b"])), max_size=3))
    order = data.draw(st.integers(0, 1 << 30))

    assert settled(migrated_file, sent, witnessed, order) == settled(migrated_file, sent, witnessed, None)


def test_what_came_too_early_for_its_date_still_holds_its_place(sqlite_desk: Desk) -> None:
    device = sqlite_desk.device()
    ahead, later = sqlite_desk.sample(0), sqlite_desk.sample(1)
    sqlite_desk.send(device, [ahead], NOON - timedelta(hours=1))
    sqlite_desk.send(device, [later])
    sqlite_desk.judge()
    assert sqlite_desk.flags() == {ahead.id: ("clock-ahead", True), later.id: ("repeated", True)}


def marked(desk: Desk) -> list[bool]:
    with desk.store.reading() as connection:
        return list(connection.scalars(select(devices.c.unjudged).order_by(devices.c.thumbprint)))


def revisions(desk: Desk) -> dict[str, int]:
    with desk.store.reading() as connection:
        return {row.measured_month: row.revision for row in connection.execute(select(month_revisions))}


def test_a_device_is_judged_once_for_what_it_sent(desk: Desk) -> None:
    device = desk.device()
    assert marked(desk) == [False]
    desk.send(device, [desk.sample(0), desk.sample(1)])
    assert marked(desk) == [True]
    judged = desk.judge()
    assert (judged.devices, judged.samples, judged.gained, judged.excluded) == (1, 2, {"repeated": 1}, 1)
    assert (judged.months, revisions(desk)) == ({"2026-11"}, {"2026-11": 1})
    assert marked(desk) == [False]
    assert desk.judge().devices == 0
    assert desk.judge(everything=True).gained == {}
    assert revisions(desk) == {"2026-11": 1}


def test_months_that_keep_their_flags_keep_their_revision(desk: Desk) -> None:
    device = desk.device()
    desk.send(device, [desk.sample(-60 * 24 * 30), desk.sample(-60 * 24 * 30 + 1), desk.sample(0)])
    desk.judge()
    assert revisions(desk) == {"2026-10": 1}


def test_a_witness_that_comes_late_has_its_device_judged_again(desk: Desk) -> None:
    device = desk.device()
    test = desk.sample(kind="throughput", outcome="ok", test_id="t", download_bps=4e6)
    assert desk.judged([test], device) == ["unwitnessed"]
    desk.witness(device, "t")
    assert marked(desk) == [True]
    judged = desk.judge()
    assert (judged.lost, desk.flags()[test.id]) == ({"unwitnessed": 1}, ("", False))


def test_what_would_change_can_be_told_without_writing(desk: Desk) -> None:
    device = desk.device()
    near = [desk.sample(0), desk.sample(1)]
    desk.send(device, near)
    before = desk.flags()
    told = report_members(desk.judge(everything=True, dry_run=True))
    assert (desk.flags(), marked(desk), revisions(desk)) == (before, [True], {})
    assert told == report_members(desk.judge(everything=True))
    assert told["rules"] == {"repeated": {"gained": 1, "lost": 0}}
    assert (told["excluded"], told["readmitted"], told["changed_devices"], told["months"]) == (1, 0, 1, ["2026-11"])


def test_flags_of_rules_that_are_gone_or_changed_are_taken_back(desk: Desk) -> None:
    device = desk.device()
    desk.judged([desk.sample(0)], device)
    with desk.store.writing() as connection:
        connection.execute(samples.update().values(flags="bygone position-mock", excluded=True))
    told = report_members(desk.judge(everything=True))
    assert told["rules"] == {rule: {"gained": 0, "lost": 1} for rule in ("position-mock", "bygone")}
    assert (told["readmitted"], told["unsettled"]) == (1, 0)
    assert list(desk.flags().values()) == [("", False)]


def test_what_comes_while_a_device_is_judged_is_judged_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    device = desk.device()
    desk.send(device, [desk.sample(0), desk.sample(1)])
    real, more = judging.rewrite_flags, [desk.sample(2) for _ in range(judging.ATTEMPTS)]

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if more:
            desk.send(device, [more.pop()])
        return real(*arguments, **options)

    monkeypatch.setattr(judging, "rewrite_flags", interrupted)
    judged = desk.judge()
    assert (judged.unsettled, marked(desk)) == (1, [True])
    assert {flags for flags, _ in desk.flags().values()} == {""}  # nothing was written from what was out of date
    assert desk.judge().unsettled == 0
    assert marked(desk) == [False]
    assert sorted(flags for flags, _ in desk.flags().values()) == [""] + ["repeated"] * 4


def test_many_samples_are_judged_some_at_a_time(desk: Desk) -> None:
    device = desk.device()
    count = 4_100  # two portions and a piece
    batch = [desk.sample(number / 60, None if number % 2 else NEVERS) for number in range(count)]
    for start in range(0, count, 500):
        desk.send(device, batch[start : start + 500])
    steps: list[float] = []
    judged = desk.judge(progress=lambda _, share: steps.append(share))
    assert judged.gained == {"repeated": count // 2 - 1}
    assert steps[-1] == 1.0
    assert steps == sorted(steps)


def sighting(desk: Desk, degrees_north: float, eci: int = 1, **fields: Any) -> Sample:
    cell = {"serving_plmn": "20801", "lte_eci": eci}
    return desk.sample(0, (NEVERS[0] + degrees_north, NEVERS[1]), **cell | fields)


@pytest.mark.parametrize(
    ("degrees", "far"),
    [
        ([0, 0.35], []),  # 39 km
        ([0, 0.37], [0, 1]),  # 41 km: nothing tells who is right
        ([0, 0.01, 0.37], [2]),
        ([0, 0.01, 0.02, 2], [3]),
        ([0, 0.01, 2, 2.01], [0, 1, 2, 3]),
        ([0, 0, 0, 2, 2, 2, 2], [0, 1, 2]),
    ],
)
def test_a_serving_cell_is_where_most_of_its_devices_see_it(desk: Desk, degrees: list[float], far: list[int]) -> None:
    seen = [sighting(desk, north) for north in degrees]
    for one in seen:
        desk.send(desk.device(), [one])
    desk.judge()
    found = desk.flags()
    assert [number for number, one in enumerate(seen) if found[one.id] == ("cell-far", False)] == far
    assert {found[one.id] for one in seen} <= {("", False), ("cell-far", False)}


def test_a_devices_many_readings_weigh_no_more_than_one(desk: Desk) -> None:
    liar = desk.device()
    desk.send(liar, [sighting(desk, 2, kind="latency", outcome="ok", sim_plmn=f"{20_000 + n}") for n in range(9)])
    honest = [sighting(desk, north) for north in (0, 0.01)]
    for one in honest:
        desk.send(desk.device(), [one])
    desk.judge()
    found = desk.flags()
    assert [found.pop(one.id) for one in honest] == [("", False)] * 2
    assert set(found.values()) == {("cell-far", False)}


def test_what_others_send_later_takes_a_flag_back(desk: Desk) -> None:
    first, second = sighting(desk, 0), sighting(desk, 2)
    for one in (first, second):
        desk.send(desk.device(), [one])
    desk.judge()
    assert {flags for flags, _ in desk.flags().values()} == {"cell-far"}
    desk.send(desk.device(), [sighting(desk, 0.01)])
    judged = desk.judge()
    assert (judged.devices, judged.lost) == (1, {"cell-far": 1})
    assert desk.flags()[first.id] == ("", False)
    assert desk.flags()[second.id] == ("cell-far", False)


@pytest.mark.parametrize("fields", [{"position_mock": True}, {"serving_plmn": "20810"}, {"eci": 2}])
def test_other_cells_and_mock_positions_say_nothing_of_a_cell(sqlite_desk: Desk, fields: dict[str, Any]) -> None:
    for one in (sighting(sqlite_desk, 0), sighting(sqlite_desk, 2, **fields)):
        sqlite_desk.send(sqlite_desk.device(), [one])
    sqlite_desk.judge()
    assert not any("cell-far" in flags for flags, _ in sqlite_desk.flags().values())


def test_a_report_is_json(sqlite_desk: Desk) -> None:
    assert json.loads(json.dumps(report_members(sqlite_desk.judge())))["devices"] == 0

"""Rules over a device's whole history: where each fires, and where it just does not."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from judging_desk import NEVERS, NOON, Desk

from client_sdk.sample import Sample
from collector.plausibility.limits import MAX_PER_HEXAGON_AND_DAY

METRE = 1 / 111_195.08  # of latitude, degrees
IMPOSSIBLE = "journey-fast journey-impossible"


def north(metres: float) -> tuple[float, float]:
    return NEVERS[0] + metres * METRE, NEVERS[1]


def trip(desk: Desk, metres: Sequence[float], seconds: Sequence[float], **fields: Any) -> list[Sample]:
    return [desk.sample(at / 60, north(far), **fields) for far, at in zip(metres, seconds, strict=True)]


# 5 m of accuracy each: 20 m are taken off the way, and a second is added
@pytest.mark.parametrize(
    ("metres", "seconds", "flags"),
    [
        ([0, 10_000, 11_000], [0, 100, 200], ["", "", ""]),
        ([0, 10_130, 11_000], [0, 100, 200], ["journey-fast", "journey-fast", ""]),
        ([0, 15_160, 16_000], [0, 100, 9_000], ["journey-fast", "journey-fast", ""]),
        ([0, 15_180, 16_000], [0, 100, 9_000], [IMPOSSIBLE, IMPOSSIBLE, ""]),
        ([0, 3_000], [0, 0], [IMPOSSIBLE, IMPOSSIBLE]),
    ],
)
def test_both_ends_of_an_impossible_pair_are_flagged(
    desk: Desk, metres: list[float], seconds: list[float], flags: list[str]
) -> None:
    assert desk.judged(trip(desk, metres, seconds)) == flags


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({}, IMPOSSIBLE),
        ({"accuracy_m": 40.0}, ""),
        ({"accuracy_m": None}, ""),  # counts as 50 m
        ({"position_mock": True}, "position-mock"),  # says itself that it is no journey
        ({"import_format": "arcep-qos"}, ""),  # many teams in one file
        ({"import_format": "arcep-checks"}, ""),
        ({"import_format": "gnettrack", "import_sha256": "0" * 64}, IMPOSSIBLE),
        ({"position_age_ms": 0, "duration_ms": 2_000}, ""),  # the fix came within the interval
        ({"position_age_ms": 1, "duration_ms": 60_000}, IMPOSSIBLE),
    ],
)
def test_a_journey_is_judged_by_what_is_known_of_its_fixes(
    sqlite_desk: Desk, fields: dict[str, Any], flag: str
) -> None:
    assert sqlite_desk.judged(trip(sqlite_desk, [0, 179], [0, 0.01], **fields)) == [flag, flag]


def test_the_instant_of_a_fix_is_that_of_the_sample_less_its_age(sqlite_desk: Desk) -> None:
    one = sqlite_desk.sample(0, north(0), position_age_ms=30_000)
    other = sqlite_desk.sample(0, north(2_000), position_age_ms=500)
    assert sqlite_desk.judged([one, other]) == ["", ""]  # 29.5 s for 2 km


def test_logs_of_other_tools_are_journeys_of_their_own(sqlite_desk: Desk) -> None:
    def log(sha256: str, metres: float) -> list[Sample]:
        return trip(sqlite_desk, [metres, metres + 200], [0, 60], import_format="gnettrack", import_sha256=sha256)

    batch = [*log("0" * 64, 0), *log("1" * 64, 50_000), *trip(sqlite_desk, [90_000, 90_200], [0, 60])]
    assert sqlite_desk.judged(batch) == [""] * 6


def test_a_device_that_changed_keys_is_one(sqlite_desk: Desk) -> None:
    first = sqlite_desk.device()
    second = sqlite_desk.device(origin=first)
    near, far = trip(sqlite_desk, [0, 100_000], [0, 60])
    sqlite_desk.send(first, [near])
    sqlite_desk.send(second, [far])
    sqlite_desk.judge()
    assert sqlite_desk.flags() == {near.id: (IMPOSSIBLE, True), far.id: (IMPOSSIBLE, True)}


def numbered(desk: Desk, *steps: tuple[int, float, float], **fields: Any) -> list[Sample]:
    """Of ``(seq, minutes, minutes of duration)``."""
    return [
        desk.sample(start, None, seq=seq, duration_ms=round(length * 60_000), **fields) for seq, start, length in steps
    ]


@pytest.mark.parametrize(
    ("steps", "fields", "flags"),
    [
        ([(1, 0, 0), (2, -10, 0), (3, 1, 0)], {}, ["", "", ""]),
        ([(1, 0, 0), (2, -10.001, 0), (3, 1, 0)], {}, ["seq-clock-back", "seq-clock-back", ""]),
        ([(1, 10, 0), (2, -300, 310), (3, 11, 0)], {}, ["", "", ""]),  # a long interval is counted when it ends
        ([(1, 0, 0), (2, -60, 0)], {"import_format": "gnettrack"}, ["", ""]),
        ([(1, 0, 0), (1, 5, 0), (2, 6, 0)], {}, ["seq-reused", "seq-reused", ""]),
        ([(1, 0, 0), (1, 5, 0)], {"import_format": "gnettrack"}, ["", ""]),
    ],
)
def test_the_counter_and_the_clock_go_together(
    desk: Desk, steps: list[tuple[int, float, float]], fields: dict[str, Any], flags: list[str]
) -> None:
    assert desk.judged(numbered(desk, *steps, **fields)) == flags


def test_each_key_counts_for_itself(sqlite_desk: Desk) -> None:
    first = sqlite_desk.device()
    second = sqlite_desk.device(origin=first)
    for key in (first, second):
        sqlite_desk.send(key, numbered(sqlite_desk, (1, 0, 0), (2, 1, 0)))
    sqlite_desk.judge()
    assert {flags for flags, _ in sqlite_desk.flags().values()} == {""}


def places(count: int, *, step_m: float = 400.0) -> list[tuple[float, float]]:
    drawn = random.Random(1)
    return [
        (NEVERS[0] + (number * step_m + drawn.uniform(-50, 50)) * METRE, NEVERS[1] + drawn.uniform(-50, 50) * METRE)
        for number in range(count)
    ]


def tour(desk: Desk, stops: Sequence[tuple[float, float]], **fields: Any) -> list[Sample]:
    """One reading a minute; a field may be a function of the number of the stop."""
    return [
        desk.sample(
            number, stop, **{name: value(number) if callable(value) else value for name, value in fields.items()}
        )
        for number, stop in enumerate(stops)
    ]


@pytest.mark.parametrize(
    ("count", "fields", "flagged"),
    [
        (20, {"lte_rsrp_dbm": -90.0}, 20),
        (19, {"lte_rsrp_dbm": -90.0}, 0),
        (20, {"lte_rsrp_dbm": lambda stop: -90.0 if stop else -91.0}, 19),
        (20, {"lte_rsrp_dbm": lambda stop: -90.0 if stop > 2 else -91.0 - stop}, 0),
        (20, {"lte_rsrp_dbm": -90.0, "sim_plmn": lambda stop: "20801" if stop % 2 else "20810"}, 0),
        (20, {"kind": "latency", "outcome": "ok", "rtt_median_ms": 33.3}, 20),
    ],
)
def test_a_value_that_never_changes_is_stuck_or_invented(
    sqlite_desk: Desk, count: int, fields: dict[str, Any], flagged: int
) -> None:
    found = sqlite_desk.judged(tour(sqlite_desk, places(count), **fields))
    assert found.count("fabrication-constant") == flagged
    assert found.count("") == count - flagged


def test_a_phone_that_lies_on_a_table_may_say_the_same_all_day(sqlite_desk: Desk) -> None:
    found = sqlite_desk.judged(tour(sqlite_desk, [NEVERS] * 30, lte_rsrp_dbm=-90.0))
    assert set(found) == {"", "repeated"}


@pytest.mark.parametrize(
    ("stops", "fields", "flagged"),
    [
        ([(47 + number / 100, 3.123) for number in range(20)], {}, 20),  # typed
        ([(47.123456 + number / 100, 3.654321) for number in range(20)], {}, 20),  # generated on a grid
        ([(47.123456 + number / 100, 3.654321) for number in range(19)], {}, 0),
        ([(47 + number / 100, 3.123) for number in range(20)], {"position_source": "manual"}, 0),
        (places(20), {}, 0),
        ([*places(20), *((48 + number / 100, 3.5) for number in range(20))], {}, 20),
    ],
)
def test_decimals_that_come_back_are_typed_or_generated(
    sqlite_desk: Desk, stops: list[tuple[float, float]], fields: dict[str, Any], flagged: int
) -> None:
    batch = [sqlite_desk.sample(60.0 * number, stop, **fields) for number, stop in enumerate(stops)]
    found = sqlite_desk.judged(batch)
    assert found.count("fabrication-decimals") == flagged
    assert found.count("") == len(stops) - flagged


NOTHING = {"kind": "service", "service_state": "no_service"}


@pytest.mark.parametrize(
    ("count", "hours", "more", "flagged"),
    [
        (20, 1.5, [], 20),
        (19, 1.5, [], 0),
        (20, 0.5, [], 0),  # within one day
        (20, 1.5, [{}], 0),  # one success
        (20, 1.5, [{"sim_plmn": "20810"}], 20),  # of the other SIM
    ],
)
def test_a_sim_that_never_succeeds_is_told(
    sqlite_desk: Desk, count: int, hours: float, more: list[dict[str, Any]], flagged: int
) -> None:
    batch = [sqlite_desk.sample(hours * 60 * n, stop, **NOTHING) for n, stop in enumerate(places(count))]
    batch += [sqlite_desk.sample(5_000, **fields) for fields in more]
    found = sqlite_desk.judged(batch)
    assert found.count("fabrication-no-success") == flagged
    assert found.count("") == len(batch) - flagged


@pytest.mark.parametrize(
    ("readings", "flags"),
    [
        ([(0, {}), (239, {}), (240, {}), (479, {})], ["", "repeated", "", "repeated"]),
        ([(0, {}), (1, {"sim_plmn": "20810"})], ["", ""]),
        ([(0, {}), (1, {"kind": "latency", "outcome": "ok"})], ["", ""]),
        ([(0, {"accuracy_m": 60.0}), (1, {}), (2, {})], ["position-inaccurate", "", "repeated"]),
        ([(0, {}), (1, {"import_format": "gnettrack"})], ["", "repeated"]),
        ([(0, {"import_format": "arcep-qos"}), (1, {"import_format": "arcep-qos"})], ["", ""]),
    ],
)
def test_a_place_has_one_vote_in_four_hours(
    desk: Desk, readings: list[tuple[float, dict[str, Any]]], flags: list[str]
) -> None:
    assert desk.judged([desk.sample(minutes, **fields) for minutes, fields in readings]) == flags


def test_another_device_has_a_vote_of_its_own(sqlite_desk: Desk) -> None:
    for _ in range(2):
        sqlite_desk.send(sqlite_desk.device(), [sqlite_desk.sample()])
    sqlite_desk.judge()
    assert {flags for flags, _ in sqlite_desk.flags().values()} == {""}


def test_what_is_beyond_the_cap_of_a_hexagon_and_a_day_has_no_vote(sqlite_desk: Desk) -> None:
    plmns = [f"{20_000 + number}" for number in range(MAX_PER_HEXAGON_AND_DAY + 1)]
    of_day = [sqlite_desk.sample(0, sim_plmn=plmn) for plmn in plmns]
    next_day = sqlite_desk.sample(24 * 60, sim_plmn="20801")
    device = sqlite_desk.device()
    for batch in (of_day[:300], [*of_day[300:], next_day]):
        sqlite_desk.send(device, batch)
    sqlite_desk.judge()
    found = sqlite_desk.flags()
    assert [found[sample.id][0] for sample in sorted(of_day, key=lambda sample: sample.id)] == [""] * 300 + ["rate-cap"]
    assert found[next_day.id] == ("", False)


def test_a_key_signs_nothing_before_it_was_made_nor_after_it_was_lost(desk: Desk) -> None:
    made = NOON - timedelta(hours=1)
    device = desk.device(key_created_at=made, revoked_from=NOON + timedelta(days=1))
    minutes = [-71, -70, -71, 24 * 60 - 0.001, 24 * 60]
    batch = [desk.sample(at, None, seq=10 + n) for n, at in enumerate(minutes)]
    batch[2] = desk.sample(-71, None, import_format="gnettrack")
    assert desk.judged(batch, device) == ["clock-before-key", "", "", "", "key-revoked"]
    assert [excluded for _, excluded in desk.flags().values()].count(True) == 2

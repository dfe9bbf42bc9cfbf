"""Every way in which recording stops being useful has its word, and none of them has it while all is well."""

from types import SimpleNamespace
from typing import Any

import pytest
from survey_drive import NOON_MS, fix, reading

from client_sdk.sources.reading import SourceUnavailableError
from client_sdk.survey import troubles
from client_sdk.survey.channel import Channel
from client_sdk.survey.device import Battery
from client_sdk.survey.fences import FenceRules
from client_sdk.survey.options import ModemChoice
from client_sdk.survey.timeline import Timeline
from client_sdk.survey.watchdog import STALE_POSITION_S


def line(channel: Channel, **more: Any) -> Any:
    given = {"has_source": True, "on_wifi": False, "echoes": None, "lacks_way": False}
    return SimpleNamespace(choice=ModemChoice(label="orange", source="termux"), channel=channel, **given | more)


@pytest.fixture
def channel() -> Channel:
    class Nobody:
        def add(self, *_: Any) -> None: ...
        def undecided(self, *_: Any) -> None: ...
        def note(self, *_: Any) -> None: ...

    made = Channel("orange", {}, FenceRules(), Timeline(0.0, NOON_MS), Nobody())
    made.open(0.0)
    made.add_reading(reading(1.0, sim_plmn="20801"), 1.0)
    return made


def test_nothing_is_told_while_all_is_well(channel: Channel) -> None:
    assert troubles.of_line(line(channel)) == {}
    assert troubles.of_position(fix(99.0), None, 100.0, has_source=True) == {}
    assert troubles.of_device(Battery(80, charging=False), 10**9, None) == {}
    assert troubles.of_clock(NOON_MS, NOON_MS - 1, 0) == {}
    assert troubles.of_device(None, None, None) == {}


@pytest.mark.parametrize(
    ("state", "name"), [("sim_missing", "no-sim orange"), ("radio_off", "radio-off orange"), ("no_service", None)]
)
def test_a_modem_that_cannot_work_is_told_and_a_dead_zone_is_not(channel: Channel, state: str, name: str) -> None:
    channel.add_reading(reading(2.0, None, state), 2.0)

    assert list(troubles.of_line(line(channel))) == ([name] if name else [])


def test_a_source_that_is_lost_or_was_never_there_is_told_with_a_way_out(channel: Channel) -> None:
    channel.add_failure(SourceUnavailableError("mmcli: not installed", "apt install modemmanager"), 2.0)

    (lost,) = troubles.of_line(line(channel)).values()
    assert "mmcli: not installed; apt install modemmanager" in lost
    (never,) = troubles.of_line(line(channel, has_source=False)).values()
    assert "maille device check" in never


def test_wifi_and_echoes_without_an_answer_are_told(channel: Channel) -> None:
    assert list(troubles.of_line(line(channel, on_wifi=True))) == ["wifi orange"]
    assert list(troubles.of_line(line(channel, lacks_way=True))) == ["no-way orange"]
    silent = SimpleNamespace(trouble="no answer")
    assert list(troubles.of_line(line(channel, echoes=silent))) == ["no-echo orange"]


@pytest.mark.parametrize(
    ("found", "has_source", "name"),
    [
        (None, False, "no-position"),
        (None, True, "no-fix"),
        (fix(100.0 - STALE_POSITION_S - 1), True, "stale-position"),
        (fix(99.0, position_mock=True), True, "mock-position"),
    ],
)
def test_a_missing_old_or_simulated_position_is_told(found: Any, has_source: bool, name: str) -> None:
    told = troubles.of_position(found, SourceUnavailableError("gpsd: refused"), 100.0, has_source=has_source)

    assert list(told) == [name]
    if name in ("no-fix", "stale-position"):
        assert "gpsd: refused" in told[name]


@pytest.mark.parametrize(
    ("remaining", "trouble", "has_room", "told"),
    [
        (None, None, True, ""),
        (50_000_000, None, True, ""),
        (100_000, None, False, "no room for another test"),
        (0, None, False, "no more echoes"),
        (None, "account broken", False, "account broken"),
    ],
)
def test_a_budget_that_runs_out_is_told(remaining: int | None, trouble: str | None, has_room: bool, told: str) -> None:
    account: Any = SimpleNamespace(remaining=remaining, trouble=trouble)
    trials: Any = SimpleNamespace(rhythm="2km", has_room=has_room)

    words = troubles.of_budget(account, trials)

    assert (list(words), told in "".join(words.values())) == (["budget"] if told else [], True)


def test_disk_battery_and_clock_are_told() -> None:
    assert list(troubles.of_device(None, 10**9, "database or disk is full")) == ["disk-full"]
    assert list(troubles.of_device(None, 1_000_000, None)) == ["disk-low"]
    assert list(troubles.of_device(Battery(12, charging=False), None, None)) == ["battery"]
    assert list(troubles.of_clock(NOON_MS - 1, NOON_MS, 0)) == ["clock"]
    assert list(troubles.of_clock(NOON_MS, 0, 3_600_000)) == ["clock-back"]

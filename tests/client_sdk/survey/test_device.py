"""Wake lock and battery, with programs of Termux on the path that write down how they were called."""

from collections.abc import Callable
from pathlib import Path

import pytest

from client_sdk.survey.device import Battery, WakeLock, free_bytes, read_battery

TERMUX = """{"health":"GOOD","percentage":%s,"plugged":"%s","status":"DISCHARGING","temperature":28.4,"current":-301}"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """``program(name, script)`` puts a program on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return install


def test_the_wake_lock_is_taken_and_given_back(program: Callable[[str, str], None], tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    for name in ("termux-wake-lock", "termux-wake-unlock"):
        program(name, f"echo {name} >> {calls}")
    lock = WakeLock()

    lock.acquire()
    assert lock.held
    lock.release()
    lock.release()

    assert calls.read_text().split() == ["termux-wake-lock", "termux-wake-unlock"]


def test_without_termux_there_is_nothing_to_hold(program: Callable[[str, str], None]) -> None:
    lock = WakeLock()
    lock.acquire()
    assert not lock.held
    lock.release()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TERMUX % (19, "UNPLUGGED"), Battery(19, charging=False)),
        (TERMUX % (20, "UNPLUGGED"), Battery(20, charging=False)),
        (TERMUX % (7, "PLUGGED_USB"), Battery(7, charging=True)),
        ('{"error": "Termux:API is not installed"}', None),
        (TERMUX % ("null", "UNPLUGGED"), None),
        (TERMUX % (140, "UNPLUGGED"), None),
        ("[]", None),
        ("", None),
    ],
)
def test_the_battery_of_a_phone(program: Callable[[str, str], None], answer: str, expected: Battery | None) -> None:
    program("termux-battery-status", f"echo '{answer}'")

    assert read_battery() == expected


def test_the_battery_of_a_laptop(program: Callable[[str, str], None], tmp_path: Path) -> None:
    supply = tmp_path / "BAT0"
    supply.mkdir()
    assert read_battery(tmp_path) is None
    (supply / "capacity").write_text("12\n")
    (supply / "status").write_text("Discharging\n")

    assert read_battery(tmp_path) == Battery(12, charging=False)


def test_a_low_battery_matters_unless_it_charges() -> None:
    assert Battery(19, charging=False).low
    assert not Battery(20, charging=False).low
    assert not Battery(5, charging=True).low


def test_room_on_the_disk(tmp_path: Path) -> None:
    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path / "missing") is None

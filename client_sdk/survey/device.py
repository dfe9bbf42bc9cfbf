"""The device under the survey: kept awake on Termux, its battery, and the room on its disk. Nothing here is sent."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LOW_BATTERY_PERCENT = 20
"""Below it the person is told: the usual threshold of phones."""

LEAST_FREE_BYTES = 20_000_000
"""Ours: several days of samples; below it SQLite may find no room for its journal."""

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Battery:
    """Charge of the device's battery.

    Attributes:
        percent: 0 to 100.
        charging: whether it is plugged in.
    """

    percent: int
    charging: bool

    @property
    def low(self) -> bool:
        """Whether the person should be told."""
        return self.percent < LOW_BATTERY_PERCENT and not self.charging


class WakeLock:
    """Keeps Android from sending Termux to sleep; does nothing where there is no Termux."""

    def __init__(self) -> None:
        self.held = False

    def acquire(self) -> None:
        """Take it."""
        self.held = _done("termux-wake-lock")

    def release(self) -> None:
        """Give it back, if it was taken."""
        if self.held:
            self.held = not _done("termux-wake-unlock")


def read_battery(power_supplies: Path = Path("/sys/class/power_supply")) -> Battery | None:
    """The battery, by Termux:API or Linux; None where there is none or nobody tells. May take some seconds."""
    if shutil.which("termux-battery-status"):
        return _termux_battery()
    for supply in sorted(power_supplies.glob("BAT*")):
        try:
            percent = int((supply / "capacity").read_text())
            status = (supply / "status").read_text().strip()
        except (OSError, ValueError):
            continue
        return Battery(percent, charging=status in ("Charging", "Full", "Not charging"))
    return None


def free_bytes(folder: Path) -> int | None:
    """Room left for our files; None where the system does not tell."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _termux_battery() -> Battery | None:
    try:
        answer = subprocess.run(
            ["termux-battery-status"], capture_output=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
        told = json.loads(answer.stdout)
        percent = told["percentage"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
    if not isinstance(percent, int | float) or not 0 <= percent <= 100:
        return None
    plugged = str(told.get("plugged", "UNPLUGGED")).upper()
    return Battery(round(percent), charging=plugged not in ("UNPLUGGED", ""))


def _done(program: str) -> bool:
    if not shutil.which(program):
        return False
    try:
        return subprocess.run([program], capture_output=True, timeout=_TIMEOUT_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False

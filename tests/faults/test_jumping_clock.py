"""The server's clock jumps while devices send: receipts tell its time, and nothing else depends on it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stage import Stage

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
LONGEST_JUMP = timedelta(days=400)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says how far the clock is off."""
    file = tmp_path_factory.mktemp("clock") / "offset"
    set_clock(file, timedelta(0))
    return file


@pytest.fixture(scope="module")
def stage(new_stage: Callable[..., Stage], clock: Path) -> Stage:
    assert LIBRARIES, "libfaketime is missing; on Debian: apt-get install faketime"
    return new_stage(
        "sqlite",
        LD_PRELOAD=str(LIBRARIES[0]),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",  # a system's clock that is set leaves it alone
        FAKETIME_FORCE_MONOTONIC_FIX="0",  # for older systems; with it every wait of a thread takes too long
    )


def set_clock(file: Path, offset: timedelta) -> None:
    """Off by so much from now on."""
    aside = file.with_suffix(".new")
    aside.write_text(f"{offset.total_seconds():+.0f}\n")
    os.replace(aside, file)


def test_jumps_forward_and_back(stage: Stage, clock: Path, seed: int) -> None:
    offsets = [timedelta(0)]
    with stage.round(seed) as chance:
        for _ in range(3):
            offsets.append(chance.uniform(-1, 1) * LONGEST_JUMP)
            set_clock(clock, offsets[-1])
            stage.load.await_receipts(2)
            stage.tally.faults["clock jump"] += 1
        set_clock(clock, timedelta(0))
    told = {
        datetime.fromisoformat(receipt.received_at) - datetime.now(UTC)
        for device in stage.load.devices
        for _, receipt in device.receipts.values()
    }
    assert all(any(abs(off - offset) < timedelta(minutes=10) for off in told) for offset in offsets), "it did not jump"

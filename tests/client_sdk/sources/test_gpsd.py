"""gpsd's objects, and a real gpsd that replays a drive."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from client_sdk.errors import MailleError
from client_sdk.sources.detect import open_position, open_radio
from client_sdk.sources.position.gpsd import GpsdPosition, TpvMerger
from client_sdk.sources.reading import SourceUnavailableError

TPV: dict[str, Any] = {
    "class": "TPV", "device": "/dev/ttyUSB1", "time": "2026-11-20T08:00:00.000Z", "mode": 3, "lat": 47.28754,
    "lon": 3.94521, "altHAE": 312.5, "eph": 4.5, "speed": 13.2, "track": 90.0,
}  # fmt: skip


def test_a_fix_is_read_whole() -> None:
    fix = TpvMerger().take(TPV, 5.0)
    assert fix
    assert (fix.latitude, fix.longitude, fix.altitude_m, fix.speed_mps) == (47.28754, 3.94521, 312.5, 13.2)
    assert (fix.accuracy_m, fix.accuracy_kind, fix.position_source, fix.fixed_at_s) == (4.5, "gpsd_eph", "gnss", 5.0)


def test_objects_of_one_epoch_are_one_fix() -> None:
    merger = TpvMerger()
    merger.take({name: value for name, value in TPV.items() if name != "eph"}, 5.0)
    fix = merger.take({"class": "TPV", "mode": 3, "time": TPV["time"], "eph": 3.0}, 5.1)
    assert fix
    assert (fix.latitude, fix.accuracy_m) == (47.28754, 3.0)
    second = merger.take({**TPV, "device": "/dev/ttyUSB2", "lat": 47.3, "eph": None}, 5.2)
    assert second
    assert (second.latitude, second.accuracy_m) == (47.3, None)  # of another receiver
    another = merger.take({**TPV, "time": "2026-11-20T08:00:01.000Z", "eph": None}, 6.0)
    assert another
    assert another.accuracy_m is None


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": 0},
        {"mode": 1},
        {"mode": None},
        {"status": 8},
        {"lat": None},
        {"lat": 0.0, "lon": 0.0},
        {"lat": 91.0},
        {"class": "SKY"},
    ],
)
def test_no_fix_is_none(changes: dict[str, Any]) -> None:
    assert TpvMerger().take({**TPV, **changes}, 5.0) is None


def test_the_older_height_and_errors_along_the_axes_serve_too() -> None:
    old = {name: value for name, value in TPV.items() if name not in ("altHAE", "eph")}
    fix = TpvMerger().take({**old, "alt": 300.0, "epx": 3.0, "epy": 4.0}, 5.0)
    assert fix
    assert (fix.altitude_m, fix.accuracy_m) == (300.0, 5.0)


def test_a_gpsd_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = GpsdPosition(port=port)
    try:
        with pytest.raises(SourceUnavailableError, match=str(port)) as failed:
            source.read()
        assert failed.value.way_out
    finally:
        source.close()


def nmea(sentence: str) -> str:
    return f"${sentence}*{reduce(lambda total, letter: total ^ ord(letter), sentence, 0):02X}\r\n"


def drive(seconds: int) -> str:
    """A drive to the north at 10 m/s, as a receiver tells it."""
    lines = []
    for second in range(seconds):
        clock = f"{8 + second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
        minutes = 17.2524 + second * 10 / 1852
        lines.append(nmea(f"GPGGA,{clock},47{minutes:07.4f},N,00356.7126,E,1,09,0.9,312.5,M,47.0,M,,"))
        lines.append(nmea(f"GPRMC,{clock},A,47{minutes:07.4f},N,00356.7126,E,019.4,000.0,201126,,,A"))
        lines.append(nmea("GPGSA,A,3,01,02,03,04,05,06,07,08,09,,,,1.5,0.9,1.2"))
    return "".join(lines)


@pytest.fixture
def real_gpsd(tmp_path: Path) -> Iterator[int]:
    """Port of a gpsd that replays a drive."""
    gpsfake = shutil.which("gpsfake")
    assert gpsfake, "gpsfake is missing; on Debian: apt-get install gpsd gpsd-clients"
    log = tmp_path / "drive.nmea"
    log.write_text(drive(600))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [gpsfake, "-q", "-c", "0.05", "-P", str(port), str(log)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield port
    os.killpg(process.pid, signal.SIGTERM)  # gpsd is of the same group
    process.wait(30)


def test_a_real_gpsd_is_followed(real_gpsd: int) -> None:
    source = open_position(f"gpsd:127.0.0.1:{real_gpsd}")
    try:
        seen: list[float] = []
        deadline = time.monotonic() + 60
        while len(seen) < 3 and time.monotonic() < deadline:
            try:
                fix = source.read()
            except SourceUnavailableError:
                fix = None  # it is starting
            if fix and fix.latitude not in seen:
                assert fix.longitude == pytest.approx(3.94521, abs=1e-4)
                assert fix.position_source == "gnss"
                seen.append(fix.latitude)
            time.sleep(0.05)
        assert all(47.28 < one < another for one, another in itertools.pairwise(seen)), seen
        assert len(seen) == 3
    finally:
        source.close()


@pytest.mark.parametrize("text", ["gpsd:host:x", "fixed:1", "fixed:91,0", "fixed:a,b", "termux:1", "sky", ""])
def test_a_position_source_that_is_none_is_told(text: str) -> None:
    with pytest.raises(MailleError, match="--position"):
        open_position(text)


def test_sources_are_opened_by_name() -> None:
    assert open_position("fixed:47.3,3.9").read().latitude == 47.3  # type: ignore[union-attr]
    assert [open_radio(text).name for text in ("modemmanager", "modemmanager:2", "termux", "adb:X:1", "adb:X")] == [
        "modemmanager any",
        "modemmanager 2",
        "termux",
        "adb 1",
        "adb 0",
    ]
    with pytest.raises(MailleError, match="--radio"):
        open_radio("walkie-talkie")

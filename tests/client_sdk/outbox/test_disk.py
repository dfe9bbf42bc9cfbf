"""A full or read-only disk: real file systems of half a megabyte, each seen by one process only."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import OutboxError

PRELUDE = """
import json, sys
from pathlib import Path
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import OutboxError, OutboxFullError
from client_sdk.sample import Sample, new_sample_id
place = Path(sys.argv[1])
def sample():
    return Sample(id=new_sample_id(), seq=0, kind="signal", measured_at="2026-11-23T16:34:00.123Z")
"""
FULL = (
    PRELUDE
    + """
ballast = place / "ballast"
ballast.write_bytes(bytes(64_000))
told, kept = [], 0
with Outbox(place / "outbox.sqlite") as outbox:
    while not told:
        try:
            kept += outbox.add([sample() for _ in range(20)]).added
        except OutboxFullError as error:
            told.append(str(error))
    while len(told) < 20:  # every byte is taken, one sample at a time
        try:
            kept += outbox.add([sample()]).added
        except OutboxError as error:
            told.append(str(error))
    during = outbox.counts().pending
    ballast.unlink()
    outbox.add([sample()])
with Outbox(place / "outbox.sqlite") as outbox:
    damage, after = outbox.damage, outbox.counts().pending
print(json.dumps({"told": sorted(set(told)), "kept": kept, "during": during, "after": after, "damage": bool(damage)}))
"""
)
FULL_FROM_THE_START = (
    PRELUDE
    + """
try:
    (place / "ballast").write_bytes(bytes(10_000_000))
except OSError:
    pass
try:
    Outbox(place / "outbox.sqlite")
except OutboxError as error:
    print(json.dumps({"told": str(error), "full": isinstance(error, OutboxFullError)}))
"""
)
READ_ONLY = (
    PRELUDE
    + """
import subprocess
with Outbox(place / "outbox.sqlite") as outbox:
    outbox.add([sample()])
subprocess.run(["mount", "-o", "remount,ro", place], check=True)
try:
    Outbox(place / "outbox.sqlite")
except OutboxError as error:
    print(json.dumps({"told": str(error)}))
"""
)


def on_a_small_disk(script: str, place: Path) -> Any:
    """Run a script in a mount namespace of its own, with 512 kB on ``place``."""
    as_root = "import os, sys; sys.exit(os.geteuid() != 0)"
    is_root = subprocess.run([sys.executable, "-c", as_root], check=False).returncode == 0
    alone = ["unshare", "--mount"] if is_root else ["unshare", "--mount", "--map-root-user"]
    mount = 'mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    if not shutil.which("unshare"):
        pytest.skip("no unshare on this machine: a small disk cannot be made")
    allowed = subprocess.run(
        [*alone, "sh", "-c", 'mount -t tmpfs tmpfs "$1"', "sh", place], capture_output=True, text=True, check=False
    )
    if allowed.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {allowed.stderr.strip()}")
    done = subprocess.run(
        [*alone, "sh", "-c", mount, "sh", place, sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_full_disk_stops_recording_loudly_and_loses_nothing(tmp_path: Path) -> None:
    found = on_a_small_disk(FULL, tmp_path)
    assert all("the disk is full: nothing more is recorded" in told for told in found["told"]), found
    assert found["kept"] > 100
    assert (found["during"], found["after"]) == (found["kept"], found["kept"] + 1)
    assert not found["damage"]


def test_a_disk_full_from_the_start_is_told(tmp_path: Path) -> None:
    found = on_a_small_disk(FULL_FROM_THE_START, tmp_path)
    assert found["full"], found
    assert "the disk is full" in found["told"]


def test_a_read_only_disk_is_told(tmp_path: Path) -> None:
    assert "its file or folder is read-only" in on_a_small_disk(READ_ONLY, tmp_path)["told"]


def test_a_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        outbox.connection.execute("PRAGMA query_only = ON")  # as a file system does that turns read-only
        with pytest.raises(OutboxError, match="its file or folder is read-only"):
            outbox.add([])

"""Leases count while their holder lives and their time lasts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from client_sdk.outbox.delivery import LEASE_MS
from client_sdk.outbox.exchange import DEADLINE_S
from client_sdk.outbox.holder import Holder, is_held

NOW_MS = 1_800_000_000_000
HOLD = """
import sys
from pathlib import Path
from client_sdk.outbox.holder import Holder
holder = Holder(Path(sys.argv[1]))
print(holder.name, flush=True)
sys.stdin.read()
"""


def test_a_lease_ends_with_its_time_its_holder_or_a_clock_set_back(tmp_path: Path) -> None:
    with Holder(tmp_path) as holder:
        until_ms = NOW_MS + LEASE_MS
        assert is_held(tmp_path, holder.name, until_ms, NOW_MS, LEASE_MS)
        assert is_held(tmp_path, holder.name, until_ms, until_ms - 1, LEASE_MS)
        assert not is_held(tmp_path, holder.name, until_ms, until_ms, LEASE_MS)
        assert not is_held(tmp_path, holder.name, until_ms, NOW_MS - 1, LEASE_MS)
        assert not is_held(tmp_path, None, None, NOW_MS, LEASE_MS)
    assert not is_held(tmp_path, holder.name, until_ms, NOW_MS, LEASE_MS)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        assert is_held(tmp_path, name, NOW_MS + 1, NOW_MS, LEASE_MS)
        os.kill(process.pid, signal.SIGKILL)
    assert list(tmp_path.iterdir()) != []
    with Holder(tmp_path) as holder:  # clears away what the dead left
        assert [path.name for path in tmp_path.iterdir()] == [f"sending-{holder.name}.lock"]
    assert not is_held(tmp_path, name, NOW_MS + 1, NOW_MS, LEASE_MS)


def test_a_lease_outlasts_what_a_request_may_take() -> None:
    operation_s = 60  # of the commands' client, which may begin just before the deadline
    assert 1000 * (DEADLINE_S + operation_s) < LEASE_MS

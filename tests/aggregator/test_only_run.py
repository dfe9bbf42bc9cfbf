"""Two runs on one data directory never interleave, and a run that crashed blocks nobody."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.only_run import only_run
from client_sdk.errors import MailleError
from client_sdk.messages import use_language

HOLD = """
import sys, time
from pathlib import Path
from aggregator.only_run import only_run
sys.argv = ["/usr/bin/maille", "aggregate", "--data", "somewhere"]
with only_run(Path({data!r})):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process at work in the directory."""
    program = HOLD.format(data=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize(
    "words",
    [
        ["aggregate", "--no-archive"],
        ["zones"],
        ["publish"],
        ["territory", "import", "communes", __file__],
        ["coverage", "import", __file__],
    ],
)
def test_a_second_run_is_told_who_is_at_work(holder: "subprocess.Popen[str]", tmp_path: Path, words: list[str]) -> None:
    before = sorted(tmp_path.iterdir())
    done = CliRunner().invoke(commands, [*words, "--data", str(tmp_path)])
    assert isinstance(done.exception, MailleError)
    expected = f"{tmp_path}: another run is at work there (process {holder.pid}: maille aggregate)"
    assert str(done.exception).startswith(expected)
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_run_is_told_so_in_french(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    use_language("fr")
    try:
        with pytest.raises(MailleError, match=f"y est en cours .processus {holder.pid}"), only_run(tmp_path):
            pass
    finally:
        use_language("en")


def test_a_run_that_was_killed_leaves_nothing_that_blocks(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with only_run(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".run-lock").read_text()
    with only_run(tmp_path):
        pass


def test_a_run_that_failed_leaves_nothing_that_blocks(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run(tmp_path):
        1 / 0  # noqa: B018
    with only_run(tmp_path):
        pass


def test_where_there_is_no_directory_none_is_made(tmp_path: Path) -> None:
    with only_run(tmp_path / "typo"):
        pass
    assert not (tmp_path / "typo").exists()

"""`maille survey` as a person starts, steers and ends it: real processes, a modem that a file describes."""

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from survey_rig import Modem, install_modem_manager, maille

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.surveys import SurveyRecord, Surveys
from client_sdk.survey.accounts import unaccounted
from client_sdk.survey.control import is_running

WORDS = ("--modem", "orange=modemmanager:0", "--position", "fixed:47.2,3.5", "--fence-s", "2", "--echo", "0")


class Survey:
    """A survey's process, and what it says line by line."""

    def __init__(self, device: "Device", *words: str) -> None:
        command = maille("survey", *words, "--json")
        self.process = subprocess.Popen(
            command, env=device.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[dict[str, Any]] = []
        self.words: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.words.append(line)

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines if "event" in line]

    def samples(self) -> int:
        return sum("sample" in line for line in self.lines)

    def until(self, condition: Callable[[], Any]) -> None:
        deadline_s = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline_s, (self.lines[-5:], self.words)
            time.sleep(0.01)

    def end(self) -> int:
        code = self.process.wait(60)
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        return code


class Device:
    """A field device in a folder."""

    def __init__(self, folder: Path) -> None:
        self.environment = install_modem_manager(folder)
        self.home = folder / "home"
        self.modem = Modem(folder / "modems" / "0", "20801")
        self.started: list[Survey] = []

    def survey(self, *words: str) -> Survey:
        before = is_running(self.home)
        started = Survey(self, *words)
        self.started.append(started)
        if not before:
            started.until(lambda: is_running(self.home) or started.process.poll() is not None)
        return started

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(maille(*words), env=self.environment, capture_output=True, text=True, check=False)

    def surveys(self) -> list[tuple[SurveyRecord, list[str], list[Any], list[Any]]]:
        """Each survey with the kinds of its events, its samples, and what is not accounted for."""
        with Outbox(self.home / "outbox.sqlite") as outbox:
            journal = Surveys(outbox)
            found = []
            for record in journal.all():
                events = journal.events(record.id)
                samples = [(one.modem or "", one.fields or {}) for one in journal.samples(record.id)]
                kinds = [event.kind for event in events if event.kind not in ("warning", "well_again", "unread")]
                labels = [modem["label"] for modem in record.options["modems"]]
                found.append((record, kinds, samples, unaccounted(samples, events, labels)))
        return found


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with ExitStack() as stack:
        made = Device(tmp_path)

        def end_all() -> None:
            for one in made.started:
                if one.process.poll() is None:
                    one.process.kill()
                one.end()

        stack.callback(end_all)
        yield made


def test_pause_resume_and_stop_from_another_terminal(device: Device) -> None:
    survey = device.survey("start", *WORDS, "--campaign", "Nièvre")
    survey.until(lambda: survey.samples() >= 2)

    assert json.loads(device.run("survey", "pause", "--json").stdout) == {"state": "paused"}
    second = device.run("survey", "start", *WORDS)
    assert (second.returncode, "running already" in second.stderr) == (1, True)
    assert json.loads(device.run("survey", "resume", "--json").stdout) == {"state": "recording"}
    before = survey.samples()
    survey.until(lambda: survey.samples() > before + 1)
    assert json.loads(device.run("survey", "stop", "--json").stdout) == {"state": "stopped"}

    assert survey.end() == 0
    assert [one for one in survey.events() if one not in ("warning", "well_again")] == ["paused", "resumed", "stopped"]
    ((record, kinds, samples, gaps),) = device.surveys()
    assert (kinds, gaps) == (["started", "paused", "resumed", "stopped"], [])
    assert record.ended_ms is not None
    assert {(one["campaign"], one["latitude"], one["position_source"]) for _, one in samples} == {
        ("Nièvre", 47.2, "manual")
    }
    summary = survey.lines[-1]
    assert (summary["ending"], summary["samples"], summary["unaccounted"]) == ("stopped", len(samples), [])
    assert survey.words == [
        "maille: this device is not enrolled: no echoes, no tests, nothing is sent; `maille device enrol URL`\n"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_close_the_fence_and_only_ctrl_c_ends_the_survey(device: Device, number: int) -> None:
    survey = device.survey("start", *WORDS)
    survey.until(lambda: survey.samples() >= 1)

    survey.process.send_signal(number)

    assert survey.end() == 0
    ended = number == signal.SIGINT
    ((record, kinds, _, gaps),) = device.surveys()
    assert kinds == ["started", "stopped" if ended else "interrupted"]
    assert gaps == []
    assert (record.ended_ms is not None) == ended
    assert survey.lines[-1]["ending"] == ("stopped" if ended else "left")


def test_a_survey_that_was_cut_off_goes_on_as_declared_or_makes_room_for_another(device: Device) -> None:
    survey = device.survey("start", *WORDS, "--vehicle", "van 2")
    survey.until(lambda: survey.samples() >= 2)
    survey.process.kill()
    survey.end()

    # starting again in the same words goes on; resume does; other words begin another
    for words in (("start", *WORDS, "--vehicle", "van 2"), ("resume",)):
        again = device.survey(*words)
        again.until(lambda again=again: again.samples() >= 2)
        assert "going on with the survey" in again.words[0]
        again.process.kill()
        again.end()
    other = device.survey("start", *WORDS, "--vehicle", "bicycle")
    other.until(lambda: other.samples() >= 1)
    assert "is ended now" in other.words[0]
    other.process.send_signal(signal.SIGINT)
    assert other.end() == 0

    first, second = device.surveys()
    assert first[1] == ["started", *["interrupted", "resumed"] * 2, "interrupted", "stopped"]
    assert second[1] == ["started", "stopped"]
    assert (first[3], second[3]) == ([], [])
    assert {one["vehicle"] for _, one in first[2]} == {"van 2"}
    assert {one["vehicle"] for _, one in second[2]} == {"bicycle"}
    assert len({one["id"] for _, one in first[2]}) == len(first[2])


def test_a_survey_that_was_cut_off_can_be_ended_without_going_on(device: Device) -> None:
    nothing = device.run("survey", "stop")
    assert (nothing.returncode, "none was cut off" in nothing.stderr) == (1, True)
    assert device.run("survey", "resume").returncode == 1
    assert device.run("survey", "pause").returncode == 1
    survey = device.survey("start", *WORDS)
    survey.until(lambda: survey.samples() >= 1)
    survey.process.kill()
    survey.end()

    assert device.run("survey", "stop").returncode == 0

    ((record, kinds, _, gaps),) = device.surveys()
    assert (kinds, gaps) == (["started", "interrupted", "stopped"], [])
    assert record.ended_ms is not None


def test_a_process_that_was_held_up_says_so(device: Device) -> None:
    survey = device.survey("start", *WORDS)
    survey.until(lambda: survey.samples() >= 1)
    survey.process.send_signal(signal.SIGSTOP)
    time.sleep(6)  # longer than the survey takes for a hole
    survey.process.send_signal(signal.SIGCONT)
    before = survey.samples()
    survey.until(lambda: survey.samples() > before + 1)
    device.run("survey", "stop")

    assert survey.end() == 0
    ((_, kinds, _, gaps),) = device.surveys()
    assert (kinds, gaps) == (["started", "interrupted", "resumed", "stopped"], [])


def test_a_full_disk_is_loud_and_loses_nothing(device: Device) -> None:
    survey = device.survey("start", *WORDS)
    survey.until(lambda: survey.samples() >= 2)
    # no file of the process may grow: SQLite meets the same failure of write(2) as on a full disk
    resource.prlimit(survey.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    survey.until(lambda: "interrupted" in survey.events() and "warning" in survey.events())
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(survey.process.pid, resource.RLIMIT_FSIZE, unlimited)
    survey.until(lambda: "resumed" in survey.events())
    before = survey.samples()
    survey.until(lambda: survey.samples() > before)
    survey.process.send_signal(signal.SIGINT)

    assert survey.end() == 0
    ((_, kinds, samples, gaps),) = device.surveys()
    assert gaps == []
    assert kinds == ["started", "interrupted", "resumed", "stopped"]
    assert len(samples) == survey.samples()


def test_a_second_ctrl_c_leaves_at_once_and_the_survey_can_go_on(device: Device) -> None:
    survey = device.survey("start", *WORDS)
    survey.until(lambda: survey.samples() >= 1)
    resource.prlimit(survey.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))  # so that it takes long
    survey.until(lambda: "interrupted" in survey.events())
    survey.process.send_signal(signal.SIGINT)
    survey.until(lambda: "stopped" in survey.events())
    survey.process.send_signal(signal.SIGINT)

    assert survey.end() == 130
    assert device.run("survey", "stop").returncode == 0
    ((_, _, _, gaps),) = device.surveys()
    assert gaps == []


def test_keys_steer_the_survey_at_its_own_terminal(device: Device) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *maille("survey", "start", *WORDS)],  # keys are those of the terminal in front
        env=device.environment | {"TERM": "xterm", "COLUMNS": "80"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = ""

    def read_until(text: str) -> None:
        nonlocal seen
        deadline_s = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < deadline_s, seen[-2000:]
            if select.select([leader], [], [], 0.1)[0]:
                with suppress(OSError):
                    seen += os.read(leader, 65_536).decode(errors="replace")

    try:
        read_until("recording")
        read_until("p pause")
        os.write(leader, b"p")
        read_until("paused: by hand")
        os.write(leader, b"r")
        read_until("recording again: by hand")
        os.write(leader, b"q")
        read_until("samples kept")
        assert process.wait(60) == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(leader)
    ((_, kinds, _, gaps),) = device.surveys()
    assert (kinds, gaps) == (["started", "paused", "resumed", "stopped"], [])

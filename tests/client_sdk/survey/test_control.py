"""One survey per device, spoken to from another process; real locks, real processes."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from client_sdk.errors import MailleError
from client_sdk.survey.control import Ear, SurveyRunningError, is_running, survey_lock, tell

HOLDER = """
import sys, time
from pathlib import Path
from client_sdk.survey.control import survey_lock
with survey_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_survey_is_refused_until_the_first_is_gone_even_by_kill(tmp_path: Path) -> None:
    process = holder(tmp_path)
    with process:
        assert is_running(tmp_path)
        with pytest.raises(SurveyRunningError), survey_lock(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert not is_running(tmp_path)
    with survey_lock(tmp_path):
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_without_a_survey_there_is_nobody_to_tell(tmp_path: Path) -> None:
    assert not is_running(tmp_path / "never")
    with pytest.raises(MailleError, match="no survey is running"):
        tell(tmp_path, "pause")


def test_a_wish_is_heard_once_and_answered(tmp_path: Path) -> None:
    heard: list[str] = []

    def survey() -> None:
        with survey_lock(tmp_path):
            ear = Ear(tmp_path)
            ready.set()
            while "stop" not in heard:
                if wish := ear.listen():
                    heard.append(wish)
                    ear.answer({"pause": "paused", "resume": "recording"}.get(wish, "stopped"))

    ready = threading.Event()
    thread = threading.Thread(target=survey)
    thread.start()
    ready.wait()
    try:
        assert [tell(tmp_path, wish) for wish in ("pause", "resume", "resume")] == ["paused", "recording", "recording"]
    finally:
        assert tell(tmp_path, "stop") == "stopped"
        thread.join()
    assert heard == ["pause", "resume", "resume", "stop"]


def test_a_wish_left_by_the_past_is_not_heard(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(MailleError, match="did not answer"):
            tell(tmp_path, "stop", timeout_s=0.2)
        process.kill()

    with survey_lock(tmp_path):
        assert Ear(tmp_path).listen() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"wish": "fly", "mark": "1"}', b'{"wish": "stop"}', b"\xff"])
def test_what_is_no_wish_is_not_heard(tmp_path: Path, content: bytes) -> None:
    with survey_lock(tmp_path):
        (tmp_path / "survey-wish.json").write_bytes(content)
        assert Ear(tmp_path).listen() is None

"""One survey at a time on a device, and the means to pause, resume or stop it from another terminal.

The running survey holds a lock that the system takes back when the process dies, however it dies. A wish is a small
file that the survey looks for; it answers in a file of its own, so that whoever wished knows that it was heard.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, get_args

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from client_sdk.survey.whole_file import write_whole

Wish = Literal["pause", "resume", "stop", "test"]

ANSWER_TIMEOUT_S = 20.0
"""Ours: a survey looks for wishes several times a second, but a test that has to be broken off takes its time."""

_ASK_EVERY_S = 0.05


class SurveyRunningError(MailleError):
    """Another process is surveying already."""


@contextmanager
def survey_lock(folder: Path) -> Iterator[None]:
    """Be the one survey of this device until the block ends or the process dies.

    Raises:
        SurveyRunningError: another process is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(_lock_file(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SurveyRunningError(
                tr(
                    "a survey is running already: `maille survey pause`, `resume` or `stop` speak to it",
                    "un relevé est déjà en cours : `maille survey pause`, `resume` ou `stop` s’adressent à lui",
                )
            ) from error
        _wish_file(folder).unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def is_running(folder: Path) -> bool:
    """Whether a process is surveying."""
    try:
        handle = os.open(_lock_file(folder), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def tell(folder: Path, wish: Wish, timeout_s: float = ANSWER_TIMEOUT_S) -> str:
    """Ask the running survey for something, and wait until it has heard.

    Returns:
        what the survey is doing now, as it says: ``recording``, ``paused`` or ``stopped``.

    Raises:
        MailleError: no survey is running, or it does not answer.
    """
    if not is_running(folder):
        raise MailleError(tr("no survey is running", "aucun relevé n’est en cours"))
    mark = secrets.token_hex(8)
    write_whole(_wish_file(folder), {"wish": wish, "mark": mark})
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        answer = _read(_answer_file(folder))
        if answer.get("mark") == mark:
            return str(answer.get("state"))
        if not is_running(folder):
            if wish == "stop":
                return "stopped"
            break
        time.sleep(_ASK_EVERY_S)
    raise MailleError(
        tr("the survey did not answer; its own terminal may say why", "le relevé n’a pas répondu ; voyez son terminal")
    )


class Ear:
    """The running survey's side: hears wishes, and says what it does now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._heard: str | None = None

    def listen(self) -> Wish | None:
        """The wish that came since the last call, if any."""
        wish = _read(_wish_file(self._folder))
        mark = wish.get("mark")
        if not isinstance(mark, str) or mark == self._heard or wish.get("wish") not in get_args(Wish):
            return None
        self._heard = mark
        heard: Wish = wish["wish"]
        return heard

    def answer(self, state: str) -> None:
        """Say what the survey does now, in answer to the last wish; a full disk keeps nobody from wishing."""
        with suppress(OSError):
            write_whole(_answer_file(self._folder), {"state": state, "mark": self._heard})


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _lock_file(folder: Path) -> Path:
    return folder / "survey.lock"


def _wish_file(folder: Path) -> Path:
    return folder / "survey-wish.json"


def _answer_file(folder: Path) -> Path:
    return folder / "survey-answer.json"

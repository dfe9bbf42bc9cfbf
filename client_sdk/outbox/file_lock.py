"""Locks that any process can take and that the system takes back when the process dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 0.02
"""Ours: how often a lock that somebody else holds is asked for again; a person does not notice it."""


class FileLock:
    """One handle on a lock file; several in one process exclude each other as those of several processes do.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, *, shared: bool = False) -> bool:
        """Take it, or change how it is held, without waiting; whether that went."""
        try:
            fcntl.flock(self._handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self, *, shared: bool = False, timeout_s: float | None = None) -> bool:
        """Take it, asking until it is free or the time is over; whether that went."""
        return wait_until(lambda: self.take(shared=shared), timeout_s)

    def let_go(self) -> None:
        """Give it back; it can be taken again."""
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give it back for good."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def wait_until(holds: Callable[[], bool], timeout_s: float | None) -> bool:
    """Ask until it holds, or the time is over; whether it does."""
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    while not holds():
        if deadline_s is not None and time.monotonic() >= deadline_s:
            return False
        time.sleep(POLL_S)
    return True

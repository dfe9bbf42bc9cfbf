"""Whether there is room to write: what is free beside an SQLite file, and what the database itself said last."""

import shutil
import time
from pathlib import Path

from sqlalchemy import URL

from collector.errors import BusyError

RETRY_AFTER_S = 600
"""Ours: a person has to make room, which takes longer than a restart."""

REMEMBERED_S = 60.0
"""Ours: how long after the database said that its disk is full the status says so too; each write asks it anew."""

_SQLITE_FULL = "SQLITE_FULL"
_DISK_FULL = "53100"  # SQLSTATE, PostgreSQL's appendix A


class Room:
    """The room left for one database. A check takes microseconds, so nothing of it is kept: it recovers by itself.

    Attributes:
        min_free_bytes: with less beside an SQLite file nothing more is written.
    """

    def __init__(self, url: URL, min_free_bytes: int) -> None:
        self.min_free_bytes = min_free_bytes
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        self._folder = Path(url.database or "").absolute().parent if is_file else None
        self._said_full: tuple[str, float] | None = None

    def trouble(self) -> str | None:
        """Why nothing can be written now, in words; None where it can."""
        if self._folder is not None and self.min_free_bytes:
            free = shutil.disk_usage(self._folder).free
            if free < self.min_free_bytes:
                return f"storage: {free // 1_000_000} MB are free, expected at least {self.min_free_bytes // 1_000_000}"
        if self._said_full and time.monotonic() - self._said_full[1] < REMEMBERED_S:
            return self._said_full[0]
        return None

    def check(self) -> None:
        """Before something is added.

        Raises:
            BusyError: ``storage-full``.
        """
        # what the database said last is no reason not to ask it again
        self._said_full = None
        if trouble := self.trouble():
            raise BusyError("storage-full", trouble, RETRY_AFTER_S)

    def refusal(self, error: Exception, told: str) -> BusyError | None:
        """The refusal, if this is how the database says that its disk is full; told by the status for a while."""
        cause = getattr(error, "orig", error)
        if getattr(cause, "sqlite_errorname", None) != _SQLITE_FULL and getattr(cause, "sqlstate", None) != _DISK_FULL:
            return None
        self._said_full = (told, time.monotonic())
        return BusyError("storage-full", told, RETRY_AFTER_S)

"""Who holds a lease: a process, known by a lock file that the system lets go when the process dies."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from client_sdk.outbox.file_lock import FileLock

_PREFIX = "sending-"
_SUFFIX = ".lock"


class Holder:
    """One sender, for as long as the block lasts; killed, it holds nothing any more.

    Args:
        folder: of the outbox.

    Attributes:
        name: of this holder, never used again.

    Raises:
        OSError: the lock file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            _removed_if_dead(path)
        while True:
            self.name = secrets.token_hex(8)
            self._lock = FileLock(_file(folder, self.name))
            if self._lock.take() and self._lock.path.exists():
                break
            self._lock.close()  # another process took the new file for one of the dead

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hold nothing any more."""
        self._lock.path.unlink(missing_ok=True)
        self._lock.close()


def is_held(folder: Path, name: str | None, until_ms: int | None, now_ms: int, longest_ms: int) -> bool:
    """Whether a lease still counts: its holder is alive, and its time is not over.

    A time further away than a lease can last is one of a clock that was set back since: it does not count.
    """
    if name is None or until_ms is None or not now_ms < until_ms <= now_ms + longest_ms:
        return False
    return not _removed_if_dead(_file(folder, name))


def _removed_if_dead(path: Path) -> bool:
    """Remove the lock file of a holder that is no more; False where it lives."""
    if not path.exists():
        return True
    with FileLock(path) as lock:
        if not lock.take():
            return False
        path.unlink(missing_ok=True)
    return True


def _file(folder: Path, name: str) -> Path:
    return folder / f"{_PREFIX}{name}{_SUFFIX}"

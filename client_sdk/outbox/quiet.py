"""Nothing is uploaded while something is measured: what one sends, the other would measure.

Who measures holds :func:`measuring`; several may at once, over several modems. Who uploads holds :func:`sending` for
one envelope at a time. Whoever measures says so first and then waits for the envelope that is on its way; whoever
sends looks, before each envelope, whether someone measures or wants to. Both are locks that the system takes back when
the process dies.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from client_sdk.outbox.file_lock import POLL_S, FileLock, wait_until


@contextmanager
def measuring(folder: Path) -> Iterator[None]:
    """Keep uploads quiet while the block runs; waits at most for the one envelope that is being sent.

    Args:
        folder: of the outbox (:attr:`client_sdk.home.Home.folder`).

    Raises:
        OSError: the lock files cannot be made.
    """
    with FileLock(_measuring_file(folder)) as wanted, FileLock(_sending_file(folder)) as under_way:
        wanted.wait(shared=True)
        under_way.wait(shared=True)
        under_way.let_go()  # nobody begins to send while the first lock is held
        yield


@asynccontextmanager
async def measuring_async(folder: Path) -> AsyncIterator[None]:
    """:func:`measuring` for a program that must go on with other things while it waits."""
    with FileLock(_measuring_file(folder)) as wanted, FileLock(_sending_file(folder)) as under_way:
        while not wanted.take(shared=True):
            await asyncio.sleep(POLL_S)
        while not under_way.take(shared=True):
            await asyncio.sleep(POLL_S)
        under_way.let_go()
        yield


@contextmanager
def sending(
    folder: Path, *, wait: bool, on_wait: Callable[[], None] | None = None, timeout_s: float | None = None
) -> Iterator[bool]:
    """Send one envelope in the block, unless something is being measured: then it gives False.

    Args:
        folder: of the outbox.
        wait: wait for the end of what is being measured.
        on_wait: called once where there is something to wait for.
        timeout_s: longest time to wait.

    Raises:
        OSError: the lock files cannot be made.
    """
    with FileLock(_sending_file(folder)) as turn, FileLock(_measuring_file(folder)) as measured:

        def is_quiet() -> bool:
            if not turn.take():
                return False
            if measured.take():
                measured.let_go()
                return True
            turn.let_go()
            return False

        # another upload's envelope is waited for in any case
        allowed = turn.wait(timeout_s=timeout_s) and is_quiet()
        if not allowed and wait:
            if on_wait:
                on_wait()
            allowed = wait_until(is_quiet, timeout_s)
        yield allowed


def is_measuring(folder: Path) -> bool:
    """Whether something is being measured on this device now."""
    path = _measuring_file(folder)
    if not path.exists():
        return False
    with FileLock(path) as measured:
        return not measured.take()


def _measuring_file(folder: Path) -> Path:
    return folder / "measuring.lock"


def _sending_file(folder: Path) -> Path:
    return folder / "sending.lock"

"""One run at a time on a data directory: two that write there would leave one's evidence beside the other's verdicts.

Whoever comes second is told who is at work, and comes back later: a run takes minutes to hours, and one that waited
unseen would then do the same work again.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from client_sdk.outbox.file_lock import FileLock

FILE = ".run-lock"


@contextmanager
def only_run(data: Path) -> Iterator[None]:
    """Be the only run that writes to a data directory until the block ends, or the process dies, however it dies.

    A directory that is not there yet holds nothing to mix up.

    Raises:
        MailleError: another run is at work there; the message says which process.
    """
    if not data.is_dir():
        yield
        return
    with FileLock(data / FILE) as lock:
        if not lock.take():
            holder = lock.path.read_text(encoding="utf-8").strip() or "?"
            raise MailleError(
                tr(
                    f"{data}: another run is at work there (process {holder}); try again when it is over",
                    f"{data} : un autre traitement y est en cours (processus {holder}) ; réessayez quand il sera fini",
                )
            )
        lock.path.write_text(f"{os.getpid()}: {_command()}\n", encoding="utf-8")
        yield


def _command() -> str:
    """What this process was called with, up to its first option: paths and the like are nobody's business."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return " ".join(words[: next((at for at, word in enumerate(words) if word.startswith("-")), len(words))])

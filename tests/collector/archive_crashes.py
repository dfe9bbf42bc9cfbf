"""Kill a run of the archive at every step it takes in the file system, one after the other; see test_archive_crashes.

Each run is a forked child, so that this process never starts a thread; it prints how many runs were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd  # noqa: F401  Arrow would import it in each child
import pyarrow.parquet as pq
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401  so would SQLAlchemy

from collector.storage.archive import write_archive
from collector.storage.archive.verifying import verify_archive
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import samples

KEY = bytes(32)
STEPS = ("open", "os.rename", "os.rmdir")


def in_child(work: Callable[[], None]) -> int:
    """Run to the end in a process of its own; the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "a child failed; see above"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def run(database_url: str, archive: Path, flag: str, dies_at: int | None = None) -> None:
    """Change the samples of a month, so that there is something to write, and write; killed at a step."""
    store = Store(database_url)
    with store.writing() as connection:
        connection.execute(samples.update().where(samples.c.measured_month == "2026-11").values(flags=flag))
        raise_revisions(connection, ["2026-11"])
    steps = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event in STEPS and str(archive) in str(arguments[0]):
            steps += 1
            if steps == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    write_archive(store, archive, KEY)


def read_and_repair(database_url: str, archive: Path) -> None:
    """Every month is there whole, as it was or as it is; the next run finishes, and leaves nothing aside."""
    files = sorted(archive.glob("measured_month=*/*.parquet"))
    assert len(files) == 2, files
    for file in files:
        table = pq.ParquetFile(file).read()
        assert table.num_rows == 3
        assert len(set(table["flags"].to_pylist())) == 1

    store = Store(database_url)
    write_archive(store, archive, KEY)
    assert {check.finding for check in verify_archive(store, archive, KEY)} == {"ok"}
    assert {path.name.split("=")[0] for path in archive.iterdir()} == {"_state.json", "measured_month"}


def main(database_url: str, archive: Path) -> None:
    """Die at the first step, the second, and so on, until a run lives."""
    in_child(partial(run, database_url, archive, "start"))
    step = 1
    while in_child(partial(run, database_url, archive, f"run-{step}", step)) == signal.SIGKILL:
        in_child(partial(read_and_repair, database_url, archive))
        step += 1
    sys.stdout.write(f"{step - 1}\n")


main(sys.argv[1], Path(sys.argv[2]))

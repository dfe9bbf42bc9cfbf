"""Whatever happens to a run, the archive is readable, and the next run brings it up to date; in bounded memory."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text
from taking_in import accept

from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.storage.archive import write_archive
from collector.storage.archive.verifying import verify_archive
from collector.storage.devices import enrol_device
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import samples

KEY = bytes(32)
COLLECTOR = SigningKey.from_seed(bytes(32))
PROGRAMS = Path(__file__).parent


@pytest.fixture
def store(database_url: str, make_sample: Callable[..., Sample]) -> Iterator[Store]:
    store = Store(database_url)
    device = SigningKey.from_seed(bytes([1]) * 32)
    now = datetime.fromisoformat("2026-11-21T10:00:00Z")
    enrol_device(store, device.public, "2026-11", None, now)
    months = ["2026-10"] * 3 + ["2026-11"] * 3
    lines = [encode(make_sample(measured_at=f"{month}-05T00:00:00.000Z")) for month in months]
    envelope = seal(lines, device)
    accept(envelope.body, envelope.signature, store, COLLECTOR, now)
    yield store
    store.close()


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, str(PROGRAMS / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_at_every_step(store: Store, database_url: str, tmp_path: Path) -> None:
    killed = int(run("archive_crashes.py", database_url, str(tmp_path / "archive")))
    assert killed > 15


def test_a_reader_meanwhile_sees_whole_files(store: Store, tmp_path: Path) -> None:
    write_archive(store, tmp_path, KEY)
    over = threading.Event()

    def write() -> None:
        for number in range(15):
            with store.writing() as connection:
                connection.execute(samples.update().values(flags=f"run-{number}"))
                raise_revisions(connection, ["2026-10", "2026-11"])
            write_archive(store, tmp_path, KEY)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not over.is_set():
        for file in tmp_path.glob("measured_month=*/*.parquet"):
            flags = pq.ParquetFile(file).read(["flags"])["flags"].to_pylist()
            assert (len(flags), len(set(flags))) == (3, 1)
            seen.add(flags[0])
    writer.join()
    assert len(seen) > 1


def test_two_runs_at_once_wait_for_each_other(store: Store, tmp_path: Path) -> None:
    summaries: list[Any] = []
    start = threading.Barrier(3)

    def write() -> None:
        start.wait()
        summaries.append(write_archive(store, tmp_path, KEY))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(len(summary.written) for summary in summaries) == [0, 0, 2]
    assert {check.finding for check in verify_archive(store, tmp_path, KEY)} == {"ok"}


def test_memory_does_not_grow_with_the_month(store: Store, database_url: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (9_000, 36_000):
        fill(store, rows)
        peaks.append(int(run("archive_memory.py", database_url, str(tmp_path / str(rows)), str(rows))))
    small, large = peaks
    # 27,000 rows of 120 columns are 30 MB as Arrow tables, and far more as objects
    assert large - small < 15_000_000


def fill(store: Store, rows: int) -> None:
    """That many samples in December, copies of one with another id."""
    copied = {name: name for name in [column.name for column in samples.c]} | {"measured_month": "'2026-12'"}
    digits = "lpad(to_hex(i), 12, '0')" if store.engine.dialect.name == "postgresql" else "printf('%012x', i)"
    copied["id"] = f"substr(id, 1, 24) || {digits}"
    numbers = "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :rows)"
    one = "(SELECT * FROM samples WHERE measured_month = '2026-11' ORDER BY id LIMIT 1) AS one"
    with store.writing() as connection:
        connection.execute(samples.delete().where(samples.c.measured_month == "2026-12"))
        raise_revisions(connection, ["2026-12"])
        columns, values = ", ".join(copied), ", ".join(copied.values())
        statement = f"INSERT INTO samples ({columns}) {numbers} SELECT {values} FROM {one}, numbers"
        connection.execute(text(statement), {"rows": rows})

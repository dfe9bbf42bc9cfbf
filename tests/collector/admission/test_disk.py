"""A disk that is full or nearly so: nothing is half written, what is stored already is still answered for."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select, text

from collector.storage.room import Room
from collector.storage.tables import devices, envelopes, samples

SMALL_DISK = """
import json, sys
from pathlib import Path
import httpx
from client_sdk.enrolment import enrol
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey
from collector.serving import running_collector
from collector.settings import Settings

disk, elsewhere, min_free_mb = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
key, told = SigningKey.generate(), {}

def sample():
    return Sample(id=new_sample_id(), seq=0, kind="signal", measured_at="2026-11-20T08:00:00.000Z")

with (
    running_collector(Settings(data=disk / "data", port=0, min_free_mb=min_free_mb)) as collector,
    httpx.Client(trust_env=False, timeout=60) as client,
    Outbox(elsewhere / "outbox.sqlite") as outbox,
):
    def status():
        return client.get(collector.base_url + "/v1/status").json()["accepting"]

    def send():
        trouble = upload(outbox, key, client, by_hand=True).trouble
        return trouble and [trouble.status, trouble.rule]

    enrol(collector.base_url, key, outbox, client=client)
    outbox.add([sample()])
    told["before"] = [send(), status()]
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    outbox.add([sample() for _ in range(500)])
    told["full"] = [send(), outbox.counts().pending, collector.store.count_samples(), status()]
    ballast.unlink()
    told["after"] = [send(), outbox.counts().pending, collector.store.count_samples()]
    told["trouble"] = collector.store.room.trouble()
print(json.dumps(told))
"""


def on_a_small_disk(place: Path, elsewhere: Path, min_free_mb: int) -> dict[str, Any]:
    """Run a collector in a mount namespace of its own, with 8 MB on ``place``."""
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if not shutil.which("unshare"):
        pytest.skip("no unshare on this machine: a small disk cannot be made")
    mount = 'mount -t tmpfs -o size=8m tmpfs "$1"'
    allowed = subprocess.run([*alone, "sh", "-c", mount, "sh", place], capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {allowed.stderr.strip()}")
    arguments = [place, sys.executable, SMALL_DISK, elsewhere, str(min_free_mb)]
    done = subprocess.run(
        [*alone, "sh", "-c", mount + ' && exec "$2" -c "$3" "$1" "$4" "$5"', "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("min_free_mb", [0, 1])
def test_a_small_disk_is_filled_and_emptied(tmp_path: Path, min_free_mb: int) -> None:
    (place := tmp_path / "disk").mkdir()
    told = on_a_small_disk(place, tmp_path, min_free_mb)
    assert told["before"] == [None, True]
    # without the margin SQLite itself meets the end of the disk
    assert told["full"] == [[507, "storage-full"], 500, 1, False]
    assert told["after"] == [None, 0, 501]
    assert told["trouble"] is None


def counts(collector: Any) -> dict[str, int]:
    with collector.store.engine.connect() as connection:
        tables = (devices, envelopes, samples)
        return {table.name: connection.scalar(select(func.count()).select_from(table)) for table in tables}


def full(answer: httpx.Response) -> bool:
    assert (answer.status_code, answer.json()["rule"]) == (507, "storage-full"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    return True


@contextmanager
def database_full(store: Any) -> Iterator[None]:
    """The database says of itself that there is no room: SQLite at its largest size, PostgreSQL as on a full disk."""
    if store.engine.dialect.name == "sqlite":

        def no_more_pages(connection: Any, _: Any, __: Any) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}").close()

        def any_pages(connection: Any, _: Any, __: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1000000").close()

        event.listen(store.engine, "checkout", no_more_pages)
        yield
        event.remove(store.engine, "checkout", no_more_pages)
        event.listen(store.engine, "checkout", any_pages)
        return
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' "
                "USING ERRCODE = 'disk_full'; END $$"
            )
        )
        for table in ("samples", "devices"):
            connection.execute(
                text(f"CREATE TRIGGER disk_full BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION disk_full()")
            )
    yield
    with store.engine.begin() as connection:
        connection.execute(text("DROP FUNCTION disk_full CASCADE"))


def test_a_database_that_says_it_is_full_is_told_and_nothing_is_half_written(
    collector: Any, phone_of: Any, make_sample: Callable[..., Any]
) -> None:
    phone = phone_of(collector)
    stored = phone.seal([make_sample()])
    receipt = phone.post(stored).content
    fresh = phone.seal([make_sample() for _ in range(500)])
    before = counts(collector)
    with database_full(collector.store):
        for _ in range(3):
            assert full(phone.post(fresh))
            assert phone.post(stored).content == receipt
        status = phone.http.get("/v1/status").json()
        assert status["accepting"] is False
        assert status["not_accepting"]["rule"] == "storage-full"
        assert counts(collector) == before
    assert phone.post(fresh).status_code == 200
    assert counts(collector)["samples"] == 501
    assert phone.http.get("/v1/status").json()["accepting"] is True


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_below_the_margin_nothing_is_added_and_the_rest_goes_on(
    collector: Any, phone_of: Any, make_sample: Callable[..., Any]
) -> None:
    phone, stranger = phone_of(collector), phone_of(collector, enrolled=False)
    stored, fresh = phone.seal([make_sample()]), phone.seal([make_sample()])
    receipt = phone.post(stored).content
    before = counts(collector)
    collector.store.room.min_free_bytes = 10**18
    assert full(phone.post(fresh))
    assert full(stranger.enrol())
    assert phone.post(stored).content == receipt
    assert phone.enrol().status_code == 200
    assert "token" in phone.session()
    assert counts(collector) == before
    status = phone.http.get("/v1/status").json()
    assert status["accepting"] is False
    assert "MB are free, expected at least 1000000000000" in status["not_accepting"]["detail"]
    collector.store.room.min_free_bytes = 1
    assert phone.http.get("/v1/status").json()["accepting"] is True
    assert phone.post(fresh).status_code == 200
    assert stranger.enrol().status_code == 201


@pytest.mark.parametrize("url", ["postgresql+psycopg://maille@db/maille", "sqlite://"])
def test_only_a_file_of_ours_has_a_disk_to_look_at(url: str) -> None:
    from sqlalchemy.engine import make_url

    assert Room(make_url(url), 10**18).trouble() is None

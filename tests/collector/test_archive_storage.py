"""The archive in object storage, through fsspec: the same files, the same answers."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from taking_in import accept

from aggregator.evidence.binning import bin_archive
from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.errors import SettingsError
from collector.storage.archive import write_archive
from collector.storage.archive.place import Place
from collector.storage.archive.verifying import verify_archive
from collector.storage.devices import enrol_device
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import samples

KEY = bytes(32)
COLLECTOR = SigningKey.from_seed(bytes(32))


@pytest.fixture
def store(database_url: str, make_sample: Callable[..., Sample]) -> Iterator[Store]:
    store = Store(database_url)
    device = SigningKey.from_seed(bytes([1]) * 32)
    now = datetime.fromisoformat("2026-11-21T10:00:00Z")
    enrol_device(store, device.public, "2026-11", None, now)
    reading = {"latitude": 47.0, "longitude": 3.0, "sim_plmn": "20801", "context": "outdoor"}
    lines = [
        encode(make_sample(measured_at=f"{month}-05T00:00:00.000Z", rat="lte", service_state="in_service", **reading))
        for month in ("2026-10", "2026-11")
    ]
    envelope = seal(lines, device)
    accept(envelope.body, envelope.signature, store, COLLECTOR, now)
    yield store
    store.close()


def test_object_storage_holds_what_a_directory_would(store: Store, tmp_path: Path) -> None:
    url = f"memory://{secrets.token_hex(6)}/archive"
    assert write_archive(store, url, KEY).written == ("2026-10", "2026-11")
    assert write_archive(store, url, KEY).written == ()
    write_archive(store, tmp_path / "directory", KEY)
    remote, local = Place(url), Place(tmp_path / "directory")
    names = [f"measured_month={month}/samples.parquet" for month in ("2026-10", "2026-11")]
    assert list(remote.files()) == list(local.files()) == names
    for name in (*names, "_state.json"):
        assert remote.read(name) == local.read(name)
    assert [check.finding for check in verify_archive(store, url, KEY)] == ["ok", "ok"]

    bin_archive(url, tmp_path / "from-url")
    bin_archive(tmp_path / "directory", tmp_path / "from-directory")
    for table in ("ledger", "capability", "histograms"):
        rows = pq.read_table(tmp_path / "from-url" / f"{table}.parquet")
        assert rows.equals(pq.read_table(tmp_path / "from-directory" / f"{table}.parquet"))
    assert pq.read_table(tmp_path / "from-url" / "ledger.parquet").num_rows > 0

    remote.filesystem.pipe_file(remote.address(names[0]), b"PAR1")
    assert [check.finding for check in verify_archive(store, url, KEY)] == ["damaged", "ok"]
    with store.writing() as connection:
        connection.execute(samples.delete().where(samples.c.measured_month == "2026-10"))
        raise_revisions(connection, ["2026-10"])
    assert write_archive(store, url, KEY).removed == ("2026-10",)
    assert list(remote.files()) == names[1:]


def test_a_run_that_fails_leaves_the_object_that_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{secrets.token_hex(6)}"
    write_archive(store, url, KEY)
    place = Place(url)
    before = {name: place.read(name) for name in place.files()}
    with store.writing() as connection:
        connection.execute(samples.update().values(flags="speed"))
        raise_revisions(connection, ["2026-10", "2026-11"])

    def fail(*_: object, **__: object) -> None:
        raise OSError("the network went away")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", fail)
        with pytest.raises(OSError, match="went away"):
            write_archive(store, url, KEY)
    assert {name: place.read(name) for name in place.files()} == before
    assert write_archive(store, url, KEY).written == ("2026-10", "2026-11")


def test_a_file_url_is_a_directory(tmp_path: Path) -> None:
    place = Place(f"file://{tmp_path}/archive")
    assert place.is_directory
    assert place.files() == {}
    with place.aside() as file:
        file.write_bytes(b"x")
        place.put(file, "measured_month=2026-11/samples.parquet")
    assert (tmp_path / "archive" / "measured_month=2026-11" / "samples.parquet").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["with space", "é%20", "100%"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path / name)
    with place.aside() as file:
        file.write_bytes(b"x")
        place.put(file, "measured_month=2026-11/samples.parquet")
    assert Path(place.address(next(iter(place.files())))).read_bytes() == b"x"
    assert (tmp_path / name).is_dir()


def test_a_kind_of_storage_without_its_package_says_which(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MAILLE_ARCHIVE: abfs:// .*adlfs"):
        Place("abfs://container/archive")
    with pytest.raises(SettingsError, match=r"MAILLE_ARCHIVE: got 'nowhere://x'"):
        Place("nowhere://x")
    assert "memory" in fsspec.available_protocols()

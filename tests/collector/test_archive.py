"""The archive: only what changed is written, and the same samples give the same bytes."""

import errno
import hashlib
import math
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from taking_in import accept

from client_sdk.errors import MailleError
from client_sdk.sample import FIELDS, Sample, encode
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.secret import load_or_create_secret
from collector.storage.archive import SCHEMA, device_token, rows, write_archive
from collector.storage.devices import enrol_device
from collector.storage.migration import migrate
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import devices, samples

KEY = bytes(range(32))
COLLECTOR = SigningKey.from_seed(bytes(32))
MakeSample = Callable[..., Sample]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def send(store: Store, seed: int, received_at: str, *sent: Sample) -> SigningKey:
    key = SigningKey.from_seed(bytes([seed]) * 32)
    now = datetime.fromisoformat(received_at)
    enrol_device(store, key.public, "2026-11", None, now)
    envelope = seal([encode(sample) for sample in sent], key)
    accept(envelope.body, envelope.signature, store, COLLECTOR, now)
    return key


def file_of(archive: Path, month: str) -> Path:
    return archive / f"measured_month={month}" / "samples.parquet"


def rows_of(archive: Path, month: str) -> list[dict[str, Any]]:
    return pq.ParquetFile(file_of(archive, month)).read().to_pylist()


def test_the_columns_are_the_contracts() -> None:
    start = ["device_token", "tier", "h3_cell", "flags", "excluded", "received_at", "measured_at"]
    assert SCHEMA.names == start + [name for name in FIELDS if name != "measured_at"]
    types = {field.name: str(field.type) for field in SCHEMA}
    assert types["measured_at"] == types["received_at"] == "timestamp[ms, tz=UTC]"
    assert (types["h3_cell"], types["seq"], types["excluded"], types["roaming"]) == ("int64", "int64", "bool", "bool")
    assert (types["latitude"], types["rat"], types["id"]) == ("double", "string", "string")


def test_a_sample_in_the_archive(store: Store, tmp_path: Path, make_sample: MakeSample) -> None:
    sample = make_sample(latitude=47.0, longitude=3.0, roaming=False, position_mock=True, lte_rsrp_dbm=-101.5)
    key = send(store, 1, "2026-11-21T10:00:00.500Z", sample)
    summary = write_archive(store, tmp_path, KEY)
    assert (summary.written, summary.unchanged, summary.removed, summary.samples) == (("2026-11",), (), (), 1)
    assert pq.ParquetFile(file_of(tmp_path, "2026-11")).schema_arrow.equals(SCHEMA)
    (row,) = rows_of(tmp_path, "2026-11")
    assert row == {
        "device_token": device_token(KEY, key.public.thumbprint),
        "tier": "volunteer",
        "h3_cell": 622052315906244607,
        "flags": "position-mock",
        "excluded": True,
        "received_at": datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=UTC),
        **{name: getattr(sample, name) for name in FIELDS},
        "measured_at": datetime(2026, 11, 20, 8, tzinfo=UTC),
    }
    assert len(row["device_token"]) == 32
    assert key.public.thumbprint.encode() not in file_of(tmp_path, "2026-11").read_bytes()


def test_only_months_that_changed_are_written(store: Store, tmp_path: Path, make_sample: MakeSample) -> None:
    october = make_sample(measured_at="2026-10-31T23:59:59.999Z")
    november = make_sample(measured_at="2026-11-01T00:00:00.000Z")
    send(store, 1, "2026-11-21T10:00:00.000Z", october, november)
    assert write_archive(store, tmp_path, KEY).written == ("2026-10", "2026-11")
    untouched = file_of(tmp_path, "2026-10").stat().st_ino

    again = write_archive(store, tmp_path, KEY)
    assert (again.written, again.unchanged, again.samples) == ((), ("2026-10", "2026-11"), 2)

    send(store, 1, "2026-11-22T10:00:00.000Z", make_sample(measured_at="2026-11-02T00:00:00.000Z"))
    assert write_archive(store, tmp_path, KEY).written == ("2026-11",)
    assert file_of(tmp_path, "2026-10").stat().st_ino == untouched

    # a phone that had no network since August
    send(store, 2, "2026-11-23T10:00:00.000Z", make_sample(measured_at="2026-08-15T00:00:00.000Z"))
    late = write_archive(store, tmp_path, KEY)
    assert (late.written, late.samples) == (("2026-08",), 4)
    # and one with a reading of a month that is long archived
    send(store, 2, "2026-11-23T11:00:00.000Z", make_sample(measured_at="2026-10-02T00:00:00.000Z"))
    assert write_archive(store, tmp_path, KEY).written == ("2026-10",)
    assert len(rows_of(tmp_path, "2026-10")) == 2


def test_a_month_whose_revision_was_raised_is_written_again(
    store: Store, tmp_path: Path, make_sample: MakeSample
) -> None:
    send(store, 1, "2026-11-21T10:00:00.000Z", make_sample(), make_sample(measured_at="2026-10-01T00:00:00.000Z"))
    write_archive(store, tmp_path, KEY)
    with store.writing() as connection:
        connection.execute(samples.update().values(flags="speed", excluded=True))
        raise_revisions(connection, ["2026-11"])
    assert write_archive(store, tmp_path, KEY).written == ("2026-11",)
    assert [row["flags"] for row in rows_of(tmp_path, "2026-11")] == ["speed"]
    assert write_archive(store, tmp_path, KEY).written == ()
    with store.writing() as connection:
        connection.execute(samples.delete().where(samples.c.measured_month == "2026-11"))
        raise_revisions(connection, ["2026-11"])
    summary = write_archive(store, tmp_path, KEY)
    assert (summary.written, summary.unchanged, summary.removed) == ((), ("2026-10",), ("2026-11",))


def test_the_token_follows_a_device_that_changes_keys(store: Store, tmp_path: Path, make_sample: MakeSample) -> None:
    first = send(store, 1, "2026-11-21T10:00:00.000Z", make_sample())
    second = send(store, 2, "2026-11-21T11:00:00.000Z", make_sample())
    with store.writing() as connection:
        origin = {"origin": first.public.thumbprint}
        connection.execute(devices.update().where(devices.c.thumbprint == second.public.thumbprint).values(origin))
    write_archive(store, tmp_path, KEY)
    tokens = [row["device_token"] for row in rows_of(tmp_path, "2026-11")]
    assert tokens == [device_token(KEY, first.public.thumbprint)] * 2


def test_both_databases_give_the_same_bytes_in_whatever_order_samples_came(
    empty_database: Any, tmp_path: Path, make_sample: MakeSample
) -> None:
    instants = ["2026-11-03T00:00:00.001Z", "2026-11-02T00:00:00.000Z", "2026-10-31T00:00:00.000Z"]
    sent = {
        seed: [
            make_sample(
                measured_at=instant, latitude=-0.0, longitude=-0.0, altitude_m=-0.0 if number else 1e-300,
                speed_mps=0.1 + number, roaming=[None, True, False][number], sim_plmn="20801", lte_eci=number or None,
                test_server=['a, "quoted"', "é – ü", "null"][number], test_engine=None if number else "ndt7",
            )
            for instant in instants
            for number in range(3)
        ]
        for seed in (1, 2, 3)
    }  # fmt: skip
    same = sent[1][0]
    sent[2].append(same)  # two devices with one id at one instant
    digests = []
    for number, kind in enumerate(("sqlite", "postgresql")):
        with empty_database(kind) as url:
            migrate(url)
            store = Store(url)
            for seed in ((1, 2, 3), (3, 2, 1))[number]:
                lines = sent[seed] if number else sent[seed][::-1]
                send(store, seed, "2026-11-21T10:00:00.123456Z", *lines)
            place = tmp_path / kind
            assert write_archive(store, place, KEY).samples == 28
            digests.append({file.parent.name: file.read_bytes() for file in place.glob("*/samples.parquet")})
            stored = rows_of(place, "2026-11")
            assert all(math.copysign(1.0, row["latitude"]) == 1.0 for row in stored)
            assert {row["test_server"] for row in stored} == {'a, "quoted"', "é – ü", "null"}
            assert {row["roaming"] for row in stored} == {None, True, False}
            assert {row["received_at"].microsecond for row in stored} == {123_000}
            store.close()
    assert len(digests[0]) == 2
    assert digests[0] == digests[1]


def test_rows_are_sorted_and_the_bytes_are_always_the_same(
    store: Store, tmp_path: Path, make_sample: MakeSample
) -> None:
    instants = ["2026-11-03T00:00:00.001Z", "2026-11-03T00:00:00.000Z", "2026-11-02T00:00:00.000Z"]
    for seed in (3, 1, 2):
        sent = [make_sample(measured_at=instant) for instant in instants for _ in range(3)]
        send(store, seed, "2026-11-21T10:00:00.000Z", *reversed(sent))
    write_archive(store, tmp_path / "one", KEY)
    rows = rows_of(tmp_path / "one", "2026-11")
    assert len(rows) == 27
    order = [(row["measured_at"], row["id"]) for row in rows]
    assert order == sorted(order)

    write_archive(store, tmp_path / "two", KEY)
    bytes_of_one = file_of(tmp_path / "one", "2026-11").read_bytes()
    assert file_of(tmp_path / "two", "2026-11").read_bytes() == bytes_of_one
    (tmp_path / "one" / "_state.json").unlink()
    assert write_archive(store, tmp_path / "one", KEY).written == ("2026-11",)
    assert file_of(tmp_path / "one", "2026-11").read_bytes() == bytes_of_one


def test_row_groups_do_not_depend_on_how_many_rows_share_an_instant(
    store: Store, tmp_path: Path, make_sample: MakeSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROW_GROUP", 4)
    monkeypatch.setattr(rows, "BATCH", 3)
    send(store, 1, "2026-11-21T10:00:00.000Z", *(make_sample() for _ in range(10)))
    assert write_archive(store, tmp_path, KEY).samples == 10
    parquet = pq.ParquetFile(file_of(tmp_path, "2026-11"))
    assert [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)] == [4, 4, 2]


@pytest.mark.parametrize("damage", ["deleted file", "shortened file", "deleted state", "damaged state", "another key"])
def test_what_is_lost_or_foreign_is_written_again(
    store: Store, tmp_path: Path, make_sample: MakeSample, damage: str
) -> None:
    send(store, 1, "2026-11-21T10:00:00.000Z", make_sample())
    write_archive(store, tmp_path, KEY)
    digest = hashlib.sha256(file_of(tmp_path, "2026-11").read_bytes()).hexdigest()
    key = KEY
    if damage == "deleted file":
        file_of(tmp_path, "2026-11").unlink()
    elif damage == "shortened file":
        os.truncate(file_of(tmp_path, "2026-11"), 100)
    elif damage == "deleted state":
        (tmp_path / "_state.json").unlink()
    elif damage == "damaged state":
        (tmp_path / "_state.json").write_text('{"months": 3')
    else:
        key = bytes(32)
    assert write_archive(store, tmp_path, key).written == ("2026-11",)
    after = hashlib.sha256(file_of(tmp_path, "2026-11").read_bytes()).hexdigest()
    assert (after == digest) == (key == KEY)


def test_a_month_without_samples_disappears_from_the_archive(
    store: Store, tmp_path: Path, make_sample: MakeSample
) -> None:
    send(store, 1, "2026-11-21T10:00:00.000Z", make_sample())
    write_archive(store, tmp_path, KEY)
    file_of(tmp_path, "2026-11").parent.rename(tmp_path / "measured_month=1999-01")
    summary = write_archive(store, tmp_path, KEY)
    assert (summary.written, summary.removed) == (("2026-11",), ("1999-01",))
    assert [folder.name for folder in tmp_path.glob("measured_month=*")] == ["measured_month=2026-11"]


def test_an_interrupted_run_leaves_the_old_file_whole(
    store: Store, tmp_path: Path, make_sample: MakeSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, 1, "2026-11-21T10:00:00.000Z", make_sample())
    write_archive(store, tmp_path, KEY)
    before = file_of(tmp_path, "2026-11").read_bytes()
    left = tmp_path / ".aside-of-a-run-that-was-killed"
    left.mkdir()
    send(store, 1, "2026-11-22T10:00:00.000Z", make_sample())

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", fail)
        with pytest.raises(OSError, match="no space"):
            write_archive(store, tmp_path, KEY)
    assert file_of(tmp_path, "2026-11").read_bytes() == before
    assert write_archive(store, tmp_path, KEY).written == ("2026-11",)
    assert len(rows_of(tmp_path, "2026-11")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_state.json", "measured_month=2026-11"]


def test_progress_goes_from_month_to_month_and_ends_at_one(
    store: Store, tmp_path: Path, make_sample: MakeSample
) -> None:
    send(store, 1, "2026-11-21T10:00:00.000Z", make_sample(), make_sample(measured_at="2026-10-01T00:00:00.000Z"))
    steps: list[tuple[str, float]] = []
    write_archive(store, tmp_path, KEY, lambda label, fraction: steps.append((label, fraction)))
    assert steps == [("2026-10", 0.0), ("2026-10", 0.5), ("2026-11", 0.5), ("2026-11", 1.0), ("", 1.0)]


def test_an_empty_database_gives_an_empty_archive(store: Store, tmp_path: Path) -> None:
    assert write_archive(store, tmp_path / "archive", KEY).samples == 0


def test_the_token_key_of_another_process_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "device-token.key"

    def overtaken(*_: object) -> None:
        path.write_bytes(KEY)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", overtaken)
    assert load_or_create_secret(path) == KEY
    assert list(tmp_path.iterdir()) == [path]


def test_the_token_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "device-token.key"
    key = load_or_create_secret(path)
    assert len(key) == 32
    assert load_or_create_secret(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(b"short")
    with pytest.raises(MailleError, match="32"):
        load_or_create_secret(path)

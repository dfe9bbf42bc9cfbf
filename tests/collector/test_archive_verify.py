"""`maille collector archive --verify`: what is wrong is told, file by file, and what to do."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from taking_in import accept

from client_sdk.cli import main
from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.secret import load_or_create_secret
from collector.settings import Settings
from collector.storage.archive import SCHEMA, write_archive
from collector.storage.archive.checksum import Checksum
from collector.storage.archive.place import Place
from collector.storage.archive.state import read_state, write_state
from collector.storage.archive.verifying import verify_archive
from collector.storage.devices import enrol_device
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import samples

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
COLLECTOR = SigningKey.from_seed(bytes(32))
Send = Callable[..., None]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=database_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database_url)
    yield store
    store.close()


@pytest.fixture
def send(store: Store, make_sample: Callable[..., Sample]) -> Send:
    device = SigningKey.from_seed(bytes([1]) * 32)
    enrol_device(store, device.public, "2026-11", None, NOW)

    def send(*months: str) -> None:
        sent = [make_sample(measured_at=f"{month}-05T00:00:00.000Z", latitude=47.0, longitude=3.0) for month in months]
        envelope = seal([encode(sample) for sample in sent], device)
        accept(envelope.body, envelope.signature, store, COLLECTOR, NOW)

    send("2026-10", "2026-10", "2026-10", "2026-11", "2026-11")
    return send


def write(settings: Settings, store: Store) -> None:
    write_archive(store, settings.archive, load_or_create_secret(settings.device_token_key))


def file_of(settings: Settings, month: str) -> Path:
    return Path(settings.archive) / f"measured_month={month}" / "samples.parquet"


def findings(settings: Settings, store: Store) -> dict[str, str]:
    checks = verify_archive(store, settings.archive, load_or_create_secret(settings.device_token_key))
    assert all(check.file in check.told() for check in checks)
    return {str(Path(check.file).relative_to(settings.archive)): check.finding for check in checks}


OCTOBER, NOVEMBER = (f"measured_month={month}/samples.parquet" for month in ("2026-10", "2026-11"))


def test_an_archive_just_written_is_as_the_database(settings: Settings, store: Store, send: Send) -> None:
    write(settings, store)
    (Path(settings.archive) / "_state.json").unlink()  # the content is compared, whatever was noted
    assert findings(settings, store) == {OCTOBER: "ok", NOVEMBER: "ok"}


def test_every_flipped_byte_is_seen(settings: Settings, store: Store, send: Send) -> None:
    write(settings, store)
    file = file_of(settings, "2026-10")
    whole = file.read_bytes()
    for position in range(0, len(whole), len(whole) // 7):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert findings(settings, store) == {OCTOBER: "damaged", NOVEMBER: "ok"}
    os.truncate(file, 50)
    (Path(settings.archive) / "_state.json").unlink()
    assert findings(settings, store) == {OCTOBER: "damaged", NOVEMBER: "ok"}


def rewrite(settings: Settings, change: Callable[[pa.Table], pa.Table]) -> None:
    """October's file changed by somebody who knows how: its digest is noted too."""
    file = file_of(settings, "2026-10")
    pq.write_table(change(pq.ParquetFile(file).read()), file)
    place, key = Place(settings.archive), load_or_create_secret(settings.device_token_key)
    state = read_state(place, key)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    write_state(place, key, state | {"2026-10": replace(state["2026-10"], sha256=digest)})


CHANGES: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "same rows": (lambda table: table, "ok"),
    "a row less": (lambda table: table.slice(1), "different"),
    "a row twice": (lambda table: pa.concat_tables([table, table.slice(0, 1)]), "different"),
    "another order": (lambda table: table.take([1, 0, 2]), "different"),
    "another column": (lambda table: table.set_column(5, "x", table["seq"]), "damaged"),
    "another flag": (
        lambda table: table.set_column(3, SCHEMA.field("flags"), pa.array(["a", "", ""])),
        "different",
    ),
}


def test_a_file_that_was_written_anew(settings: Settings, store: Store, send: Send) -> None:
    write(settings, store)
    before = file_of(settings, "2026-10").read_bytes()
    for name, (change, finding) in CHANGES.items():
        file_of(settings, "2026-10").write_bytes(before)
        rewrite(settings, change)
        assert (name, findings(settings, store)) == (name, {OCTOBER: finding, NOVEMBER: "ok"})


def test_a_database_that_changed(settings: Settings, store: Store, send: Send) -> None:
    write(settings, store)
    october = samples.c.measured_month == "2026-10"
    with store.writing() as connection:
        connection.execute(samples.update().where(october).values(flags="speed"))
    assert findings(settings, store) == {OCTOBER: "different", NOVEMBER: "ok"}
    with store.writing() as connection:
        raise_revisions(connection, ["2026-10"])
    assert findings(settings, store) == {OCTOBER: "outdated", NOVEMBER: "ok"}
    send("2026-11", "2026-12")
    december = "measured_month=2026-12/samples.parquet"
    assert findings(settings, store) == {OCTOBER: "outdated", NOVEMBER: "outdated", december: "missing"}
    write(settings, store)
    assert set(findings(settings, store).values()) == {"ok"}


def test_files_that_should_not_be_there(settings: Settings, store: Store, send: Send) -> None:
    write(settings, store)
    file_of(settings, "2026-10").rename(file_of(settings, "2026-11").with_name("samples (1).parquet"))
    copy = "measured_month=2026-11/samples (1).parquet"
    assert findings(settings, store) == {OCTOBER: "missing", NOVEMBER: "ok", copy: "unknown"}


def test_the_command_tells_and_ends_with_one(
    settings: Settings, store: Store, send: Send, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILLE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("MAILLE_DATA", str(settings.data))

    def run(*words: str, language: str = "en") -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--lang", language, *words])
        return int(ended.value.code or 0), capsys.readouterr().out

    assert run("collector", "archive")[0] == 0
    code, text = run("collector", "archive", "--verify", "--json")
    answer: dict[str, Any] = json.loads(text)
    assert (code, answer["ok"], len(answer["files"])) == (0, True, 2)
    assert answer["files"][0]["database"] == answer["files"][0]["archive"]
    assert answer["files"][0]["archive"]["samples"] == 3

    file_of(settings, "2026-11").write_bytes(b"PAR1")
    code, text = run("collector", "archive", "--verify")
    assert code == 1
    assert "2 files, 1 to see to" in text
    assert "delete it, then run `maille collector archive`" in text
    file_of(settings, "2026-11").unlink()
    code, text = run("collector", "archive", "--verify", language="fr")
    assert (code, "absent ; lancez `maille collector archive`" in text) == (1, True)
    run("collector", "archive")
    assert run("collector", "archive", "--verify")[0] == 0


TABLE = pa.table(
    [
        pa.array([None if number % 3 else number for number in range(12)]).cast(field.type)
        if not pa.types.is_boolean(field.type)
        else pa.array([None, True, False] * 4)
        for field in SCHEMA
    ],
    names=SCHEMA.names,
)


@limits(max_examples=25)
@given(st.lists(st.integers(0, 12)))
def test_the_checksum_does_not_depend_on_how_rows_are_cut(cuts: list[int]) -> None:
    whole, parts = Checksum(), Checksum()
    whole.add(TABLE)
    bounds = [0, *sorted(cuts), 12]
    for start, end in pairwise(bounds):
        parts.add(TABLE.slice(start, end - start))
    assert (parts.rows, parts.hexdigest()) == (12, whole.hexdigest())


@limits(max_examples=25)
@given(st.integers(0, 11), st.sampled_from(SCHEMA.names))
def test_the_checksum_sees_every_value(row: int, name: str) -> None:
    whole, changed = Checksum(), Checksum()
    values = TABLE[name].to_pylist()
    values[row] = None if values[row] is not None else pa.array([0]).cast(TABLE[name].type)[0].as_py()
    whole.add(TABLE)
    column = pa.array(values, TABLE[name].type)
    changed.add(TABLE.set_column(TABLE.schema.get_field_index(name), name, column))
    assert whole.hexdigest() != changed.hexdigest()

"""One history for both databases: it goes up, down and up again, and ends at what the tables say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, select, text

from client_sdk.sample import new_sample_id
from collector.errors import MigrationError
from collector.settings import Settings
from collector.storage.migration import migrate, migration_config, migrations_folder, prepare_database
from collector.storage.store import Store
from collector.storage.tables import envelopes, metadata, samples

KINDS = ["sqlite", "postgresql"]


def table_names(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_up_check_down_up(empty_database: Any, kind: str) -> None:
    with empty_database(kind) as url:
        config = migration_config(url)
        command.upgrade(config, "head")
        command.check(config)
        assert set(metadata.tables) <= table_names(url)

        command.downgrade(config, "base")
        assert not set(metadata.tables) & table_names(url)

        command.upgrade(config, "head")
        command.check(config)
        assert set(metadata.tables) <= table_names(url)


@pytest.mark.parametrize("kind", KINDS)
def test_check_sees_a_column_that_no_migration_made(empty_database: Any, kind: str) -> None:
    with empty_database(kind) as url:
        migrate(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE samples ADD COLUMN surprise INTEGER"))
        engine.dispose()
        with pytest.raises(Exception, match="surprise"):
            command.check(migration_config(url))


def test_a_fresh_sqlite_file_is_migrated_at_start(empty_database: Any) -> None:
    with empty_database("sqlite") as url:
        prepare_database(Settings(database_url=url))
        assert set(metadata.tables) <= table_names(url)
        prepare_database(Settings(database_url=url))


def test_a_postgresql_database_without_tables_is_refused_and_says_what_to_run(empty_database: Any) -> None:
    with empty_database("postgresql") as url:
        with pytest.raises(MigrationError, match="maille collector migrate"):
            prepare_database(Settings(database_url=url))
        assert not set(metadata.tables) & table_names(url)
        migrate(url)
        prepare_database(Settings(database_url=url))


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_at_another_revision_is_refused(empty_database: Any, kind: str) -> None:
    with empty_database(kind) as url:
        migrate(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
        engine.dispose()
        with pytest.raises(MigrationError, match="maille collector migrate"):
            prepare_database(Settings(database_url=url))


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    url = "postgresql+psycopg://maille@127.0.0.1:1/nowhere"
    for attempt in (lambda: prepare_database(Settings(database_url=url)), lambda: migrate(url)):
        with pytest.raises(MigrationError, match=r"^database: .*$") as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database\n" * 1000)
    url = f"sqlite:///{file}"
    for attempt in (lambda: prepare_database(Settings(database_url=url)), lambda: migrate(url)):
        with pytest.raises(MigrationError, match=r"^database: file is not a database$"):
            attempt()
    assert file.read_text() == "not a database\n" * 1000


def test_the_migrations_are_found_from_a_checkout() -> None:
    assert (migrations_folder() / "versions").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_outlive_the_partitions_up_and_down(empty_database: Any, kind: str) -> None:
    now = datetime(2026, 11, 20, 8, tzinfo=UTC)
    device, sha256 = "d" * 43, "e" * 64
    envelope = {
        "device": device, "sha256": sha256, "received_at": now, "body": b"\0body", "signature": "s", "receipt": "[]",
    }  # fmt: skip
    required = {
        column.name: {str: "0", int: 0, float: 0.5, bool: False}[column.type.python_type]
        for column in samples.c
        if not column.nullable and column.name not in ("measured_at", "received_at")
    }
    rows = [
        required
        | {"device": device, "envelope_sha256": sha256, "measured_at": now, "received_at": now, "measured_month": month}
        | {"id": new_sample_id(unix_ms), "latitude": 47.0, "longitude": 3.0, "h3_cell": 622052315906244607}
        for month, unix_ms in (("2026-11", 1_795_000_000_000), ("2026-10", 1_791_000_000_000), ("1999-01", 5))
    ]
    enrol = text(
        "INSERT INTO devices (thumbprint, public_key, tier, privacy_notice_version, enrolled_at) "
        "VALUES (:device, 'x', 'volunteer', '2026-11', '2026-11-20 08:00:00')"
    )
    with empty_database(kind) as url:
        config = migration_config(url)
        command.upgrade(config, "0003")
        store = Store(url)

        def everything() -> list[Any]:
            with store.reading() as connection:
                found = [connection.execute(select(table).order_by(*table.primary_key)).all() for table in tables]
                return [tuple(row) for part in found for row in part]

        tables = (envelopes, samples)
        with store.writing() as connection:
            connection.execute(enrol, {"device": device})
            connection.execute(envelopes.insert(), envelope)
            connection.execute(samples.insert(), rows)
        before = everything()
        assert len(before) == 4
        migrate(url)
        assert everything() == before
        with store.reading() as connection:
            assert connection.execute(text("SELECT thumbprint, origin FROM devices")).one() == (device, device)
        if kind == "postgresql":
            assert len(store.samples_within(west=2.0, south=46.0, east=4.0, north=48.0)) == 3
        command.downgrade(config, "0003")
        assert everything() == before
        migrate(url)
        assert everything() == before
        command.check(config)
        store.close()

"""Samples by month of their id on PostgreSQL: made ahead, moved into, unique across, and never in intake's way."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from taking_in import accept

from client_sdk.sample import Sample, encode, new_sample_id
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.storage import partitions
from collector.storage.devices import enrol_device
from collector.storage.engine import create_database_engine
from collector.storage.migration import migration_config
from collector.storage.partitions import ensure_partitions, first_id, try_ensure_partitions
from collector.storage.store import Store
from collector.storage.tables import samples

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MADE = ("samples_2026_11", "samples_2026_12", "samples_2027_01", "samples_2027_02", "samples_2026_10")
COLLECTOR = SigningKey.from_seed(bytes(32))
KEY = SigningKey.from_seed(bytes([1]) * 32)


@pytest.fixture(scope="module")
def unpartitioned(postgres_cluster: Any) -> str:
    """Name of a migrated database with the default partition only."""
    postgres_cluster.execute("CREATE DATABASE unpartitioned")
    command.upgrade(migration_config(postgres_cluster.url("unpartitioned")), "head")
    return "unpartitioned"


@pytest.fixture
def database_url(empty_database: Any, unpartitioned: str) -> Iterator[str]:
    with empty_database("postgresql", unpartitioned) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def id_of(instant: str) -> str:
    return new_sample_id(int(datetime.fromisoformat(instant).timestamp() * 1000))


def send(store: Store, *sent: Sample) -> None:
    enrol_device(store, KEY.public, "2026-11", None, NOW)
    envelope = seal([encode(sample) for sample in sent], KEY)
    accept(envelope.body, envelope.signature, store, COLLECTOR, NOW)


def places(engine: Engine) -> dict[str, str]:
    """Id of each sample → the partition that it lies in."""
    with engine.connect() as connection:
        return {
            row.id: row.place
            for row in connection.execute(text("SELECT id, tableoid::regclass::text place FROM samples"))
        }


def rows(store: Store) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(samples).order_by(samples.c.id))]


def names(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return partitions._partitions(connection)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 11, 30)))  # noqa: DTZ001
def test_the_ids_of_a_month_lie_between_its_bounds(instant: datetime) -> None:
    sample_id = id_of(instant.isoformat() + "+00:00")
    following = (instant.year + instant.month // 12, instant.month % 12 + 1)
    assert first_id(instant.year, instant.month) <= sample_id < first_id(*following)


def test_a_year_back_and_three_months_ahead_are_made_once(store: Store, database_url: str) -> None:
    made = ensure_partitions(store.engine, NOW)
    assert made[:5] == MADE
    assert (len(made), min(made), max(made)) == (16, "samples_2025_11", "samples_2027_02")
    assert names(store.engine) == {*made, "samples_default"}
    assert ensure_partitions(store.engine, NOW) == ()
    assert ensure_partitions(store.engine, datetime(2026, 12, 1, tzinfo=UTC)) == ("samples_2027_03",)
    command.check(migration_config(database_url))
    command.downgrade(migration_config(database_url), "base")
    command.upgrade(migration_config(database_url), "head")


def test_on_sqlite_nothing_happens(empty_database: Any) -> None:
    with empty_database("sqlite") as url:
        engine = create_database_engine(url)
        assert ensure_partitions(engine, NOW) == ()
        engine.dispose()


def test_rows_move_and_absurd_times_stay_in_the_default_partition(
    store: Store, make_sample: Callable[..., Sample]
) -> None:
    expected = {
        id_of("2026-10-31T23:59:59.999Z"): "samples_2026_10",
        id_of("2026-11-01T00:00:00.000Z"): "samples_2026_11",
        id_of("2025-11-01T00:00:00.000Z"): "samples_2025_11",
        id_of("2025-10-31T23:59:59.999Z"): "samples_default",
        id_of("1970-01-01T00:00:00.000Z"): "samples_default",
        id_of("9999-12-31T00:00:00.000Z"): "samples_default",
    }
    send(store, *(make_sample(id=sample_id, latitude=47.0, longitude=3.0) for sample_id in expected))
    assert set(places(store.engine).values()) == {"samples_default"}
    before = rows(store)
    ensure_partitions(store.engine, NOW)
    assert places(store.engine) == expected
    assert rows(store) == before
    assert len(store.samples_within(west=2.0, south=46.0, east=4.0, north=48.0)) == 6
    later = make_sample(id=id_of("2026-12-05T00:00:00.000Z"))
    send(store, later)
    assert places(store.engine)[later.id] == "samples_2026_12"


def test_a_sample_is_unique_across_partitions(store: Store, make_sample: Callable[..., Sample]) -> None:
    old, new = make_sample(id=id_of("2026-10-15T00:00:00Z")), make_sample(id=id_of("2026-11-15T00:00:00Z"))
    send(store, old, new)
    ensure_partitions(store.engine, NOW)
    send(store, old, new, make_sample(id=id_of("2026-12-15T00:00:00Z")))
    assert store.count_samples() == 3
    columns = ", ".join(samples.c.keys())
    again = f"INSERT INTO samples ({columns}) SELECT {columns} FROM samples WHERE id = :id"
    for sample in (old, new):
        with pytest.raises(IntegrityError, match="unique"), store.writing() as connection:
            connection.execute(text(again), {"id": sample.id})


def test_of_several_processes_each_partition_is_made_by_one(store: Store, database_url: str) -> None:
    engines = [create_database_engine(database_url) for _ in range(4)]
    made: list[str] = []
    start = threading.Barrier(len(engines))

    def work(engine: Engine) -> None:
        start.wait()
        made.extend(ensure_partitions(engine, NOW))

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    assert len(made) == len(set(made)) == 16


def test_intake_and_partitions_do_not_wait_for_each_other(store: Store, make_sample: Callable[..., Sample]) -> None:
    sample = make_sample(id=id_of("2026-11-15T00:00:00Z"))
    send(store, sample)
    ensure_partitions(store.engine, NOW)
    with store.writing() as connection:  # an envelope that is being stored
        connection.execute(samples.update().where(samples.c.id == sample.id).values(flags="x"))
        made = ensure_partitions(store.engine, datetime(2027, 1, 1, tzinfo=UTC))
    assert made == ("samples_2027_03", "samples_2027_04")


def test_a_lock_that_cannot_be_had_is_told_and_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT", "100ms")
    with store.reading() as connection:  # a long read of the default partition
        connection.execute(text("SELECT count(*) FROM samples_default"))
        assert try_ensure_partitions(store.engine, NOW) is False
    assert "lock timeout" in caplog.text
    assert names(store.engine) == {"samples_default"}
    assert try_ensure_partitions(store.engine, NOW) is True
    assert len(names(store.engine)) == 17


def test_a_serving_collector_makes_them(running_collector: Callable[..., Any], store: Store) -> None:
    running_collector(clock=lambda: NOW)
    wait_for(lambda: len(names(store.engine)) == 17)


def test_a_collector_that_cannot_make_them_serves(
    running_collector: Callable[..., Any],
    store: Store,
    phone_of: Callable[..., Any],
    make_sample: Callable[..., Sample],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("CREATE TABLE samples_2026_11 (somebody_elses integer)"))
    collector = running_collector(clock=lambda: NOW)
    wait_for(lambda: "samples_2026_11" in caplog.text)
    phone_of(collector).send([make_sample()])
    assert store.count_samples() == 1


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

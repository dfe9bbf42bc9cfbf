"""Months that changed are told once each, in the transaction that changed them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import month_revisions


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def revisions(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return {row.measured_month: row.revision for row in connection.execute(select(month_revisions))}


def test_each_month_is_raised_by_one(store: Store) -> None:
    with store.writing() as connection:
        raise_revisions(connection, ["2026-11", "2026-10", "2026-11"])
        raise_revisions(connection, [])
    assert revisions(store) == {"2026-10": 1, "2026-11": 1}
    with store.writing() as connection:
        raise_revisions(connection, iter(["2026-11", "2026-12"]))
    assert revisions(store) == {"2026-10": 1, "2026-11": 2, "2026-12": 1}


def test_a_change_that_is_undone_raises_nothing(store: Store) -> None:
    with store.writing() as connection:
        raise_revisions(connection, ["2026-11"])
        connection.rollback()
    assert revisions(store) == {}

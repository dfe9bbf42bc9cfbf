"""A desk on each kind of database, or on SQLite alone."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # judging_desk, which is no test

from judging_desk import Desk

from collector.storage.store import Store


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """On each kind of database."""
    store = Store(database_url)
    yield Desk(store)
    store.close()


@pytest.fixture(scope="session")
def migrated_file(_migrated_file: Path) -> Path:
    """An SQLite file to copy."""
    return _migrated_file


@pytest.fixture
def sqlite_desk(_migrated_file: Path, tmp_path: Path) -> Iterator[Desk]:
    """On SQLite alone, for what does not depend on the database."""
    store = Store(f"sqlite:///{shutil.copy(_migrated_file, tmp_path / 'collector.sqlite')}")
    yield Desk(store)
    store.close()

"""Real collectors, real databases, real faults; ``--rounds`` and ``--seed`` say how many and which."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "end_to_end"))

from small_disk import may_mount
from stage import Stage, Tally
from wire import Wire

from collector.storage.migration import migrate

_TALLY = pytest.StashKey[Tally]()
_NOTICE = pytest.StashKey[str]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each round; its name says its seed, so that ``--seed N --rounds 1`` has the same one again."""
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("seed")
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("rounds")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if may_mount():
        return
    left_out = [item for item in items if "disk" in getattr(item, "fixturenames", ())]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_NOTICE] = "full disks are left out: they are made with mount, which this process may not use"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if notice := config.stash.get(_NOTICE, None):
        terminalreporter.write_line(notice)
    tally = config.stash.get(_TALLY, None)
    if tally and tally.recoveries_s:
        terminalreporter.write_line(tally.line())


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash.setdefault(_TALLY, Tally())


@pytest.fixture(scope="module")
def new_stage(
    request: pytest.FixtureRequest, tally: Tally, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Stage]]:
    """``new_stage("sqlite" | "postgresql", **options)``.

    Its options, beside those of the stage: ``data``, directory of the collectors, and of the file of SQLite;
    ``tablespace`` of the database on PostgreSQL; ``database_wire``, through which the collectors reach it.
    """
    with ExitStack() as stack:

        def make(
            kind: str,
            *,
            data: Path | None = None,
            tablespace: str = "pg_default",
            database_wire: Wire | None = None,
            **options: Any,
        ) -> Stage:
            folder = tmp_path_factory.mktemp("stage")
            data = data or folder / "data"
            if kind == "sqlite":
                url = reached = f"sqlite:///{data / 'collector.sqlite'}"
            else:
                cluster = request.getfixturevalue("durable_cluster")
                name = f"faults_{secrets.token_hex(4)}"
                cluster.execute(f"CREATE DATABASE {name} TABLESPACE {tablespace}")
                url = reached = cluster.url(name)
                if database_wire:
                    reached = cluster.url(name, database_wire.address, database_wire.port)
                stack.callback(cluster.execute, f"DROP DATABASE {name} WITH (FORCE)")
                migrate(url)
            settings = {"MAILLE_DATA": str(data), "MAILLE_DATABASE_URL": reached}
            stage = Stage(folder, tally, url, **settings, **options)
            stack.callback(stage.close)
            return stage

        yield make


@pytest.fixture
def kind(seed: int) -> str:
    """Of the round's database: the rounds change between them."""
    return ("postgresql", "sqlite")[seed % 2]

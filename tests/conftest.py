"""Fixtures shared by all: real databases, a running collector, and the field data where they are."""

import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from benchmarks.intake.cluster import Cluster, ClusterError

# how long an example takes says more about the machine than about the code
hypothesis.settings.register_profile("maille", deadline=None)
hypothesis.settings.load_profile("maille")

FIELD_DATA = "MAILLE_FIELD_DATA"
FIELD_DATA_NOTICE = (
    f"tests marked field_data are left out: {FIELD_DATA} names no directory. The files are published at "
    "data.arcep.fr and data.gouv.fr (quality of service, coverage), github.com/uccmisl/5Gdataset (drive tests) and by "
    "the Bundesnetzagentur (Gigabitgrundbuch)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    # here, because pytest asks for options before it looks below the first directory
    faults = parser.getgroup("faults", "tests/faults")
    faults.addoption("--rounds", type=int, default=10, help="rounds of each fault (10)")
    faults.addoption("--seed", type=int, default=20261127, help="seed of the first round; the next ones count up")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get(FIELD_DATA):
        return
    left_out = [item for item in items if item.get_closest_marker("field_data")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("field_data")]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_NOTICE] = FIELD_DATA_NOTICE


_NOTICE = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if notice := config.stash.get(_NOTICE, None):
        terminalreporter.write_line(notice)


@pytest.fixture(scope="session")
def field_data() -> Path:
    """The directory of real files, for tests marked ``field_data``."""
    folder = Path(os.environ[FIELD_DATA])
    assert folder.is_dir(), f"{FIELD_DATA}: {folder} is not a directory"
    return folder


THROWN_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "timezone": "Asia/Kolkata",  # nothing may depend on the server's zone
}


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with PostGIS; without one the tests that need it fail and say what to install."""
    try:
        cluster = Cluster(THROWN_AWAY)
    except ClusterError as error:
        pytest.fail(str(error), pytrace=False)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def durable_cluster() -> Iterator[Cluster]:
    """A second server, by TCP too, which may be killed and started again: it keeps what it committed."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = str(unused.getsockname()[1])
    settings = {"listen_addresses": "127.0.0.1", "port": port, "recovery_init_sync_method": "syncfs"}
    cluster = Cluster({"shared_buffers": "32MB", "timezone": "Asia/Kolkata", **settings})
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def empty_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], AbstractContextManager[str]]:
    """``empty_database("sqlite" | "postgresql")`` gives the address of a database without any table."""
    from contextlib import contextmanager

    @contextmanager
    def empty(kind: str, template: str = "template1") -> Iterator[str]:
        if kind == "sqlite":
            yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'collector.sqlite'}"
            return
        cluster: Cluster = request.getfixturevalue("postgres_cluster")
        name = f"test_{secrets.token_hex(6)}"
        cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield cluster.url(name)
        finally:
            cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return empty


@pytest.fixture(scope="session")
def _migrated_template(postgres_cluster: Cluster) -> str:
    from collector.storage.migration import migrate

    postgres_cluster.execute("CREATE DATABASE migrated")
    migrate(postgres_cluster.url("migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from collector.storage.migration import migrate

    file = tmp_path_factory.mktemp("migrated") / "collector.sqlite"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, empty_database: Any) -> Iterator[str]:
    """Address of a fresh, migrated database; a test that uses it runs on both kinds."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = stack.enter_context(empty_database("sqlite"))
            shutil.copy(request.getfixturevalue("_migrated_file"), url.removeprefix("sqlite:///"))
        else:
            url = stack.enter_context(empty_database("postgresql", request.getfixturevalue("_migrated_template")))
        yield url


@pytest.fixture
def running_collector(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a collector on the database, with a real server on a free port: ``running_collector(**settings)``.

    It has ``base_url``, ``settings``, ``store``, ``key`` and ``app``; a keyword ``clock`` sets its time.
    """
    from collector.serving import running_collector as serve
    from collector.settings import Settings

    with ExitStack() as stack:

        def start(**options: Any) -> Any:
            clock = {"clock": options.pop("clock")} if "clock" in options else {}
            # samples of tests have fixed dates, and the clock goes on
            usual = {"data": tmp_path / "data", "database_url": database_url, "port": 0, "keep_samples_days": 0}
            settings = Settings(**usual | options)
            return stack.enter_context(serve(settings, **clock))

        yield start


@pytest.fixture
def collector(running_collector: Callable[..., Any]) -> Any:
    """A running collector with its default settings; see ``running_collector``."""
    return running_collector()

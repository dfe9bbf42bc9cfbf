"""Fixtures shared by all: real databases, a running collector, and the field data where they are."""

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# how long an example takes says more about the machine than about the code
hypothesis.settings.register_profile("maille", deadline=None)
hypothesis.settings.load_profile("maille")

FIELD_DATA = "MAILLE_FIELD_DATA"
FIELD_DATA_NOTICE = (
    f"tests marked field_data are left out: {FIELD_DATA} names no directory. The files are published at "
    "data.arcep.fr and data.gouv.fr (quality of service, coverage), github.com/uccmisl/5Gdataset (drive tests) and by "
    "the Bundesnetzagentur (Gigabitgrundbuch)"
)
INSTALL_POSTGIS = (
    "PostgreSQL with PostGIS is needed and was not found; on Debian: apt-get install postgresql-postgis "
    "(Debian 12: package postgresql-15-postgis-3)"
)


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


def pytest_addoption(parser: pytest.Parser) -> None:
    # here, because pytest asks for options before it looks below the first directory
    faults = parser.getgroup("faults", "tests/faults")
    faults.addoption("--rounds", type=int, default=10, help="rounds of each fault (10)")
    faults.addoption("--seed", type=int, default=20261127, help="seed of the first round; the next ones count up")


class Cluster:
    """A private PostgreSQL server on a Unix socket, run by an unprivileged user, thrown away at the end.

    A ``durable`` one keeps what it committed when it is killed, and listens on ``tcp_port`` of 127.0.0.1 too.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._binaries = _postgres_binaries()
        self._account = _unprivileged_account()
        self._folder = Path(tempfile.mkdtemp(prefix="maille-pg-"))
        self.own(self._folder)
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "maille", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "shared_buffers": "32MB",
            "timezone": "Asia/Kolkata",  # nothing may depend on the server's zone
        }
        if durable:
            with socket.create_server(("127.0.0.1", 0)) as unused:
                self.tcp_port = unused.getsockname()[1]
            settings |= {"listen_addresses": "127.0.0.1", "port": str(self.tcp_port)}
            settings |= {"recovery_init_sync_method": "syncfs"}
        else:
            self.tcp_port = 5432  # of the socket's name alone
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self._options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        self._log = (self._folder / "log").open("wb")
        atexit.register(self.stop)
        self.start()

    def start(self) -> None:
        """Serve, with what was committed before; as a supervisor does, again until the dead leave no process."""
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """``kill -9`` of the postmaster: no one tells its backends."""
        self._server.kill()
        self._server.wait()

    def url(self, database: str, host: str = "", port: int = 0) -> str:
        """Address of a database, by the socket unless a host is given."""
        query = f"host={host or self._folder}&port={port or self.tcp_port}"
        return f"postgresql+psycopg://maille@/{database}?{query}"

    def execute(self, statement: str) -> list[Any]:
        import psycopg

        place = f"host={self._folder} port={self.tcp_port} user=maille dbname=postgres"
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def own(self, folder: Path) -> None:
        """Make a folder the server's."""
        if self._account:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def stop(self) -> None:
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Start the server and wait until it answers; not if it ends instead."""
        import psycopg

        self._server = subprocess.Popen(
            [self._binaries / "postgres", "-D", str(self._folder / "data"), *self._options],
            stdout=self._log,
            stderr=self._log,
            **self._identity(),
        )
        while self._server.poll() is None:
            with suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return True
            time.sleep(0.02)
        return False

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments], capture_output=True, text=True, check=False, **self._identity()
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def _identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = {"cwd": self._folder}
        if self._account:
            identity |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return identity


def _postgres_binaries() -> Path:
    """The newest PostgreSQL that has PostGIS."""
    for binaries in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name)):
        extension = Path("/usr/share/postgresql") / binaries.parent.name / "extension" / "postgis.control"
        if (binaries / "initdb").exists() and extension.exists():
            return binaries
    pytest.fail(INSTALL_POSTGIS, pytrace=False)


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL, which refuses root; None: ourselves."""
    if os.geteuid() != 0:
        return None
    names = {account.pw_name: account for account in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with PostGIS; without one the tests that need it fail and say what to install."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def durable_cluster() -> Iterator[Cluster]:
    """A second server, which may be killed and started again."""
    cluster = Cluster(durable=True)
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
            settings = Settings(**{"data": tmp_path / "data", "database_url": database_url, "port": 0} | options)
            return stack.enter_context(serve(settings, **clock))

        yield start


@pytest.fixture
def collector(running_collector: Callable[..., Any]) -> Any:
    """A running collector with its default settings; see ``running_collector``."""
    return running_collector()

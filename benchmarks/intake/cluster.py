"""A private PostgreSQL with PostGIS, for tests and benchmarks alike."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

INSTALL_POSTGIS = (
    "PostgreSQL with PostGIS is needed and was not found; on Debian: apt-get install postgresql-postgis "
    "(Debian 12: package postgresql-15-postgis-3)"
)


class ClusterError(Exception):
    """There is no PostgreSQL to run; the message says why."""


class Cluster:
    """A private PostgreSQL server with PostGIS on a Unix socket, run by an unprivileged user, thrown away at the end.

    Raises:
        ClusterError: PostgreSQL with PostGIS is not installed, or did not start.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Start it with these settings of PostgreSQL."""
        self._binaries = _postgres_binaries()
        self._account = _unprivileged_account()
        self._folder = Path(tempfile.mkdtemp(prefix="maille-pg-"))
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "maille", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._folder), **settings}
        self.port = int(settings.get("port", 5432))
        self._options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        self._log = (self._folder / "log").open("wb")
        atexit.register(self.stop)
        self.start()

    def start(self) -> None:
        """Serve, with what was committed before; as a supervisor does, again until the dead leave no process."""
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline:
                raise ClusterError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """``kill -9`` of the postmaster: no one tells its backends."""
        self._server.kill()
        self._server.wait()

    def own(self, folder: Path) -> None:
        """Make a folder the server's."""
        if self._account:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    @property
    def process(self) -> int:
        """Id of the server's first process."""
        return self._server.pid

    def url(self, database: str, host: str = "", port: int = 0) -> str:
        """SQLAlchemy's address of a database, by the socket unless a host is given."""
        return f"postgresql+psycopg://maille@/{database}?host={host or self._folder}&port={port or self.port}"

    def execute(self, statement: str) -> list[Any]:
        """Run a statement in the database ``postgres``; its rows, if it gives any."""
        place = f"host={self._folder} port={self.port} user=maille dbname=postgres"
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """End it and remove its files."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Start the server and wait until it answers; not if it ends instead."""
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
        if done.returncode != 0:
            raise ClusterError(f"{program}: {done.stderr}")

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
    raise ClusterError(INSTALL_POSTGIS)


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL, which refuses root; None: ourselves."""
    if os.geteuid() != 0:
        return None
    names = {account.pw_name: account for account in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]

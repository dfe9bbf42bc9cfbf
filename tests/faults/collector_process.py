"""``maille collector serve`` in a process of its own, which can be killed and started again."""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

START_S = 60
UNLIMITED = {
    f"MAILLE_{limit}": "0"
    for limit in (
        "DEVICE_ENVELOPES_PER_MINUTE",
        "DEVICE_SAMPLES_PER_DAY",
        "NETWORK_REQUESTS_PER_MINUTE",
        "NETWORK_ENROLMENTS_PER_DAY",
    )
}
"""All devices are of one network, and none of them behaves."""
_FORK_SERVER = multiprocessing.get_context("forkserver")
_FORK_SERVER.set_forkserver_preload(
    # what the command would import anew in each of its lives; a child looks for the main module too, which is pytest
    [
        *("pytest", "client_sdk.cli", "collector.cli", "collector.serving", "alembic.command", "sqlite3", "psycopg"),
        *("sqlalchemy.dialects.postgresql.psycopg", "anyio._backends._asyncio", "encodings.idna"),
        *(
            "uvicorn.lifespan.on",
            "uvicorn.loops.auto",
            "uvicorn.protocols.http.auto",
            "uvicorn.protocols.http.h11_impl",
        ),
    ]
)


class CollectorProcess:
    """One collector; each start is a new process, at a new address."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._log = folder / f"collector-{len(list(folder.glob('collector-*.log')))}.log"
        self._log.touch()
        self._environment = {**UNLIMITED, "MAILLE_ECHO_PORT": "off", **environment}
        self.url = ""
        self.start()

    def start(self, *, expected: bool = True) -> bool:
        """Whether it serves; that is what is expected, where nothing else is said."""
        self._announced = self._log.stat().st_size
        self._process = _FORK_SERVER.Process(target=_serve, args=(self._environment, self._log))
        self._process.start()
        deadline = time.monotonic() + START_S
        while not (address := self._address()):
            if not self._process.is_alive():
                assert not expected, f"the collector did not start: {self.log()}"
                return False
            assert time.monotonic() < deadline, f"the collector says nothing: {self.log()}"
            time.sleep(0.003)
        self.url = address
        return True

    def kill(self) -> None:
        """``kill -9``, of every process that it may have made too."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()

    def stop(self) -> int:
        """SIGTERM, and how it ended."""
        self._process.terminate()
        self._process.join()
        code = self._process.exitcode
        assert code is not None
        return code

    def close(self) -> None:
        if self._process.is_alive():
            self.kill()

    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text()[-4_000:]

    def _address(self) -> str:
        """What it announced, once the line is whole."""
        for line in self._log.read_bytes()[self._announced :].splitlines(keepends=True):
            if line.startswith(b'{"url"') and line.endswith(b"\n"):
                return str(json.loads(line)["url"])
        return ""


def _serve(environment: Mapping[str, str], log: Path) -> None:
    """The command, as a shell would start it: in a group of its own, with its own environment."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.update(environment)
    words = ["maille", "collector", "serve", "--port", "0", "--json"]
    if "LD_PRELOAD" in environment:  # works on a program when it is loaded
        os.execve(sys.executable, [sys.executable, "-c", _MAIN, *words[1:]], os.environ)
    sys.argv = words
    exec(_MAIN)


_MAIN = "from client_sdk.cli import main; main()"

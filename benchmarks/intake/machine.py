"""What runs where: the side that is measured on one core, the load on the others."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
CORES = sorted(os.sched_getaffinity(0))
MEASURED, LOADING = {CORES[0]}, set(CORES[1:]) or {CORES[0]}

PRODUCTION = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
"""Of PostgreSQL; the rest stays as it comes: what is committed is on the disk."""

_START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """Samples per second of the clock, and per second that the processes measured really had the core."""

    per_s: float
    per_cpu_s: float


@dataclass(frozen=True, slots=True)
class Server:
    """A service that answers on a port."""

    process: int
    port: int

    @property
    def resident_mb(self) -> float:
        """Memory of the process that stands in RAM, in 10⁶ bytes."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def open_cluster() -> Iterator[Cluster]:
    """PostgreSQL on the core that is measured: what it works is counted, whoever asked for it."""
    cluster = Cluster(PRODUCTION)
    try:
        hold(MEASURED, cluster.process)
        yield cluster
    finally:
        cluster.stop()


def hold(cores: set[int], process: int = 0) -> None:
    """Keep a process, by default this one, and what it will start on some cores."""
    for task in Path(f"/proc/{process or os.getpid()}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # a thread that just ended
            os.sched_setaffinity(int(task.name), cores)


def run_program(arguments: Sequence[str], cores: set[int]) -> str:
    """What a program of Python prints, held on some cores."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: hold(cores),
    )
    return done.stdout


@contextlib.contextmanager
def serving(arguments: Sequence[str], environment: Mapping[str, str], port: int, cores: set[int]) -> Iterator[Server]:
    """A service written in our Python, see :func:`serving_program`."""
    with serving_program([sys.executable, *arguments], environment, port, cores) as server:
        yield server


@contextlib.contextmanager
def serving_program(
    command: Sequence[str], environment: Mapping[str, str], port: int, cores: set[int]
) -> Iterator[Server]:
    """A service, from when it answers until the end of the block; it must then end by itself when told to."""
    process = subprocess.Popen(
        list(command),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: hold(cores),
    )
    try:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"{' '.join(command)}: does not answer on port {port}")
            time.sleep(0.05)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait(60)


def cpu_seconds(processes: Iterable[int]) -> float:
    """What processes, those that they started and those that ended since have used of a core."""
    started: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # one that just ended
            members = stat.read_text().rpartition(")")[2].split()
            started[int(stat.parent.name)] = (int(members[1]), sum(map(int, members[11:15])))
    counted = set(processes)
    while more := {child for child, (parent, _) in started.items() if parent in counted} - counted:
        counted |= more
    ticks = sum(started[process][1] for process in counted if process in started)
    return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def described() -> str:
    """The machine, for whoever reads the figures."""
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()]
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else models[0]
    return f"{len(CORES)} cores of {model}, Python {sys.version.split()[0]}"

"""The two kinds of database, each new and empty but for the fleet's devices."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake.cluster import Cluster
from benchmarks.intake.fleet import SAMPLES, Fleet
from collector.storage.migration import migrate
from collector.storage.store import Store


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: how to make a new one, and which processes work for it."""

    name: str
    new: Callable[[], str]
    processes: tuple[int, ...] = ()


def sqlite(folder: Path, fleet: Fleet) -> Kind:
    """Files in a folder."""
    return Kind("sqlite", lambda: _prepared(f"sqlite:///{folder / secrets.token_hex(4)}.sqlite", fleet))


def postgis(cluster: Cluster, fleet: Fleet) -> Kind:
    """Databases of a cluster, one at a time: what one left to write must not fall into the time of the next."""
    before: list[str] = []

    def new() -> str:
        for name in before:
            cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
        before[:] = [f"ingest_{secrets.token_hex(4)}"]
        cluster.execute(f"CREATE DATABASE {before[0]}")
        url = _prepared(cluster.url(before[0]), fleet)
        cluster.execute("CHECKPOINT")
        return url

    return Kind("postgis", new, (cluster.process,))


def check_stored(database_url: str, envelopes: int) -> None:
    """A rate of samples that were not stored would be none."""
    store = Store(database_url)
    stored = store.count_samples()
    store.close()
    if stored != envelopes * SAMPLES:
        raise RuntimeError(f"{stored} samples are stored, expected {envelopes * SAMPLES}")


def _prepared(url: str, fleet: Fleet) -> str:
    migrate(url)
    store = Store(url)
    fleet.enrol(store)
    store.close()
    return url

"""The connection is cut in the middle of a request, of an answer, of a transaction; or stands still for a while."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stage import Stage, Tally
from wire import Wire

LARGEST_REQUEST_BYTES = 3_000
LARGEST_ANSWER_BYTES = 4_000
LARGEST_STATEMENT_BYTES = 20_000
"""Ours: about what travels for one envelope, so that the cut falls anywhere in it."""


def disturb(wire: Wire, chance: random.Random, longest_bytes: tuple[int, int], tally: Tally) -> None:
    """Three troubles, one after the other."""
    for _ in range(3):
        kind = chance.choice(["request", "answer", "all", "still"])
        before = wire.broken
        if kind == "still":
            wire.cut()
            time.sleep(chance.uniform(0, 0.1))
            wire.restore()
            tally.faults["connection stalled"] += 1
            continue
        if kind != "all":
            to_server = kind == "request"
            wire.break_after(chance.randrange(longest_bytes[not to_server]), to_server=to_server)
        deadline = time.monotonic() + 30
        while wire.broken == before:
            assert time.monotonic() < deadline, "nothing travels"
            if kind == "all":
                wire.sever()
            time.sleep(0.002)
        tally.faults["connection cut"] += 1


@pytest.fixture(scope="module")
def stage(new_stage: Callable[..., Stage]) -> Stage:
    """Devices reach the collector through a wire."""
    return new_stage("sqlite", wired=True)


@pytest.fixture(scope="module")
def database_wire(durable_cluster: Any) -> Iterator[Wire]:
    wire = Wire(durable_cluster.port)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def far_stage(new_stage: Callable[..., Stage], database_wire: Wire) -> Stage:
    """The collector reaches PostgreSQL through a wire."""
    return new_stage("postgresql", database_wire=database_wire)


def test_between_devices_and_collector(stage: Stage, seed: int) -> None:
    with stage.round(seed) as chance:
        disturb(stage.wires[0], chance, (LARGEST_REQUEST_BYTES, LARGEST_ANSWER_BYTES), stage.tally)


def test_between_collector_and_database(far_stage: Stage, database_wire: Wire, seed: int) -> None:
    with far_stage.round(seed) as chance:
        disturb(database_wire, chance, (LARGEST_STATEMENT_BYTES, LARGEST_STATEMENT_BYTES), far_stage.tally)

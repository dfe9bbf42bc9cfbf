"""No room for what devices send: they are told so, and once there is room again all is as it was."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from small_disk import SmallDisk
from stage import Stage

MOST_LEFT_BYTES = 200_000
"""Ours: some envelopes more, so that the disk is full anywhere in the work on one."""


@pytest.fixture(scope="module")
def disk(durable_cluster: Any) -> Iterator[SmallDisk]:
    made = SmallDisk()
    yield made
    durable_cluster.execute("DROP TABLESPACE IF EXISTS small")
    made.close()


@pytest.fixture(scope="module")
def stage(disk: SmallDisk, new_stage: Callable[..., Stage]) -> Stage:
    """The collector's data are on the small disk, SQLite's file with them."""
    return new_stage("sqlite", data=disk.folder / "data")


@pytest.fixture(scope="module")
def far_stage(disk: SmallDisk, new_stage: Callable[..., Stage], durable_cluster: Any) -> Stage:
    """The tables of PostgreSQL are on the small disk; where its log is, it must never be full."""
    folder = disk.folder / "tablespace"
    folder.mkdir()
    durable_cluster.own(folder)
    durable_cluster.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    return new_stage("postgresql", tablespace="small")


def test_a_full_disk_under_the_collector(stage: Stage, disk: SmallDisk, seed: int) -> None:
    with stage.round(seed) as chance:
        disk.fill(chance.randrange(MOST_LEFT_BYTES))
        stage.load.await_troubles()
        if chance.random() < 0.5:  # an impatient person, or the system, ends it: the next start meets the full disk
            stage.collector.kill()
            started = stage.collector.start(expected=False)
            disk.free()
            if not started:
                stage.collector.start()
        disk.free()
        stage.tally.faults["disk full"] += 1


def test_a_full_disk_under_postgresql(far_stage: Stage, disk: SmallDisk, seed: int) -> None:
    with far_stage.round(seed) as chance:
        disk.fill(chance.randrange(MOST_LEFT_BYTES))
        far_stage.load.await_troubles()
        disk.free()
        far_stage.tally.faults["disk of PostgreSQL full"] += 1

"""No room for what devices send: they are told so, and once there is room again all is as it was."""

from collections.abc import Callable, Iterator
from functools import cache
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
def stages(disk: SmallDisk, new_stage: Callable[..., Stage], durable_cluster: Any) -> Callable[[str], Stage]:
    """SQLite's file, and all else of the collector's, or the tables of PostgreSQL are on the small disk.

    PostgreSQL's own log is elsewhere: where that is full, the server ends and a person has to make room.
    """

    @cache
    def stage(kind: str) -> Stage:
        if kind == "sqlite":
            return new_stage(kind, data=disk.folder / "data")
        folder = disk.folder / "tablespace"
        folder.mkdir()
        durable_cluster.own(folder)
        durable_cluster.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        return new_stage(kind, tablespace="small")

    return stage


def test_there_is_room_again(stages: Callable[[str], Stage], kind: str, disk: SmallDisk, seed: int) -> None:
    stage = stages(kind)
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

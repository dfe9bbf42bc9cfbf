"""PostgreSQL is killed, whole or in part, while devices send; the collector goes on by itself once it is back."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from stage import Stage


@pytest.fixture(scope="module")
def stage(new_stage: Callable[..., Stage]) -> Stage:
    return new_stage("postgresql")


def test_a_killed_server_is_found_again(stage: Stage, durable_cluster: Any, seed: int) -> None:
    with stage.round(seed) as chance:
        durable_cluster.kill()
        stage.load.await_troubles()
        time.sleep(chance.uniform(0, 0.1))
        durable_cluster.start()
        stage.tally.faults["kill -9 of PostgreSQL"] += 1


def test_a_killed_session_is_opened_again(stage: Stage, durable_cluster: Any, seed: int) -> None:
    database = stage.database_url.partition("@/")[2].partition("?")[0]
    with stage.round(seed) as chance:
        where = f"FROM pg_stat_activity WHERE datname = '{database}'"
        sessions = [process for (process,) in durable_cluster.execute(f"SELECT pid {where} ORDER BY pid")]
        if chance.random() < 0.7:
            os.kill(chance.choice(sessions), signal.SIGKILL)  # the server then ends all the others, and recovers
            stage.tally.faults["kill -9 of a PostgreSQL backend"] += 1
        else:
            durable_cluster.execute(f"SELECT pg_terminate_backend(pid) {where}")
            stage.tally.faults["sessions ended by PostgreSQL"] += 1

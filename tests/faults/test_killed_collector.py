"""A collector that is killed, or told to stop, while devices send."""

import signal
from collections.abc import Callable
from functools import cache

import pytest
from stage import Stage


@pytest.fixture(scope="module")
def stages(new_stage: Callable[..., Stage]) -> Callable[[str], Stage]:
    return cache(lambda kind: new_stage(kind))


@pytest.fixture
def stage(stages: Callable[[str], Stage], kind: str) -> Stage:
    return stages(kind)


def test_a_killed_collector_kept_what_it_receipted(stage: Stage, seed: int) -> None:
    with stage.round(seed) as chance:
        stage.collector.kill()
        if chance.random() < 0.5:  # as the dead left it; else only after the next life has put it in order
            stage.check()
        stage.collector.start()
        stage.tally.faults["kill -9 of the collector"] += 1


def test_a_collector_told_to_stop_answers_what_it_took(stage: Stage, seed: int) -> None:
    with stage.round(seed):
        assert stage.collector.stop() == -signal.SIGTERM, stage.collector.log()
        assert stage.kept_without_receipt() == 0
        stage.collector.start()
        stage.tally.faults["SIGTERM"] += 1

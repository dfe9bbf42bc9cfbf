"""Two collectors on one database are sent the same envelopes at once; one of them is killed and comes back."""

from collections.abc import Callable
from functools import cache

import pytest
from stage import Stage


@pytest.fixture(scope="module")
def stages(new_stage: Callable[..., Stage]) -> Callable[[str], Stage]:
    return cache(lambda kind: new_stage(kind, collectors=2))


@pytest.fixture
def stage(stages: Callable[[str], Stage], kind: str) -> Stage:
    return stages(kind)


def test_one_is_killed(stage: Stage, seed: int) -> None:
    with stage.round(seed) as chance:
        killed = chance.choice(stage.collectors)
        killed.kill()
        stage.load.await_receipts(2)  # by the other, whatever the dead held
        killed.start()
        stage.tally.faults["kill -9 of one of two collectors"] += 1
        stage.load.await_receipts(chance.randint(1, 5))
    counts = stage.load.counts()
    assert counts["receipts"] > counts["envelopes"], "both were to answer for the same envelopes"

"""Real threads over sources that answer, fail, break or hang."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from client_sdk.sources.reading import SourceUnavailableError
from client_sdk.survey import polling
from client_sdk.survey.polling import Poll


class Scripted:
    """A source that does what its script says, reading by reading, and then repeats the last."""

    name = "scripted 0"

    def __init__(self, *script: Callable[[], Any]) -> None:
        self.script = list(script)
        self.closed = threading.Event()

    def read(self) -> Any:
        return (self.script.pop(0) if len(self.script) > 1 else self.script[0])()

    def close(self) -> None:
        self.closed.set()


def fail(error: Exception) -> Any:
    raise error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def polled(source: Scripted, told: list[Any]) -> Poll[Any]:
    return Poll(source, 0.001, told.append, lambda error: told.append(str(error)))


def test_answers_and_failures_are_told_in_their_order() -> None:
    told: list[Any] = []
    source = Scripted(
        lambda: 1,
        lambda: fail(SourceUnavailableError("no modem")),
        lambda: fail(KeyError("signal")),
        lambda: 4,
    )

    async def survey() -> None:
        poll = polled(source, told)
        poll.start()
        await until(lambda: len(told) >= 5)
        poll.close()

    asyncio.run(survey())
    assert told[:5] == [1, "no modem", "scripted 0: KeyError: 'signal'", 4, 4]
    assert source.closed.wait(30)


def test_a_paused_poll_reads_nothing_and_goes_on() -> None:
    told: list[Any] = []

    async def survey() -> None:
        poll = polled(Scripted(lambda: len(told)), told)
        poll.start()
        await until(lambda: len(told) >= 3)
        poll.pause()
        before = len(told)
        await asyncio.sleep(0.05)
        assert len(told) == before
        poll.start()
        await until(lambda: len(told) > before)
        poll.close()

    asyncio.run(survey())


def test_a_source_that_hangs_counts_as_failed_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SLOW_S", 0.02)
    told: list[Any] = []
    freed = threading.Event()

    async def survey() -> None:
        poll = polled(Scripted(lambda: freed.wait(30), lambda: "again"), told)
        poll.start()
        await until(lambda: bool(told))
        assert told == ["scripted 0: no answer for 0 s"]
        freed.set()
        await until(lambda: len(told) >= 3)
        poll.close()

    asyncio.run(survey())
    assert told[1:3] == [True, "again"]


def test_a_source_that_hangs_does_not_keep_the_survey_from_ending() -> None:
    freed = threading.Event()
    source = Scripted(lambda: freed.wait(60))

    async def survey() -> None:
        poll = polled(source, [])
        poll.start()
        await asyncio.sleep(0.01)
        poll.close()

    asyncio.run(survey())
    assert not source.closed.is_set()
    freed.set()
    assert source.closed.wait(30)

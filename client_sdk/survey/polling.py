"""Sources that block are read in threads of their own, again and again, and never bring the survey to a halt."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from client_sdk.messages import tr
from client_sdk.sources.reading import SourceUnavailableError

SLOW_S = 20.0
"""Ours: a source that has not answered by then counts as failed until it does."""

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Source(Protocol[Answer_co]):
    """What can be read and closed: a radio or position source."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def read(self) -> Answer_co:
        """Block until there is an answer.

        Raises:
            SourceUnavailableError: there is none.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Poll(Generic[Answer]):
    """Reads one source until it is closed; the callbacks run in the event loop.

    Args:
        source: what to read; closed by its own thread at the end.
        every_s: from the end of a reading to the beginning of the next.
        answered: called with each answer.
        failed: called when the source says that it cannot be read, or has been silent for long.
    """

    def __init__(
        self,
        source: Source[Answer],
        every_s: float,
        answered: Callable[[Answer], None],
        failed: Callable[[SourceUnavailableError], None],
    ) -> None:
        self._source, self._every_s = source, every_s
        self._answered, self._failed = answered, failed
        self._wanted, self._over = threading.Event(), threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._watch: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, or go on after :meth:`pause`."""
        self._loop = asyncio.get_running_loop()
        self._wanted.set()
        if self._thread is None:
            # a thread of our own, since nobody waits for it at the end: a reading may hang
            self._thread = threading.Thread(target=self._run, name=f"poll {self._source.name}", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Read no more until :meth:`start`; a reading on its way is not told."""
        self._wanted.clear()
        self._set_watch(on=False)

    def close(self, timeout_s: float = 0.0) -> None:
        """Read no more; the source is closed once its last reading is over."""
        self.pause()
        self._over.set()
        self._wanted.set()
        if self._thread and timeout_s:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while self._wait():
                self._tell(lambda: self._set_watch(on=True))
                try:
                    answer = self._source.read()
                except SourceUnavailableError as error:
                    self._tell(self._told_failure(error))
                except Exception as error:  # a source of another maker must not end a survey
                    unknown = SourceUnavailableError(f"{self._source.name}: {type(error).__name__}: {error}")
                    self._tell(self._told_failure(unknown))
                else:
                    self._tell(self._told_answer(answer))
                self._over.wait(self._every_s)
        finally:
            self._source.close()

    def _wait(self) -> bool:
        self._wanted.wait()
        return not self._over.is_set()

    def _told_answer(self, answer: Answer) -> Callable[[], None]:
        def tell() -> None:
            self._set_watch(on=False)
            if self._wanted.is_set() and not self._over.is_set():
                self._answered(answer)

        return tell

    def _told_failure(self, error: SourceUnavailableError) -> Callable[[], None]:
        def tell() -> None:
            self._set_watch(on=False)
            if self._wanted.is_set() and not self._over.is_set():
                self._failed(error)

        return tell

    def _set_watch(self, *, on: bool) -> None:
        if self._watch:
            self._watch.cancel()
        self._watch = self._loop.call_later(SLOW_S, self._silent) if on and self._loop else None

    def _silent(self) -> None:
        self._watch = None
        if self._wanted.is_set() and not self._over.is_set():
            self._failed(
                SourceUnavailableError(
                    tr(
                        f"{self._source.name}: no answer for {SLOW_S:.0f} s",
                        f"{self._source.name} : pas de réponse depuis {SLOW_S:.0f} s",
                    )
                )
            )

    def _tell(self, callback: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop ended between the look and the call
            return

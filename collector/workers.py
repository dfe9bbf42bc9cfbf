"""Several processes that serve the same sockets, because Python uses one core a process."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from client_sdk.messages import tr
from collector.errors import SettingsError

EARLY_S = 5.0
"""Ours: a worker that ends this soon after its start would end again; one that served before is worth another."""

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def run_workers(number: int, serve: Callable[[], None]) -> None:
    """Run ``serve`` in processes of their own until this one is told to stop (SIGTERM, SIGINT), then let them end.

    A worker that dies is replaced. Call it before any thread is started.

    Raises:
        SettingsError: a worker ended as soon as it had started; its own message says why.
    """
    workers = _Workers(serve)
    before = {number: signal.signal(number, workers.stop) for number in _STOPPING}
    try:
        for _ in range(number):
            workers.start()
        workers.wait()
    finally:
        workers.stop()
        workers.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    if workers.told == signal.SIGTERM:
        signal.raise_signal(workers.told)  # end as a single process would: by the signal


class _Workers:
    """The processes that run now."""

    def __init__(self, serve: Callable[[], None]) -> None:
        self._serve = serve
        self._started_s: dict[int, float] = {}
        self._stopping = False
        self.told: int | None = None

    def start(self) -> None:
        """Start one, unless all are to end."""
        # no signal between the fork and the note of its child: that one would be forgotten
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            if self._stopping:
                return
            child = os.fork()
            if child == 0:
                self._run()
            self._started_s[child] = time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def stop(self, told: int | None = None, _: FrameType | None = None) -> None:
        """Tell all to finish what they have accepted and to end."""
        self._stopping, self.told = True, told or self.told
        for child in list(self._started_s):
            with suppress(ProcessLookupError):  # its end is about to be noted
                os.kill(child, signal.SIGTERM)

    def wait(self) -> None:
        """Until all have ended; one that ends unasked is replaced."""
        while self._started_s:
            child, _ = os.wait()
            served_s = time.monotonic() - self._started_s.pop(child, 0.0)
            if self._stopping:
                continue
            if served_s < EARLY_S:
                raise SettingsError(
                    tr(
                        "MAILLE_WORKERS: a worker ended as soon as it had started; its message says why",
                        "MAILLE_WORKERS : un processus s’est arrêté dès son départ ; son message dit pourquoi",
                    )
                )
            self.start()

    def _run(self) -> None:
        """The child's whole life."""
        code = 1
        try:
            for number in _STOPPING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            self._serve()
            code = 0
        except Exception as error:  # there is nobody above to tell it
            print(f"maille: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            os._exit(code)

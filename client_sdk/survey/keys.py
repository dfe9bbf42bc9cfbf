"""Single keys while the survey runs, where a person sits at its terminal."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from client_sdk.messages import tr
from client_sdk.survey.control import Wish

WISHES: dict[str, Wish] = {"p": "pause", "r": "resume", "t": "test", "q": "stop"}
"""Pause, resume (reprendre), test, quit: the same letters in both languages."""


def told_keys() -> str:
    """What can be pressed, for the person."""
    return tr(
        "p pause · r resume · t test now · q or Ctrl-C stop", "p pause · r reprendre · t tester · q ou Ctrl-C arrêter"
    )


@contextmanager
def key_presses(wished: Callable[[Wish], None]) -> Iterator[bool]:
    """Call back for each key that means something; says whether there are keys at all.

    The terminal is left as it was, and Ctrl-C goes on being a signal.
    """
    if not sys.stdin or not sys.stdin.isatty():
        yield False
        return
    terminal = sys.stdin.fileno()
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():  # in the background: the keys are another program's
            yield False
            return
        before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal)
    except (termios.error, OSError):
        yield False
        return
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        with suppress(OSError):
            for key in os.read(terminal, 64).decode(errors="ignore").lower():
                if key in WISHES:
                    wished(WISHES[key])

    try:
        loop.add_reader(terminal, pressed)
        yield True
    finally:
        loop.remove_reader(terminal)
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

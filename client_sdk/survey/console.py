"""What a survey shows: a page that is drawn anew, lines of JSON for programs, or warnings alone."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Protocol

from client_sdk.messages import tr
from client_sdk.sample import Sample, encode
from client_sdk.survey.status import SurveyStatus

STATUS_EVERY = 20
"""Lines of status are for programs that watch: one in ten seconds."""


class Console(Protocol):
    """What the person, or a program, sees and hears."""

    def show(self, status: SurveyStatus) -> None:
        """The state of everything, twice a second."""
        ...

    def sample(self, modem: str, sample: Sample) -> None:
        """A sample was decided."""
        ...

    def say(self, kind: str, text: str) -> None:
        """Something happened."""
        ...

    def ring(self) -> None:
        """Make a noise."""
        ...


def told(kind: str, text: str) -> str:
    """An event in words."""
    words = {
        "warning": tr("WARNING", "ATTENTION"),
        "well_again": tr("well again", "rétabli"),
        "paused": tr("paused", "en pause"),
        "resumed": tr("recording again", "enregistrement repris"),
        "interrupted": tr("interrupted", "interrompu"),
        "stopped": tr("stopped", "arrêté"),
        "left": tr("cut off", "coupé"),
        "missed": tr("missed runs", "passages manqués"),
        "run": tr("run", "passage"),
        "clock": tr("clock", "horloge"),
        "advice": tr("note", "à savoir"),
    }
    return f"{words.get(kind, kind)}: {text}" if text else words.get(kind, kind)


class QuietConsole:
    """Warnings on standard error, and nothing else."""

    def show(self, status: SurveyStatus) -> None:
        """Nothing."""

    def sample(self, modem: str, sample: Sample) -> None:
        """Nothing."""

    def say(self, kind: str, text: str) -> None:
        """One line for what is wrong, and for its end."""
        if kind in ("warning", "well_again", "missed", "advice"):
            print(f"maille: {told(kind, text)}", file=sys.stderr, flush=True)  # noqa: T201

    def ring(self) -> None:
        """The terminal's bell, where there is one."""
        if sys.stderr.isatty():
            sys.stderr.write("\a")
            sys.stderr.flush()


class SturdyConsole:
    """Another console, whose terminal may go away while the survey goes on."""

    def __init__(self, inner: Console) -> None:
        self._inner = inner

    def show(self, status: SurveyStatus) -> None:
        """As the other does."""
        with suppress(OSError):
            self._inner.show(status)

    def sample(self, modem: str, sample: Sample) -> None:
        """As the other does."""
        with suppress(OSError):
            self._inner.sample(modem, sample)

    def say(self, kind: str, text: str) -> None:
        """As the other does."""
        with suppress(OSError):
            self._inner.say(kind, text)

    def ring(self) -> None:
        """As the other does."""
        with suppress(OSError):
            self._inner.ring()


class JsonConsole(QuietConsole):
    """JSON lines on standard output: samples, events, and the status from time to time."""

    def __init__(self) -> None:
        self._shown = 0

    def show(self, status: SurveyStatus) -> None:
        """The whole status, one time in so many."""
        if self._shown % STATUS_EVERY == 0:
            self._write({"status": asdict(status)})
        self._shown += 1

    def sample(self, modem: str, sample: Sample) -> None:
        """The sample; the outbox gives it its number, so that is left out."""
        fields = json.loads(encode(sample))
        del fields["seq"]
        self._write({"sample": fields, "modem": modem})

    def say(self, kind: str, text: str) -> None:
        """The event."""
        self._write({"event": kind, "text": text})

    def _write(self, value: dict[str, Any]) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201


class LiveConsole(QuietConsole):
    """A page on the terminal, with the last things that happened under it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=False)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw while the block runs."""
        with self._live:
            yield

    def show(self, status: SurveyStatus) -> None:
        """Draw it."""
        from client_sdk.survey.view import render

        self._live.update(render(status, self._console.width), refresh=True)

    def say(self, kind: str, text: str) -> None:
        """The page shows what is wrong while it lasts; everything scrolls above it, with its time."""
        self._live.console.print(f"{time.strftime('%H:%M:%S')} {told(kind, text)}", highlight=False, markup=False)

    def ring(self) -> None:
        """The terminal's bell."""
        self._console.bell()

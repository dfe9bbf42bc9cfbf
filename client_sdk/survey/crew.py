"""The parts of one survey, put together: who reads, who records, who tests, who sends."""

import asyncio
import time
from collections.abc import Callable

from client_sdk.home import Home
from client_sdk.measurement.spending import FILE_NAME, Spending
from client_sdk.sample import Sample
from client_sdk.sources.reading import PositionFix, SourceUnavailableError
from client_sdk.survey.channel import Channel
from client_sdk.survey.console import Console
from client_sdk.survey.fences import FenceRules
from client_sdk.survey.line import Line
from client_sdk.survey.peer import Peer
from client_sdk.survey.polling import Poll
from client_sdk.survey.recorder import Recorder
from client_sdk.survey.recording import Recording
from client_sdk.survey.schedule import parse_rhythm
from client_sdk.survey.setup import Begun, Sources, drafts_file
from client_sdk.survey.telling import Results
from client_sdk.survey.trials import Account, Trials, budgets_of
from client_sdk.survey.uploading import Uploads

POSITION_EVERY_S = 0.5
"""Ours: receivers speak once or twice a second."""


class Crew:
    """Everybody at work in one survey.

    Args:
        home: of the device.
        begun: the survey in the journal.
        sources: what it reads.
        peer: whom to measure with; None where the device is enrolled nowhere.
        console: what the person sees.
        stepped: called where the device's clock was found set.

    Attributes:
        position_failure: why the position's source cannot be read; None while it can.
    """

    def __init__(
        self,
        home: Home,
        begun: Begun,
        sources: Sources,
        peer: Peer | None,
        console: Console,
        stepped: Callable[[], None],
    ) -> None:
        options = begun.options
        self._console, self._stepped = console, stepped
        self.results = Results()
        self.recorder = Recorder(home.outbox, drafts_file(home), begun.id)
        rules = FenceRules(distance_m=options.fence_m, duration_s=options.fence_s)
        channels = [
            Channel(choice.label, options.declared(), rules, begun.timeline, self.recorder, self._decided)
            for choice, _ in sources.modems
        ]
        self.recording = Recording(channels, begun.timeline, self.recorder)
        self.recording.positioned = sources.position is not None
        self.account = Account(Spending(home.folder / FILE_NAME), budgets_of(options), begun.id)
        self.lines = [
            Line(choice, source, channel, self.recording, peer, options.echo_hz, self.now, self.account.count_echoes)
            for (choice, source), channel in zip(sources.modems, channels, strict=True)
        ]
        rhythm = parse_rhythm(options.test_every) if options.test_every else None
        self.trials = Trials(self.lines, rhythm, options, self.account, home.folder, self.recording.odometer)
        self.uploads = Uploads(home, peer.key if peer else None, options.upload)
        self.position_failure: SourceUnavailableError | None = None
        self.position = (
            Poll(sources.position, POSITION_EVERY_S, self._fixed, self._position_failed) if sources.position else None
        )

    def now(self) -> float:
        """The time, once the recording has looked at it."""
        now_s = time.monotonic()
        if self.recording.look(now_s, time.time_ns() // 1_000_000) is not None:
            self._stepped()
        return now_s

    def start(self) -> None:
        """Everybody to work."""
        if self.position:
            self.position.start()
        for line in self.lines:
            line.start()

    async def rest(self) -> None:
        """Nobody works until :meth:`start`; what was on its way has arrived or is lost when this returns."""
        await self.trials.break_off()
        await asyncio.gather(*(line.rest() for line in self.lines))
        if self.position:
            self.position.pause()

    async def go_home(self) -> None:
        """Nobody works again."""
        for line in self.lines:
            await line.close()
        if self.position:
            self.position.close()

    def _decided(self, modem: str, sample: Sample) -> None:
        self.results.add(modem, sample)
        self._console.sample(modem, sample)

    def _fixed(self, fix: PositionFix | None) -> None:
        self.position_failure = None
        if fix is not None:
            self.recording.add_fix(fix, self.now())

    def _position_failed(self, error: SourceUnavailableError) -> None:
        self.position_failure = error

"""The field loop: everybody works until the survey is told to stop.

What is recorded is decided elsewhere; here is when. Several things may keep a survey from recording at once (the
person, a full disk, the time between scheduled runs): it records while none of them does.
"""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any, Literal

from client_sdk.home import Home
from client_sdk.messages import tr
from client_sdk.survey.care import Care
from client_sdk.survey.console import Console
from client_sdk.survey.control import Ear, Wish
from client_sdk.survey.crew import Crew
from client_sdk.survey.device import WakeLock
from client_sdk.survey.keys import key_presses, told_keys
from client_sdk.survey.peer import Peer
from client_sdk.survey.recording import ALIVE_EVERY_S
from client_sdk.survey.runs import Runs
from client_sdk.survey.schedule import Slots, parse_period_s
from client_sdk.survey.setup import Begun, Sources
from client_sdk.survey.threads import in_thread

TICK_S = 0.1

WRITE_TIMEOUT_S = 20.0
"""Ours: what is left to write at the end takes milliseconds, unless the disk is full."""

Ending = Literal["stopped", "left"]
"""``left``: told to end by the system, to be taken up later."""

Holding = Literal["person", "disk", "schedule"]


class Survey:
    """One survey in this process; to be made inside the event loop that runs it.

    Args:
        home: of the device.
        begun: the survey in the journal.
        sources: what it reads.
        peer: whom to measure with; None where the device is enrolled nowhere.
        console: what the person sees.
        not_before_ms: an instant that is certainly past.
    """

    def __init__(
        self,
        home: Home,
        begun: Begun,
        sources: Sources,
        peer: Peer | None,
        console: Console,
        not_before_ms: int = 0,
    ) -> None:
        self._begun, self._console = begun, console
        self._crew = Crew(home, begun, sources, peer, console, self._clock_stepped)
        self._care = Care(self._crew, begun, console, home.folder, not_before_ms)
        self._holding: set[Holding] = set()
        self._resting: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._ending: Ending = "stopped"
        self._why = ""
        self._ear = Ear(home.folder)
        self._told_errors: set[str] = set()

    async def run(self) -> Ending:
        """Survey until told to stop.

        Raises:
            asyncio.CancelledError: the person wanted out at once; the survey can be taken up later.
        """
        wake_lock = WakeLock()
        tasks: list[asyncio.Task[None]] = []
        try:
            await in_thread(wake_lock.acquire, "wake lock")
            self._catch_signals()
            self._crew.recording.begin(time.monotonic(), "resumed" if self._begun.resumed else "started")
            self._crew.start()
            tasks = [asyncio.create_task(loop) for loop in self._loops()]
            for task in tasks:
                task.add_done_callback(self._task_ended)
            with key_presses(self.wish) as keys:
                self._care.keys = told_keys() if keys else ""
                await self._over.wait()
                await self._end()
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._crew.go_home()
            await in_thread(wake_lock.release, "wake lock")
        for error in results:
            if isinstance(error, Exception):
                raise error
        return self._ending

    def wish(self, wish: Wish) -> None:
        """The person wants something, by a key or from another terminal."""
        by_hand = tr("by hand", "à la main")
        match wish:
            case "pause":
                self.hold("person", by_hand)
            case "resume":
                self.let_go("person", by_hand)
            case "test":
                self._crew.trials.ask()
            case "stop":
                self.stop("stopped", by_hand)

    def stop(self, ending: Ending, why: str) -> None:
        """End the survey, or this process only."""
        if not self._over.is_set():
            self._ending, self._why = ending, why
            self._over.set()

    def hold(self, holding: Holding, why: str) -> None:
        """One more thing keeps the survey from recording."""
        if holding in self._holding or self._over.is_set():
            return
        self._holding.add(holding)
        if len(self._holding) > 1:
            return
        kind = "interrupted" if holding == "disk" else "paused"
        self._crew.recording.halt(self._crew.now(), "waiting" if holding == "schedule" else "paused", kind, why)
        self._console.say(kind, why)
        self._resting = asyncio.create_task(self._crew.rest())

    def let_go(self, holding: Holding, why: str) -> None:
        """One thing less does."""
        if holding not in self._holding or self._over.is_set():
            return
        self._holding.discard(holding)
        if not self._holding:
            self._crew.recording.begin(self._crew.now(), "resumed", why)
            self._console.say("resumed", why)
            self._resting = asyncio.create_task(self._wake(self._resting))

    def is_held_by_others(self, holding: Holding) -> bool:
        """Whether something else keeps the survey from recording."""
        return bool(self._holding - {holding})

    async def _wake(self, resting: asyncio.Task[None] | None) -> None:
        if resting:
            await resting
        if not self._holding:
            self._crew.start()

    async def _end(self) -> None:
        """Close what is open, decide what waits, write what is left."""
        crew = self._crew
        end_s = crew.now()
        if self._ending == "stopped":
            crew.recording.halt(end_s, "stopped", "stopped", self._why)
        elif not self._holding:
            crew.recording.halt(end_s, "stopped", "interrupted", self._why)
        self._console.say(self._ending, self._why)
        await crew.rest()
        await crew.go_home()
        crew.recording.advance(time.monotonic())
        crew.recording.finish()
        if self._ending == "stopped":
            crew.recorder.end(crew.recording.at_ms(end_s))
        self._console.show(self._care.status())
        if await in_thread(lambda: crew.recorder.close(WRITE_TIMEOUT_S), "recorder"):
            self._ear.answer("stopped")
            await crew.uploads.finally_send()
        else:
            self._console.say("warning", crew.recorder.trouble or "")

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        care = self._care
        loops = [self._tick(), care.look(), care.keep_account(), care.watch_battery(), self._crew.uploads.run()]
        if self._begun.options.every:
            period_s = parse_period_s(self._begun.options.every)
            slots = Slots(first_ms=self._begun.started_ms, period_s=period_s, seed=self._begun.id)
            crew = self._crew
            loops.append(Runs(slots, self._begun.events, crew.recording, crew.trials, _Stage(self), self.note).run())
        return loops

    async def _tick(self) -> None:
        """Time goes by: fences close, evidence comes in, wishes are heard."""
        crew, alive_s = self._crew, 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now_s = crew.now()
            crew.recording.advance(now_s)
            if wish := self._ear.listen():
                self.wish(wish)
                if wish != "stop":
                    self._ear.answer("paused" if "person" in self._holding else "recording")
            if crew.recorder.trouble:
                self.hold("disk", crew.recorder.trouble)
            else:
                self.let_go("disk", tr("writing works again", "l’écriture fonctionne de nouveau"))
            if crew.recording.state == "recording":
                crew.trials.start_due()
            crew.uploads.hold = crew.trials.running
            if now_s - alive_s >= ALIVE_EVERY_S:
                alive_s = now_s
                crew.recorder.alive(crew.recording.at_ms(now_s))

    def note(self, kind: str, detail: str) -> None:
        """Write an event, and say it."""
        self._crew.recorder.note(self._crew.recording.at_ms(self._crew.now()), kind, detail)
        self._console.say(kind, detail)

    def _clock_stepped(self) -> None:
        self._console.say("clock", tr("the device's clock was set", "l’horloge de l’appareil a été réglée"))

    def _catch_signals(self) -> None:
        loop, this = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_exception_handler(self._broken)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop, "left", signal.Signals(number).name)

        def interrupted() -> None:
            if self._over.is_set() and this:
                this.cancel()
            self.stop("stopped", "Ctrl-C")

        loop.add_signal_handler(signal.SIGINT, interrupted)

    def _broken(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something called back by the event loop failed: told, once, while everything else goes on."""
        error = context.get("exception")
        text = f"{context.get('message', '')} ({type(error).__name__}: {error})"
        if text not in self._told_errors:
            self._told_errors.add(text)
            self.note("warning", text)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """A part of the survey broke: end cleanly and tell, rather than go on half alive."""
        if not task.cancelled() and (error := task.exception()):
            self.stop("left", f"{type(error).__name__}: {error}")


class _Stage:
    """The survey as its schedule sees it."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def hold(self, why: str) -> None:
        """Record no more until the next run."""
        self._survey.hold("schedule", why)

    def let_go(self, why: str) -> None:
        """Record."""
        self._survey.let_go("schedule", why)

    def paused(self) -> bool:
        """Whether something else keeps the survey from recording."""
        return self._survey.is_held_by_others("schedule")

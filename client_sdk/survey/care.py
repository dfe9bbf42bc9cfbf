"""What is wrong, what it costs, and what the person sees: looked at again and again while a survey runs."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from client_sdk.measurement.route import Route
from client_sdk.outbox.schema import now_ms
from client_sdk.survey import troubles
from client_sdk.survey.console import Console
from client_sdk.survey.crew import Crew
from client_sdk.survey.device import Battery, free_bytes, read_battery
from client_sdk.survey.setup import Begun
from client_sdk.survey.status import SurveyStatus
from client_sdk.survey.telling import status_of
from client_sdk.survey.threads import in_thread
from client_sdk.survey.trials import ACCOUNT_EVERY_S
from client_sdk.survey.watchdog import Watchdog

LOOK_EVERY_S = 0.5
BATTERY_EVERY_S = 300.0


class Care:
    """Looks after one survey.

    Args:
        crew: at work.
        begun: the survey in the journal.
        console: what the person sees.
        folder: of the device's files.
        not_before_ms: an instant that is certainly past.

    Attributes:
        keys: what can be pressed, in words.
    """

    def __init__(self, crew: Crew, begun: Begun, console: Console, folder: Path, not_before_ms: int) -> None:
        self.keys = ""
        self._crew, self._begun, self._console = crew, begun, console
        self._folder, self._not_before_ms = folder, not_before_ms
        self._watchdog = Watchdog()
        self._battery: Battery | None = None
        self._advised: set[str] = set()

    async def look(self) -> None:
        """Tell what is wrong and show the rest, until cancelled."""
        crew = self._crew
        while True:
            now_s = time.monotonic()
            crew.uploads.wifi = any(line.on_wifi for line in crew.lines) or Route().kind() == "wifi"
            self._pass_on_advice()
            if crew.recorder.counts is not None:
                crew.uploads.pending = crew.recorder.counts.pending
            seen = self._watchdog.look(self._troubles(now_s), now_s)
            at_ms = crew.recording.at_ms(now_s)
            for kind, texts in (("warning", seen.raised), ("well_again", seen.over)):
                for text in texts:
                    crew.recorder.note(at_ms, kind, text)
                    self._console.say(kind, text)
            if seen.ring:
                self._console.ring()
            self._console.show(self.status())
            await asyncio.sleep(LOOK_EVERY_S)

    async def keep_account(self) -> None:
        """Put the data of echoes on the account, until cancelled."""
        crew = self._crew
        while True:
            recording = crew.recording.state == "recording"
            echoing = sum(line.channel.link.echoing for line in crew.lines) if recording else 0
            await crew.account.write(echoing * self._begun.options.echo_hz)
            for line in crew.lines:
                line.may_spend = crew.account.remaining != 0 and crew.account.trouble is None
            await asyncio.sleep(ACCOUNT_EVERY_S)

    async def watch_battery(self) -> None:
        """Read the battery, until cancelled."""
        while True:
            self._battery = await in_thread(read_battery, "battery")
            await asyncio.sleep(BATTERY_EVERY_S)

    def status(self) -> SurveyStatus:
        """What the person sees."""
        crew, options = self._crew, self._begun.options
        status = status_of(
            crew.recording,
            crew.lines,
            options,
            crew.account,
            crew.trials,
            crew.results,
            self._begun.started_ms,
            time.monotonic(),
        )
        return replace(
            status,
            position_source=options.position or "",
            pending=crew.uploads.pending,
            upload=crew.uploads.state,
            battery_percent=self._battery.percent if self._battery else None,
            warnings=self._watchdog.warnings,
            keys=self.keys,
        )

    def _pass_on_advice(self) -> None:
        """Say once what a source wants the person to know."""
        for line in self._crew.lines:
            reading = line.channel.reading
            for text in reading.warnings if reading else ():
                if text not in self._advised:
                    self._advised.add(text)
                    self._console.say("advice", f"{line.choice.label}: {text}")

    def _troubles(self, now_s: float) -> dict[str, str]:
        crew = self._crew
        found = troubles.of_device(self._battery, free_bytes(self._folder), crew.recorder.trouble)
        found |= troubles.of_clock(now_ms(), self._not_before_ms, crew.recording.clock_set_back_ms)
        found |= crew.uploads.troubles()
        if crew.recording.state == "recording":
            fix, has_source = crew.recording.fix, crew.position is not None
            found |= troubles.of_position(fix, crew.position_failure, now_s, has_source=has_source)
            for line in crew.lines:
                found |= troubles.of_line(line)
        return found | troubles.of_budget(crew.account, crew.trials)

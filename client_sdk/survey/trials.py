"""Throughput tests of a survey: when one is due, within the budgets, one modem after the other.

One after the other by default: transfers at the same time share the computer's USB, its processor and the collector's
line, and often a mast, so that each would hide the other's rate.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from client_sdk.measurement.limits import Limits
from client_sdk.measurement.spending import BudgetError, Budgets, Spending, SpendingError, Usage
from client_sdk.outbox.quiet import measuring_async
from client_sdk.survey.echoing import ECHO_BYTES
from client_sdk.survey.line import Line
from client_sdk.survey.odometer import Odometer
from client_sdk.survey.options import SurveyOptions
from client_sdk.survey.schedule import Rhythm, Travelled, is_due, until_due
from client_sdk.survey.threads import in_thread

ACCOUNT_EVERY_S = 30.0
"""Ours: how often the data of echoes is put on the account; it is reserved ahead."""


def budgets_of(options: SurveyOptions) -> Budgets:
    """The budgets that were declared."""

    def in_bytes(megabytes: float | None) -> int | None:
        return None if megabytes is None else round(megabytes * 1e6)

    return Budgets(
        session_bytes=in_bytes(options.session_mb),
        day_bytes=in_bytes(options.day_mb),
        month_bytes=in_bytes(options.month_mb),
    )


def limits_of(options: SurveyOptions) -> Limits:
    """The byte caps that were declared."""
    return Limits(download_bytes=round(options.download_mb * 1e6), upload_bytes=round(options.upload_mb * 1e6))


class Account:
    """The data of one survey on the device's account.

    Attributes:
        used: what the survey, this day and this month used, when it was last looked at.
        remaining: bytes that the tightest budget leaves; None without a limit.
        trouble: why the account cannot be kept.
    """

    def __init__(self, spending: Spending, budgets: Budgets, session: str) -> None:
        self.used = Usage(0, 0, 0)
        self.remaining: int | None = None
        self.trouble: str | None = None
        self._spending, self._budgets, self._session = spending, budgets, session
        self._echo_bytes = 0
        self._reservation: tuple[int, str] | None = None

    def count_echoes(self, count_bytes: int) -> None:
        """Echoes used so much."""
        self._echo_bytes += count_bytes

    async def write(self, echoes_a_second: float) -> None:
        """Put the data of echoes on the account, with what they may use until the next time, and look at the rest."""
        ahead_bytes = round(echoes_a_second * ACCOUNT_EVERY_S * ECHO_BYTES)
        await self._do(lambda: self._settle_echoes(ahead_bytes))

    async def look(self) -> int | None:
        """The bytes that are left; None without a limit."""
        await self._do(lambda: None)
        return 0 if self.trouble else self.remaining

    async def reserve(self, most_bytes: int) -> int | None:
        """Put the most that a test may use on the account; None where a budget has no room."""
        found: list[int] = []
        with suppress(BudgetError):
            await self._do(lambda: found.append(self._spending.reserve(self._session, most_bytes, self._budgets)))
        return found[0] if found else None

    async def settle(self, reservation: int, used_bytes: int) -> None:
        """A test used so much."""
        await self._do(lambda: self._spending.settle(reservation, used_bytes))

    async def _do(self, what: Callable[[], object]) -> None:
        def run() -> tuple[Usage, int | None]:
            what()
            used = self._spending.used(self._session)
            return used, self._spending.remaining(self._budgets, self._session)

        try:
            self.used, self.remaining = await in_thread(run, "account")
            self.trouble = None
        except SpendingError as error:
            self.trouble = str(error)

    def _settle_echoes(self, ahead_bytes: int) -> None:
        day = time.strftime("%Y-%m-%d")
        if self._reservation is None or self._reservation[1] != day:
            if self._reservation is not None:
                self._spending.settle(self._reservation[0], self._echo_bytes)
            self._echo_bytes = 0
            self._reservation = (self._spending.reserve(self._session, ahead_bytes), day)
        self._spending.settle(self._reservation[0], self._echo_bytes + ahead_bytes)


class Trials:
    """Runs the tests that are due.

    Args:
        lines: the modems.
        rhythm: between tests of one modem; None: only those that are asked for.
        options: as declared.
        account: of the survey's data.
        folder: of the device's files: no upload of this device runs while a test does.
        odometer: of the survey.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        rhythm: Rhythm | None,
        options: SurveyOptions,
        account: Account,
        folder: Path,
        odometer: Odometer,
    ) -> None:
        self._lines, self.rhythm, self._options = lines, rhythm, options
        self._account, self._folder, self._odometer = account, folder, odometer
        self._limits = limits_of(options)
        self._asked: set[str] = set()
        self._round: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether a test is running or about to."""
        return self._round is not None and not self._round.done()

    @property
    def has_room(self) -> bool:
        """Whether the budgets leave room for a test, as far as it was looked at."""
        return self._account.trouble is None and self._limits.within(self._account.remaining) is not None

    def ask(self) -> None:
        """Test every modem as soon as possible."""
        self._asked = {line.choice.label for line in self._lines}

    def until_next(self, line: Line) -> float | None:
        """What is missing until a modem's next test: metres by distance, else seconds; None where none will come."""
        return None if self.rhythm is None else max(0.0, until_due(self.rhythm, self._since(line)))

    def start_due(self) -> None:
        """Begin the tests that are due, unless some run already."""
        if self.running or not self.has_room:
            return
        due = [line for line in self._lines if self._is_due(line) and not line.can_test()]
        if due:
            self._round = asyncio.create_task(self._run(due))

    async def break_off(self) -> None:
        """End running tests at once; what they used stays on the account."""
        if self._round and not self._round.done():
            self._round.cancel()
            with suppress(asyncio.CancelledError):
                await self._round

    async def finish(self) -> None:
        """Wait for the end of running tests."""
        if self._round:
            with suppress(asyncio.CancelledError):
                await self._round

    def _is_due(self, line: Line) -> bool:
        if line.choice.label in self._asked:
            return True
        return self.rhythm is not None and is_due(self.rhythm, self._since(line))

    def _since(self, line: Line) -> Travelled:
        return Travelled(
            metres=self._odometer.metres - line.metres_at_test,
            seconds=time.monotonic() - line.tested_at_s,
            last_test_bytes=line.last_test_bytes,
        )

    async def _run(self, due: Sequence[Line]) -> None:
        async with measuring_async(self._folder):
            if self._options.tests_at_once:
                await asyncio.gather(*(self._test(line) for line in due))
            else:
                for line in due:
                    await self._test(line)

    async def _test(self, line: Line) -> None:
        self._asked.discard(line.choice.label)
        limits = self._limits.within(await self._account.look())
        if limits is None or line.can_test():
            return
        reservation = await self._account.reserve(limits.most_bytes)
        if reservation is None:
            return
        used = await line.test(limits)  # a test that is broken off leaves the reservation: too much, never too little
        await self._account.settle(reservation, used)

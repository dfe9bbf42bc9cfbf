"""The data account of a survey, and which tests it allows; a real account file."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from client_sdk.measurement.limits import Limits
from client_sdk.measurement.spending import Spending
from client_sdk.outbox.quiet import is_measuring
from client_sdk.survey.echoing import ECHO_BYTES
from client_sdk.survey.odometer import Odometer
from client_sdk.survey.options import SurveyOptions
from client_sdk.survey.schedule import parse_rhythm
from client_sdk.survey.trials import Account, Trials, budgets_of


@dataclass
class Line:
    """A modem that says when it was tested, and with what."""

    label: str
    log: list[str]
    folder: Path
    used: int = 1_000_000
    cannot: str = ""
    may_end: Callable[[], bool] = lambda: True
    metres_at_test: float = 0.0
    tested_at_s: float = 0.0
    last_test_bytes: int | None = None
    limits: list[Limits] = field(default_factory=list)

    @property
    def choice(self) -> Any:
        return SimpleNamespace(label=self.label)

    def can_test(self) -> str:
        return self.cannot

    async def test(self, limits: Limits) -> int:
        assert is_measuring(self.folder)
        self.limits.append(limits)
        self.log.append(f"{self.label} begins")
        while not self.may_end():
            await asyncio.sleep(0.001)
        self.log.append(f"{self.label} ends")
        self.last_test_bytes = self.used
        return self.used


@pytest.fixture
def spending(tmp_path: Path) -> Spending:
    return Spending(tmp_path / "spending.sqlite")


@pytest.fixture
def make(tmp_path: Path, spending: Spending) -> Callable[..., tuple[Trials, Account, list[Any]]]:
    def made(*lines: Line, rhythm: str | None = None, **options: Any) -> tuple[Trials, Account, list[Any]]:
        declared = SurveyOptions(test_every=rhythm, **options)
        account = Account(spending, budgets_of(declared), "survey-1")
        every = parse_rhythm(rhythm) if rhythm else None
        return Trials(list(lines), every, declared, account, tmp_path, Odometer()), account, list(lines)  # type: ignore[arg-type]

    return made


def test_modems_are_tested_one_after_the_other_and_no_upload_may_run(make: Any, tmp_path: Path) -> None:
    log: list[str] = []
    trials, account, _ = make(Line("orange", log, tmp_path), Line("sfr", log, tmp_path))

    async def survey() -> None:
        trials.ask()
        trials.start_due()
        assert trials.running
        trials.start_due()  # changes nothing while tests run
        await trials.finish()

    asyncio.run(survey())
    assert log == ["orange begins", "orange ends", "sfr begins", "sfr ends"]
    assert account.used.session == 2_000_000
    assert not is_measuring(tmp_path)


def test_modems_can_be_tested_at_once(make: Any, tmp_path: Path) -> None:
    log: list[str] = []

    def both_began() -> bool:
        return len(log) >= 2

    lines = (Line(label, log, tmp_path, may_end=both_began) for label in ("orange", "sfr"))
    trials, _, _ = make(*lines, tests_at_once=True)

    async def survey() -> None:
        trials.ask()
        trials.start_due()
        await trials.finish()

    asyncio.run(survey())
    assert sorted(log[:2]) == ["orange begins", "sfr begins"]


def test_a_modem_that_cannot_be_tested_stays_due(make: Any, tmp_path: Path) -> None:
    log: list[str] = []
    line = Line("orange", log, tmp_path, cannot="no service")
    trials, _, _ = make(line, rhythm="1h")

    async def survey() -> None:
        trials.start_due()
        assert not trials.running
        line.cannot = ""
        trials.start_due()
        await trials.finish()

    asyncio.run(survey())
    assert log == ["orange begins", "orange ends"]


def test_a_budget_lowers_the_caps_and_then_ends_the_tests(make: Any, tmp_path: Path) -> None:
    log: list[str] = []
    line = Line("orange", log, tmp_path, used=5_000_000)
    trials, account, _ = make(line, session_mb=12.0)

    async def survey() -> None:
        await account.look()
        for _ in range(5):
            trials.ask()
            trials.start_due()
            await trials.finish()

    asyncio.run(survey())
    caps = [(limits.download_bytes or 0) + (limits.upload_bytes or 0) for limits in line.limits]
    assert log.count("orange ends") == 3
    assert caps[0] <= 12_000_000
    assert caps[2] <= 2_000_000
    assert not trials.has_room
    assert account.remaining == 0


def test_a_test_that_is_broken_off_stays_on_the_account_at_its_most(make: Any, tmp_path: Path) -> None:
    log: list[str] = []
    trials, account, _ = make(Line("orange", log, tmp_path, may_end=lambda: False), download_mb=1.0, upload_mb=1.0)

    async def survey() -> None:
        trials.ask()
        trials.start_due()
        while not log:
            await asyncio.sleep(0.001)
        await trials.break_off()
        await account.look()

    asyncio.run(survey())
    assert log == ["orange begins"]
    assert account.used.session >= 2_000_000
    assert not is_measuring(tmp_path)


def test_echoes_are_on_the_account_ahead_of_time(make: Any, spending: Spending) -> None:
    _, account, _ = make(session_mb=1.0)

    async def survey() -> None:
        await account.write(10.0)
        ahead = spending.used("survey-1").session
        assert ahead == 300 * ECHO_BYTES
        account.count_echoes(100 * ECHO_BYTES)
        await account.write(10.0)
        assert spending.used("survey-1").session == 400 * ECHO_BYTES
        account.count_echoes(20 * ECHO_BYTES)
        await account.write(0.0)

    asyncio.run(survey())
    assert spending.used("survey-1").session == 120 * ECHO_BYTES
    assert account.remaining == 1_000_000 - 120 * ECHO_BYTES


def test_an_account_that_cannot_be_kept_ends_the_tests(tmp_path: Path) -> None:
    (tmp_path / "spending.sqlite").mkdir()
    account = Account(Spending(tmp_path / "spending.sqlite"), budgets_of(SurveyOptions()), "survey-1")

    async def survey() -> None:
        assert await account.look() == 0

    asyncio.run(survey())
    assert account.trouble

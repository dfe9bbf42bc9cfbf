"""Mobile data used by tests and echoes, against budgets: per test, session, day and month, in a file of its own.

What is about to be used is reserved before it begins and settled when it ended, so that a process that is killed in
between leaves too much on the account, never too little. Days and months are those of the device's local time, as an
operator's plan counts them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from client_sdk.errors import MailleError
from client_sdk.messages import tr

FILE_NAME = "spending.sqlite"
"""In the home folder of the device."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spending (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,              -- local date of the reservation
    session TEXT,
    bytes INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS spending_by_day ON spending (day);
CREATE INDEX IF NOT EXISTS spending_by_session ON spending (session);
"""


class SpendingError(MailleError):
    """The account of data used cannot be kept: testing on would be blind."""


class BudgetError(MailleError):
    """A budget leaves no room for what was to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Most bytes, both directions together; None is no limit."""

    test_bytes: int | None = None
    session_bytes: int | None = None
    day_bytes: int | None = None
    month_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes used by this session, today and this month, open reservations included."""

    session: int
    day: int
    month: int


class Spending:
    """The account of one device; several processes may use it.

    Args:
        path: its file, which is made when something is first reserved.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def used(self, session: str | None = None, now: datetime | None = None) -> Usage:
        """What was used.

        Args:
            session: its name; None: no session.
            now: for another day than today, an aware local time.

        Raises:
            SpendingError: the file cannot be used.
        """
        with self._opened() as file:
            return _usage(file, session, _day(now))

    def remaining(self, budgets: Budgets, session: str | None = None, now: datetime | None = None) -> int | None:
        """Bytes that the tightest budget leaves for one test; None where there is no limit.

        Raises:
            SpendingError: the file cannot be used.
        """
        return _left(budgets, self.used(session, now))

    def reserve(
        self, session: str | None, most_bytes: int, budgets: Budgets | None = None, now: datetime | None = None
    ) -> int:
        """Put the most that may be used on the account; the number to settle it with.

        Args:
            session: whose it is.
            most_bytes: the most that may be used.
            budgets: checked in the same transaction, so that two tests cannot take the same room.
            now: for another day than today.

        Raises:
            BudgetError: a budget leaves less.
            SpendingError: the file cannot be used.
        """
        day = _day(now)
        with self._opened() as file:
            file.execute("BEGIN IMMEDIATE")
            left = _left(budgets, _usage(file, session, day)) if budgets else None
            if left is not None and left < most_bytes:
                file.execute("ROLLBACK")
                raise BudgetError(
                    tr(
                        f"the data budget leaves {left / 1e6:.1f} MB, {most_bytes / 1e6:.1f} MB may be needed",
                        f"le budget de données laisse {left / 1e6:.1f} Mo, il en faudrait jusqu’à "
                        f"{most_bytes / 1e6:.1f}",
                    )
                )
            row = file.execute(
                "INSERT INTO spending (day, session, bytes) VALUES (?, ?, ?)", (day, session, most_bytes)
            )
            file.execute("COMMIT")
            return int(row.lastrowid or 0)

    def settle(self, reservation: int, used_bytes: int) -> None:
        """Replace a reservation by what was used.

        Raises:
            SpendingError: the file cannot be used.
        """
        with self._opened() as file:
            file.execute("UPDATE spending SET bytes = ?, settled = 1 WHERE id = ?", (used_bytes, reservation))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, isolation_level=None, timeout=30)) as file:
                file.execute("PRAGMA synchronous = FULL")
                file.executescript(_SCHEMA)
                yield file
        except (sqlite3.Error, OSError) as error:
            raise SpendingError(
                tr(
                    f"{self._path}: data used cannot be counted ({error}); free some space, or set the file aside",
                    f"{self._path} : volume consommé impossible à compter ({error}) ; libérez de la place, ou mettez "
                    "le fichier de côté",
                )
            ) from error


def _day(now: datetime | None) -> str:
    return (now or datetime.now().astimezone()).date().isoformat()


def _usage(file: sqlite3.Connection, session: str | None, day: str) -> Usage:
    def total(condition: str, value: str | None) -> int:
        row = file.execute(f"SELECT coalesce(sum(bytes), 0) FROM spending WHERE {condition}", (value,)).fetchone()
        return int(row[0])

    return Usage(total("session = ?", session), total("day = ?", day), total("substr(day, 1, 7) = ?", day[:7]))


def _left(budgets: Budgets, used: Usage) -> int | None:
    left = [
        budget - spent
        for budget, spent in (
            (budgets.test_bytes, 0),
            (budgets.session_bytes, used.session),
            (budgets.day_bytes, used.day),
            (budgets.month_bytes, used.month),
        )
        if budget is not None
    ]
    return max(0, min(left)) if left else None

"""The outbox's file: opened for durability, checked, brought up to date, and set aside where it is damaged.

A commit is on the disk before it returns (``synchronous=FULL``): a phone loses its power at any moment.
"""

import errno
import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from client_sdk.messages import tr
from client_sdk.outbox.file_lock import FileLock
from client_sdk.outbox.recovery import read_back
from client_sdk.outbox.schema import (
    SCHEMA,
    UPGRADES,
    VERSION,
    OutboxError,
    OutboxFullError,
    disk_full_text,
    execute_all,
    file_trouble,
    now_ms,
    primary_code,
    read_only_text,
    transaction,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A damaged file that was found on opening.

    Attributes:
        aside: where it was put.
        samples: how many were read back from it into the new file.
        complete: whether all of it could be read.
        collectors: how many of the collectors could be read.
    """

    aside: Path
    samples: int
    complete: bool
    collectors: int


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An outbox's file in use.

    Attributes:
        connection: to it.
        damage: what had to be set aside, if something had to.
        in_use: held as long as the connection is, so that nobody puts the file aside meanwhile.
    """

    connection: sqlite3.Connection
    damage: Damage | None
    in_use: FileLock


def open_file(path: Path) -> OpenedFile:
    """Open the file, making it where there is none; a damaged one is set aside, and what can be read of it kept.

    Raises:
        OutboxError: the file cannot be opened, was written by a later version, or is damaged and in use elsewhere.
    """
    try:
        in_use = FileLock(path.with_name(f"{path.name}.lock"))
    except OSError as error:
        raise _no_place(path, error) from error
    try:
        in_use.wait(shared=True)
        damage = None
        if _recovered(path).exists():  # the last process was killed between two renamings
            damage = _replaced_alone(path, in_use)
        try:
            return OpenedFile(_connection(path), damage, in_use)
        except sqlite3.OperationalError as error:
            raise _cannot_open(path, error) from error
        except sqlite3.DatabaseError:
            damage = _replaced_alone(path, in_use)
        return OpenedFile(_connection(path), damage, in_use)
    except BaseException:
        in_use.close()
        raise


def _connection(path: Path) -> sqlite3.Connection:
    _make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if (verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(verdict)
        with transaction(connection):
            _bring_up_to_date(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """Make the file, if it is not there, readable by its owner only: it says where somebody was.

    One that is there is never opened here: closing it would give up the locks that SQLite holds on it for this process
    (https://sqlite.org/howtocorrupt.html §2.2), and the next process to leave would take the log away under it.
    """
    with suppress(OSError):  # what keeps it from being made keeps it from being opened, which is told
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise OutboxError(
            tr(
                f"{path}: outbox of version {version}, expected at most {VERSION}: update maille",
                f"{path} : file d’envoi de version {version}, {VERSION} au plus est connue : mettez maille à jour",
            )
        )
    if version == 0:
        execute_all(connection, SCHEMA)
        connection.execute("INSERT INTO counter VALUES (0)")
    for older in range(version or VERSION, VERSION):
        execute_all(connection, UPGRADES[older])


def _replaced_alone(path: Path, in_use: FileLock) -> Damage | None:
    """Put a new file in the damaged one's place, with what could be read of it; None where another process just did."""
    if not in_use.take():
        in_use.let_go()
        raise OutboxError(
            tr(
                f"{path} is damaged, and another program is using it: stop that program, then try again",
                f"{path} est abîmé, et un autre programme s’en sert : arrêtez ce programme, puis réessayez",
            )
        )
    try:
        return _replaced(path)
    finally:
        in_use.take(shared=True)


def _replaced(path: Path) -> Damage | None:
    recovered, aside = _recovered(path), path.with_name(f"{path.name}.damaged-{now_ms()}")
    samples, complete = 0, False
    if not recovered.exists():
        try:
            _connection(path).close()
        except sqlite3.OperationalError as error:
            raise _cannot_open(path, error) from error
        except sqlite3.DatabaseError:
            samples, complete = _read_back_into(recovered, path)
        else:
            return None
    for suffix in ("-wal", "-shm", ""):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    recovered.rename(path)
    with sqlite3.connect(path) as connection:
        collectors = connection.execute("SELECT count(*) FROM collectors").fetchone()[0]
        samples = samples or connection.execute("SELECT count(*) FROM samples").fetchone()[0]
    connection.close()
    return Damage(aside=aside, samples=samples, complete=complete, collectors=collectors)


def _read_back_into(recovered: Path, damaged: Path) -> tuple[int, bool]:
    """A whole new file beside the damaged one, with what could be read of it; how many samples, and if that was all."""
    partial = recovered.with_name(f"{recovered.name}.partial")
    partial.unlink(missing_ok=True)
    _make_private(partial)
    connection = sqlite3.connect(partial, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = FULL")
        with transaction(connection):
            samples, complete = read_back(damaged, connection)
    finally:
        connection.close()
    partial.rename(recovered)
    return samples, complete


def _recovered(path: Path) -> Path:
    return path.with_name(f"{path.name}.recovered")


def _no_place(path: Path, error: OSError) -> OutboxError:
    if error.errno == errno.ENOSPC:
        return OutboxFullError(f"{path}: {disk_full_text()}")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return OutboxError(f"{path}: {read_only_text()}")
    return OutboxError(
        tr(
            f"{path}: cannot be opened as an outbox ({error.strerror})",
            f"{path} : ne s’ouvre pas comme file d’envoi ({error.strerror})",
        )
    )


def _cannot_open(path: Path, error: sqlite3.OperationalError) -> OutboxError:
    if primary_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
        trouble = file_trouble(error)
        kind = OutboxFullError if isinstance(trouble, OutboxFullError) else OutboxError
        return kind(f"{path}: {trouble}")
    return OutboxError(
        tr(
            f"{path}: cannot be opened as an outbox ({error})",
            f"{path} : ne s’ouvre pas comme file d’envoi ({error})",
        )
    )

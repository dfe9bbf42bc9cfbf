"""Flags of stored samples: written where they change, and told by device."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from collector.storage.devices import locked_keys, same_device
from collector.storage.histories import Stamp, read_stamp
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import devices, samples

Written = tuple[str, bool]
"""What the columns ``flags`` and ``excluded`` hold."""

Revise = Callable[[str, frozenset[str]], Written]
"""From the flags that stand and those that a pass found to those that are to stand."""


@dataclass(frozen=True, slots=True)
class FlagChange:
    """Flags of one sample before and after."""

    month: str
    before: Written
    after: Written


@dataclass(frozen=True, slots=True)
class FlagCount:
    """How many samples of a device bear the same flags, and when the first and last of them were measured."""

    flags: str
    excluded: bool
    samples: int
    first_measured_at: datetime
    last_measured_at: datetime


def rewrite_flags(
    store: Store,
    origin: str,
    found: Mapping[tuple[str, str], frozenset[str]],
    revise: Revise,
    *,
    stamp: Stamp | None = None,
    dry_run: bool = False,
) -> list[FlagChange] | None:
    """Set the flags of some samples of one device, and raise the revisions of the months concerned.

    Args:
        store: where they are.
        origin: the device, whose rows are locked meanwhile.
        found: device and id of each sample → what a pass found.
        revise: see :data:`Revise`.
        stamp: nothing is written unless the device still has it.
        dry_run: write nothing.

    Returns:
        What changed; None where the stamp no longer holds.
    """
    changes: list[FlagChange] = []
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        connection = stack.enter_context(store.reading() if dry_run else store.writing())
        if not dry_run:
            locked_keys(connection, origin)
        if stamp is not None and read_stamp(connection, origin) != stamp:
            return None
        for row in _stored(connection, found):
            before = (row.flags, row.excluded)
            after = revise(row.flags, found[row.device, row.id])
            if before != after:
                changes.append(FlagChange(row.measured_month, before, after))
                rows.append({"_device": row.device, "_id": row.id, "flags": after[0], "excluded": after[1]})
        if rows and not dry_run:
            ours = (samples.c.device == bindparam("_device")) & (samples.c.id == bindparam("_id"))
            connection.execute(samples.update().where(ours), rows)
            raise_revisions(connection, (change.month for change in changes))
    return changes


def mark_judged(store: Store, origin: str, stamp: Stamp) -> bool:
    """Note that a device's flags are settled, unless something came meanwhile."""
    with store.writing() as connection:
        locked_keys(connection, origin)
        if read_stamp(connection, origin) != stamp:
            return False
        connection.execute(devices.update().where(devices.c.origin == origin).values(unjudged=False))
        return True


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The keys of one device, and whether something came since its history was judged."""

    origin: str
    thumbprints: tuple[str, ...]
    unjudged: bool


def find_keys(store: Store, thumbprint: str) -> DeviceKeys:
    """All keys of the enrolled device that has this one."""
    ours = devices.c.thumbprint.in_(same_device(thumbprint))
    with store.reading() as connection:
        rows = connection.execute(
            select(devices).where(ours).order_by(devices.c.enrolled_at, devices.c.thumbprint)
        ).all()
    return DeviceKeys(rows[0].origin, tuple(row.thumbprint for row in rows), any(row.unjudged for row in rows))


def count_flags(store: Store, origin: str) -> list[FlagCount]:
    """The samples of a device by what they bear."""
    keys = select(devices.c.thumbprint).where(devices.c.origin == origin)
    statement = (
        select(
            samples.c.flags,
            samples.c.excluded,
            func.count(),
            func.min(samples.c.measured_at),
            func.max(samples.c.measured_at),
        )
        .where(samples.c.device.in_(keys))
        .group_by(samples.c.flags, samples.c.excluded)
        .order_by(samples.c.flags, samples.c.excluded)
    )
    with store.reading() as connection:
        return [FlagCount(*row) for row in connection.execute(statement)]


def _stored(connection: Connection, found: Mapping[tuple[str, str], frozenset[str]]) -> Iterator[Any]:
    by_device: dict[str, list[str]] = {}
    for device, sample_id in found:
        by_device.setdefault(device, []).append(sample_id)
    names = ("device", "id", "measured_month", "flags", "excluded")
    for device, ids in by_device.items():
        yield from connection.execute(
            select(*(samples.c[name] for name in names)).where(samples.c.device == device, samples.c.id.in_(ids))
        ).all()

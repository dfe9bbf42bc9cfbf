"""The judging pass: every rule over what is stored, so that flags do not depend on when and in which order it came.

Each flag is a function of the set of stored samples, witnesses and keys: histories are sorted by what the samples say,
never by arrival. A device whose samples changed is marked in the transaction that changed them; the mark goes once its
flags are written and nothing has come meanwhile. One device is read at a time, as a stream.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from collector.plausibility.consensus import misjudged
from collector.plausibility.grounds import Grounds
from collector.plausibility.history_rules import HISTORY_RULES
from collector.plausibility.limits import VoteLimits
from collector.plausibility.portrait import COLUMNS, Portrait
from collector.plausibility.rule import Known
from collector.plausibility.rules import SERVING_CELL, in_order, is_excluded, judge
from collector.storage.flags import FlagChange, Written, mark_judged, rewrite_flags
from collector.storage.histories import History, Key, Moment, Stamp, count_samples, open_history
from collector.storage.store import Store
from collector.storage.witnessed import Direction, Witness, find_witnesses

Progress = Callable[[str, float], None]

ATTEMPTS = 3
"""Ours: a device that sends while it is judged is judged again; one that goes on is left to the next pass."""

_BY_ARRIVAL = frozenset({"clock-ahead"})
_BY_CELL = frozenset({SERVING_CELL.id})
_AT_ONCE = 2_000

Witnesses = dict[str, dict[tuple[str, Direction], Witness]]


@dataclass(slots=True)
class Judged:
    """What a pass did, or would do.

    Attributes:
        devices: how many were judged.
        samples: how many they have.
        gained, lost: rule → samples that it now flags, or no longer does.
        excluded, readmitted: samples whose vote went, or came back.
        changed_devices: origins of those devices whose flags changed.
        months: months of those samples.
        unsettled: devices that sent something meanwhile; the next pass takes them up.
    """

    devices: int = 0
    samples: int = 0
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    excluded: int = 0
    readmitted: int = 0
    changed_devices: set[str] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    unsettled: int = 0

    def add(self, origin: str, changes: Iterable[FlagChange]) -> None:
        """Count what changed of one device."""
        for change in changes:
            before, after = set(change.before[0].split()), set(change.after[0].split())
            self.gained.update(after - before)
            self.lost.update(before - after)
            self.excluded += change.after[1] and not change.before[1]
            self.readmitted += change.before[1] and not change.after[1]
            self.changed_devices.add(origin)
            self.months.add(change.month)


def judge_history(
    store: Store,
    grounds: Grounds,
    *,
    everything: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Judged:
    """Settle the flags of devices whose samples changed since they were last judged.

    Args:
        store: where samples are.
        grounds: what the project configured.
        everything: judge every device, as after a change of rules or settings.
        dry_run: tell what would change, and write nothing.
        progress: told which step it is and the share done.

    Raises:
        BusyError: the database cannot be reached; what was settled stays so.
    """
    judged = Judged()
    counts = count_samples(store, everything=everything)
    settled: dict[str, Stamp] = {}
    for origin, count in counts.items():
        stamp = None
        for _ in range(ATTEMPTS):
            if stamp := _judge_device(store, grounds, origin, judged, dry_run=dry_run):
                settled[origin] = stamp
                break
        judged.devices += 1
        judged.samples += count
        judged.unsettled += stamp is None
        if progress:
            progress("", 0.95 * judged.samples / max(1, sum(counts.values())))
    if counts:
        _judge_serving_cells(store, judged, everything=everything, dry_run=dry_run)
    if not dry_run:
        judged.unsettled += sum(not mark_judged(store, origin, stamp) for origin, stamp in settled.items())
    if progress:
        progress("", 1.0)
    return judged


def _judge_device(store: Store, grounds: Grounds, origin: str, judged: Judged, *, dry_run: bool) -> Stamp | None:
    """Write what changes; the stamp that it rests on, or None where that no longer holds."""
    with open_history(store, origin) as history, closing(_misjudged(store, grounds, history)) as portions:
        stamp = None if dry_run else history.stamp  # what is only told need not hold
        for found in portions:
            changes = rewrite_flags(store, origin, found, _revised, stamp=stamp, dry_run=dry_run)
            if changes is None:
                return None
            judged.add(origin, changes)
        return history.stamp


def _misjudged(store: Store, grounds: Grounds, history: History) -> Generator[dict[tuple[str, str], frozenset[str]]]:
    """What was found of the samples whose flags are to change, some at a time."""
    keys = {key.thumbprint: key for key in history.stamp.keys}
    portrait, limits = Portrait(history.rows(COLUMNS)), VoteLimits()
    for moments in history.moments():
        witnesses = _witnesses(store, moments)
        found: dict[tuple[str, str], frozenset[str]] = {}
        for moment in moments:
            flags = _flags(moment, portrait, keys[moment.device], witnesses.get(moment.device, {}), grounds)
            if not is_excluded(flags - _BY_ARRIVAL):
                limit = limits.flag(moment.sample, moment.measured_at, moment.h3_cell)
                flags |= {limit} if limit else frozenset()
            if _revised(moment.flags, flags) != (moment.flags, moment.excluded):
                found[moment.device, moment.sample.id] = flags
        if found:
            yield found


def _flags(
    moment: Moment,
    portrait: Portrait,
    key: Key,
    witnesses: dict[tuple[str, Direction], Witness],
    grounds: Grounds,
) -> frozenset[str]:
    known = Known(moment.received_at, witnesses, key.created_at, key.revoked_from, grounds)
    return judge(moment.sample, known) | {rule.id for rule in HISTORY_RULES if rule.fires(moment, portrait)}


def _witnesses(store: Store, moments: list[Moment]) -> Witnesses:
    tests: dict[str, set[str]] = {}
    for moment in moments:
        if moment.sample.test_id:
            tests.setdefault(moment.device, set()).add(moment.sample.test_id)
    return {device: find_witnesses(store, device, wanted) for device, wanted in tests.items()}


def _revised(standing: str, found: frozenset[str]) -> Written:
    """Everything but the rule of serving cells is found anew."""
    flags = found | (_BY_CELL & set(standing.split()))
    return " ".join(in_order(flags)), is_excluded(flags)


def _judge_serving_cells(store: Store, judged: Judged, *, everything: bool, dry_run: bool) -> None:
    """Set or take back the one flag that rests on several devices."""
    waiting: dict[tuple[str, str], frozenset[str]] = {}
    origin = ""

    def write() -> None:
        if waiting:
            judged.add(origin, rewrite_flags(store, origin, waiting, _revised_by_cell, dry_run=dry_run) or ())
            waiting.clear()

    for sighting, far in misjudged(store, everything=everything):
        if sighting.origin != origin or len(waiting) >= _AT_ONCE:
            write()
            origin = sighting.origin
        waiting[sighting.device, sighting.id] = _BY_CELL if far else frozenset()
    write()


def _revised_by_cell(standing: str, found: frozenset[str]) -> Written:
    flags = (set(standing.split()) - _BY_CELL) | found
    return " ".join(in_order(flags)), is_excluded(flags)

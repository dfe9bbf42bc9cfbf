"""A device's whole history, in order of time, with what stands next to each sample; the database does the sorting.

All keys of one origin are one device. A history is read as a stream, while samples may go on arriving: its *stamp*
tells whether they did, and nothing that was concluded from an older history is written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, false, func, or_, select

from client_sdk.bounds import instant_text
from client_sdk.sample import FIELDS, Sample
from collector.plausibility.limits import MANY_DEVICES
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes, samples, witnesses

_FIX = ("measured_at", "duration_ms", "latitude", "longitude", "accuracy_m", "position_age_ms")
_SEQUEL = ("measured_at", "duration_ms", "seq")
_AT_ONCE = 2_000

LATEST_FIX = timedelta(seconds=60)
"""Ours: a fix that came after the start of an interval is told with age 0; one older than this is stale anyway."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a device: its thumbprint, when it was made, and from when on nothing that it signed counts."""

    thumbprint: str
    created_at: datetime | None
    revoked_from: datetime | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a conclusion about a device rests on; an equal stamp later means the same samples, witnesses and keys."""

    keys: tuple[Key, ...]
    samples: int
    envelopes: int
    last_envelope_at: datetime | None
    transfers: int
    transferred_bytes: int


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a device was, and the first and last instant at which that may have been."""

    latitude: float
    longitude: float
    accuracy_m: float | None
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """When a sample of a certain ``seq`` ended."""

    seq: int
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """One stored sample among the others of its device.

    Attributes:
        device: thumbprint of the key that signed it.
        sample: as it was sent.
        measured_at: its instant.
        received_at: when it came.
        h3_cell: resolution 10, or None without position.
        flags, excluded: as they stand in the database.
        fix: where it was taken; None where the sample says nothing of a journey.
        fix_before, fix_after: the neighbours' on the same journey.
        step: None where ``seq`` is another tool's.
        step_before, step_after: the neighbours' by ``seq`` of the same key.
    """

    device: str
    sample: Sample
    measured_at: datetime
    received_at: datetime
    h3_cell: int | None
    flags: str
    excluded: bool
    fix: Fix | None
    fix_before: Fix | None
    fix_after: Fix | None
    step: Step | None
    step_before: Step | None
    step_after: Step | None


@dataclass(frozen=True, slots=True)
class History:
    """What is stored of one device, as of one moment."""

    origin: str
    stamp: Stamp
    _connection: Connection

    def rows(self, names: tuple[str, ...]) -> Iterator[Any]:
        """Some columns of every sample in order of ``measured_at``, as a stream."""
        statement = select(*(samples.c[name] for name in names)).where(_OURS).order_by(*_IN_TIME)
        with self._stream(statement) as result:
            yield from result

    def moments(self) -> Iterator[list[Moment]]:
        """Every sample in order of ``measured_at``, some at a time."""
        with self._stream(_WITH_NEIGHBOURS) as result:
            for rows in result.mappings().partitions():
                yield [_moment(row) for row in rows]

    def _stream(self, statement: Any) -> Any:
        keys = {"keys": [key.thumbprint for key in self.stamp.keys]}
        return self._connection.execution_options(yield_per=_AT_ONCE).execute(statement, keys)


@contextmanager
def open_history(store: Store, origin: str) -> Iterator[History]:
    """Read a device's history."""
    with store.reading() as connection:
        yield History(origin, read_stamp(connection, origin), connection)


def read_stamp(connection: Connection, origin: str) -> Stamp:
    """The stamp of a device as it is now; where its rows are locked, it stays so."""
    known = select(devices).where(devices.c.origin == origin).order_by(devices.c.thumbprint)
    keys = tuple(Key(row.thumbprint, row.key_created_at, row.revoked_from) for row in connection.execute(known))
    names = [key.thumbprint for key in keys]
    # counted too: a purge takes samples whose envelopes went before
    held = connection.scalar(select(func.count()).select_from(samples).where(samples.c.device.in_(names))) or 0
    came = connection.execute(
        select(func.count(), func.max(envelopes.c.received_at)).where(envelopes.c.device.in_(names))
    ).one()
    seen = connection.execute(
        select(func.count(), func.coalesce(func.sum(witnesses.c.bytes), 0)).where(witnesses.c.device.in_(names))
    ).one()
    return Stamp(keys, held, came[0], came[1], seen[0], int(seen[1]))


def count_samples(store: Store, *, everything: bool) -> dict[str, int]:
    """Origin → number of samples, of every device or of those with samples that no pass has looked at."""
    statement = (
        select(devices.c.origin, func.count(samples.c.id))
        .select_from(devices.outerjoin(samples, samples.c.device == devices.c.thumbprint))
        .group_by(devices.c.origin)
        .order_by(devices.c.origin)
    )
    if not everything:
        statement = statement.where(devices.c.origin.in_(select(devices.c.origin).where(devices.c.unjudged)))
    with store.reading() as connection:
        return {row.origin: row[1] for row in connection.execute(statement)}


_IN_TIME = (samples.c.measured_at, samples.c.id, samples.c.device)

# another tool's log is a journey of its own; one file of Arcep's holds the tests of many teams
_TRACK = case(
    (
        or_(
            samples.c.latitude.is_(None),
            and_(samples.c.latitude == 0, samples.c.longitude == 0),
            func.coalesce(samples.c.position_mock, false()),
            func.coalesce(samples.c.import_format, "").in_(sorted(MANY_DEVICES)),
        ),
        None,
    ),
    else_=func.coalesce(samples.c.import_sha256, samples.c.import_format, ""),
)


_OURS = samples.c.device.in_(bindparam("keys", expanding=True))


def _with_neighbours() -> Any:
    own = samples.c.import_format.is_(None)
    each = select(samples, _TRACK.label("track"), own.label("own")).where(_OURS).subquery("each_sample").c
    in_time = (each.measured_at, each.id, each.device)
    columns = []
    for what, names, partition, order in (
        ("fix", _FIX, [each.track], in_time),
        ("step", _SEQUEL, [each.device, each.own], (each.seq, each.id)),
    ):
        for place, take in (("before", func.lag), ("after", func.lead)):
            for name in names:
                window = take(each[name], type_=each[name].type).over(partition_by=partition, order_by=order)
                columns.append(window.label(f"{what}_{place}_{name}"))
    return select(*each, *columns).order_by(*in_time)


_WITH_NEIGHBOURS = _with_neighbours()


def _moment(row: Any) -> Moment:
    given = {name: row[name] for name in FIELDS}
    sample = Sample(**given | {"measured_at": instant_text(row["measured_at"])})
    own = sample.import_format is None
    travels = row["track"] is not None
    return Moment(
        device=row["device"],
        sample=sample,
        measured_at=row["measured_at"],
        received_at=row["received_at"],
        h3_cell=row["h3_cell"],
        flags=row["flags"],
        excluded=row["excluded"],
        fix=_fix(row, "") if travels else None,
        fix_before=_fix(row, "fix_before_") if travels else None,
        fix_after=_fix(row, "fix_after_") if travels else None,
        step=_step(row, "") if own else None,
        step_before=_step(row, "step_before_") if own else None,
        step_after=_step(row, "step_after_") if own else None,
    )


def _fix(row: Any, of: str) -> Fix | None:
    measured_at = row[f"{of}measured_at"]
    if measured_at is None:
        return None
    earliest = measured_at - timedelta(milliseconds=row[f"{of}position_age_ms"] or 0)
    late = timedelta(0) if row[f"{of}position_age_ms"] else timedelta(milliseconds=row[f"{of}duration_ms"])
    return Fix(
        latitude=row[f"{of}latitude"],
        longitude=row[f"{of}longitude"],
        accuracy_m=row[f"{of}accuracy_m"],
        earliest=earliest,
        latest=earliest + min(late, LATEST_FIX),
    )


def _step(row: Any, of: str) -> Step | None:
    measured_at = row[f"{of}measured_at"]
    if measured_at is None:
        return None
    return Step(row[f"{of}seq"], measured_at + timedelta(milliseconds=row[f"{of}duration_ms"]))

"""Retention: what has been kept for as long as the settings say goes, and the archive's months are written again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, or_, select, tuple_

from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes, samples, witnesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Before when what was kept is to go; None for never."""

    samples: datetime | None
    envelopes: datetime | None
    witnesses: datetime | None

    @classmethod
    def ending(cls, now: datetime, samples_days: int, envelopes_days: int, witnesses_days: int) -> "Periods":
        """Of so many days each, 0 for ever."""

        def before(days: int) -> datetime | None:
            return now - timedelta(days=days) if days else None

        return cls(samples=before(samples_days), envelopes=before(envelopes_days), witnesses=before(witnesses_days))


@dataclass(frozen=True, slots=True)
class Purged:
    """How much went, or would go, and of which months of measurement."""

    samples: int
    envelopes: int
    witnesses: int
    devices: int
    months: tuple[str, ...]


def purge(store: Store, periods: Periods, *, dry_run: bool = False) -> Purged:
    """Delete what is older than its period, in one transaction.

    An envelope goes with the first of its samples, whose text it holds. A key without anything left goes too, once it
    is older than the samples' period; not one that was revoked, or whose device has a newer key.

    Args:
        store: the database.
        periods: of each kind.
        dry_run: only count.
    """
    old_samples = _old_samples(periods)
    goes: list[tuple[Table, ColumnElement[bool]]] = []
    old_envelopes = []
    if periods.envelopes is not None:
        old_envelopes.append(envelopes.c.received_at < periods.envelopes)
    if old_samples is not None:
        holding = select(samples.c.device, samples.c.envelope_sha256).where(old_samples)
        old_envelopes.append(tuple_(envelopes.c.device, envelopes.c.sha256).in_(holding))
    if old_envelopes:
        goes.append((envelopes, or_(*old_envelopes)))
    if old_samples is not None:
        goes.append((samples, old_samples))
    if periods.witnesses is not None:
        goes.append((witnesses, witnesses.c.started_at < periods.witnesses))
    counts = {"envelopes": 0, "samples": 0, "witnesses": 0, "devices": 0}
    months: tuple[str, ...] = ()
    with store.reading() if dry_run else store.writing() as connection:
        if old_samples is not None:
            months = _months(connection, old_samples)
            if not dry_run:
                concerned = select(samples.c.device).where(old_samples)
                connection.execute(devices.update().where(devices.c.thumbprint.in_(concerned)).values(unjudged=True))
                raise_revisions(connection, months)
        for table, condition in goes:
            counts[table.name] = _gone(connection, table, condition, dry_run=dry_run)
        if periods.samples is not None:
            # counted after the rest went; a dry run counts those that have nothing as it is
            counts["devices"] = _gone(connection, devices, _idle(periods.samples), dry_run=dry_run)
    return Purged(months=months, **counts)


def _old_samples(periods: Periods) -> ColumnElement[bool] | None:
    """By the instant of measurement; by that of reception what was imported, or is dated later than it came."""
    before = periods.samples
    if before is None:
        return None
    is_imported = samples.c.import_format.is_not(None)
    return or_(
        and_(samples.c.measured_month <= before.strftime("%Y-%m"), samples.c.measured_at < before, ~is_imported),
        and_(or_(is_imported, samples.c.measured_at > samples.c.received_at), samples.c.received_at < before),
    )


def _idle(before: datetime) -> ColumnElement[bool]:
    newer = devices.alias()
    has_anything = (
        exists(select(table.c.device).where(table.c.device == devices.c.thumbprint))
        for table in (samples, envelopes, witnesses)
    )
    return and_(devices.c.enrolled_at < before, devices.c.revoked_at.is_(None), *(~held for held in has_anything)) & ~(
        exists(
            select(newer.c.thumbprint).where(
                newer.c.origin == devices.c.origin, newer.c.thumbprint != devices.c.thumbprint
            )
        )
    )


def _months(connection: Connection, old_samples: ColumnElement[bool]) -> tuple[str, ...]:
    statement = select(samples.c.measured_month).where(old_samples).distinct().order_by(samples.c.measured_month)
    return tuple(connection.scalars(statement))


def _gone(connection: Connection, table: Table, condition: ColumnElement[bool], *, dry_run: bool) -> int:
    if not dry_run:
        return connection.execute(table.delete().where(condition)).rowcount
    return connection.scalar(select(func.count()).select_from(table).where(condition)) or 0

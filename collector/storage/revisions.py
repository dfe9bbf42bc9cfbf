"""Telling the archive that a month has changed: see :data:`collector.storage.tables.month_revisions`."""

from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from collector.storage.tables import month_revisions


def raise_revisions(connection: Connection, months: Iterable[str]) -> None:
    """Have the archive write these months again: samples that were there before changed, or went.

    Samples that are added need none: the archive sees their number.

    Args:
        connection: the transaction that changes the samples, so that both happen or neither does.
        months: ``measured_month`` of the samples concerned, like ``2026-11``; each counts once.
    """
    # in one order for all, so that two transactions cannot wait for each other
    rows = [{"measured_month": month, "revision": 1} for month in sorted(set(months))]
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(month_revisions).on_conflict_do_update(
            index_elements=[month_revisions.c.measured_month], set_={"revision": month_revisions.c.revision + 1}
        ),
        rows,
    )

"""Months whose samples changed or went: the archive writes them again."""

from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from collector.storage.tables import month_revisions


def raise_revisions(connection: Connection, months: Iterable[str]) -> None:
    """Count one change more of each month, within the transaction that makes it."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for month in sorted(set(months)):
        insert = dialect.insert(month_revisions).values(measured_month=month, revision=1)
        raised = {"revision": month_revisions.c.revision + 1}
        connection.execute(insert.on_conflict_do_update(index_elements=["measured_month"], set_=raised))

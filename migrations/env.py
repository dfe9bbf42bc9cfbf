"""Alembic's entry: one history for SQLite and PostgreSQL, run in one transaction on both."""

from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text

from client_sdk.messages import tr
from collector.errors import MigrationError
from collector.settings import Settings
from collector.storage.engine import create_database_engine
from collector.storage.tables import metadata

# made by a migration on PostgreSQL only, and absent from the metadata that both databases share
_POSTGIS_ONLY = {("column", "position"), ("index", "ix_samples_position")}
_PARTITIONS = "samples_"
# any number will do, as long as it stays the same: only one process migrates at a time
_MIGRATION_LOCK = 0x6D61696C6C65


def include_object(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Compare our own tables only: not PostGIS's, nor the geometry and the partitions that PostgreSQL alone has."""
    if (kind, name) in _POSTGIS_ONLY:
        return False
    if kind == "table" and name is not None and name.startswith(_PARTITIONS):
        return False
    return bool(alembic_helpers.include_object(thing, name, kind, reflected, compare_to))


def _check_references(connection: Connection) -> None:
    """What SQLite did not check while the tables were made anew; an error undoes the migration."""
    dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
    if dangling:
        tables = ", ".join(sorted({row[0] for row in dangling}))
        raise MigrationError(
            tr(
                f"database: {len(dangling)} rows of {tables} refer to rows that are not there",
                f"base de données : {len(dangling)} lignes de {tables} renvoient à des lignes absentes",
            )
        )


def run() -> None:
    """Run the migrations that the command asked for."""
    database_url = context.config.attributes.get("database_url") or Settings.from_environment().database_url
    engine = create_database_engine(database_url)
    try:
        with engine.execution_options(writes=True).connect() as connection:
            if connection.dialect.name == "sqlite":
                # a table is changed by making it anew, which must not count as losing what others refer to; SQLite
                # takes this setting only outside a transaction
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF").close()
            context.configure(
                connection=connection,
                target_metadata=metadata,
                include_object=include_object,
                compare_type=True,
                transactional_ddl=True,
                render_as_batch=connection.dialect.name == "sqlite",
            )
            with context.begin_transaction():
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                context.run_migrations()
                if connection.dialect.name == "sqlite":
                    _check_references(connection)
    finally:
        engine.dispose()


run()

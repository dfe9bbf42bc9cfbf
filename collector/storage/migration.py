"""Bringing a database to the revision that this version works with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DatabaseError

from client_sdk.messages import tr
from collector.errors import MigrationError
from collector.settings import Settings
from collector.storage.engine import create_database_engine, one_line
from collector.storage.partitions import try_ensure_partitions

State = Literal["empty", "current", "behind"]


def migrations_folder() -> Path:
    """Where the migrations are: inside an installed wheel, or beside the packages in a checkout.

    Raises:
        MigrationError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise MigrationError(
        tr(
            f"migrations: not found in {package} nor beside it; is the installation complete?",
            f"migrations : absentes de {package} et de son voisinage ; l'installation est-elle complète ?",
        )
    )


def migration_config(database_url: str) -> Config:
    """Alembic's configuration for one database."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def head_revision() -> str:
    """The revision that this version works with."""
    revision = ScriptDirectory(str(migrations_folder())).get_current_head()
    assert revision is not None  # the folder holds migrations
    return revision


def migrate(database_url: str) -> None:
    """Apply every migration that is missing, and make the partitions of samples that are.

    Raises:
        MigrationError: the database cannot be reached, or is none.
    """
    try:
        command.upgrade(migration_config(database_url), "head")
    except DatabaseError as error:
        raise MigrationError(tr(f"database: {one_line(error)}", f"base de données : {one_line(error)}")) from error
    engine = create_database_engine(database_url)
    try:
        try_ensure_partitions(engine, datetime.now(UTC), patient=True)
    finally:
        engine.dispose()


def prepare_database(settings: Settings) -> None:
    """Migrate a fresh SQLite file; otherwise make sure that the database is at the right revision.

    Raises:
        MigrationError: it cannot be reached, is no database, or is not at that revision.
    """
    engine = create_database_engine(settings.database_url)
    try:
        state = _state(engine)
    except DatabaseError as error:
        raise MigrationError(tr(f"database: {one_line(error)}", f"base de données : {one_line(error)}")) from error
    finally:
        engine.dispose()
    if state == "empty" and engine.dialect.name == "sqlite":
        migrate(settings.database_url)
    elif state != "current":
        raise MigrationError(
            tr(
                "database: is not at this version's revision; run `maille collector migrate` first",
                "base de données : autre révision que celle de cette version ; lancez `maille collector migrate`",
            )
        )


def _state(engine: Engine) -> State:
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None and not inspect(connection).has_table("samples"):
            return "empty"
        return "current" if revision == head_revision() else "behind"

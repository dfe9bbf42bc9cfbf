"""The engines that count: DuckDB, which needs nothing else, and Spark, for archives that one machine cannot hold.

Both run the same expressions, which Ibis writes in the SQL of each. What an engine adds is how it reads the archive's
files and where it writes what it counted.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from client_sdk.errors import MailleError
from client_sdk.messages import tr

MEMORY_GB = 2.0
"""Ours: half of a small server. A region is counted within it; what is larger is laid aside on the disk."""


class Engine(Protocol):
    """Where expressions run."""

    dialect: str
    """Its name in Ibis."""

    def load(self, files: Sequence[str], view: str, instants: Sequence[str] = ()) -> None:
        """Name the Parquet files, whichever columns each has, as one table.

        Args:
            files: paths or addresses.
            view: the table's name.
            instants: columns to give in microseconds since 1970-01-01 UTC, whatever the time zone here.
        """

    def keep(self, query: str, table: str) -> None:
        """Hold what a query gives, in place of an earlier table of that name."""

    def save(self, query: str, folder: Path) -> None:
        """Write what a query gives as Parquet files into a new folder; several threads may ask at once."""

    def drop(self, table: str) -> None:
        """Hold a table no longer."""


class DuckDB:
    """DuckDB in memory, which lays aside on the disk what does not fit."""

    dialect = "duckdb"

    def __init__(self, spill: Path, memory_gb: float = MEMORY_GB, filesystem: Any = None) -> None:
        """Open it; it never looks for an extension on the network.

        Args:
            spill: directory where it makes ``.spill`` for what does not fit.
            memory_gb: what it may hold, in GB; the process takes some hundreds of megabytes more.
            filesystem: of fsspec, by which it reads URLs.
        """
        self.connection = duckdb.connect(
            config={
                "memory_limit": f"{round(memory_gb * 1000)}MB",
                "temp_directory": str(spill / ".spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,  # of tables nobody sorted: what is sorted stays so
            }
        )
        if filesystem is not None:
            self.connection.register_filesystem(filesystem)

    def load(self, files: Sequence[str], view: str, instants: Sequence[str] = ()) -> None:
        """See :class:`Engine`."""
        names = ", ".join(map(_quoted, files))
        counted = ", ".join(f"epoch_us({column}) AS {column}" for column in instants)
        columns = f"* REPLACE ({counted})" if counted else "*"
        self.connection.execute(
            f"CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM read_parquet([{names}], union_by_name = true)"
        )

    def number(self, view: str, column: str) -> list[str]:
        """Give, in a loaded table, each text's place among the texts of its column; those, in order."""
        kind, loaded = f"{view}_{column}", f"{view}_loaded"
        self.connection.execute(f"DROP TYPE IF EXISTS {kind}")
        self.connection.execute(f"CREATE TYPE {kind} AS ENUM (SELECT DISTINCT {column} FROM {view} ORDER BY ALL)")
        self.connection.execute(f"DROP VIEW IF EXISTS {loaded}; ALTER VIEW {view} RENAME TO {loaded}")
        place = f"enum_code({column}::{kind})::INTEGER"
        self.connection.execute(f"CREATE VIEW {view} AS SELECT * REPLACE ({place} AS {column}) FROM {loaded}")
        texts = self.connection.execute(f"SELECT unnest(enum_range(NULL::{kind}))::VARCHAR").fetchall()
        return [text for (text,) in texts]

    def keep(self, query: str, table: str) -> None:
        """See :class:`Engine`."""
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} AS {query}")

    def save(self, query: str, folder: Path) -> None:
        """See :class:`Engine`."""
        folder.mkdir(parents=True)
        file = _quoted(str(folder / "rows.parquet"))
        with self.connection.cursor() as cursor:
            cursor.execute(f"COPY ({query}) TO {file} (FORMAT parquet, COMPRESSION lz4)")

    def drop(self, table: str) -> None:
        """See :class:`Engine`."""
        self.connection.execute(f"DROP TABLE {table}")

    def rows(self, query: str, batch: int) -> Iterator[pa.RecordBatch]:
        """What a query over loaded files gives, about ``batch`` rows at a time; several threads may ask at once."""
        with self.connection.cursor() as cursor:
            yield from cursor.sql(query).to_arrow_reader(batch)


class Spark:
    """The Spark session that is active, or one as Spark's own configuration says: on this machine without any."""

    dialect = "pyspark"

    def __init__(self, memory_gb: float = MEMORY_GB) -> None:
        """Join or start the session.

        Args:
            memory_gb: heap of the driver, where it is started here.

        Raises:
            MailleError: PySpark is not installed.
        """
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise MailleError(
                tr(
                    "--engine spark: PySpark is not installed; pip install 'maille[server,spark]', and Java 17",
                    "--engine spark : PySpark n’est pas installé ; pip install 'maille[server,spark]', et Java 17",
                )
            ) from error
        builder = SparkSession.builder.appName("maille").config("spark.driver.memory", f"{round(memory_gb * 1000)}m")
        self.session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()

    def load(self, files: Sequence[str], view: str, instants: Sequence[str] = ()) -> None:
        """See :class:`Engine`."""
        from pyspark.sql import functions

        frame = self.session.read.option("mergeSchema", "true").parquet(*files)
        counted = {column: functions.unix_micros(column) for column in instants}
        frame.withColumns(counted).createOrReplaceTempView(view)

    def keep(self, query: str, table: str) -> None:
        """See :class:`Engine`."""
        self.session.sql(query).cache().createOrReplaceTempView(table)

    def save(self, query: str, folder: Path) -> None:
        """See :class:`Engine`."""
        self.session.sql(query).write.parquet(str(folder))

    def drop(self, table: str) -> None:
        """See :class:`Engine`."""
        self.session.catalog.uncacheTable(table)
        self.session.catalog.dropTempView(table)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""The archive: accepted samples as one Parquet file per month of ``measured_at``, in a directory or object storage.

Derived from the database, incremental, and the same bytes for the same samples. ``rows`` reads them, ``place`` is where
the files are, ``state`` what was written, ``writing`` brings the archive up to date, ``verifying`` compares.
"""

from collector.storage.archive.rows import SCHEMA, device_token
from collector.storage.archive.writing import ArchiveSummary, write_archive

__all__ = ["SCHEMA", "ArchiveSummary", "device_token", "write_archive"]

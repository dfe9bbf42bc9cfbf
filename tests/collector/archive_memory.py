"""Write an archive with small row groups and print the peak of memory in bytes; see test_archive_crashes."""

import resource
import sys

from collector.storage.archive import rows, write_archive
from collector.storage.archive.verifying import verify_archive
from collector.storage.store import Store

rows.ROW_GROUP = rows.BATCH
store = Store(sys.argv[1])
assert write_archive(store, sys.argv[2], bytes(32)).samples == 6 + int(sys.argv[3])
assert {check.finding for check in verify_archive(store, sys.argv[2], bytes(32))} == {"ok"}
sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}\n")

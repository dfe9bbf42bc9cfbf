"""Erasure of a device: everything of all its keys goes, and a tombstone without personal data stays.

Tombstones stand in a table and in a file beside the database, which a restored backup of the database leaves alone:
:func:`reapply_erasures` then erases again what came back.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from client_sdk.bounds import instant_text
from collector.storage.devices import locked_keys, unknown_device
from collector.storage.revisions import raise_revisions
from collector.storage.store import Store
from collector.storage.tables import devices, envelopes, erasures, samples, witnesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What remains of one key of an erased device.

    Attributes:
        thumbprint_sha256: hexadecimal digest of the key's thumbprint.
        erased_at: when.
        samples: how many went; of a device that had several keys all are counted with the key that asked.
        envelopes: the same.
    """

    thumbprint_sha256: str
    erased_at: datetime
    samples: int
    envelopes: int


def erase_device(store: Store, file: Path, thumbprint: str, now: datetime) -> Tombstone:
    """Erase everything of a device, in one transaction that commits only once the tombstone is on the disk.

    Args:
        store: the database.
        file: of tombstones.
        thumbprint: of the device's present key.
        now: instant of reception.

    Raises:
        DeviceError: the key is unknown, and no tombstone says that it was erased.
        OSError: the tombstone cannot be written; nothing was erased.
    """
    now = datetime.fromisoformat(instant_text(now))  # as the file has it
    with store.writing() as connection:
        names = [key.thumbprint for key in locked_keys(connection, thumbprint)]
        if names:
            counted = _delete(connection, names)
            asked = Tombstone(
                thumbprint_sha256=_digest(thumbprint), erased_at=now, samples=counted[0], envelopes=counted[1]
            )
            others = [
                Tombstone(thumbprint_sha256=_digest(name), erased_at=now, samples=0, envelopes=0)
                for name in names
                if name != thumbprint
            ]
            for tombstone in (asked, *others):
                _keep(connection, tombstone)
            _append(file, (asked, *others))
            return asked
        found = connection.execute(
            select(erasures).where(erasures.c.thumbprint_sha256 == _digest(thumbprint))
        ).one_or_none()
    if found is None:
        raise unknown_device(thumbprint)
    return Tombstone(**found._mapping)


def reapply_erasures(store: Store, file: Path) -> int:
    """Erase again the devices that a restored backup brought back; those that enrolled after their erasure stay.

    Table and file are made to hold the same tombstones.

    Args:
        store: the database.
        file: of tombstones.

    Returns:
        How many keys were erased.
    """
    with store.reading() as connection:
        in_table = {row.thumbprint_sha256: Tombstone(**row._mapping) for row in connection.execute(select(erasures))}
    in_file = _read(file)
    known = dict(in_table)
    for tombstone in in_file:
        earlier = known.get(tombstone.thumbprint_sha256)
        if earlier is None or earlier.erased_at < tombstone.erased_at:
            known[tombstone.thumbprint_sha256] = tombstone
    if not known:
        return 0
    written = {(one.thumbprint_sha256, one.erased_at) for one in in_file}
    if lost := [one for one in in_table.values() if (one.thumbprint_sha256, one.erased_at) not in written]:
        _append(file, lost)
    with store.writing() as connection:
        for tombstone in known.values():
            if in_table.get(tombstone.thumbprint_sha256) != tombstone:
                _keep(connection, tombstone)
        came_back = [
            name
            for name, enrolled_at in connection.execute(select(devices.c.thumbprint, devices.c.enrolled_at)).all()
            if (found := known.get(_digest(name))) and enrolled_at < found.erased_at
        ]
        for name in sorted(came_back):  # another worker may serve already: what comes now waits, and is refused then
            locked_keys(connection, name)
        if came_back:
            _delete(connection, came_back)
    return len(came_back)


def overwrite_deleted(store: Store) -> None:
    """Let go of what a database keeps of deleted rows: SQLite's log of writes, PostgreSQL's dead rows."""
    if store.engine.dialect.name == "sqlite":
        pooled = store.engine.raw_connection()
        try:
            pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            pooled.close()
        return
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM samples, envelopes, witnesses, devices")


def _delete(connection: Connection, names: Sequence[str]) -> tuple[int, int]:
    """Everything of these keys; how many samples and envelopes that was."""
    months = connection.scalars(select(samples.c.measured_month).where(samples.c.device.in_(names)).distinct()).all()
    raise_revisions(connection, months)
    counted = [
        connection.execute(table.delete().where(table.c.device.in_(names))).rowcount
        for table in (samples, envelopes, witnesses)
    ]
    connection.execute(devices.delete().where(devices.c.thumbprint.in_(names)))
    return counted[0], counted[1]


def _keep(connection: Connection, tombstone: Tombstone) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = asdict(tombstone)
    insert = dialect.insert(erasures).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=["thumbprint_sha256"], set_=row))


def _digest(thumbprint: str) -> str:
    return hashlib.sha256(thumbprint.encode("ascii")).hexdigest()


def _append(file: Path, tombstones: Iterable[Tombstone]) -> None:
    """Write tombstones at the end of the file, on the disk when this returns."""
    lines = [json.dumps(asdict(one) | {"erased_at": instant_text(one.erased_at)}) + "\n" for one in tombstones]
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "ab") as opened:
        size = os.fstat(opened.fileno()).st_size
        torn = size > 0 and os.pread(opened.fileno(), 1, size - 1) != b"\n"  # a machine that went down while writing
        opened.write(("\n" if torn else "").encode() + "".join(lines).encode())
        opened.flush()
        os.fsync(opened.fileno())
    folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(file: Path) -> list[Tombstone]:
    """The tombstones of the file; a line that was cut short belongs to an erasure that was not committed."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return []
    found: list[Tombstone] = []
    for line in lines:
        try:
            members = json.loads(line)
            found.append(Tombstone(**members | {"erased_at": datetime.fromisoformat(members["erased_at"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return found

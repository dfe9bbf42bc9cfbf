"""What the server itself saw of each transfer, kept beside the samples that will speak of it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from collector.storage.devices import same_device
from collector.storage.store import Store
from collector.storage.tables import devices, witnesses

Direction = Literal["download", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One transfer as the server saw it; no address.

    Attributes:
        device: thumbprint of the device that was given the token.
        test_id: of the measuring session.
        direction: seen from the device.
        started_at: end of the WebSocket handshake, by the server's clock.
        bytes: received by the server in an upload; in a download, what the device's system acknowledged (where the
            server's does not tell, what the device said it had received), at most what was sent.
        duration_ms: until the last of them, or its acknowledgement.
        asn: autonomous system that the device came from, where the server can tell.
    """

    device: str
    test_id: str
    direction: Direction
    started_at: datetime
    bytes: int
    duration_ms: float
    asn: int | None = None


def record_witness(store: Store, witness: Witness) -> None:
    """Keep it; of two transfers of one session in the same direction, the one with more bytes counts.

    The sample that speaks of it may have come before: the device is judged again.

    Raises:
        BusyError: the database cannot be reached.
    """
    dialect = postgresql if store.engine.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(witnesses).values(asdict(witness))
    taken = {name: insert.excluded[name] for name in ("started_at", "bytes", "duration_ms", "asn")}
    with suppress(IntegrityError), store.writing() as connection:  # the device was erased while it measured
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["device", "test_id", "direction"],
                set_=taken,
                where=insert.excluded.bytes > witnesses.c.bytes,
            )
        )
        connection.execute(devices.update().where(devices.c.thumbprint == witness.device).values(unjudged=True))


def find_witnesses(store: Store, device: str, test_ids: Iterable[str]) -> dict[tuple[str, Direction], Witness]:
    """The transfers of a device by session and direction, whichever of its keys asked for the session.

    Raises:
        BusyError: the database cannot be reached.
    """
    wanted = sorted(set(test_ids))
    if not wanted:
        return {}
    with store.reading() as connection:
        found = connection.execute(_OF_TESTS, {"thumbprint": device, "tests": wanted})
        rows = [Witness(**row) for row in found.mappings()]
    return {(row.test_id, row.direction): row for row in rows}


_OF_TESTS = select(*(witnesses.c[field.name] for field in fields(Witness))).where(
    witnesses.c.device.in_(same_device(bindparam("thumbprint"))),
    witnesses.c.test_id.in_(bindparam("tests", expanding=True)),
)
"""Made once: it is asked for every envelope, and making it costs more than the answer."""

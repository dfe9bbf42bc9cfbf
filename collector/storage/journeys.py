"""What a device did, in the order in which it did it: of each sample the few columns that its account needs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from collector.storage.store import Store
from collector.storage.tables import envelopes, samples

_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class BriefSample:
    """One sample; what is absent is None."""

    measured_at: datetime
    kind: str
    duration_ms: int
    context: str
    sim_plmn: str | None
    rat: str | None
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    h3_cell: int | None
    flags: str
    excluded: bool


_COLUMNS = [samples.c[name] for name in BriefSample.__dataclass_fields__]


def brief_samples_of(store: Store, keys: Sequence[str]) -> Iterator[BriefSample]:
    """Samples of these keys by the instant of their measuring."""
    statement = (
        select(*_COLUMNS)
        .where(samples.c.device.in_(keys))
        .order_by(samples.c.measured_at, samples.c.device, samples.c.id)
    )
    with store.reading() as connection:
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement):
            yield BriefSample(*row)


def count_rejected(store: Store, keys: Sequence[str]) -> int:
    """Lines that were rejected, by the receipts of the envelopes that are still kept."""
    statement = select(envelopes.c.receipt).where(envelopes.c.device.in_(keys))
    with store.reading() as connection:
        receipts = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).scalars()
        return sum(line["verdict"] == "rejected" for receipt in receipts for line in json.loads(receipt))

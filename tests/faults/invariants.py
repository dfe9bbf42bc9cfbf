"""What must hold whatever happened: read from the database itself, past the collector."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from load import NO_SAMPLE, PAUSE_S, Device
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from client_sdk.bounds import instant_text

SAMPLES = "SELECT device, id, envelope_sha256, line_sha256, seq, lte_rsrp_dbm FROM samples WHERE device {chosen}"
ENVELOPES = "SELECT device, sha256, body, signature, received_at FROM envelopes WHERE device {chosen}"

MAX_TRIES = 300
"""Ours: 10 s and more to recover in, far above what it takes."""


def check(database_url: str, devices: Sequence[Device], *, finished: bool, alone: bool) -> None:
    """Every receipt tells the truth, and nothing is there that was not sent.

    Args:
        database_url: of the collector's database.
        devices: whose samples and receipts are compared; none of them sends now.
        finished: every envelope has a receipt, so that the database holds what was receipted and nothing else.
        alone: no other device ever sent to it.
    """
    wrong = [text for device in devices for text in device.wrong]
    assert wrong == [], wrong
    rows, kept = read(database_url, None if alone else devices)
    times = Counter(row.id for row in rows)
    assert times.most_common(1)[0][1] == 1, f"stored more than once: {times.most_common(3)}"
    check_rows(rows, devices)
    check_envelopes(kept, devices, finished=finished)
    check_receipts({row.id: row.envelope_sha256 for row in rows}, devices)
    if finished:
        sent = {sample_id for device in devices for ids in device.contents.values() for sample_id in ids if sample_id}
        assert sent == times.keys(), f"sent {len(sent)} samples, stored are {len(times)}"


def check_rows(rows: Sequence[Any], devices: Sequence[Device]) -> None:
    """Each stored sample is one that its device sent, in the envelope that it names, as it was sent."""
    known = {device.key.public.thumbprint: device for device in devices}
    for row in rows:
        device = known[row.device]
        assert row.id in device.contents[row.envelope_sha256], f"{row.id} was not in envelope {row.envelope_sha256}"
        line = device.lines[row.id]
        assert row.line_sha256 == hashlib.sha256(line).hexdigest(), f"{row.id}: another line"
        sample = json.loads(line)
        assert (row.seq, row.lte_rsrp_dbm) == (sample["seq"], sample["lte_rsrp_dbm"]), f"{row.id}: other values"


def check_envelopes(kept: Sequence[Any], devices: Sequence[Device], *, finished: bool) -> None:
    """Each envelope is kept as it was sent; those with a receipt are all there, received when it says."""
    expected = {
        (device.key.public.thumbprint, sha256): (device, envelope)
        for device in devices
        for sha256, envelope in device.envelopes.items()
    }
    found = {(row.device, row.sha256) for row in kept}
    assert len(found) == len(kept), "an envelope is kept twice"
    for row in kept:
        device, envelope = expected[row.device, row.sha256]
        assert (bytes(row.body), row.signature) == (envelope.body, envelope.signature)
        if row.sha256 in device.receipts:
            told = device.receipts[row.sha256][1].received_at
            assert told == instant_text(_instant(row.received_at)), "received at another time than the receipt says"
    receipted = {(device.key.public.thumbprint, sha256) for device in devices for sha256 in device.receipts}
    assert receipted <= found, f"{len(receipted - found)} envelopes have a receipt and are not kept"
    assert not finished or receipted == found == expected.keys()


def check_receipts(stored_by: dict[str, str], devices: Sequence[Device]) -> None:
    """Each verdict is true: stored by this envelope, or before it by another, or no sample at all."""
    for device in devices:
        for sha256, (_, receipt) in device.receipts.items():
            contents = device.contents[sha256]
            assert [verdict.line for verdict in receipt.verdicts] == list(range(1, len(contents) + 1))
            seen: set[str] = set()
            for verdict, sample_id in zip(receipt.verdicts, contents, strict=True):
                if sample_id is None:
                    assert verdict.verdict == "rejected", f"stored, they say: {NO_SAMPLE!r}"
                    continue
                assert verdict.sample_id == sample_id
                assert sample_id in stored_by, f"{sample_id} has a receipt ({verdict.verdict}) and is not stored"
                by_this = stored_by[sample_id] == sha256 and sample_id not in seen
                assert verdict.verdict == ("stored" if by_this else "duplicate"), f"{sample_id}: {verdict.verdict}"
                seen.add(sample_id)


def read(database_url: str, devices: Sequence[Device] | None) -> tuple[Sequence[Any], Sequence[Any]]:
    """Samples and envelopes, of some devices or of all; nothing is written to the database, which must be whole."""
    thumbprints = [f"'{device.key.public.thumbprint}'" for device in devices or []]
    chosen = "IS NOT NULL" if devices is None else f"IN ({', '.join(thumbprints)})"
    if database_url.startswith("sqlite:///"):
        database_url = f"sqlite:///file:{database_url.removeprefix('sqlite:///')}?mode=ro&uri=true"
    engine = create_engine(database_url, poolclass=NullPool)
    for attempt in range(MAX_TRIES):
        try:
            return _read(engine, chosen)
        except OperationalError:  # a server whose session was killed may only now begin to recover
            if attempt == MAX_TRIES - 1:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("the last try returns or raises")


def _read(engine: Engine, chosen: str) -> tuple[Sequence[Any], Sequence[Any]]:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        samples = connection.execute(text(SAMPLES.format(chosen=chosen))).all()
        return samples, connection.execute(text(ENVELOPES.format(chosen=chosen))).all()


def _instant(value: datetime | str) -> datetime:
    """In UTC; SQLite gives the text without its zone."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value

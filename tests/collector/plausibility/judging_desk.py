"""Samples put straight into a database as intake would, and the flags that a pass leaves there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.keys import SigningKey
from collector.intake.accept import h3_cell
from collector.plausibility.grounds import Grounds
from collector.plausibility.judging import Judged, judge_history
from collector.plausibility.rule import Known
from collector.plausibility.rules import in_order, is_excluded, judge
from collector.storage.devices import enrol_device
from collector.storage.recording import JudgedEnvelope, record_envelopes
from collector.storage.records import JudgedSample, ReceivedEnvelope, RecordedEnvelope
from collector.storage.store import Store
from collector.storage.tables import devices, samples
from collector.storage.witnessed import Witness, record_witness

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEVERS = (46.9896, 3.1590)


class Desk:
    """A store, devices, and what is sent by them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seq = 0
        self._envelopes = 0

    def device(self, *, origin: str | None = None, seed: int | None = None, **columns: Any) -> str:
        key = (SigningKey.generate() if seed is None else SigningKey.from_seed(seed.to_bytes(32, "big"))).public
        enrol_device(self.store, key, "1", None, NOON - timedelta(days=30))
        changes = columns | ({"origin": origin} if origin else {})
        if changes:
            with self.store.writing() as connection:
                connection.execute(devices.update().where(devices.c.thumbprint == key.thumbprint).values(changes))
        return key.thumbprint

    def sample(self, minutes: float = 0, place: tuple[float, float] | None = NEVERS, **fields: Any) -> Sample:
        """One that no rule flags."""
        at = NOON + timedelta(minutes=minutes)
        self._seq += 1
        defaults: dict[str, Any] = {
            "id": new_sample_id(round(at.timestamp() * 1000)),
            "seq": self._seq,
            "kind": "signal",
            "measured_at": instant_text(at),
            "sim_plmn": "20801",
            "service_state": "in_service",
            "accuracy_m": 5.0,
            "position_age_ms": 500,
        }
        if place is not None:
            defaults |= {"latitude": place[0], "longitude": place[1]}
        return Sample(**defaults | fields)

    def send(self, device: str, batch: Sequence[Sample], received_at: datetime = NOON + timedelta(days=10)) -> None:
        self._envelopes += 1
        lines = []
        for number, sample in enumerate(batch, start=1):
            flags = judge(sample, Known(received_at))
            lines.append(
                JudgedSample(
                    line=number,
                    sample=sample,
                    line_sha256=f"{hash(sample) & (2**256 - 1):064x}",
                    h3_cell=h3_cell(sample),
                    flags=in_order(flags),
                    excluded=is_excluded(flags),
                )
            )
        envelope = ReceivedEnvelope(
            device=device, sha256=f"{self._envelopes:064x}", body=b"", signature="", received_at=received_at
        )
        (outcome,) = record_envelopes(self.store, [JudgedEnvelope(envelope, lines)])
        assert isinstance(outcome, RecordedEnvelope), outcome

    def witness(self, device: str, test_id: str, **fields: Any) -> None:
        defaults: dict[str, Any] = {
            "direction": "download",
            "started_at": NOON,
            "bytes": 1_000_000,
            "duration_ms": 2_000.0,
        }
        record_witness(self.store, Witness(device=device, test_id=test_id, **defaults | fields))

    def judge(self, grounds: Grounds | None = None, **options: Any) -> Judged:
        return judge_history(self.store, grounds or Grounds(), **options)

    def flags(self) -> dict[str, tuple[str, bool]]:
        """Id → flags and whether it is excluded."""
        with self.store.reading() as connection:
            rows = connection.execute(select(samples.c.id, samples.c.flags, samples.c.excluded))
            return {row.id: (row.flags, row.excluded) for row in rows}

    def judged(self, batch: Sequence[Sample], device: str | None = None) -> list[str]:
        """Flags of samples that one device sent at once, in their order, after a pass."""
        self.send(device or self.device(), batch)
        self.judge()
        found = self.flags()
        return [found[sample.id][0] for sample in batch]

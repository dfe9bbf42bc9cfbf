"""One envelope taken in without a server, as :class:`collector.intake.pipeline.Intake` takes many."""

from datetime import datetime
from functools import partial

from client_sdk.signing.keys import SigningKey
from collector.intake.accept import Bench, judge_envelope, receipt_of
from collector.intake.devices import find_any_key
from collector.storage.recording import record_envelopes
from collector.storage.store import Store
from collector.storage.witnessed import find_witnesses


def accept(
    body: bytes, signature: str, store: Store, key: SigningKey, received_at: datetime, keep_samples_days: int = 0
) -> str:
    bench = Bench(partial(find_any_key, store), partial(find_witnesses, store), keep_samples_days=keep_samples_days)
    judged = judge_envelope(body, signature, received_at, bench)
    (outcome,) = record_envelopes(store, [judged])
    if isinstance(outcome, Exception):
        raise outcome
    return receipt_of(judged.envelope.sha256, outcome, key)

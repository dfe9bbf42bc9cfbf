"""From the bytes of an envelope to a signed receipt: verify → open → decode → judge → store → sign."""

import hashlib
from datetime import datetime, timedelta

import h3.api.basic_int as h3

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt, sign_receipt
from collector.intake.decode import LineRefusal, decode_line
from collector.intake.devices import find_sealing_key
from collector.intake.expired import refuse_expired
from collector.plausibility.grounds import Grounds
from collector.plausibility.rule import Known
from collector.plausibility.rules import in_order, is_excluded, judge
from collector.storage.records import JudgedSample, ReceivedEnvelope
from collector.storage.store import Store
from collector.storage.witnessed import find_witnesses

H3_RESOLUTION = 10


def accept(
    body: bytes,
    signature: str,
    store: Store,
    key: SigningKey,
    received_at: datetime,
    grounds: Grounds | None = None,
    keep_samples_days: int = 0,
) -> str:
    """Take in one envelope. The same envelope again gives the same receipt, byte for byte.

    Args:
        body: as it arrived; nothing in it is decompressed before the signature holds.
        signature: detached JWS of the device.
        store: where envelopes and samples are kept.
        key: the collector's key.
        received_at: by the server's clock; milliseconds are kept.
        grounds: what plausibility rests on beside the database.
        keep_samples_days: samples measured longer ago are rejected; 0 for none.

    Returns:
        The receipt, a compact JWS; all that it says is committed.

    Raises:
        EnvelopeError: the envelope as a whole is refused; nothing is stored.
        DeviceError: the device is unknown or revoked.
        BusyError: the device sends too much, or the database cannot take it; nothing is stored.
    """
    received_at = datetime.fromisoformat(instant_text(received_at))
    opened = open_envelope(body, signature, lambda thumbprint: find_sealing_key(store, thumbprint, received_at))
    oldest = received_at - timedelta(days=keep_samples_days) if keep_samples_days else None
    decoded = [refuse_expired(decode_line(line), oldest) for line in opened.lines]
    tests = [sample.test_id for sample in decoded if isinstance(sample, Sample) and sample.test_id]
    known = Known(received_at, find_witnesses(store, opened.device, tests), grounds=grounds or Grounds())
    lines = [
        _judged(number, line, found, known)
        for number, (line, found) in enumerate(zip(opened.lines, decoded, strict=True), start=1)
    ]
    recorded = store.record_envelope(
        ReceivedEnvelope(
            device=opened.device, sha256=opened.sha256, body=body, signature=signature, received_at=received_at
        ),
        lines,
    )
    return sign_receipt(
        Receipt(
            envelope_sha256=opened.sha256,
            received_at=instant_text(recorded.received_at),
            verdicts=recorded.verdicts,
        ),
        key,
    )


def _judged(number: int, line: bytes, decoded: Sample | LineRefusal, known: Known) -> JudgedSample | LineVerdict:
    if isinstance(decoded, LineRefusal):
        return LineVerdict(
            line=number,
            verdict="rejected",
            sample_id=decoded.sample_id,
            rule=decoded.rule,
            field=decoded.field,
            message=decoded.message,
        )
    flags = judge(decoded, known)
    return JudgedSample(
        line=number,
        sample=decoded,
        line_sha256=hashlib.sha256(line).hexdigest(),
        h3_cell=h3_cell(decoded),
        flags=in_order(flags),
        excluded=is_excluded(flags),
    )


def h3_cell(sample: Sample) -> int | None:
    """H3 index at resolution 10 of a sample's position, or None without one."""
    if sample.latitude is None or sample.longitude is None:
        return None
    return int(h3.latlng_to_cell(sample.latitude, sample.longitude, H3_RESOLUTION))

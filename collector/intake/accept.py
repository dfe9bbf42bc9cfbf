"""The steps of intake for one envelope: verify → open → decode → judge, and, once it is stored, sign the receipt."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import h3.api.basic_int as h3

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.jws import FindKey
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import LineVerdict, Receipt, sign_receipt
from collector.intake.decode import LineRefusal, decode_line
from collector.intake.expired import SAMPLE_EXPIRED, refuse_expired
from collector.plausibility.grounds import Grounds
from collector.plausibility.rule import Known
from collector.plausibility.rules import in_order, is_excluded, judge
from collector.storage.recording import JudgedEnvelope
from collector.storage.records import JudgedSample, ReceivedEnvelope, RecordedEnvelope
from collector.storage.witnessed import Direction, Witness

H3_RESOLUTION = 10


FindWitnesses = Callable[[str, list[str]], Mapping[tuple[str, Direction], Witness]]
"""From a device and its measuring sessions to what the server saw of their transfers."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What envelopes are judged by.

    Attributes:
        find_key: from thumbprint to a key that was enrolled; whether it may still send is the recording's to say.
        find_witnesses: what the server saw of the transfers that the samples speak of.
        grounds: what plausibility rests on beside the database.
        keep_samples_days: samples measured longer ago are rejected; 0 for none.
    """

    find_key: FindKey
    find_witnesses: FindWitnesses
    grounds: Grounds = field(default_factory=Grounds)
    keep_samples_days: int = 0


def judge_envelope(body: bytes, signature: str, received_at: datetime, bench: Bench) -> JudgedEnvelope:
    """Verify one envelope, open it, decode and judge its lines; nothing is stored yet.

    Args:
        body: as it arrived; nothing in it is decompressed before the signature holds.
        signature: detached JWS of the device.
        received_at: by the server's clock; milliseconds are kept.
        bench: what it is judged by.

    Raises:
        EnvelopeError: the envelope as a whole is refused.
        DeviceError: the device is unknown.
        BusyError: the database cannot be reached.
    """
    received_at = datetime.fromisoformat(instant_text(received_at))
    opened = open_envelope(body, signature, bench.find_key)
    keeps = timedelta(days=bench.keep_samples_days)
    oldest = instant_text(received_at - keeps) if keeps else None
    decoded = [refuse_expired(decode_line(line), oldest) for line in opened.lines]
    tests = [sample.test_id for sample in decoded if isinstance(sample, Sample) and sample.test_id]
    witnesses = bench.find_witnesses(opened.device, tests) if tests else {}
    known = Known(received_at, witnesses, grounds=bench.grounds)
    lines = [
        _judged(number, line, found, known)
        for number, (line, found) in enumerate(zip(opened.lines, decoded, strict=True), start=1)
    ]
    # as at a purge, the text of an envelope goes with the first of its samples
    kept = b"" if any(isinstance(one, LineRefusal) and one.rule == SAMPLE_EXPIRED for one in decoded) else body
    envelope = ReceivedEnvelope(
        device=opened.device, sha256=opened.sha256, body=kept, signature=signature, received_at=received_at
    )
    return JudgedEnvelope(envelope, lines)


def receipt_of(sha256: str, recorded: RecordedEnvelope, key: SigningKey) -> str:
    """The receipt of what is committed, a compact JWS; of the same envelope always the same, byte for byte."""
    receipt = Receipt(
        envelope_sha256=sha256, received_at=instant_text(recorded.received_at), verdicts=recorded.verdicts
    )
    return sign_receipt(receipt, key)


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

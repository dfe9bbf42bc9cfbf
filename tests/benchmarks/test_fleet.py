"""What the benchmark of intake sends is what devices send: signed, of the whole vocabulary, nothing twice."""

from benchmarks.intake.fleet import DRIVE_ENVELOPES, SAMPLES, envelopes_of, key_of
from client_sdk.sample import Sample, check
from client_sdk.signing.envelope import open_envelope
from collector.intake.decode import decode_line


def test_a_fleet_sends_samples_that_are_accepted_each_once() -> None:
    key = key_of(7).public
    sealed = envelopes_of(7, DRIVE_ENVELOPES + 2)
    ids: set[str] = set()
    kinds: set[str] = set()
    for envelope in sealed:
        opened = open_envelope(envelope.body, envelope.signature, {key.thumbprint: key}.get)
        for line in opened.lines:
            sample = decode_line(line)
            assert isinstance(sample, Sample), sample
            check(sample)
            ids.add(sample.id)
            kinds.add(sample.kind)
    assert len(ids) == len(sealed) * SAMPLES
    assert kinds == {"signal", "latency", "throughput", "service", "web"}


def test_the_same_fleet_sends_the_same_bytes() -> None:
    assert envelopes_of(3, 2) == envelopes_of(3, 2) != envelopes_of(4, 2)

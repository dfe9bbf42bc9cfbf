"""What becomes of each line, given what the device sent before: stored, duplicate, or an id used twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from client_sdk.signing.receipt import LineVerdict
from collector.storage.records import JudgedSample


@dataclass(frozen=True, slots=True)
class Settlement:
    """One verdict per line, and the samples to insert."""

    verdicts: tuple[LineVerdict, ...]
    new: tuple[JudgedSample, ...]


def settle(lines: Sequence[JudgedSample | LineVerdict], known: Mapping[str, str]) -> Settlement:
    """Decide each line in order.

    Args:
        lines: samples that passed, and the verdicts of the lines that did not.
        known: sample id → digest of its line, for samples of this device already stored.
    """
    digests = dict(known)
    verdicts: list[LineVerdict] = []
    new: list[JudgedSample] = []
    for line in lines:
        if isinstance(line, LineVerdict):
            verdicts.append(line)
            continue
        sample_id = line.sample.id
        earlier = digests.get(sample_id)
        if earlier is None:
            digests[sample_id] = line.line_sha256
            new.append(line)
            verdicts.append(LineVerdict(line=line.line, verdict="stored", sample_id=sample_id))
        elif earlier == line.line_sha256:
            verdicts.append(LineVerdict(line=line.line, verdict="duplicate", sample_id=sample_id))
        else:
            verdicts.append(_reused(line.line, sample_id))
    return Settlement(tuple(verdicts), tuple(new))


def _reused(line: int, sample_id: str) -> LineVerdict:
    return LineVerdict(
        line=line,
        verdict="rejected",
        sample_id=sample_id,
        rule="sample-id-reused",
        field="id",
        message=f"id: got “{sample_id}”, which names another sample of this device, expected a new id",
    )

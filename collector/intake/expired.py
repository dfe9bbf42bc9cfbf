"""Samples that are older than what this collector keeps come too late: a purged one must not come back.

An imported log may tell of a campaign of years ago; its time begins when it comes.
"""

from client_sdk.sample import Sample
from collector.intake.decode import LineRefusal

SAMPLE_EXPIRED = "sample-expired"


def refuse_expired(decoded: Sample | LineRefusal, oldest: str | None) -> Sample | LineRefusal:
    """The line, or its refusal where the sample was measured before the oldest instant that is kept.

    Instants are compared as texts, which all have one form.
    """
    if oldest is None or isinstance(decoded, LineRefusal) or decoded.import_format is not None:
        return decoded
    if decoded.measured_at >= oldest:
        return decoded
    return LineRefusal(
        rule=SAMPLE_EXPIRED,
        message=f"measured_at: got {decoded.measured_at}, this collector keeps nothing before {oldest}",
        field="measured_at",
        sample_id=decoded.id,
    )

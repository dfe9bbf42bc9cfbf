"""Samples that are older than what this collector keeps come too late: a purged one must not come back.

An imported log may tell of a campaign of years ago; its time begins when it comes.
"""

from datetime import datetime

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample
from collector.intake.decode import LineRefusal

SAMPLE_EXPIRED = "sample-expired"


def refuse_expired(decoded: Sample | LineRefusal, oldest: datetime | None) -> Sample | LineRefusal:
    """The line, or its refusal where the sample was measured before the oldest instant that is kept."""
    if oldest is None or isinstance(decoded, LineRefusal) or decoded.import_format is not None:
        return decoded
    if datetime.fromisoformat(decoded.measured_at) >= oldest:
        return decoded
    return LineRefusal(
        rule=SAMPLE_EXPIRED,
        message=f"measured_at: got {decoded.measured_at}, this collector keeps nothing before {instant_text(oldest)}",
        field="measured_at",
        sample_id=decoded.id,
    )

"""What crosses the border of the store: plain frozen records, so that no caller sees SQL or a database's types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from client_sdk.sample import Sample
from client_sdk.signing.keys import Jwk
from client_sdk.signing.receipt import LineVerdict

Tier = Literal["volunteer", "field_team"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One key of an enrolled device, named by its thumbprint.

    Attributes:
        thumbprint: of the key.
        jwk: the key itself.
        tier: of the device.
        enrolled_at: when the key was enrolled, or took the place of the one before.
        revoked_at: from then on its envelopes are refused too; in the future where a newer key took its place.
        revoked_from: nothing that it signed and dates from then on counts.
        origin: thumbprint of the device's first key.
        key_created_at: when the key was made, as the device says.
        privacy_notice_version: which the device accepted.
        invitation: digest of the code that it used.
    """

    thumbprint: str
    jwk: Jwk
    tier: Tier
    enrolled_at: datetime
    revoked_at: datetime | None
    revoked_from: datetime | None
    origin: str
    key_created_at: datetime | None
    privacy_notice_version: str
    invitation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A code that makes up to ``devices`` devices a field team's, until it expires; only its digest is kept."""

    code_sha256: str
    label: str
    devices: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEnvelope:
    """An envelope whose signature held, as it arrived; without its body where that tells of expired samples."""

    device: str
    sha256: str
    body: bytes
    signature: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSample:
    """A sample to store.

    Attributes:
        line: its number in the envelope, from 1.
        sample: the sample.
        line_sha256: hexadecimal digest of the line, which tells a repeated sample from a re-used id.
        h3_cell: H3 index at resolution 10, or None without position.
        flags: ids of the plausibility rules that fired.
        excluded: whether one of them takes its vote away.
    """

    line: int
    sample: Sample
    line_sha256: str
    h3_cell: int | None
    flags: tuple[str, ...]
    excluded: bool


@dataclass(frozen=True, slots=True)
class RecordedEnvelope:
    """What the store keeps of an envelope: when it first came, and the verdict on each line."""

    received_at: datetime
    verdicts: tuple[LineVerdict, ...]


@dataclass(frozen=True, slots=True)
class MonthCount:
    """How many samples a month of ``measured_at`` holds, when the last of them was received, and its revision."""

    month: str
    samples: int
    last_received_at: datetime
    revision: int

"""What a rule is, and what it may look at.

A flag that *excludes* keeps the sample out of votes; the sample is stored, archived and counted all the same. Each rule
has a stable id and a version, raised when its meaning changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from client_sdk.sample import Sample
from collector.plausibility.grounds import Grounds
from collector.plausibility.portrait import Portrait
from collector.storage.histories import Moment
from collector.storage.witnessed import Direction, Witness


@dataclass(frozen=True, slots=True)
class Known:
    """What the collector knows beside the sample itself; all of it can be looked up again.

    Attributes:
        received_at: when the sample came.
        witnesses: by session and direction, what the server saw of the transfers of the sample's device.
        key_created_at: when the device's key was made, where that is known.
        revoked_from: from when on nothing that the key signed counts.
        grounds: what the project configured.
    """

    received_at: datetime
    witnesses: Mapping[tuple[str, Direction], Witness] = field(default_factory=dict)
    key_created_at: datetime | None = None
    revoked_from: datetime | None = None
    grounds: Grounds = field(default_factory=Grounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        id: stable, without spaces; what ``flags`` holds.
        version: raised when the meaning changes.
        excludes: whether a sample that it flags has no vote.
        reason_en: why, in English.
        reason_fr: why, in French.
        source: where the threshold comes from.
    """

    id: str
    version: int
    excludes: bool
    reason_en: str
    reason_fr: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRule(Rule):
    """A rule that looks at one sample and at what the collector knows beside it; also applied when a sample comes."""

    fires: Callable[[Sample, Known], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRule(Rule):
    """A rule that looks at a sample among the others of its device."""

    fires: Callable[[Moment, Portrait], bool]

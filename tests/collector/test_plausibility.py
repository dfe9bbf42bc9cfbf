"""The rules as a table: where each fires, where it just does not."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from client_sdk.sample import Sample
from collector.intake.plausibility import RULES, Known, judge
from collector.storage.witnessed import Direction, Witness

RECEIVED_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def witness(direction: Direction) -> Witness:
    return Witness(
        device="x", test_id="seen", direction=direction, started_at=RECEIVED_AT, bytes=1_000_000, duration_ms=2_000.0
    )


KNOWN = Known(RECEIVED_AT, {("seen", "download"): witness("download"), ("half", "upload"): witness("upload")})
TEST = {"kind": "throughput", "outcome": "ok"}

# rule → (fields with which it fires, fields with which it just does not, whether it excludes)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "clock-ahead": (
        {"measured_at": "2026-11-20T08:10:00.001Z"},
        {"measured_at": "2026-11-20T08:10:00.000Z"},
        True,
    ),
    "position-null-island": (
        {"latitude": 0.0, "longitude": -0.0},
        {"latitude": 0.0, "longitude": 0.000001},
        True,
    ),
    "position-inaccurate": ({"accuracy_m": 50.1}, {"accuracy_m": 50.0}, True),
    "position-stale": ({"position_age_ms": 60_001}, {"position_age_ms": 60_000}, True),
    "position-mock": ({"position_mock": True}, {"position_mock": False}, True),
    "speed-implausible": ({"speed_mps": 150.1}, {"speed_mps": 150.0}, True),
    "unwitnessed": (
        TEST | {"test_id": "other", "download_bps": 5e6},
        TEST | {"test_id": "seen", "download_bps": 5e6},
        False,
    ),
}


def test_every_rule_has_its_case() -> None:
    assert {rule.id for rule in RULES} == set(CASES)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_fires_on_one_side_of_its_threshold(make_sample: Callable[..., Sample], rule: str) -> None:
    fires, passes, excludes = CASES[rule]
    judgement = judge(make_sample(**fires), KNOWN)
    assert (judgement.flags, judgement.excluded) == ((rule,), excludes)
    assert judge(make_sample(**passes), KNOWN).flags == ()


def test_a_sample_without_any_of_this_is_plausible(make_sample: Callable[..., Sample]) -> None:
    judgement = judge(make_sample(), KNOWN)
    assert (judgement.flags, judgement.excluded) == ((), False)


def test_flags_add_up_in_the_order_of_the_rules(make_sample: Callable[..., Sample]) -> None:
    sample = make_sample(speed_mps=200.0, position_mock=True, measured_at="2027-01-01T00:00:00.000Z")
    assert judge(sample, KNOWN).flags == ("clock-ahead", "position-mock", "speed-implausible")


def test_ids_are_single_words_and_reasons_are_given_in_both_languages() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id == rule.id.strip().replace(" ", "")
        assert rule.version >= 1
        assert rule.reason_en
        assert rule.reason_fr != rule.reason_en
        assert rule.source


@pytest.mark.parametrize(
    ("fields", "flagged"),
    [
        (TEST | {"download_bps": 1.0}, True),
        (TEST | {"test_id": "half", "download_bps": 1.0, "upload_bps": 1.0}, True),
        (TEST | {"test_id": "half", "upload_bps": 1.0}, False),
        (TEST | {"outcome": "no_data"}, False),
        (TEST | {"download_bps": 1.0, "import_format": "gnettrack"}, False),
        ({"kind": "signal", "observed_download_bps": 1.0}, False),
        (TEST | {"test_id": "seen", "download_bps": 16e6, "download_bytes": 1_115_536}, False),
        (TEST | {"test_id": "seen", "download_bps": 16.1e6}, True),
        (TEST | {"test_id": "seen", "download_bps": 4e6, "download_bytes": 1_115_537}, True),
    ],
)
def test_a_rate_of_our_own_needs_a_witness_of_its_direction_that_saw_as_much(
    make_sample: Callable[..., Sample], fields: dict[str, Any], flagged: bool
) -> None:
    assert ("unwitnessed" in judge(make_sample(**fields), KNOWN).flags) is flagged

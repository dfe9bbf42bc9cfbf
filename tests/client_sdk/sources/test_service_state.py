"""When no service may be said, and everything that must never become it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.sources.reading import PositionFix, RadioReading, SourceUnavailableError
from client_sdk.sources.service_state import LOST, MIN_POLLS, MIN_SPAN_S, ServiceClaim, ServiceWatch

FAILED = SourceUnavailableError("failed")


def reading(at_s: float, state: Any = "no_service", evidence: Any = "strong", **more: Any) -> RadioReading:
    fields = {"sim_plmn": "20801"} | more.pop("fields", {})
    return RadioReading(
        taken_at_s=at_s, source="x", service_state=state, service_evidence=evidence, fields=fields, **more
    )


def fix(at_s: float, accuracy_m: float | None = 5.0, **more: Any) -> PositionFix:
    values: dict[str, Any] = {"position_source": "gnss"} | more
    return PositionFix(fixed_at_s=at_s, latitude=47.0, longitude=3.5, accuracy_m=accuracy_m, **values)


def claim_after(*steps: tuple[Any, PositionFix | None], sim_plmn: str | None = None) -> ServiceClaim:
    watch = ServiceWatch(sim_plmn)
    for answer, place in steps:
        watch.observe(answer, place)
    return watch.claim()


def run(state: Any = "no_service", times: tuple[float, ...] = (100.0, 105.0, 110.0), **more: Any) -> list[Any]:
    return [(reading(at_s, state, **more), fix(at_s)) for at_s in times]


def test_three_readings_over_ten_seconds_establish_it() -> None:
    claim = claim_after(*run())
    assert (claim.state, claim.established, claim.polls, claim.evidence) == ("no_service", True, 3, "strong")
    assert (claim.since_s, claim.until_s) == (100.0, 110.0)


@pytest.mark.parametrize("times", [(100.0, 110.0), (100.0, 104.0, 109.9), (100.0, 131.0, 162.0)])
def test_fewer_sooner_or_too_far_apart_do_not(times: tuple[float, ...]) -> None:
    claim = claim_after(*run(times=times))
    assert not claim.established
    assert claim.why_not


@pytest.mark.parametrize("broken", [FAILED, reading(107.0, "unknown", None), reading(107.0, "in_service")])
def test_a_failure_or_another_state_begins_anew(broken: Any) -> None:
    claim = claim_after(*run(), (broken, fix(111.0)), (reading(112.0), fix(112.0)))
    assert not claim.established
    assert claim.polls == 1


def test_a_source_that_failed_leaves_nothing_to_say() -> None:
    assert claim_after(*run(), (FAILED, fix(111.0))).state == "unknown"
    assert claim_after().state == "unknown"


@pytest.mark.parametrize(
    "place",
    [None, fix(80.0), fix(105.0, 51.0), fix(105.0, None), fix(105.0, position_mock=True)],
)
def test_without_a_fresh_position_it_is_not_said(place: PositionFix | None) -> None:
    steps = [(reading(at_s), place) for at_s in (100.0, 105.0, 110.0)]
    assert not claim_after(*steps).established


def test_one_fresh_position_inside_the_run_is_enough_and_a_fixed_site_always_is() -> None:
    steps = [(reading(100.0), None), (reading(105.0), fix(100.0)), (reading(110.0), None)]
    assert claim_after(*steps).established
    site = fix(0.0, None, position_source="manual")
    assert claim_after(*[(reading(at_s), site) for at_s in (100.0, 105.0, 110.0)]).established


@pytest.mark.parametrize(
    "more",
    [
        {"wifi_connected": True},
        {"fields": {"roaming": True}},
        {"fields": {"sim_plmn": "20810"}},
    ],
)
def test_wifi_roaming_and_another_sim_never_become_no_service(more: dict[str, Any]) -> None:
    assert not claim_after(*run(**more), sim_plmn="20801").established


@pytest.mark.parametrize("state", ["radio_off", "sim_missing", "denied"])
def test_other_states_are_said_as_what_they_are(state: str) -> None:
    claim = claim_after(*run(state))
    assert (claim.state, claim.established) == (state, True)
    assert claim.state not in LOST


@pytest.mark.parametrize("state", ["radio_off", "sim_missing"])
def test_a_radio_just_switched_on_is_given_time(state: Any) -> None:
    early = [(reading(95.0, state), fix(95.0)), *run()]
    assert not claim_after(*early).established
    late = [(reading(95.0, state), fix(95.0)), *run(times=(126.0, 131.0, 136.0))]
    assert claim_after(*late).established


def test_in_service_is_no_claim() -> None:
    assert not claim_after(*run("in_service")).established


def test_weak_evidence_needs_a_network_seen_before() -> None:
    assert not claim_after(*run(evidence="weak")).established
    claim = claim_after((reading(90.0, "in_service", "weak"), fix(90.0)), *run(evidence="weak"))
    assert (claim.established, claim.evidence) == (True, "weak")


def test_emergency_calls_alone_are_told_apart() -> None:
    assert claim_after(*run("limited")).state == "limited"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["no_service", "limited", "in_service", "unknown", "radio_off", "sim_missing", "denied", None]),
        st.floats(0.1, 40.0),
        st.booleans(),
    ),
    max_size=25,
)


@given(STEPS)
def test_nothing_is_established_without_its_run(steps: list[tuple[Any, float, bool]]) -> None:
    watch, at_s = ServiceWatch(), 100.0
    history: list[tuple[Any, float, bool]] = []
    for state, pause_s, placed in steps:
        at_s += pause_s
        answer = FAILED if state is None else reading(at_s, state)
        watch.observe(answer, fix(at_s) if placed else None)
        history.append((state, at_s, placed))
        claim = watch.claim()
        if not (claim.established and claim.state in LOST):
            continue
        tail = history[-claim.polls :]
        assert {one[0] for one in tail} == {claim.state}
        assert len(tail) >= MIN_POLLS
        assert tail[-1][1] - tail[0][1] >= MIN_SPAN_S
        assert any(one[2] for one in tail)

"""Evidence decides what waiting fences say: in their order, each once, and nothing is claimed without it."""

from hypothesis import given
from hypothesis import strategies as st
from survey_drive import OFF, UP, claim, echoes, interval, reading, told

from client_sdk.sample import Sample
from client_sdk.survey.settling import TRY_AGAIN_S, WAIT_AT_MOST_S, Settler, Try


def dead(start_s: float, end_s: float) -> object:
    return interval(start_s, end_s, reading(start_s, None, "no_service", sim_plmn="20801"), link=OFF)


def served(start_s: float, end_s: float, link: object = UP) -> object:
    return interval(start_s, end_s, reading(start_s, lte_rsrp_dbm=-99.0), link=link)  # type: ignore[arg-type]


def settler_with(*intervals: object) -> Settler:
    settler = Settler({"context": "vehicle"})
    for one in intervals:
        settler.add(one)  # type: ignore[arg-type]
    return settler


def all_told(samples: list[Sample]) -> list[tuple[str, str | None, str]]:
    return [told(sample) for sample in samples]


def test_a_fence_waits_for_its_last_echo() -> None:
    settler = settler_with(served(0.0, 10.0))
    settler.add_probes(echoes(0.0, 9.0, 30.0))

    assert settler.settle(11.0) == []
    settler.add_probes(echoes(9.0, 10.0, None))
    (sample,) = settler.settle(12.6)

    assert (told(sample), sample.rtt_sent, sample.rtt_lost) == (("latency", "ok", "in_service"), 10, 1)
    assert settler.settle(100.0) == []


def test_echoes_belong_to_the_fence_they_were_sent_in() -> None:
    settler = Settler({})
    settler.add_probes(echoes(0.0, 7.0, 30.0))  # before the fence closes
    settler.add(served(0.0, 5.0))  # type: ignore[arg-type]
    settler.add(served(5.0, 9.0))  # type: ignore[arg-type]
    settler.add_probes(echoes(7.0, 12.0, 30.0))

    assert [sample.rtt_sent for sample in settler.settle(20.0)] == [5, 4]
    settler.add(served(9.0, 12.0))  # type: ignore[arg-type]
    assert [sample.rtt_sent for sample in settler.settle(20.0)] == [3]


def test_fences_of_an_unfinished_dead_run_wait_until_it_is_established() -> None:
    settler = settler_with(dead(0.0, 6.0), dead(6.0, 9.0))

    settler.observe(claim("no_service", 0.0, 9.0, established=False))
    assert settler.settle(9.5) == []
    assert all_told(settler.as_they_stand()) == [("signal", None, "unknown")] * 2
    settler.observe(claim("no_service", 0.0, 11.0))

    assert all_told(settler.settle(11.0)) == [("service", None, "no_service")] * 2
    assert settler.as_they_stand() == []


def test_a_dead_run_that_ends_too_soon_claims_nothing() -> None:
    settler = settler_with(dead(0.0, 4.0), served(4.0, 9.0, OFF))

    settler.observe(claim("in_service", 4.0, 4.0, established=False))

    assert all_told(settler.settle(9.0)) == [("signal", None, "unknown"), ("signal", None, "in_service")]


def test_a_new_dead_run_establishes_nothing_about_the_one_before() -> None:
    settler = settler_with(dead(0.0, 4.0), served(4.0, 5.0, OFF), dead(5.0, 15.0))

    settler.observe(claim("no_service", 5.0, 16.0))

    assert all_told(settler.settle(16.0)) == [
        ("signal", None, "unknown"),
        ("signal", None, "in_service"),
        ("service", None, "no_service"),
    ]


def test_a_dead_run_without_a_fresh_position_is_not_waited_for_for_ever() -> None:
    settler = settler_with(dead(0.0, 10.0))
    settler.observe(claim("no_service", 0.0, 11.0, established=False))

    assert settler.settle(10.0 + WAIT_AT_MOST_S - 0.1) == []
    assert all_told(settler.settle(10.0 + WAIT_AT_MOST_S)) == [("signal", None, "unknown")]


def test_answered_echoes_contradict_a_modem_that_says_no_service() -> None:
    settler = settler_with(interval(0.0, 10.0, reading(1.0, None, "no_service")))
    settler.add_probes(echoes(0.0, 10.0, 30.0))
    settler.observe(claim("no_service", 0.0, 12.0))

    assert all_told(settler.settle(13.0)) == [("latency", "ok", "unknown")]


def test_lost_echoes_and_no_connection_are_no_data() -> None:
    settler = settler_with(served(0.0, 10.0), served(10.0, 20.0))
    settler.add_probes(echoes(0.0, 2.0, 30.0))
    assert not settler.needs_try(4.0)
    settler.add_probes(echoes(2.0, 5.0, None))
    assert settler.needs_try(7.0)
    settler.add_probes(echoes(5.0, 20.0, None))
    settler.tried(Try(7.0, 13.0, reached=False))
    assert not settler.needs_try(14.0)

    # the first fence had answers; the second is a run of its own
    assert all_told(settler.settle(22.6)) == [("latency", "ok", "in_service"), ("latency", "no_data", "in_service")]

    settler.add(served(20.0, 21.7))  # type: ignore[arg-type]
    settler.add_probes(echoes(20.0, 21.7, None))
    assert settler.needs_try(13.0 + TRY_AGAIN_S)
    assert all_told(settler.settle(25.0)) == [("latency", "no_data", "in_service")]


def test_a_collector_that_answers_otherwise_is_not_held_against_the_network() -> None:
    settler = settler_with(served(0.0, 10.0), served(10.0, 20.0))
    settler.add_probes(echoes(0.0, 20.0, None))
    settler.tried(Try(3.0, 3.1, reached=True))

    assert all_told(settler.settle(22.6)) == [("signal", None, "in_service")] * 2


def test_lost_echoes_without_a_try_or_for_a_moment_claim_nothing() -> None:
    settler = settler_with(served(0.0, 4.0), served(4.0, 9.0))
    settler.add_probes([*echoes(0.0, 4.0, None), *echoes(4.0, 9.0, 30.0)])
    settler.tried(Try(2.5, 3.9, reached=False))
    assert all_told(settler.settle(11.6)) == [("signal", None, "in_service"), ("latency", "ok", "in_service")]

    untried = settler_with(served(0.0, 12.0), served(12.0, 13.0))
    untried.add_probes([*echoes(0.0, 12.0, None), *echoes(12.0, 13.0, 30.0)])
    assert untried.settle(16.0) == []
    assert all_told(untried.settle(30.0)) == [("signal", None, "in_service"), ("latency", "ok", "in_service")]


def test_echoes_lost_while_the_way_is_down_or_is_wifi_or_the_radio_is_unknown_are_no_claim() -> None:
    from dataclasses import replace

    down, wifi = replace(UP, up=False), replace(UP, path="wifi")
    for one in (served(0.0, 30.0, down), served(0.0, 30.0, wifi), interval(0.0, 30.0)):
        settler = settler_with(one)
        settler.add_probes(echoes(0.0, 30.0, None))
        settler.tried(Try(3.0, 9.0, reached=False))
        (sample,) = settler.settle(33.0)
        assert (sample.kind, sample.outcome) == ("signal", None)


def test_at_the_end_nothing_is_claimed_that_was_not_established() -> None:
    settler = settler_with(dead(0.0, 6.0), served(6.0, 16.0))
    settler.add_probes(echoes(6.0, 16.0, None))

    assert all_told(settler.finish()) == [("signal", None, "unknown"), ("signal", None, "in_service")]
    assert settler.finish() == []


KINDS = st.sampled_from(["served", "silent", "dead", "answered"])
EVENTS = st.lists(st.tuples(KINDS, st.floats(0.5, 10.0), st.booleans(), st.booleans(), st.floats(0, 30)), max_size=25)


@given(EVENTS)
def test_every_interval_is_said_once_and_in_order(happened: list[tuple[str, float, bool, bool, float]]) -> None:
    settler, now_s, given_ids = Settler({}), 0.0, list[str]()
    settled: list[Sample] = []
    for kind, lasted_s, established, reached, later_s in happened:
        start_s, now_s = now_s, now_s + lasted_s
        state = ("no_service", None) if kind == "dead" else ("in_service", "lte")
        one = interval(start_s, now_s, reading(start_s, state[1], state[0]), link=OFF if kind == "served" else UP)
        given_ids.append(one.sample_id)
        settler.add(one)
        if kind in ("silent", "answered"):
            settler.add_probes(echoes(start_s, now_s, None if kind == "silent" else 20.0, 0.4))
        settler.observe(claim(state[0], start_s, now_s, established=established))
        if settler.needs_try(now_s):
            settler.tried(Try(start_s, now_s, reached=reached))
        standing = [sample.id for sample in settler.as_they_stand()]
        now_s += later_s
        decided = settler.settle(now_s)
        assert [sample.id for sample in decided] == standing[: len(decided)]
        settled += decided
    settled += settler.finish()

    assert [sample.id for sample in settled] == given_ids

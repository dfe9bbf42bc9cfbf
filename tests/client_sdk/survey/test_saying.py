"""What a closed fence says, and what it must not say."""

from dataclasses import replace

import pytest
from survey_drive import NOON_MS, OFF, claim, echoes, fix, interval, reading, told

from client_sdk.sample import Sample
from client_sdk.survey.saying import Interval, instant_of, position_fields, said

DECLARED = {"context": "vehicle", "campaign": "Nièvre 2026", "vehicle": "van 2"}


def sample_of(one: Interval, *arguments: object, **more: object) -> Sample:
    sample = said(one, *arguments, **more)  # type: ignore[arg-type]
    assert sample is not None
    return sample


def test_answered_echoes_make_a_latency_sample_with_its_interval_and_position() -> None:
    one = interval(
        12.5,
        20.0,
        reading(13.0, lte_rsrp_dbm=-101.0, sim_plmn="20801"),
        position=fix(11.8, speed_mps=14.0),
    )

    sample = sample_of(one, [*echoes(12.5, 18.5, 40.0), *echoes(18.5, 20.5, None)], DECLARED)

    assert told(sample) == ("latency", "ok", "in_service")
    assert (sample.measured_at, sample.duration_ms) == (instant_of(NOON_MS + 12_500), 7500)
    assert (sample.latitude, sample.accuracy_m, sample.position_age_ms, sample.speed_mps) == (47.0, 5.0, 700, 14.0)
    assert (sample.rtt_median_ms, sample.rtt_sent, sample.rtt_lost, sample.rtt_protocol) == (40.0, 8, 2, "udp")
    assert (sample.test_path, sample.test_server, sample.ip_family) == ("mobile", "collector.test", "ipv4")
    assert (sample.campaign, sample.vehicle, sample.context, sample.scheduled) == (
        "Nièvre 2026",
        "van 2",
        "vehicle",
        True,
    )
    assert (sample.lte_rsrp_dbm, sample.sim_plmn, sample.signal_age_ms) == (-101.0, "20801", 0)


def test_readings_alone_make_a_signal_sample_of_the_median_reading() -> None:
    readings = [
        reading(second, lte_rsrp_dbm=rsrp, lte_eci=eci)
        for second, rsrp, eci in [(1.0, -90.0, 1), (3.0, -118.0, 2), (5.0, -101.0, 3), (7.0, None, 4)]
    ]

    sample = sample_of(interval(0.0, 10.0, *readings, link=OFF), [], {})

    assert told(sample) == ("signal", None, "in_service")
    assert (sample.lte_rsrp_dbm, sample.lte_eci) == (-101.0, 3)  # values that were read together
    assert sample.service_polls == 4
    assert sample.test_path is None


def test_an_earlier_reading_stands_with_its_age() -> None:
    one = interval(10.0, 11.7)
    earlier = reading(8.0, lte_rsrp_dbm=-101.0, signal_age_ms=400)
    one = replace(one, fence=replace(one.fence, earlier=earlier))

    sample = sample_of(one, [], {})

    assert (sample.lte_rsrp_dbm, sample.signal_age_ms, sample.service_polls) == (-101.0, 2400, None)


def test_established_no_service_is_a_service_sample_without_technology() -> None:
    one = interval(0.0, 10.0, reading(1.0, None, "no_service", sim_plmn="20801"), position=fix(0.0))

    sample = sample_of(one, echoes(0.0, 10.0, None), {}, claim=claim("no_service", 0.0, 12.0))

    assert told(sample) == ("service", None, "no_service")
    assert (sample.service_evidence, sample.service_polls, sample.rat) == ("strong", 5, None)
    assert (sample.rtt_sent, sample.rtt_lost) == (10, 10)


@pytest.mark.parametrize("state", ["no_service", "limited"])
def test_what_speaks_against_an_operator_is_not_said_without_being_established(state: str) -> None:
    sample = sample_of(interval(0.0, 4.0, reading(1.0, None, state, sim_plmn="20801")), [], {})

    assert told(sample) == ("signal", None, "unknown")
    assert (sample.service_evidence, sample.service_polls, sample.sim_plmn) == (None, None, "20801")


@pytest.mark.parametrize("state", ["radio_off", "sim_missing", "denied"])
def test_what_speaks_against_nobody_is_said_as_read(state: str) -> None:
    assert told(sample_of(interval(0.0, 4.0, reading(1.0, None, state)), [], {})) == ("signal", None, state)


def test_no_data_is_an_outcome_of_its_own() -> None:
    one = interval(0.0, 10.0, reading(1.0, lte_rsrp_dbm=-99.0))

    assert told(sample_of(one, echoes(0.0, 10.0, None), {}, no_data=True)) == ("latency", "no_data", "in_service")
    unproven = sample_of(one, echoes(0.0, 10.0, None), {})
    assert told(unproven) == ("signal", None, "in_service")
    assert (unproven.rtt_sent, unproven.rtt_lost) == (10, 10)


def test_nothing_learnt_is_nothing_said() -> None:
    assert said(interval(0.0, 10.0, position=fix(0.0)), [], {}) is None


def test_echoes_without_a_radio_source_still_say_what_they_know() -> None:
    sample = sample_of(interval(0.0, 10.0, position=fix(0.0)), echoes(0.0, 10.0, 31.0), {})

    assert told(sample) == ("latency", "ok", "unknown")


def test_no_position_is_no_gap_and_a_position_of_yesterday_is_none() -> None:
    assert sample_of(interval(0.0, 10.0, reading(1.0)), [], {}).latitude is None
    assert position_fields(fix(-90_000.0), 0.0) == {}
    assert position_fields(fix(-600.0), 0.0)["position_age_ms"] == 600_000


def test_one_odd_value_costs_no_interval() -> None:
    odd = fix(0.0, altitude_m=-12_000.0)

    sample = sample_of(interval(0.0, 10.0, reading(1.0, lte_pci=504, lte_rsrp_dbm=-99.0), position=odd), [], {})

    assert (sample.altitude_m, sample.lte_pci, sample.lte_rsrp_dbm, sample.latitude) == (None, None, -99.0, 47.0)

"""What a survey is told, and how it survives a crash."""

import json

import pytest

from client_sdk.errors import MailleError
from client_sdk.survey.options import ModemChoice, SurveyOptions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modemmanager:0", ModemChoice(label="modemmanager:0", source="modemmanager:0")),
        ("orange=modemmanager:0@wwan0", ModemChoice(label="orange", source="modemmanager:0", interface="wwan0")),
        (
            "adb:192.168.1.7:5555@usb0",
            ModemChoice(label="adb:192.168.1.7:5555", source="adb:192.168.1.7:5555", interface="usb0"),
        ),
        ("none", ModemChoice(label="none", source="none")),
    ],
)
def test_a_modem_is_a_source_with_a_label_and_an_interface(text: str, expected: ModemChoice) -> None:
    assert ModemChoice.parse(text) == expected


@pytest.mark.parametrize("text", ["", "=termux", "orange=", "termux@", "@wwan0"])
def test_a_modem_with_an_empty_part_is_refused(text: str) -> None:
    with pytest.raises(MailleError, match="--modem"):
        ModemChoice.parse(text)


def test_options_come_back_from_the_journal_as_they_were() -> None:
    options = SurveyOptions(
        modems=(ModemChoice.parse("orange=modemmanager:0@wwan0"), ModemChoice.parse("termux")),
        campaign="Nièvre 2026",
        context="vehicle",
        antenna="external",
        test_every="2km",
        session_mb=500,
    )

    kept = json.loads(json.dumps(options.as_json()))

    assert SurveyOptions.from_json(kept) == options
    assert SurveyOptions.from_json(kept | {"of_a_later_version": 1}) == options


def test_what_is_declared_is_what_samples_state() -> None:
    assert SurveyOptions().declared() == {"context": "unknown"}
    assert SurveyOptions(vehicle="van 2", sim_plmn="20801").declared() == {
        "context": "unknown",
        "vehicle": "van 2",
        "sim_plmn": "20801",
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (SurveyOptions(campaign="x" * 65), "--campaign"),
        (SurveyOptions(vehicle="tab\there"), "--vehicle"),
        (SurveyOptions(sim_plmn="2080"), "--sim-plmn"),
        (SurveyOptions(echo_hz=0.5), "--echo"),
        (SurveyOptions(echo_hz=11), "--echo"),
        (SurveyOptions(modems=(ModemChoice.parse("termux"), ModemChoice.parse("termux"))), "--modem"),
        (SurveyOptions(modems=(ModemChoice.parse("a=termux"), ModemChoice.parse("b=none")), sim_plmn="20801"), "--sim"),
    ],
)
def test_what_no_sample_may_state_is_refused_before_anything_begins(options: SurveyOptions, named: str) -> None:
    with pytest.raises(MailleError, match=named):
        options.check()


def test_an_ordinary_survey_is_accepted() -> None:
    SurveyOptions(campaign="Été 2026", equipment="RM520N, toit").check()
    SurveyOptions(echo_hz=0).check()

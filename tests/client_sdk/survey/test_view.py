"""The live view, as text at the widths of a phone, an old terminal and a laptop."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from client_sdk.messages import _current, use_language
from client_sdk.survey.status import ModemStatus, SurveyStatus
from client_sdk.survey.view import clock, megabytes, render

STATUS = SurveyStatus(
    activity="recording",
    campaign="Morvan",
    elapsed_s=3_723,
    modems=(
        ModemStatus(label="modem 0", sim_plmn="20802", service_state="in_service", rat="lte", strength_dbm=-108.4,
                    rtt_ms=48.2, last_result="7.4 Mbit/s"),
        ModemStatus(label="modem 1", sim_plmn="20815", service_state="no_service"),
    ),
    latitude=47.28754,
    longitude=3.94521,
    accuracy_m=4.4,
    position_age_s=2.0,
    distance_m=12_340,
    samples=251,
    pending=40,
    used_bytes=83_200_000,
    remaining_bytes=416_800_000,
    next_test="1.2 km",
    battery_percent=64,
    keys="p: pause",
)  # fmt: skip


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(_current)
    use_language("en")
    yield
    _current[:] = before


def drawn(status: SurveyStatus, width: int) -> str:
    console = Console(width=width, height=24, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(render(status, width))
    return console.export_text()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_everything_that_matters_is_there_at_every_width(width: int) -> None:
    text = drawn(STATUS, width)
    words = " ".join(text.split())
    for word in ("recording", "1:02:03", "Morvan", "47.28754, 3.94521 ± 4 m", "Orange", "4G -108 dBm", "weak", "48 ms",
                 "7.4 Mbit/s", "Free Mobile", "no service", "12.3 km", "251 samples", "40 to send", "83.2 MB",
                 "416.8 MB", "1.2 km", "64 %"):  # fmt: skip
        assert word in words, word
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= width


def test_a_warning_is_loud() -> None:
    text = drawn(replace(STATUS, warnings=("No position for 60 s", "Disk full")), 40)
    assert "ATTENTION" in text
    assert "⚠ No position for 60 s" in text
    assert "⚠ Disk full" in text


def test_no_position_and_a_radio_that_is_not_read_are_told() -> None:
    modem = ModemStatus(label="modem 0", trouble="mmcli: not installed")
    text = drawn(replace(STATUS, latitude=None, modems=(modem,)), 80)
    assert "Position: none yet" in text
    assert "radio not read" in text
    assert "mmcli: not installed" in text


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("limited", "emergency"),
        ("denied", "refused"),
        ("radio_off", "off"),
        ("sim_missing", "SIM"),
        ("unknown", "unkn"),
    ],
)
def test_every_state_has_its_word(state: str, word: str) -> None:
    modem = ModemStatus(label="x", service_state=state)  # type: ignore[arg-type]
    assert word in drawn(replace(STATUS, modems=(modem,)), 80)


def test_it_speaks_french() -> None:
    use_language("fr")
    text = drawn(replace(STATUS, activity="paused"), 80)
    for word in ("en pause", "pas de réseau", "251 relevés", "40 à envoyer", "83,2 Mo", "batterie 64 %"):
        assert word in text


def test_figures() -> None:
    assert clock(59.9) == "0:00:59"
    assert megabytes(0) == "0.0 MB"

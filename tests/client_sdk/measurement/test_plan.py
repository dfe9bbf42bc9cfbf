"""What a campaign costs: sums that can be done on paper, and order between the three cases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from client_sdk.commands.plan import command
from client_sdk.errors import MailleError
from client_sdk.measurement.limits import WIRE_SHARE, Limits
from client_sdk.measurement.plan import Campaign, estimate, number_of_tests
from client_sdk.messages import _current, use_language
from client_sdk.survey.schedule import parse_rhythm


@pytest.fixture(autouse=True)
def language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MAILLE_HOME", str(tmp_path / "home"))
    before = list(_current)
    use_language("en")
    yield
    _current[:] = before


def run(*words: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(words))


def test_a_hundred_tests_at_ten_megabits() -> None:
    campaign = Campaign(tests=100, down_bps=(10e6, 10e6, 10e6), up_bps=(2e6, 2e6, 2e6))
    low, typical, high = estimate(campaign)
    assert low.download == round(100 * 10e6 * 4.0 / 8 * WIRE_SHARE)
    assert typical.upload == round(100 * 2e6 * 7.7 / 8 * WIRE_SHARE)
    assert high.download == round(100 * 10e6 * 10.0 / 8 * WIRE_SHARE)
    assert high.echoes == 0


def test_caps_bound_each_direction() -> None:
    campaign = Campaign(tests=10, down_bps=(1e9, 1e9, 1e9), up_bps=(1e9, 1e9, 1e9), limits=Limits(download_bytes=10**7))
    for cost in estimate(campaign):
        assert cost.download == round(10 * 10**7 * WIRE_SHARE)
        assert cost.upload == round(10 * 15_000_000 * WIRE_SHARE)


def test_an_hour_of_ten_echoes_a_second_is_three_megabytes() -> None:
    _, typical, high = estimate(Campaign(tests=0, hours=1, echo_hz=10))
    assert typical.echoes == 3600 * 10 * 88
    assert high.echoes == 3600 * 10 * 128
    assert typical.total == typical.echoes + typical.samples


@given(
    st.integers(0, 500), st.floats(0, 24), st.integers(1, 4), st.floats(0, 10), st.booleans(),
)  # fmt: skip
def test_low_is_below_typical_and_typical_below_high(
    tests: int, hours: float, modems: int, echo_hz: float, full_length: bool
) -> None:
    low, typical, high = estimate(
        Campaign(tests=tests, hours=hours, modems=modems, echo_hz=echo_hz, limits=Limits(full_length=full_length))
    )
    assert low.total <= typical.total <= high.total


@pytest.mark.parametrize(("every", "expected"), [("2km", 60), ("10min", 37), ("200MB/h", None)])
def test_a_rhythm_makes_so_many_tests(every: str, expected: int | None) -> None:
    assert number_of_tests(parse_rhythm(every), km=120, hours=6) == expected


def test_the_command_tells_and_counts() -> None:
    done = run("--tests", "100", "--expect-mbps", "10", "--data-gb", "5", "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["tests"] == 100
    assert data["low"]["total"] < data["typical"]["total"] < data["high"]["total"]
    assert data["fits"] is (data["high"]["total"] <= 5e9)
    text = run("--test-every", "2km", "--km", "120", "--hours", "6", "--data-gb", "0.1").stdout
    assert "60 tests" in text
    assert "does not fit in 0.1 GB" in text


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ((), "nothing is planned"),
        (("--test-every", "2km"), "needs --km"),
        (("--test-every", "10min", "--km", "3"), "needs --hours"),
        (("--test-every", "200MB/h", "--hours", "3"), "that is what it costs"),
        (("--test-every", "soon", "--km", "3"), "expected a distance"),
        (("--tests", "3", "--test-every", "2km", "--km", "3"), "not both"),
    ],
)
def test_nonsense_is_refused_in_words(words: tuple[str, ...], match: str) -> None:
    done = run(*words)
    assert isinstance(done.exception, MailleError)
    assert match in str(done.exception)

"""A survey is begun, taken up where its process died, or ended after that; a real outbox."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client_sdk.errors import MailleError
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import now_ms
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample, encode, new_sample_id
from client_sdk.survey.accounts import unaccounted
from client_sdk.survey.options import ModemChoice, SurveyOptions
from client_sdk.survey.saying import instant_of
from client_sdk.survey.setup import begin, certainly_past_ms, end_unfinished, open_sources, take_up

OPTIONS = SurveyOptions(
    modems=(ModemChoice.parse("orange=modemmanager:0"), ModemChoice.parse("sfr=none")),
    position="fixed:47.2,3.5",
    campaign="Nièvre",
)


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    return tmp_path / "drafts.json"


def sample(new_sample: Callable[..., Sample], start_ms: int, duration_ms: int) -> Sample:
    return new_sample(id=new_sample_id(start_ms), measured_at=instant_of(start_ms), duration_ms=duration_ms)


def died(outbox: Outbox, drafts: Path, new_sample: Callable[..., Sample], ahead_ms: int = 0) -> str:
    """A survey that recorded 20 s on both modems, 5 s more that were undecided on one, and died."""
    start_ms = now_ms() - 60_000 + ahead_ms
    surveys = Surveys(outbox)
    survey = surveys.begin(OPTIONS.as_json(), start_ms)
    surveys.note(survey, start_ms, "started")
    for modem in ("orange", "sfr"):
        outbox.add([sample(new_sample, start_ms, 20_000)], survey=survey, modem=modem)
    waiting = sample(new_sample, start_ms + 20_000, 5_000)
    drafts.write_text(json.dumps({"survey": survey, "modems": {"orange": [json.loads(encode(waiting))]}}))
    surveys.alive(survey, start_ms + 27_000)
    return survey


def test_a_survey_that_died_goes_on_with_what_it_had(
    outbox: Outbox, drafts: Path, new_sample: Callable[..., Sample]
) -> None:
    survey = died(outbox, drafts, new_sample)
    record = Surveys(outbox).unfinished()
    assert record

    begun = take_up(outbox, record, drafts)

    assert (begun.id, begun.options, begun.resumed, begun.recovered) == (survey, OPTIONS, True, 1)
    assert not drafts.exists()
    events = Surveys(outbox).events(survey)
    assert [event.kind for event in events] == ["started", "interrupted"]
    assert events[1].at_ms - events[0].at_ms == 20_000  # the fence that was open on sfr began there
    # taken up again at once, it died again before it recorded anything
    again = take_up(outbox, record, drafts)
    assert (again.recovered, [event.kind for event in again.events]) == (0, ["started", "interrupted"])


def test_its_time_goes_on_after_its_last_interval_whatever_the_clock_says(
    outbox: Outbox, drafts: Path, new_sample: Callable[..., Sample]
) -> None:
    died(outbox, drafts, new_sample, ahead_ms=3_600_000)  # the clock was set back by an hour since
    record = Surveys(outbox).unfinished()
    assert record

    begun = take_up(outbox, record, drafts)

    assert begun.timeline.ahead_ms > 3_000_000
    assert begun.timeline.at_ms(0.0) == record.started_ms + 25_000


def test_a_survey_that_died_can_be_ended_and_is_accounted_for(
    outbox: Outbox, drafts: Path, new_sample: Callable[..., Sample]
) -> None:
    survey = died(outbox, drafts, new_sample)
    surveys = Surveys(outbox)
    record = surveys.unfinished()
    assert record

    end_unfinished(outbox, record, drafts)

    assert surveys.unfinished() is None
    samples = [(one.modem or "", one.fields or {}) for one in surveys.samples(survey)]
    assert len(samples) == 3
    assert unaccounted(samples, surveys.events(survey), ["orange", "sfr"]) == []


def test_a_new_survey_is_in_the_journal_with_its_options(outbox: Outbox) -> None:
    begun = begin(outbox, OPTIONS)

    record = Surveys(outbox).unfinished()
    assert record
    assert (record.id, SurveyOptions.from_json(record.options)) == (begun.id, OPTIONS)
    assert not begun.resumed


def test_the_sources_are_those_that_were_declared() -> None:
    declared, sources = open_sources(OPTIONS)

    assert declared == OPTIONS
    assert [(choice.label, source and source.name) for choice, source in sources.modems] == [
        ("orange", "modemmanager 0"),
        ("sfr", None),
    ]
    assert sources.position
    assert sources.position.name == "fixed 47.20000,3.50000"
    assert open_sources(replace(OPTIONS, position="none"))[1].position is None


@pytest.mark.parametrize("wrong", ["sky:1", "adbx"])
def test_a_source_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(MailleError, match="--modem"):
        open_sources(replace(OPTIONS, modems=(ModemChoice.parse(wrong),)))
    with pytest.raises(MailleError, match="--position"):
        open_sources(replace(OPTIONS, position=wrong))


def test_where_nothing_is_found_the_survey_has_a_line_without_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TERMUX_VERSION", raising=False)

    declared, sources = open_sources(SurveyOptions())

    assert declared.modems == (ModemChoice(label="none", source="none"),)
    assert {check.name for check in sources.missing} >= {"modemmanager"}


def test_the_enrolment_is_certainly_past(pinned: Callable[..., object], key: object) -> None:
    assert certainly_past_ms(None) == 0
    collector = pinned("https://collector.test", key.public)  # type: ignore[attr-defined]
    assert certainly_past_ms(collector) == 1_795_449_600_000  # type: ignore[arg-type]
